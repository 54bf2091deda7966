// Each rank takes its share of a batch, gradients are summed in rank order, and all make the same step of Adam (Kingma
// & Ba 2015): the same weights, bit for bit, for a given number of ranks.

#include <math.h>
#include <string.h>

#include "loop.h"

#define CHECKPOINT_SECONDS 60.0

// What travels behind the gradient: sums of losses, and then what else the ranks have to say to each other.
enum { WORD_STOP = TRAIN_PARTS, WORD_SAVE, WORD_FAILED, WORDS };

void lesson_open(lesson *o, size_t size) { o->l = learner_open(size, WORDS); }

void lesson_close(lesson *o) { learner_close(&o->l); }

static int64_t lesson_steps(const lesson *o) { return o->batches * o->epochs; }

status lesson_resume(lesson *o) {
  if (o->anew) return OK;
  return learner_load(&o->l, o->checkpoint, o->identity, o->team->size, lesson_steps(o));
}

// --- a batch ---------------------------------------------------------------------------------------------------------

static double lesson_loss(const lesson *o, const float *sums) {
  double means[TRAIN_PARTS];
  for (int i = 0; i < TRAIN_PARTS; i++) means[i] = (double)sums[i] / o->samples;
  return o->loss(o->self, means);
}

static void lesson_step(lesson *o) {
  learner *l = &o->l;
  if (o->clip > 0) nn_clip_elements(l->g, l->size, (real)o->clip);
  double rate = learning_rate_at(o->learning_rate, o->learning_rate_end, l->step, lesson_steps(o));
  l->step++;
  const nn_adam adam = {.lr = rate, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
  nn_adam_step(l->w, l->m, l->v, l->g, l->size, adam, l->step);
}

// Where a rank failed, what is learnt is worth nothing: all hear of it behind the gradient.
static status lesson_batch(lesson *o) {
  learner *l = &o->l;
  float *words = l->g + l->size;
  memset(l->g, 0, (l->size + WORDS) * sizeof *l->g);
  status s = o->batch(o->self, l->g, words);
  // A sum above 0 says that somebody did: what each rank wants is then known to all.
  words[WORD_STOP] = o->watch->stop && o->watch->stop(o->watch->self) ? 1.0f : 0.0f;
  words[WORD_SAVE] = o->team->rank == 0 && time_now() - o->saved > CHECKPOINT_SECONDS ? 1.0f : 0.0f;
  words[WORD_FAILED] = s != OK ? 1.0f : 0.0f;

  o->team->sum(o->team->self, l->g, l->size + WORDS);
  if (words[WORD_FAILED] > 0) return o->team->agree(o->team->self, s);

  lesson_step(o);
  for (int i = 0; i < TRAIN_PARTS; i++) l->since_row.part[i] += (double)words[i];
  l->since_row.count += o->samples;

  if (o->team->rank == 0)
    o->watch->progress(o->watch->self, (double)l->step, (double)lesson_steps(o), lesson_loss(o, words));
  return OK;
}

// --- rows and checkpoints --------------------------------------------------------------------------------------------

static void lesson_row(lesson *o, int epoch) {
  train_row row = {.epoch = epoch + 1, .step = o->l.step};
  for (int i = 0; i < TRAIN_PARTS; i++) row.part[i] = tally_mean(&o->l.since_row, i);
  row.loss = o->loss(o->self, row.part);
  o->held_out(o->self, &row);
  row.seconds = time_now() - o->started;
  learner_row(&o->l, &row, o->team, o->watch);
}

static status lesson_checkpoint(lesson *o) {
  status s = o->team->rank == 0 ? learner_save(&o->l, o->checkpoint, o->identity, o->team->size) : OK;
  o->saved = time_now();
  return o->team->agree(o->team->self, s);
}

static status lesson_stopped(const lesson *o) {
  FAIL(INTERRUPTED, "training %s was stopped at step %lld; its checkpoint is %s", o->name, (long long)o->l.step,
       o->checkpoint);
}

// --- epochs ----------------------------------------------------------------------------------------------------------

static status lesson_epoch(lesson *o, int epoch) {
  const float *words = o->l.g + o->l.size;
  int64_t first = o->l.step - epoch * o->batches, every = o->batches / o->rows_per_epoch + 1;
  bool stop = false, save = false;
  TRY(o->team->agree(o->team->self, o->seek(o->self, epoch, first)));

  for (int64_t b = first; b < o->batches; b++) {
    // Whoever asks for a checkpoint waits for the next place at which one is whole.
    bool last = b + 1 == o->batches;
    TRY(lesson_batch(o));
    stop |= words[WORD_STOP] > 0;
    save |= words[WORD_SAVE] > 0;
    if ((b + 1) % every == 0 || last) lesson_row(o, epoch);
    if (!o->whole_within && !last) continue;

    if (stop || save) TRY(lesson_checkpoint(o));
    if (stop) return lesson_stopped(o);
    save = false;
  }
  return OK;
}

status lesson_learn(lesson *o) {
  TRY(learner_begin(&o->l, o->team, o->watch));
  o->saved = time_now();
  o->started = o->saved - learner_seconds(&o->l);
  for (int epoch = (int)(o->l.step / o->batches); epoch < o->epochs; epoch++) TRY(lesson_epoch(o, epoch));
  return OK;
}
