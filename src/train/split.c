// Who learns from what: which episodes are learnt from, how often an epoch shows each, and which are held out.

#include "parts.h"

static int split_held_from(int episodes, double held_out) {
  int held = (int)(held_out * episodes);
  return episodes - int_min(held, episodes - 1);
}

// Episodes [from, to), each `times` in a row.
static void list_add(episode_list *l, int from, int to, int times) {
  for (int e = from; e < to; e++)
    for (int i = 0; i < times; i++) l->of[l->count++] = (uint32_t)e;
}

static int split_newest_from(const dataset *d) { return data_folder_at(d, data_folders(d) - 1).first; }

episode_list split_learnt(const dataset *d, double held_out, int newest) {
  int newest_from = split_newest_from(d), to = split_held_from(data_count(d), held_out);
  int times = data_folders(d) > 1 ? newest : 1;
  episode_list l = {.of = mem_take((size_t)data_count(d) * times, sizeof *l.of)};
  list_add(&l, 0, int_min(newest_from, to), 1);
  list_add(&l, newest_from, to, times);
  return l;
}

episode_list split_held(const dataset *d, double held_out) {
  episode_list l = {.of = mem_take((size_t)data_count(d) + 1, sizeof *l.of)};
  list_add(&l, split_held_from(data_count(d), held_out), data_count(d), 1);
  return l;
}

episode_list split_newest(const dataset *d, double held_out, int least) {
  episode_list l = split_learnt(d, held_out, 1);
  int newest_from = split_newest_from(d), first = 0;
  while (first < l.count && (int)l.of[first] < newest_from) first++;
  first = int_max(0, int_min(first, l.count - least));

  // what stands before them goes
  l.count -= first;
  for (int i = 0; i < l.count; i++) l.of[i] = l.of[i + first];
  return l;
}

void episode_list_free(episode_list *l) { mem_free(l->of); }

int episode_list_of_rank(uint32_t *episodes, const episode_list *l, int rank, int size) {
  int count = 0;
  for (int i = 0; i < l->count; i++)
    if ((int)l->of[i] % size == rank) episodes[count++] = l->of[i];
  return count;
}
