// What Minari's metadata.json says of a data set: where it is from, and its spaces, each of them JSON inside a text.

#include <math.h>
#include <string.h>

#include "minari.h"

enum { DEPTH_MAX = 8, BOUNDS_MAX = 1 << 16, WORDS_MAX = 400 };

void minari_text(char *to, size_t room, const char *from) {
  text_print(to, room, "%s", from);
  for (char *at = to; *at; at++)
    if ((unsigned char)*at < ' ' || *at == 127) *at = '?';
}

// --- Python's JSON --------------------------------------------------------------------------------------------------

// Python writes NaN, Infinity and -Infinity, which are no JSON: outside of texts they become empty ones.
static char *metadata_plain(const char *text, size_t size) {
  static const char *const words[] = {"-Infinity", "Infinity", "NaN"};
  char *plain = memcpy(mem_take(size + 1, 1), text, size);
  bool quoted = false;
  for (size_t i = 0; i < size; i++) {
    if (quoted && plain[i] == '\\') i++;
    else if (plain[i] == '"') quoted = !quoted;
    for (int k = 0; k < 3 && !quoted && i < size; k++) {
      size_t length = strlen(words[k]);
      if (size - i < length || memcmp(plain + i, words[k], length) != 0) continue;
      memset(plain + i, ' ', length);
      memcpy(plain + i, "\"\"", 2);
      i += length - 1;
      break;
    }
  }
  return plain;
}

static json_t *metadata_load(const char *text, size_t size, json_error_t *wrong) {
  char *plain = metadata_plain(text, size);
  json_t *all = json_loadb(plain, size, 0, wrong);
  mem_free(plain);
  return all;
}

static void metadata_take(char *to, size_t room, const json_t *all, const char *key) {
  const char *found = json_string_value(json_object_get(all, key));
  minari_text(to, room, found ? found : "");
}

// What is written as JSON inside a text; or, by others, as it is.
static json_t *metadata_inner(const json_t *all, const char *key) {
  json_error_t wrong;
  json_t *found = json_object_get(all, key);
  if (json_is_object(found)) return json_incref(found);
  return json_is_string(found) ? metadata_load(json_string_value(found), json_string_length(found), &wrong) : NULL;
}

status minari_metadata_parse(minari_metadata *m, const char *path, const char *text, size_t size) {
  json_error_t wrong;
  char format[16];
  *m = (minari_metadata){.jpeg = false};
  json_t *all = metadata_load(text, size, &wrong);
  if (!all) FAIL(BAD_FILE, "%s:%d: is not JSON: %s", path, wrong.line, wrong.text);

  metadata_take(m->name, sizeof m->name, all, "dataset_id");
  metadata_take(m->algorithm, sizeof m->algorithm, all, "algorithm_name");
  metadata_take(m->writer, sizeof m->writer, all, "minari_version");
  metadata_take(format, sizeof format, all, "data_format");
  m->jpeg = json_is_true(json_object_get(all, "jpeg_encoding"));

  json_t *environment = metadata_inner(all, "env_spec");
  metadata_take(m->environment, sizeof m->environment, environment, "id");
  json_decref(environment);
  m->observation = metadata_inner(all, "observation_space");
  m->action = metadata_inner(all, "action_space");
  json_decref(all);

  if (!*format || strcmp(format, "hdf5") == 0) return OK;
  FAIL(BAD_FILE, "%s: data_format is %s, but only hdf5 is read; let minari write it anew with data_format=\"hdf5\"",
       path, format);
}

status minari_metadata_read(minari_metadata *m, const char *path) {
  char *text;
  size_t size;
  *m = (minari_metadata){.jpeg = false};
  if (!file_exists(path)) return OK;
  TRY(file_read(&text, &size, path));
  status s = minari_metadata_parse(m, path, text, size);
  mem_free(text);
  return s;
}

void minari_metadata_free(minari_metadata *m) {
  json_decref(m->observation);
  json_decref(m->action);
}

// --- spaces ---------------------------------------------------------------------------------------------------------

static const char *space_type(const json_t *space) {
  const char *type = json_string_value(json_object_get(space, "type"));
  return type ? type : "";
}

// A step of the way: of a Dict by its key, of a Tuple by "_index_3".
static const json_t *space_inside(const json_t *space, const char *key, size_t size) {
  char name[128];
  const json_t *inside = json_object_get(space, "subspaces");
  if (size >= sizeof name) return NULL;
  memcpy(name, key, size);
  name[size] = 0;
  int index;
  if (json_is_array(inside))
    return sscanf(name, "_index_%d", &index) == 1 && index >= 0 ? json_array_get(inside, (size_t)index) : NULL;
  return json_object_get(inside, name);
}

static const json_t *space_at(const json_t *space, const char *keys) {
  for (int depth = 0; space && keys && *keys && depth < DEPTH_MAX; depth++) {
    size_t size = strcspn(keys, "/");
    space = space_inside(space, keys, size);
    keys += size + (keys[size] == '/');
  }
  return space;
}

