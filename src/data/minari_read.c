// An episode in Minari's layout, as something to learn from: pictures of three channels or lists of numbers, actions in
// [-1, 1], and an end.

#include <math.h>
#include <string.h>

#include "minari.h"

// As the first episode has it, but for its length.
static status array_check(const minari *m, int episode, const char *array, h5_extent wanted) {
  h5_kind kind;
  h5_extent found;
  TRY(minari_array_look(m, episode, array, &kind, &found));
  if (h5_extent_equal(found, wanted)) return OK;
  if (found.rank == wanted.rank && found.dim[0] != wanted.dim[0])
    return minari_bad(m, episode, array, " has %llu entries, but %llu are wanted, by the length of its rewards",
                      (unsigned long long)found.dim[0], (unsigned long long)wanted.dim[0]);
  return minari_bad(m, episode, array, " has another shape than in the first episode");
}

static status array_read(const minari *m, int episode, const char *array, hid_t type, h5_extent extent, void *to) {
  if (h5_values_read(m->file, minari_array_path(m, episode, array).text, type, extent, to)) return OK;
  return minari_bad(m, episode, array, " cannot be read: it is damaged, or not of numbers");
}

static h5_extent extent_of_length(h5_extent e, int length) {
  e.dim[0] = (hsize_t)length;
  return e;
}

// frames (count, rows, columns, 3) from bytes as they are stored.
static void picture_spread(uint8_t *frames, const uint8_t *bytes, const minari *m, int count) {
  size_t pixels = (size_t)m->spec.shape[0] * m->spec.shape[1];
  const h5_extent *e = &m->parts[0].extent;
  size_t channels = m->layout == MINARI_GREY ? 1 : (size_t)e->dim[m->layout == MINARI_CHANNELS_LAST ? 3 : 1];
  bool planes = m->layout == MINARI_CHANNELS_FIRST;

  for (size_t k = 0; k < (size_t)count; k++)
    for (size_t i = 0; i < pixels; i++)
      for (size_t c = 0; c < 3; c++) {
        size_t from = channels == 1 ? 0 : c, at = planes ? from * pixels + i : i * channels + from;
        frames[(k * pixels + i) * 3 + c] = bytes[k * pixels * channels + at];
      }
}

static status minari_frames_read(minari *m, int episode, data_episode *e) {
  const minari_part *p = &m->parts[0];
  h5_extent extent = extent_of_length(p->extent, e->steps + 1);
  TRY(array_check(m, episode, p->name, extent));
  uint8_t *bytes = minari_scratch(m, (size_t)minari_numbers(extent, 0));
  TRY(array_read(m, episode, p->name, H5T_NATIVE_UINT8, extent, bytes));
  picture_spread(e->observations, bytes, m, e->steps + 1);
  return OK;
}

static status minari_number_check(const minari *m, int episode, const char *array, double x, int step) {
  if (isfinite(x)) return OK;
  return minari_bad(m, episode, array, ": step %d has a number that is not finite; remove the episode", step);
}

// One of n, as ones and zeros.
static status part_one_hot(minari *m, int episode, const minari_part *p, h5_extent extent, float *to, int stride) {
  int64_t *values = minari_scratch(m, (size_t)extent.dim[0] * sizeof *values);
  TRY(array_read(m, episode, p->name, H5T_NATIVE_INT64, extent, values));
  for (int k = 0; k < (int)extent.dim[0]; k++) {
    int64_t at = values[k] - p->space.start;
    if (at < 0 || at >= p->space.n)
      return minari_bad(m, episode, p->name, ": step %d is %lld, outside of Discrete(%lld)", k,
             (long long)values[k], (long long)p->space.n);
    for (int i = 0; i < p->size; i++) to[(size_t)k * stride + i] = i == at;
  }
  return OK;
}

static status part_flags(minari *m, int episode, const minari_part *p, h5_extent extent, float *to, int stride) {
  size_t count = (size_t)minari_numbers(extent, 0);
  uint8_t *flags = minari_scratch(m, count);
  const h5_extent flat = {.rank = extent.rank, .dim = {extent.dim[0], extent.dim[1], extent.dim[2], extent.dim[3]}};
  if (extent.rank != 1 || !h5_flags_read(m->file, minari_array_path(m, episode, p->name).text, flat, flags))
    return minari_bad(m, episode, p->name, ": flags in more than one dimension are not read");
  for (size_t k = 0; k < count; k++) to[k * stride] = flags[k];
  return OK;
}

static status part_numbers(minari *m, int episode, const minari_part *p, h5_extent extent, float *to, int stride) {
  float *values = minari_scratch(m, (size_t)minari_numbers(extent, 0) * sizeof *values);
  TRY(array_read(m, episode, p->name, H5T_NATIVE_FLOAT, extent, values));
  for (int k = 0; k < (int)extent.dim[0]; k++)
    for (int i = 0; i < p->size; i++) {
      float x = values[(size_t)k * p->size + i];
      TRY(minari_number_check(m, episode, p->name, (double)x, k));
      to[(size_t)k * stride + i] = x;
    }
  return OK;
}

