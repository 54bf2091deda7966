// Episodes that others wrote, in Minari's layout: found under any names, understood by their arrays and by what
// metadata.json says of them.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "minari.h"

enum { ACTIONS_MAX = 1024, NUMBERS_MAX = 1 << 20, SIDE_MAX = 1 << 13 };

bool minari_find(file_path *path, const char *directory) {
  *path = path_join(directory, "main_data.hdf5");
  if (file_exists(path->text)) return true;
  *path = path_join(directory, "data/main_data.hdf5");
  return file_exists(path->text);
}

status minari_fail(const minari *m, const char *format, ...) {
  char words[1024];
  va_list arguments;
  va_start(arguments, format);
  text_vprint(words, sizeof words, format, arguments);
  va_end(arguments);
  FAIL(BAD_FILE, "%s: %s", m->path.text, words);
}

status minari_bad(const minari *m, int episode, const char *array, const char *format, ...) {
  char words[1024], name[MINARI_NAME_MAX + 1], part[MINARI_NAME_MAX + 16];
  va_list arguments;
  va_start(arguments, format);
  text_vprint(words, sizeof words, format, arguments);
  va_end(arguments);

  // names are others': no control characters of theirs reach a terminal
  minari_text(name, sizeof name, m->names[episode]);
  minari_text(part, sizeof part, array);
  FAIL(BAD_FILE, "%s: %s/%s%s", m->path.text, name, part, words);
}

file_path minari_array_path(const minari *m, int episode, const char *array) {
  return path_join("", "%s/%s", m->names[episode], array);
}

// --- which episodes there are ---------------------------------------------------------------------------------------

static bool minari_is_episode(const minari *m, const char *name) {
  hid_t group = h5_is_group(m->file, name) ? h5_group_open(m->file, name) : -1;
  if (group < 0) return false;
  bool whole = H5Lexists(group, "observations", H5P_DEFAULT) > 0 && H5Lexists(group, "actions", H5P_DEFAULT) > 0 &&
               H5Lexists(group, "rewards", H5P_DEFAULT) > 0;
  H5Gclose(group);
  return whole;
}

static void minari_name_seen(void *self, const char *name, bool leads_away) {
  minari *m = self;
  m->away += leads_away;
  if (leads_away || strlen(name) > MINARI_NAME_MAX) return;
  if (m->count == m->room) {
    char **old = m->names;
    m->room = m->room ? 2 * m->room : 256;
    m->names = mem_take((size_t)m->room, sizeof *m->names);
    if (m->count) memcpy(m->names, old, (size_t)m->count * sizeof *old);
    mem_free(old);
  }
  size_t size = strlen(name) + 1;
  m->names[m->count++] = memcpy(mem_take(size, 1), name, size);
}

// "episode_2" before "episode_10": digits by their value, all else by its bytes.
static int minari_name_order(const void *a, const void *b) {
  const char *x = *(char *const *)a, *y = *(char *const *)b;
  while (*x && *y) {
    size_t dx = strspn(x, "0123456789"), dy = strspn(y, "0123456789");
    if (dx && dy) {
      for (; dx > 1 && *x == '0'; dx--) x++;
      for (; dy > 1 && *y == '0'; dy--) y++;
      if (dx != dy) return dx < dy ? -1 : 1;
      int order = memcmp(x, y, dx);
      if (order) return order;
      x += dx;
      y += dy;
      continue;
    }
    if (*x != *y) return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
    x++;
    y++;
  }
  return (*x != 0) - (*y != 0);
}

static status minari_list(minari *m) {
  h5_names_each(m->file, minari_name_seen, m);
  int count = 0;
  for (int i = 0; i < m->count; i++) {
    char *name = m->names[i];
    if (minari_is_episode(m, name)) m->names[count++] = name;
    else mem_free(name);
  }
  m->count = count;

  if (count == 0 && m->away)
    return minari_fail(m, "its %d episodes are links into other files, which are not followed; copy them into one file",
                       m->away);
  if (count == 0)
    return minari_fail(m, "holds no episodes: groups with observations, actions and rewards; name a folder in "
                          "Minari's layout");
  qsort(m->names, (size_t)count, sizeof *m->names, minari_name_order);
  m->steps = mem_take((size_t)count, sizeof *m->steps);
  return OK;
}

// --- an array -------------------------------------------------------------------------------------------------------

