// Who learns from what: which episodes are learnt from, how often an epoch shows each, and which are held out.

#include "parts.h"

// Of each folder by itself: the newest episodes are told apart by what was never learnt, too, and so are the others.
static int split_held_from(const data_folder *f, double held_out) {
  int held = (int)(held_out * f->count);
  return f->first + f->count - int_min(held, f->count - 1);
}

// Episodes [from, to), each `times` in a row.
static void list_add(episode_list *l, int from, int to, int times) {
  for (int e = from; e < to; e++)
    for (int i = 0; i < times; i++) l->of[l->count++] = (uint32_t)e;
}

episode_list split_learnt(const dataset *d, double held_out, int newest) {
  int last = data_folders(d) - 1, times = last ? newest : 1;
  episode_list l = {.of = mem_take((size_t)data_count(d) * times, sizeof *l.of)};
  for (int i = 0; i <= last; i++) {
    data_folder f = data_folder_at(d, i);
    list_add(&l, f.first, split_held_from(&f, held_out), i == last ? times : 1);
  }
  return l;
}

episode_list split_held(const dataset *d, double held_out) {
  episode_list l = {.of = mem_take((size_t)data_count(d) + 1, sizeof *l.of)};
  for (int i = 0; i < data_folders(d); i++) {
    data_folder f = data_folder_at(d, i);
    list_add(&l, split_held_from(&f, held_out), f.first + f.count, 1);
  }
  return l;
}

episode_list split_newest(const dataset *d, double held_out, int least) {
  episode_list l = split_learnt(d, held_out, 1);
  int newest_from = data_folder_at(d, data_folders(d) - 1).first, first = 0;
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
