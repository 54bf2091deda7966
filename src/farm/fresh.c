// What is expected of a task: its group's figure, which the job brings and its first answers mend, times its member's,
// which is learnt on the way: where members share their luck (common random numbers), what is long for one group is for
// others.

#include "fresh.h"

enum { NOBODY = -1, LEARN_MEMBERS_MAX = 1024, REORDERS = 64, PRIOR = 6 };
#define UNMET 1.5         // a member not met yet is taken for longer than the mean, or it might be met last of all

// --- room ----------------------------------------------------------------------------------------------------------

void fresh_free(fresh_tasks *f) {
  mem_free(f->fresh);
  mem_free(f->group);
  mem_free(f->order);
  mem_free(f->member);
}

void fresh_reserve(fresh_tasks *f, int tasks_max) {
  fresh_free(f);
  f->fresh = mem_take((size_t)tasks_max, sizeof *f->fresh);
  f->group = mem_take((size_t)tasks_max, sizeof *f->group);
  f->order = mem_take((size_t)tasks_max, sizeof *f->order);
  f->member = mem_take((size_t)tasks_max, sizeof *f->member);
}

// --- what is learnt ------------------------------------------------------------------------------------------------

static void tally_add(tally *t, int out, double sent_at) {
  t->out += out;
  t->sent_sum += out * sent_at;
}

void fresh_out(fresh_tasks *f, int task, int out, double sent_at) {
  tally_add(&f->group[task / f->members].t, out, sent_at);
  tally_add(&f->member[task % f->members].t, out, sent_at);
  tally_add(&f->whole, out, sent_at);
}

static void tally_answer(tally *t, double took) {
  t->answered++;
  t->spent += took;
}

void fresh_took(fresh_tasks *f, int task, double seconds) {
  tally_answer(&f->group[task / f->members].t, seconds);
  tally_answer(&f->member[task % f->members].t, seconds);
  tally_answer(&f->whole, seconds);
  if (seconds > f->longest) f->longest = seconds;
}

// Time spent over answers that came of it: those still out count for what they have lasted, or the first to answer, the
// short ones, would be all that is known. As if PRIOR answers more had been as expected before.
static double tally_expects(const tally *t, double now, double before) {
  return (t->spent + t->out * now - t->sent_sum + PRIOR * before) / (t->answered + PRIOR);
}

// --- the order -----------------------------------------------------------------------------------------------------

static bool fresh_goes_first(fresh_order a, fresh_order b) {
  return a.expected != b.expected ? a.expected > b.expected : a.group < b.group;
}

// Shell's sort, since qsort may allocate.
static void fresh_order_sort(fresh_order *x, int n) {
  for (int gap = n / 2; gap > 0; gap /= 2)
    for (int i = gap; i < n; i++) {
      fresh_order moved = x[i];
      int j = i;
      for (; j >= gap && fresh_goes_first(moved, x[j - gap]); j -= gap) x[j] = x[j - gap];
      x[j] = moved;
    }
}

static void fresh_order_groups(fresh_tasks *f, int64_t accepted, double now) {
  double mean = tally_expects(&f->whole, now, 0);
  for (int g = 0; g < f->groups; g++) {
    double before = mean * f->group[g].brought;
    f->order[g] = (fresh_order){.expected = tally_expects(&f->group[g].t, now, before), .group = g};
  }

  // Nothing has been learnt yet: the job's own figures, in whatever unit.
  if (mean <= 0)
    for (int g = 0; g < f->groups; g++) f->order[g].expected = f->group[g].brought;

  fresh_order_sort(f->order, f->groups);
  for (int g = 0; g < f->groups; g++) f->group[f->order[g].group].rank = g;
  for (int m = 0; m < f->members; m++) f->member[m].next = 0;
  f->ordered_at = accepted;
}