status minari_array_look(const minari *m, int episode, const char *array, h5_kind *kind, h5_extent *extent) {
  file_path path = minari_array_path(m, episode, array);
  const char *why = h5_values_refused(m->file, path.text);
  if (why) return minari_bad(m, episode, array, " %s", why);
  if (!h5_kind_read(kind, m->file, path.text) || !h5_extent_read(extent, m->file, path.text))
    return minari_bad(m, episode, array, " is damaged");
  return OK;
}

double minari_numbers(h5_extent e, int from) {
  double count = 1;
  for (int i = from; i < e.rank; i++) count *= (double)e.dim[i];
  return count;
}

// How long an episode is, its rewards say.
static status minari_steps_read(minari *m, int episode) {
  h5_kind kind;
  h5_extent e;
  TRY(minari_array_look(m, episode, "rewards", &kind, &e));
  bool list = e.rank >= 1 && minari_numbers(e, 1) == 1 && e.dim[0] >= 1 && e.dim[0] <= 1 << 30;
  if (!list) return minari_bad(m, episode, "rewards", " is not a list of rewards, one for each step");
  m->steps[episode] = (int32_t)e.dim[0];
  return OK;
}

void *minari_scratch(minari *m, size_t bytes) {
  if (bytes <= m->scratch_bytes) return m->scratch;
  mem_free(m->scratch);
  m->scratch_bytes = bytes + bytes / 4;
  return m->scratch = mem_take(m->scratch_bytes, 1);
}

// --- observations ---------------------------------------------------------------------------------------------------

typedef struct minari_keys {
  text_buffer all;
  int count;
  char first[MINARI_NAME_MAX + 1];
} minari_keys;

static void minari_key_seen(void *self, const char *name, bool leads_away) {
  minari_keys *k = self;
  char plain[MINARI_NAME_MAX + 1];
  if (leads_away || strlen(name) > MINARI_NAME_MAX) return;
  minari_text(plain, sizeof plain, name);
  if (k->all.size < 400) text_add(&k->all, "%s%s", k->count ? ", " : "", plain);
  if (k->count++ == 0) snprintf(k->first, sizeof k->first, "%s", name);
}

// Minari packs pictures so unless it is told not to.
static status minari_part_look(minari *m, minari_part *p, const char *key) {
  minari_space_of(&p->space, m->said.observation, key);
  if (m->said.jpeg && p->space.image)
    return minari_fail(m, "%s are pictures that were packed as JPEG, which is not read; record them with "
                          "DataCollector(env, jpeg_encoding=False), or write them anew with that", p->name);
  return minari_array_look(m, 0, p->name, &p->kind, &p->extent);
}

static status minari_part_add(minari *m, const char *key, size_t size) {
  if (m->part_count == MINARI_PARTS_MAX) return minari_fail(m, "collect.keys: more than %d keys", MINARI_PARTS_MAX);
  if (size == 0 || size > MINARI_NAME_MAX)
    return minari_fail(m, "collect.keys: a key of %zu bytes; 1 to %d are allowed", size, MINARI_NAME_MAX);

  minari_part *p = &m->parts[m->part_count];
  snprintf(p->name, sizeof p->name, "observations/%.*s", (int)size, key);
  m->part_count++;
  return minari_part_look(m, p, p->name + strlen("observations/"));
}

static status minari_keys_take(minari *m, hid_t inside, const char *keys, const minari_keys *found) {
  const char *there = found->all.size ? found->all.bytes : "(none)";
  if (!*keys && found->count != 1)
    return minari_fail(m, "its observations have the keys %s: say which are to be learnt from, and in which order: "
                          "collect.keys (of dreamfarm data: --keys)", there);

  for (const char *at = *keys ? keys : found->first; *at;) {
    char key[MINARI_NAME_MAX + 1];
    size_t size = strcspn(at, ",");
    snprintf(key, sizeof key, "%.*s", (int)int_min((int)size, MINARI_NAME_MAX), at);
    if (!strchr(key, '/') && H5Lexists(inside, key, H5P_DEFAULT) <= 0)
      return minari_fail(m, "its observations have no key %s, but %s", key, there);
    TRY(minari_part_add(m, at, size));
    at += size + (at[size] == ',');
  }
  return OK;
}