// Numbers of lists within lists, in order; a bound that is no number is none.
static void bounds_take(double *bounds, int *count, const json_t *of, int depth) {
  if (json_is_array(of) && depth < DEPTH_MAX) {
    for (size_t i = 0; i < json_array_size(of); i++) bounds_take(bounds, count, json_array_get(of, i), depth + 1);
    return;
  }
  if (*count == BOUNDS_MAX) return;
  if (bounds) bounds[*count] = json_is_number(of) ? json_number_value(of) : (double)NAN;
  ++*count;
}

static void space_bounds(minari_space *s, const json_t *space) {
  const json_t *low = json_object_get(space, "low"), *high = json_object_get(space, "high");
  int lows = 0, highs = 0;
  bounds_take(NULL, &lows, low, 0);
  bounds_take(NULL, &highs, high, 0);
  if (!low || !high || lows != highs || lows == BOUNDS_MAX) return;

  s->count = lows;
  s->low = mem_take((size_t)lows, sizeof(double));
  s->high = mem_take((size_t)lows, sizeof(double));
  lows = highs = 0;
  bounds_take(s->low, &lows, low, 0);
  bounds_take(s->high, &highs, high, 0);
}

// As minari tells pictures from other Boxes: bytes, and 32 or more in the first two of two or three dimensions.
static bool space_is_image(const json_t *space) {
  const json_t *shape = json_object_get(space, "shape");
  const char *dtype = json_string_value(json_object_get(space, "dtype"));
  size_t rank = json_array_size(shape);
  return dtype && strcmp(dtype, "uint8") == 0 && (rank == 2 || rank == 3) &&
         json_integer_value(json_array_get(shape, 0)) >= 32 && json_integer_value(json_array_get(shape, 1)) >= 32;
}

void minari_space_of(minari_space *s, const json_t *space, const char *keys) {
  *s = (minari_space){.kind = MINARI_UNSAID};
  space = space_at(space, keys);
  if (!space) return;

  const char *type = space_type(space);
  bool box = strcmp(type, "Box") == 0, discrete = strcmp(type, "Discrete") == 0;
  s->kind = box ? MINARI_BOX : discrete ? MINARI_DISCRETE : MINARI_OTHER;
  s->image = box && space_is_image(space);
  if (box) space_bounds(s, space);
  if (!discrete) return;
  s->n = json_integer_value(json_object_get(space, "n"));
  s->start = json_integer_value(json_object_get(space, "start"));
}

void minari_space_free(minari_space *s) {
  mem_free(s->low);
  mem_free(s->high);
  *s = (minari_space){.kind = MINARI_UNSAID};
}

static void space_word_add(text_buffer *t, const char *word) {
  char plain[64];
  minari_text(plain, sizeof plain, word);
  text_add(t, "%s", plain);
}

// The least and the greatest of all, where they are finite.
static void space_bounds_show(text_buffer *t, const json_t *space) {
  minari_space s = {0};
  double low = INFINITY, high = -INFINITY;
  space_bounds(&s, space);
  for (int i = 0; i < s.count; i++) {
    low = s.low[i] < low ? s.low[i] : low;
    high = s.high[i] > high ? s.high[i] : high;
  }
  if (isfinite(low) && isfinite(high)) text_add(t, " in [%g, %g]", low, high);
  minari_space_free(&s);
}

static void space_show(text_buffer *t, json_t *space, int depth) {
  json_t *inside = json_object_get(space, "subspaces"), *shape = json_object_get(space, "shape");
  const char *dtype = json_string_value(json_object_get(space, "dtype")), *type = space_type(space);
  if (t->size > WORDS_MAX || depth == DEPTH_MAX) return;

  space_word_add(t, type);
  text_add(t, "(");
  if (strcmp(type, "Discrete") == 0)
    text_add(t, "%lld", (long long)json_integer_value(json_object_get(space, "n")));
  for (size_t i = 0; i < json_array_size(shape) && i < DEPTH_MAX; i++)
    text_add(t, "%s%lld", i ? " x " : "", (long long)json_integer_value(json_array_get(shape, i)));

  const char *key;
  json_t *value;
  int count = 0;
  json_object_foreach(inside, key, value) {
    text_add(t, "%s", count++ ? ", " : "");
    space_word_add(t, key);
    text_add(t, ": ");
    space_show(t, value, depth + 1);
  }
  for (size_t i = 0; i < json_array_size(inside); i++) {
    text_add(t, "%s", i ? ", " : "");
    space_show(t, json_array_get(inside, i), depth + 1);
  }
  text_add(t, ")");
  if (shape && dtype) {
    text_add(t, " ");
    space_word_add(t, dtype);
  }
  space_bounds_show(t, space);
}

void minari_space_show(text_buffer *t, json_t *space) { space_show(t, space, 0); }