// Groups of no known expectation, or of one that makes no sense, are like the mean.
static void fresh_groups_begin(fresh_tasks *f, const double *expected) {
  double sum = 0;
  for (int g = 0; g < f->groups; g++) sum += expected ? expected[g] : 1;
  for (int g = 0; g < f->groups; g++) {
    double ratio = expected ? expected[g] * f->groups / sum : 1;
    f->group[g] = (fresh_group){.brought = ratio > 0 ? ratio : 1};
  }
}

void fresh_begin(fresh_tasks *f, int groups, int members, const double *expected, const unsigned char *known,
                 double now) {
  f->groups = groups;
  f->members = members;
  f->tasks = (int64_t)groups * members;
  f->count = f->turn = 0;
  f->longest = 0;
  f->whole = (tally){0};

  // what was known before the job is not handed out
  for (int64_t i = 0; i < f->tasks; i++) {
    f->fresh[i] = !(known && known[i]);
    f->count += f->fresh[i];
  }
  if (f->tasks == 0) return;

  // an order by expectations; members are like each other until some of them are met
  fresh_groups_begin(f, expected);
  for (int m = 0; m < members; m++) f->member[m] = (fresh_member){0};
  fresh_order_groups(f, f->tasks - f->count, now);
}

void fresh_reopen(fresh_tasks *f, int group) {
  fresh_group *g = &f->group[group];
  for (int m = 0; m < f->members; m++) {
    f->fresh[group * f->members + m] = 1;
    if (g->rank < f->member[m].next) f->member[m].next = g->rank;
  }

  // The filling to come is another's (another candidate's, say): what was met of the last one says nothing of it.
  g->t = (tally){0};
  f->count += f->members;
  f->ordered_at -= f->members;
}

// --- the next ------------------------------------------------------------------------------------------------------

// The first of the ordered groups where this member is not handed out; NULL: it is in all.
static const fresh_order *fresh_next_group(fresh_tasks *f, int member) {
  fresh_member *m = &f->member[member];
  while (m->next < f->groups && !f->fresh[f->order[m->next].group * f->members + member]) m->next++;
  return m->next < f->groups ? &f->order[m->next] : NULL;
}

static int fresh_longest_member(fresh_tasks *f, int64_t accepted, double now) {
  double most = -1, before = UNMET * tally_expects(&f->whole, now, 0);
  int longest = NOBODY;

  // Ordered anew when a 64th part of the tasks was answered since, so that the sorting costs next to nothing.
  if ((accepted - f->ordered_at) * REORDERS > f->tasks) fresh_order_groups(f, accepted, now);

  // Of each member only its longest group is looked at: the factors are the same for all its groups.
  for (int m = 0; m < f->members; m++) {
    const fresh_order *g = fresh_next_group(f, m);
    double expected = g ? g->expected * tally_expects(&f->member[m].t, now, before) : -1;
    if (expected > most) {
      most = expected;
      longest = m;
    }
  }
  return longest;
}

// Group by group where there is nothing to learn of the members, or where there are so many that it would take its
// time.
static int fresh_next_member(fresh_tasks *f, int64_t accepted, double now) {
  if (f->groups > 1 && f->members <= LEARN_MEMBERS_MAX) return fresh_longest_member(f, accepted, now);
  for (int i = 0; i < f->members; i++) {
    if (fresh_next_group(f, f->turn)) return f->turn;
    f->turn = (f->turn + 1) % f->members;
  }
  return NOBODY;
}

void fresh_next(fresh_tasks *f, int64_t accepted, double now, int *group, int *member) {
  *member = fresh_next_member(f, accepted, now);
  *group = fresh_next_group(f, *member)->group;
}

int fresh_take(fresh_tasks *f, int group, int member, int most) {
  int first = group * f->members + member, count = 0;
  if (most > f->members - member) most = f->members - member;
  do f->fresh[first + count++] = 0;
  while (count < most && f->fresh[first + count]);
  f->turn = (member + count) % f->members;
  f->count -= count;
  return count;
}