// The keys that were asked for, in that order; without any, the only one.
static status minari_parts_find(minari *m, const char *keys) {
  minari_part *p = &m->parts[0];
  file_path group = minari_array_path(m, 0, "observations");
  if (!h5_is_group(m->file, group.text)) {
    if (*keys)
      return minari_fail(m, "its observations have no keys, but collect.keys is %s; leave that out", keys);
    snprintf(p->name, sizeof p->name, "observations");
    m->part_count = 1;
    return minari_part_look(m, p, "");
  }

  minari_keys found = {0};
  hid_t inside = h5_group_open(m->file, group.text);
  h5_names_each(inside, minari_key_seen, &found);
  status s = minari_keys_take(m, inside, keys, &found);
  H5Gclose(inside);
  text_free(&found.all);
  return s;
}

static bool minari_side(hsize_t n) { return n >= 1 && n <= SIDE_MAX; }
static bool minari_channels(hsize_t n) { return n == 1 || n == 3; }

// MINARI_NUMBERS where it is none that is known.
static minari_layout picture_layout(const h5_extent *e) {
  bool three = e->rank == 3 && minari_side(e->dim[1]) && minari_side(e->dim[2]);
  bool four = e->rank == 4 && minari_side(e->dim[1]) && minari_side(e->dim[2]) && minari_side(e->dim[3]);
  if (three) return MINARI_GREY;
  if (four && minari_channels(e->dim[3])) return MINARI_CHANNELS_LAST;
  return four && minari_channels(e->dim[1]) ? MINARI_CHANNELS_FIRST : MINARI_NUMBERS;
}

static status minari_picture_understand(minari *m, const minari_part *p) {
  const h5_extent *e = &p->extent;
  m->layout = picture_layout(e);
  if (m->part_count > 1)
    return minari_fail(m, "%s are pictures, which cannot be joined with others; name one key", p->name);
  if (m->layout == MINARI_NUMBERS)
    return minari_fail(m, "its pictures have the shape %llu x %llu x %llu; wanted are 1 or 3 channels, first or last",
           (unsigned long long)e->dim[1], (unsigned long long)e->dim[2], (unsigned long long)e->dim[3]);

  int first = m->layout == MINARI_CHANNELS_FIRST;
  m->spec.pixels = true;
  m->spec.shape[0] = (int)e->dim[1 + first];
  m->spec.shape[1] = (int)e->dim[2 + first];
  m->spec.shape[2] = 3;
  return OK;
}

static status minari_observations_understand(minari *m, const char *keys) {
  double size = 0;
  TRY(minari_parts_find(m, keys));
  for (minari_part *p = m->parts; p < m->parts + m->part_count; p++) {
    bool picture = p->kind == H5_BYTES && p->extent.rank >= 3;
    if (picture) return minari_picture_understand(m, p);

    bool discrete = p->space.kind == MINARI_DISCRETE && p->extent.rank == 1;
    if (discrete && (p->space.n < 1 || p->space.n > NUMBERS_MAX))
      return minari_fail(m, "%s: Discrete(%lld) is beyond what can be learnt from", p->name, (long long)p->space.n);
    double numbers = discrete ? (double)p->space.n : minari_numbers(p->extent, 1);
    if (p->extent.rank < 1 || numbers < 1 || size + numbers > NUMBERS_MAX)
      return minari_fail(m, "%s: %.0f numbers a step; 1 to %d are allowed", p->name, numbers, NUMBERS_MAX);
    p->size = (int)numbers;
    size += numbers;
  }
  m->spec.shape[0] = (int)size;
  return OK;
}

void minari_observations_show(const minari *m, text_buffer *t) {
  if (m->said.observation) minari_space_show(t, m->said.observation);
  else if (m->spec.pixels) text_add(t, "pictures of %d x %d", m->spec.shape[0], m->spec.shape[1]);
  else text_add(t, "%d numbers", m->spec.shape[0]);
}

// --- actions --------------------------------------------------------------------------------------------------------

void minari_actions_show(const minari *m, text_buffer *t) {
  if (m->said.action) minari_space_show(t, m->said.action);
  else text_add(t, "%d numbers, whose space is not said", m->spec.actions);
}

static status minari_actions_refuse(const minari *m, const char *why) {
  text_buffer t = {0};
  if (m->said.action) minari_space_show(&t, m->said.action);
  status s = status_fail(BAD_FILE, "%s: its actions are %s: %s; Box and Discrete are learnt from", m->path.text,
                         t.size ? t.bytes : "of a space that metadata.json does not say", why);
  text_free(&t);
  return s;
}

