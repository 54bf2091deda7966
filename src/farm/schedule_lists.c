// A schedule's doubly linked lists: tasks by where they are, workers by when they were heard and by what they hold, and
// the copies that a worker has. Every event moves one from one list to another.

#include "schedule_lists.h"

static void schedule_task_unlink(schedule *s, int task) {
  task_state *t = &s->task[task];
  list *l = &s->place[t->at];
  if (t->before != NOBODY) s->task[t->before].after = t->after;
  else if (l->first == task) l->first = t->after;
  if (t->after != NOBODY) s->task[t->after].before = t->before;
  else if (l->last == task) l->last = t->before;
  t->before = t->after = NOBODY;
}

void schedule_task_move(schedule *s, int task, place to, double now) {
  task_state *t = &s->task[task];
  list *l = &s->place[to];

  schedule_task_unlink(s, task);
  t->at = to;
  t->since = now;
  if (to == FRESH || to == DONE) return;

  // At the end, so that a list stays in the order in which its tasks came.
  t->before = l->last;
  if (l->last != NOBODY) s->task[l->last].after = task;
  else l->first = task;
  l->last = task;
}

void schedule_worker_unlink(schedule *s, int worker) {
  worker_state *w = &s->worker[worker];
  if (w->before != NOBODY) s->worker[w->before].after = w->after;
  else if (s->living.first == worker) s->living.first = w->after;
  if (w->after != NOBODY) s->worker[w->after].before = w->before;
  else if (s->living.last == worker) s->living.last = w->before;
  w->before = w->after = NOBODY;
}

void schedule_worker_append(schedule *s, int worker) {
  worker_state *w = &s->worker[worker];
  w->before = s->living.last;
  if (s->living.last != NOBODY) s->worker[s->living.last].after = worker;
  else s->living.first = worker;
  s->living.last = worker;
}

// Puts a worker on the list where it belongs now.
void schedule_worker_rank(schedule *s, int worker) {
  worker_state *w = &s->worker[worker];
  int level = w->lost || w->deaf || w->word.keeps || w->helps != NOBODY ? NOBODY : w->holding;
  if (level == w->level) return;

  if (w->upper != NOBODY) s->worker[w->upper].lower = w->lower;
  else if (w->level != NOBODY) s->rich[w->level] = w->lower;
  if (w->lower != NOBODY) s->worker[w->lower].upper = w->upper;
  w->upper = w->lower = NOBODY;
  w->level = level;
  if (level == NOBODY) return;

  // At the front. richest is never too low; where it is too high, whoever asks lowers it.
  w->lower = s->rich[level];
  if (w->lower != NOBODY) s->worker[w->lower].upper = worker;
  s->rich[level] = worker;
  if (level > s->richest) s->richest = level;
}

static copy *schedule_copy_at(schedule *s, int place_of_copy) {
  return &s->task[place_of_copy / COPIES].copy[place_of_copy % COPIES];
}

void schedule_copy_give(schedule *s, int worker, int task, double now) {
  task_state *t = &s->task[task];
  worker_state *w = &s->worker[worker];
  int slot = t->copy[0].worker == NOBODY ? 0 : 1, id = task * COPIES + slot;

  // A task that moves counts from its first beginning, or its length would be learnt too short.
  double begun_at = t->at == MOVING ? now - t->lasted : now;

  t->copy[slot] = (copy){.worker = worker, .before = NOBODY, .after = w->copies, .sent_at = begun_at};
  if (w->copies != NOBODY) schedule_copy_at(s, w->copies)->before = id;
  w->copies = id;

  w->holding++;
  w->vacant--;
  s->counts.sent++;
  fresh_out(&s->fresh, task, 1, begun_at);
  schedule_task_move(s, task, t->copy[!slot].worker == NOBODY ? OUT : TWICE, now);
  schedule_worker_rank(s, worker);
}

void schedule_copy_drop(schedule *s, int task, int slot) {
  copy *c = &s->task[task].copy[slot];
  worker_state *w = &s->worker[c->worker];

  // out of the worker's list, at either end of which it may stand
  if (c->before != NOBODY) schedule_copy_at(s, c->before)->after = c->after;
  else w->copies = c->after;
  if (c->after != NOBODY) schedule_copy_at(s, c->after)->before = c->before;

  // alone: its only task was one that may have killed others; it may take more again
  if (--w->holding == 0) w->alone = false;
  fresh_out(&s->fresh, task, -1, c->sent_at);
  schedule_worker_rank(s, c->worker);
  c->worker = NOBODY;
}

void schedule_copies_drop(schedule *s, int task) {
  for (int i = 0; i < COPIES; i++)
    if (s->task[task].copy[i].worker != NOBODY) schedule_copy_drop(s, task, i);
}
