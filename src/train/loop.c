// Each rank takes its share of a batch, gradients are summed in rank order, and all make the same step of Adam (Kingma & Ba
// 2015): the same weights, bit for bit, for a given number of ranks.

#include <math.h>
#include <string.h>

#include "loop.h"

#define CHECKPOINT_SECONDS 60.0

enum { WORD_STOP = TRAIN_PARTS, WORD_SAVE, WORD_FAILED, WORDS };  // what travels behind the gradient, after sums of losses

void lesson_open(lesson *o, size_t size) { o->l = learner_open(size, WORDS); }

void lesson_close(lesson *o) { learner_close(&o->l); }

static int64_t steps_in_all(const lesson *o) { return o->batches * o->epochs; }

status lesson_resume(lesson *o) {
  if (o->anew) return OK;
  return learner_load(&o->l, o->checkpoint, o->identity, o->team->size, steps_in_all(o));
}

// --- a batch --------------------------------------------------------------------------------------------------------------

static double loss_of_sums(const lesson *o, const float *sums) {
  double means[TRAIN_PARTS];
  for (int i = 0; i < TRAIN_PARTS; i++) means[i] = (double)sums[i] / o->samples;
  return o->loss(o->self, means);
}

static void step_make(lesson *o) {
  learner *l = &o->l;
  if (o->clip > 0) nn_clip_elements(l->g, l->size, (real)o->clip);
  double rate = learning_rate_at(o->learning_rate, o->learning_rate_end, l->step, steps_in_all(o));
  l->step++;
  nn_adam_step(l->w, l->m, l->v, l->g, l->size, (nn_adam){rate, 0.9, 0.999, 1e-8}, l->step);
}

// Where a rank failed what is learnt is nothing worth: all hear of it behind the gradient.
static status batch_learn(lesson *o) {
  learner *l = &o->l;
  float *words = l->g + l->size;
  memset(l->g, 0, (l->size + WORDS) * sizeof *l->g);
  status s = o->batch(o->self, l->g, words);
  words[WORD_STOP] = o->watch->stop && o->watch->stop(o->watch->self) ? 1.0f : 0.0f;
  words[WORD_SAVE] = o->team->rank == 0 && time_now() - o->saved > CHECKPOINT_SECONDS ? 1.0f : 0.0f;
  words[WORD_FAILED] = s != OK ? 1.0f : 0.0f;

  o->team->sum(o->team->self, l->g, l->size + WORDS);
  if (words[WORD_FAILED] > 0) return o->team->agree(o->team->self, s);
  step_make(o);
  for (int i = 0; i < TRAIN_PARTS; i++) l->since_row.part[i] += (double)words[i];
  l->since_row.count += o->samples;
  if (o->team->rank == 0)
    o->watch->progress(o->watch->self, (double)l->step, (double)steps_in_all(o), loss_of_sums(o, words));
  return OK;
}

// --- rows and checkpoints -------------------------------------------------------------------------------------------------

static void row_write(lesson *o, int epoch) {
  train_row row = {.epoch = epoch + 1, .step = o->l.step};
  for (int i = 0; i < TRAIN_PARTS; i++) row.part[i] = tally_mean(&o->l.since_row, i);
  row.loss = o->loss(o->self, row.part);
  o->held_out(o->self, &row);
  row.seconds = time_now() - o->started;
  learner_row(&o->l, &row, o->team, o->watch);
}

static status checkpoint_write(lesson *o) {
  status s = o->team->rank == 0 ? learner_save(&o->l, o->checkpoint, o->identity, o->team->size) : OK;
  o->saved = time_now();
  return o->team->agree(o->team->self, s);
}

static status stopped(const lesson *o) {
  FAIL(INTERRUPTED, "training %s was stopped at step %lld; its checkpoint is %s", o->name, (long long)o->l.step,
       o->checkpoint);
}

// --- epochs ---------------------------------------------------------------------------------------------------------------

static status epoch_learn(lesson *o, int epoch) {
  const float *words = o->l.g + o->l.size;
  int64_t first = o->l.step - epoch * o->batches, every = o->batches / o->rows_per_epoch + 1;
  bool stop = false, save = false;
  TRY(o->team->agree(o->team->self, o->seek(o->self, epoch, first)));

  for (int64_t b = first; b < o->batches; b++) {
    bool last = b + 1 == o->batches;
    TRY(batch_learn(o));
    stop |= words[WORD_STOP] > 0;
    save |= words[WORD_SAVE] > 0;
    if ((b + 1) % every == 0 || last) row_write(o, epoch);
    if (!o->whole_within && !last) continue;

    if (stop || save) TRY(checkpoint_write(o));
    if (stop) return stopped(o);
    save = false;
  }
  return OK;
}

status lesson_learn(lesson *o) {
  TRY(learner_begin(&o->l, o->team, o->watch));
  o->saved = time_now();
  o->started = o->saved - learner_seconds(&o->l);
  for (int epoch = (int)(o->l.step / o->batches); epoch < o->epochs; epoch++) TRY(epoch_learn(o, epoch));
  return OK;
}