// The largest that is taken anywhere says how many there are.
static status minari_actions_count(minari *m) {
  int64_t most = 0;
  for (int i = 0; i < m->count; i++) {
    int64_t *actions = minari_scratch(m, (size_t)m->steps[i] * sizeof *actions);
    const h5_extent e = {.rank = 1, .dim = {(hsize_t)m->steps[i]}};
    if (!h5_values_read(m->file, minari_array_path(m, i, "actions").text, H5T_NATIVE_INT64, e, actions))
      return minari_bad(m, i, "actions", " cannot be read");
    for (int k = 0; k < m->steps[i]; k++) most = actions[k] > most ? actions[k] : most;
  }
  m->action.kind = MINARI_DISCRETE;
  m->action.n = most + 1;
  return OK;
}

static status minari_actions_understand(minari *m) {
  h5_extent e;
  bool group = h5_is_group(m->file, minari_array_path(m, 0, "actions").text);
  if (group) return minari_actions_refuse(m, "a Dict or a Tuple");
  TRY(minari_array_look(m, 0, "actions", &m->action_kind, &e));
  minari_space_of(&m->action, m->said.action, "");
  m->action_rank = e.rank;

  bool list = e.rank == 1 && m->action_kind != H5_REAL;
  if (m->action.kind == MINARI_OTHER) return minari_actions_refuse(m, "of a kind that is not");
  if (m->action.kind == MINARI_UNSAID && list) TRY(minari_actions_count(m));
  bool discrete = m->action.kind == MINARI_DISCRETE;
  if (discrete && !list) return minari_actions_refuse(m, "but they are not stored as one whole number for each step");

  double numbers = discrete ? (double)m->action.n : minari_numbers(e, 1);
  if (e.rank < 1 || numbers < 1 || numbers > ACTIONS_MAX)
    return minari_fail(m, "its actions have %.0f numbers; 1 to %d are allowed", numbers, ACTIONS_MAX);
  if (m->action.count && m->action.count != (int)numbers) return minari_actions_refuse(m, "stored in another shape");
  m->spec.actions = (int)numbers;
  return OK;
}

// --- opening --------------------------------------------------------------------------------------------------------

static status minari_understand(minari *m, const char *keys) {
  char beside[PATH_MAX_LENGTH];
  snprintf(beside, sizeof beside, "%s", m->path.text);
  *strrchr(beside, '/') = 0;
  TRY(minari_metadata_read(&m->said, path_join(beside, "metadata.json").text));

  m->file = h5_file_open(m->path.text);
  if (m->file < 0) return minari_fail(m, "cannot be opened as HDF5: it is damaged, or no file of that kind");
  TRY(minari_list(m));
  for (int i = 0; i < m->count; i++) TRY(minari_steps_read(m, i));
  TRY(minari_observations_understand(m, keys));
  return minari_actions_understand(m);
}

status minari_open(minari **out, const char *directory, const char *keys) {
  minari *m = mem_take(1, sizeof *m);
  *m = (minari){.file = -1};
  h5_quiet();
  if (!minari_find(&m->path, directory)) {
    mem_free(m);
    FAIL(BAD_FILE, "%s: holds no data set: neither dreamfarm's index.safetensors nor Minari's main_data.hdf5, here or "
         "in data/; name a folder of episodes", directory);
  }

  status s = minari_understand(m, keys);
  if (s == OK) *out = m;
  else minari_close(m);
  return s;
}

void minari_close(minari *m) {
  if (!m) return;
  if (m->file >= 0) H5Fclose(m->file);
  for (int i = 0; i < m->count; i++) mem_free(m->names[i]);
  for (int i = 0; i < m->part_count; i++) minari_space_free(&m->parts[i].space);
  minari_space_free(&m->action);
  minari_metadata_free(&m->said);
  mem_free(m->names);
  mem_free(m->steps);
  mem_free(m->scratch);
  mem_free(m);
}

const data_spec *minari_spec_of(const minari *m) { return &m->spec; }
const minari_metadata *minari_metadata_of(const minari *m) { return &m->said; }
int minari_count(const minari *m) { return m->count; }
int minari_steps(const minari *m, int episode) { return m->steps[episode]; }
