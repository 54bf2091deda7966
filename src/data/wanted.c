// What a file must hold, asked for by name, type and shape: who reads a file of tensors says what is wanted, and the
// sentence about what was found instead is made here.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tensors.h"

// --- tensors --------------------------------------------------------------------------------------------------------

static bool wanted_fits(const data_tensor *t, data_type type, data_shape shape) {
  if (t->type != type || t->rank != shape.rank) return false;
  for (int d = 0; d < shape.rank; d++)
    if (shape.dim[d] != DATA_ANY && shape.dim[d] != t->dim[d]) return false;
  return true;
}

// "F32 (2, 3)"; a size that is free is n.
static void wanted_show(text_buffer *t, data_type type, int rank, const int64_t *dim) {
  text_add(t, "%s (", tensors_type_word(type));
  for (int d = 0; d < rank; d++) {
    text_add(t, "%s", d ? ", " : "");
    if (dim[d] == DATA_ANY) text_add(t, "n");
    else text_add(t, "%lld", (long long)dim[d]);
  }
  text_add(t, ")");
}

static status wanted_refuse(const data_source *from, const data_tensor *t, data_type type, data_shape shape) {
  text_buffer found = {0}, wanted = {0};
  wanted_show(&found, t->type, t->rank, t->dim);
  wanted_show(&wanted, type, shape.rank, shape.dim);

  // what to do depends on who reads: the source knows
  status failure = status_fail(BAD_FILE, "%s: tensor '%s' is %s, but %s is wanted; %s", from->path, t->name,
                               found.bytes, wanted.bytes, from->remedy);

  text_free(&found);
  text_free(&wanted);
  return failure;
}

status data_tensor_wanted(const data_tensor **out, const data_source *from, const char *name, data_type type,
                          data_shape shape) {
  const data_tensor *t = data_tensors_find(from->file, name);
  if (!t) FAIL(BAD_FILE, "%s: tensor '%s' is missing; %s", from->path, name, from->remedy);
  if (!wanted_fits(t, type, shape)) return wanted_refuse(from, t, type, shape);
  *out = t;
  return OK;
}

static status wanted_floats(const float **out, const data_source *from, const char *name, data_shape shape,
                            bool or_nothing) {
  const data_tensor *t;
  TRY(data_tensor_wanted(&t, from, name, DATA_F32, shape));
  TRY(data_tensor_finite(t, from->path, or_nothing));
  *out = t->bytes;
  return OK;
}

status data_f32_wanted(const float **out, const data_source *from, const char *name, data_shape shape) {
  return wanted_floats(out, from, name, shape, false);
}

status data_logs_wanted(const float **out, const data_source *from, const char *name, data_shape shape) {
  return wanted_floats(out, from, name, shape, true);
}

status data_f64_wanted(const double **out, const data_source *from, const char *name, data_shape shape) {
  const data_tensor *t;
  TRY(data_tensor_wanted(&t, from, name, DATA_F64, shape));
  *out = t->bytes;
  return OK;
}

status data_i32_wanted(const int32_t **out, const data_source *from, const char *name, data_shape shape) {
  const data_tensor *t;
  TRY(data_tensor_wanted(&t, from, name, DATA_I32, shape));
  *out = t->bytes;
  return OK;
}

status data_u8_wanted(const uint8_t **out, const data_source *from, const char *name, data_shape shape) {
  const data_tensor *t;
  TRY(data_tensor_wanted(&t, from, name, DATA_U8, shape));
  *out = t->bytes;
  return OK;
}

// --- metadata -------------------------------------------------------------------------------------------------------

status data_text_wanted(const char **out, const data_source *from, const char *key) {
  *out = data_tensors_metadata(from->file, key);
  if (!*out) FAIL(BAD_FILE, "%s: metadata '%s' is missing; %s", from->path, key, from->remedy);
  return OK;
}

status data_format_wanted(const data_source *from, const char *format) {
  const char *found = data_tensors_metadata(from->file, "format");
  if (found && strcmp(found, format) == 0) return OK;
  FAIL(BAD_FILE, "%s: its format is '%s', '%s' is wanted; %s", from->path, found ? found : "unknown", format,
       from->remedy);
}

status data_number_wanted(double *out, const data_source *from, const char *key) {
  const char *word;
  char *end;
  TRY(data_text_wanted(&word, from, key));
  *out = strtod(word, &end);
  if (end == word || *end)
    FAIL(BAD_FILE, "%s: metadata '%s' is '%s', not a number; %s", from->path, key, word, from->remedy);
  return OK;
}

status data_whole_wanted(uint64_t *out, const data_source *from, const char *key, uint64_t least, uint64_t most) {
  const char *word;
  char *end;
  TRY(data_text_wanted(&word, from, key));

  // Digits alone: strtoull takes signs and spaces too, and makes of -1 the largest number there is.
  errno = 0;
  *out = strtoull(word, &end, 10);
  if (*word < '0' || *word > '9' || *end || errno || *out < least || *out > most)
    FAIL(BAD_FILE, "%s: metadata '%s' is '%s'; %llu to %llu are allowed; %s", from->path, key, word,
         (unsigned long long)least, (unsigned long long)most, from->remedy);
  return OK;
}

status data_hash_wanted(hash *out, const data_source *from, const char *key) {
  const char *word;
  TRY(data_text_wanted(&word, from, key));
  if (strlen(word) != sizeof out->hex - 1 || strspn(word, "0123456789abcdef") != sizeof out->hex - 1)
    FAIL(BAD_FILE, "%s: metadata '%s' is '%s', not a hash; %s", from->path, key, word, from->remedy);
  memcpy(out->hex, word, sizeof out->hex);
  return OK;
}