static status minari_states_read(minari *m, int episode, data_episode *e) {
  float *to = e->observations;
  for (const minari_part *p = m->parts; p < m->parts + m->part_count; p++) {
    h5_extent extent = extent_of_length(p->extent, e->steps + 1);
    TRY(array_check(m, episode, p->name, extent));
    bool one_hot = p->space.kind == MINARI_DISCRETE && extent.rank == 1;
    status (*take)(minari *, int, const minari_part *, h5_extent, float *, int) =
        one_hot ? part_one_hot : p->kind == H5_FLAGS ? part_flags : part_numbers;
    TRY(take(m, episode, p, extent, to, m->spec.shape[0]));
    to += p->size;
  }
  return OK;
}

// The one that was taken is 1, the others are -1: the largest of a controller's outputs is what it takes.
static status minari_choices_read(minari *m, int episode, data_episode *e) {
  const h5_extent extent = {.rank = 1, .dim = {(hsize_t)e->steps}};
  int64_t *values = minari_scratch(m, (size_t)e->steps * sizeof *values);
  TRY(array_check(m, episode, "actions", extent));
  TRY(array_read(m, episode, "actions", H5T_NATIVE_INT64, extent, values));
  for (int k = 0; k < e->steps; k++) {
    int64_t at = values[k] - m->action.start;
    if (at < 0 || at >= m->action.n)
      return minari_bad(m, episode, "actions", ": step %d is %lld, outside of Discrete(%lld)", k,
             (long long)values[k], (long long)m->action.n);
    for (int i = 0; i < m->spec.actions; i++) e->actions[(size_t)k * m->spec.actions + i] = i == at ? 1 : -1;
  }
  return OK;
}

// From the bounds of its space, where it has some, to [-1, 1].
static float action_scaled(const minari *m, int i, double x) {
  double low = m->action.count ? m->action.low[i] : -1, high = m->action.count ? m->action.high[i] : 1;
  bool bounded = isfinite(low) && isfinite(high) && high > low;
  return (float)(bounded ? 2 * (x - low) / (high - low) - 1 : x);
}

static status minari_actions_read(minari *m, int episode, data_episode *e) {
  int A = m->spec.actions;
  h5_kind kind;
  h5_extent extent;
  TRY(minari_array_look(m, episode, "actions", &kind, &extent));
  if (extent.rank != m->action_rank || minari_numbers(extent, 1) != A || extent.dim[0] != (hsize_t)e->steps)
    return minari_bad(m, episode, "actions", " has another shape: %d actions of %d numbers are wanted", e->steps,
           A);
  double *values = minari_scratch(m, (size_t)e->steps * A * sizeof *values);
  TRY(array_read(m, episode, "actions", H5T_NATIVE_DOUBLE, extent, values));
  for (int k = 0; k < e->steps; k++)
    for (int i = 0; i < A; i++) {
      double x = values[(size_t)k * A + i];
      TRY(minari_number_check(m, episode, "actions", x, k));
      e->actions[(size_t)k * A + i] = action_scaled(m, i, x);
    }
  return OK;
}

static status minari_rewards_read(minari *m, int episode, data_episode *e) {
  h5_kind kind;
  h5_extent extent;
  TRY(minari_array_look(m, episode, "rewards", &kind, &extent));
  TRY(array_read(m, episode, "rewards", H5T_NATIVE_DOUBLE, extent, e->rewards));
  for (int k = 0; k < e->steps; k++) TRY(minari_number_check(m, episode, "rewards", e->rewards[k], k));
  return OK;
}

// Optional: an episode of which nobody says how it ended was cut.
static status minari_flags_read(minari *m, int episode, const char *array, int steps, uint8_t *flags) {
  file_path path = minari_array_path(m, episode, array);
  const h5_extent extent = {.rank = 1, .dim = {(hsize_t)steps}};
  memset(flags, 0, (size_t)steps);
  hid_t group = h5_group_open(m->file, m->names[episode]);
  bool there = group >= 0 && H5Lexists(group, array, H5P_DEFAULT) > 0;
  if (group >= 0) H5Gclose(group);
  if (!there) return OK;

  TRY(array_check(m, episode, array, extent));
  if (h5_flags_read(m->file, path.text, extent, flags)) return OK;
  return minari_bad(m, episode, array, " cannot be read: it is damaged, or not of one byte for each step");
}

static void minari_seed_read(const minari *m, int episode, data_episode *e) {
  hid_t group = h5_group_open(m->file, m->names[episode]);
  e->seed = 0;
  if (group < 0) return;
  if (H5Aexists(group, "seed") > 0) h5_attribute_read(group, "seed", H5T_NATIVE_UINT64, &e->seed);
  H5Gclose(group);
}

status minari_read(minari *m, int episode, data_episode *e) {
  CHECK(episode >= 0 && episode < m->count, "episode %d of %d", episode, m->count);
  e->steps = m->steps[episode];
  e->id = episode;
  minari_seed_read(m, episode, e);

  TRY(m->spec.pixels ? minari_frames_read(m, episode, e) : minari_states_read(m, episode, e));
  TRY(m->action.kind == MINARI_DISCRETE ? minari_choices_read(m, episode, e) : minari_actions_read(m, episode, e));
  TRY(minari_rewards_read(m, episode, e));
  TRY(minari_flags_read(m, episode, "terminations", e->steps, e->terminated));
  TRY(minari_flags_read(m, episode, "truncations", e->steps, e->truncated));

  uint8_t *cut = &e->truncated[e->steps - 1];
  if (!e->terminated[e->steps - 1]) *cut = 1;
  return OK;
}
