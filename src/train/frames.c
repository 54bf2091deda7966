// The frames of this rank's episodes in an order shuffled anew each epoch, window by window, so that a dataset larger
// than memory streams from disk. The order is a function of (seed, epoch, rank): a run can be picked up anywhere.

#include <string.h>

#include "parts.h"

#define WINDOW_FRAMES 16384  // 200 MB of bytes: the window within which frames are shuffled

struct frame_stream {
  dataset *d;
  const train_team *team;
  uint64_t seed;
  const episode_list *learnt, *held;
  int own;              // this rank's learnt-from episodes
  uint32_t *order;      // (learnt's count)  this epoch's order of episodes; own are in use
  uint8_t *window;      // (capacity, pixels)
  uint32_t *shuffled;   // (capacity)  order of frames within the window
  int capacity, filled, next;
  int next_episode;     // place in `order` of the first episode not in the window
  int epoch;
};

status train_pictures_check(const dataset *d) {
  const data_spec *s = data_spec_of(d);
  if (!s->pixels || s->shape[0] != WORLD_IMAGE || s->shape[1] != WORLD_IMAGE || s->shape[2] != 3)
    FAIL(MISMATCH, "the dataset holds %s of %d x %d x %d; V looks at pictures of %d x %d x 3; run collect again",
         s->pixels ? "pictures" : "states", s->shape[0], s->shape[1], s->shape[2], WORLD_IMAGE, WORLD_IMAGE);
  return OK;
}

static int frames_in(const dataset *d, int episode) { return data_steps(d, episode) + 1; }

frame_stream *frames_open(dataset *d, const episode_list *learnt, const episode_list *held, const train_team *team,
                          uint64_t seed) {
  frame_stream *f = mem_take(1, sizeof *f);
  *f = (frame_stream){
      .d = d, .team = team, .seed = seed, .learnt = learnt, .held = held, .capacity = WINDOW_FRAMES};

  // A window holds the longest episode at least: one is never cut in two.
  for (int i = 0; i < learnt->count; i++) f->capacity = int_max(f->capacity, frames_in(d, (int)learnt->of[i]));

  f->order = mem_take((size_t)learnt->count, sizeof *f->order);
  f->own = episode_list_of_rank(f->order, learnt, team->rank, team->size);
  f->window = mem_take((size_t)f->capacity, WORLD_PIXELS);
  f->shuffled = mem_take((size_t)f->capacity, sizeof *f->shuffled);

  return f;
}

void frames_close(frame_stream *f) {
  if (!f) return;
  mem_free(f->order);
  mem_free(f->window);
  mem_free(f->shuffled);
  mem_free(f);
}

int64_t frames_batches(const frame_stream *f, int batch) {
  int64_t least = INT64_MAX;
  for (int rank = 0; rank < f->team->size; rank++) {
    train_team other = {.rank = rank, .size = f->team->size};
    int64_t have = 0, share = share_of(batch, &other);
    for (int i = 0; i < f->learnt->count; i++)
      if ((int)f->learnt->of[i] % f->team->size == rank) have += frames_in(f->d, (int)f->learnt->of[i]);

    // A rank without a share of the batch holds nobody up.
    if (share && have / share < least) least = have / share;
  }

  return least;
}

// How many episodes from `first` on fit one window, and their frames.
static int frames_window_extent(const frame_stream *f, int first, int *frame_count) {
  int last = first;
  *frame_count = 0;
  while (last < f->own && *frame_count + frames_in(f->d, (int)f->order[last]) <= f->capacity)
    *frame_count += frames_in(f->d, (int)f->order[last++]);
  return last;
}

static status frames_window_load(frame_stream *f) {
  int count, first = f->next_episode, last = frames_window_extent(f, first, &count);
  if (last == first) {  // the epoch's batches never ask for more than there is
    FAIL(BROKEN, "rank %d ran out of frames", f->team->rank);
  }

  f->filled = 0;
  for (int i = first; i < last; i++) {
    data_episode e;
    TRY(data_read(f->d, (int)f->order[i], &e));
    memcpy(f->window + (size_t)f->filled * WORLD_PIXELS, e.observations, (size_t)(e.steps + 1) * WORLD_PIXELS);
    f->filled += e.steps + 1;
  }

  // By the window's first episode, so that the order does not depend on where a run was picked up.
  for (int i = 0; i < f->filled; i++) f->shuffled[i] = (uint32_t)i;
  rng luck = rng_episode(rng_stream(f->seed, "frame order"), (uint32_t)f->epoch, (uint32_t)f->team->rank);
  rng_shuffle(f->shuffled, (uint32_t)f->filled, luck, (uint32_t)first);

  f->next_episode = last;
  f->next = 0;
  return OK;
}

status frames_seek(frame_stream *f, int epoch, int64_t skip) {
  f->epoch = epoch;
  f->own = episode_list_of_rank(f->order, f->learnt, f->team->rank, f->team->size);

  // This epoch's order of this rank's episodes.
  rng luck = rng_episode(rng_stream(f->seed, "episode order"), (uint32_t)epoch, (uint32_t)f->team->rank);
  rng_shuffle(f->order, (uint32_t)f->own, luck, 0);

  // Whole windows are skipped without being read; only the one in which the place lies is.
  f->next_episode = 0;
  f->filled = 0;
  f->next = 0;

  for (;;) {
    int count, last = frames_window_extent(f, f->next_episode, &count);
    if (skip < count || last == f->next_episode) break;
    skip -= count;
    f->next_episode = last;
  }

  if (skip == 0) return OK;
  TRY(frames_window_load(f));
  f->next = (int)skip;
  return OK;
}

static void frames_to_reals(real *x, const uint8_t *pixels) {
  for (int i = 0; i < WORLD_PIXELS; i++) x[i] = (real)pixels[i] * (real)(1.0 / 255.0);
}

status frames_next(frame_stream *f, real *images, int b) {
  for (int i = 0; i < b; i++) {
    if (f->next == f->filled) TRY(frames_window_load(f));
    frames_to_reals(images + (size_t)i * WORLD_PIXELS, f->window + (size_t)f->shuffled[f->next++] * WORLD_PIXELS);
  }
  return OK;
}

status frames_held_out(frame_stream *f, real *images, int max, int *count) {
  int64_t all = 0;
  uint32_t *own = mem_take((size_t)f->held->count + 1, sizeof *own);
  int episodes = episode_list_of_rank(own, f->held, f->team->rank, f->team->size);
  for (int i = 0; i < episodes; i++) all += frames_in(f->d, (int)own[i]);

  // Every stride-th frame, so that all held-out episodes are seen.
  int64_t stride = all / max + 1, at = 0;
  status s = OK;
  *count = 0;

  for (int i = 0; i < episodes && s == OK; i++) {
    data_episode episode;
    s = data_read(f->d, (int)own[i], &episode);
    if (s != OK) break;

    const uint8_t *pixels = episode.observations;
    for (int t = 0; t <= episode.steps; t++, at++) {
      if (at % stride != 0 || *count >= max) continue;
      frames_to_reals(images + (size_t)*count * WORLD_PIXELS, pixels + (size_t)t * WORLD_PIXELS);
      ++*count;
    }
  }
  mem_free(own);
  return s;
}
