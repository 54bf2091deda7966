// safetensors: tensors in one file behind a JSON header (its length in 8 bytes before it). What is read is checked
// against everything the format promises. What we write carries a checksum of header and payload, which the format
// itself lacks.

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tensors.h"

#define HEADER_MAX ((uint64_t)64 << 20)
#define HEADER_PARTS_MAX ((size_t)1 << 20)  // each costs the parser up to some 200 bytes

static const struct { const char *name; size_t bytes; } tensor_types[] = {
    [DATA_F16] = {.name = "F16", .bytes = 2}, [DATA_F32] = {.name = "F32", .bytes = 4},
    [DATA_F64] = {.name = "F64", .bytes = 8}, [DATA_I32] = {.name = "I32", .bytes = 4},
    [DATA_I64] = {.name = "I64", .bytes = 8}, [DATA_U8] = {.name = "U8", .bytes = 1}};
#define TYPES ((int)(sizeof tensor_types / sizeof *tensor_types))

struct data_tensors {
  char *bytes;          // the whole file, owned
  arena *copies;        // of tensors that stand where their type may not
  json_t *header;       // owned
  int count;
  data_tensor *tensors; // (count), in the order of their places
};

const char *tensors_type_word(data_type type) { return tensor_types[type].name; }

size_t data_tensor_bytes(const data_tensor *t) {
  size_t n = tensor_types[t->type].bytes;
  for (int d = 0; d < t->rank; d++) n *= (size_t)t->dim[d];
  return n;
}

// --- the checksum ---------------------------------------------------------------------------------------------------

#define CHECKSUM "checksum"
static const char no_checksum[] = "00000000000000000000000000000000";

// Of the header with zeros in the checksum's place, and of the payload.
static hash tensors_checksum(const char *header, size_t length, const char *data, size_t payload) {
  const hash parts[2] = {hash_bytes(header, length), hash_bytes(data, payload)};
  return hash_join(parts, 2);
}

// --- writing --------------------------------------------------------------------------------------------------------

static void tensors_header_add(text_buffer *t, const data_tensor *tensor, size_t from) {
  json_open(t, tensor->name, '{');
  json_text(t, "dtype", tensor_types[tensor->type].name);
  json_open(t, "shape", '[');
  for (int d = 0; d < tensor->rank; d++) json_number(t, NULL, (double)tensor->dim[d]);
  json_close(t, ']');

  // from the end of the header, not from the beginning of the file
  json_open(t, "data_offsets", '[');
  json_number(t, NULL, (double)from);
  json_number(t, NULL, (double)(from + data_tensor_bytes(tensor)));
  json_close(t, ']');

  json_close(t, '}');
}

// Returns the payload's size. *place is where the checksum stands in the header.
static size_t tensors_header(text_buffer *t, size_t *place, const data_tensor *tensors, int count,
                          const char *const *metadata, int pairs) {

  json_open(t, NULL, '{');
  json_open(t, "__metadata__", '{');
  json_text(t, CHECKSUM, no_checksum);
  *place = t->size - sizeof no_checksum;  // before the closing quote

  for (int i = 0; i < pairs; i++) json_text(t, metadata[2 * i], metadata[2 * i + 1]);
  json_close(t, '}');

  // Tensors stand in the order in which they were given, without gaps.
  size_t payload = 0;
  for (int i = 0; i < count; i++) {
    tensors_header_add(t, &tensors[i], payload);
    payload += data_tensor_bytes(&tensors[i]);
  }

  json_close(t, '}');
  while (t->size % 8) text_add(t, " ");  // the payload begins aligned
  return payload;
}

char *tensors_format(size_t *size, const data_tensor *tensors, int count, const char *const *metadata, int pairs) {
  text_buffer t = {0};
  size_t place, payload = tensors_header(&t, &place, tensors, count, metadata, pairs);
  char *file = mem_take(8 + t.size + payload, 1);
  char *header = file + 8, *data = header + t.size, *at = data;

  // The header's length, little-endian, the header, and then all tensors.
  for (int i = 0; i < 8; i++) file[i] = (char)((uint64_t)t.size >> 8 * i);
  memcpy(header, t.bytes, t.size);
  for (int i = 0; i < count; i++) {
    memcpy(at, tensors[i].bytes, data_tensor_bytes(&tensors[i]));
    at += data_tensor_bytes(&tensors[i]);
  }

  // Over everything with zeros in its own place, and only then into it.
  memcpy(header + place, tensors_checksum(header, t.size, data, payload).hex, sizeof no_checksum - 1);

  *size = 8 + t.size + payload;
  text_free(&t);
  return file;
}

static void tensors_names_check(const data_tensor *tensors, int count, const char *const *metadata, int pairs) {
  for (int i = 0; i < pairs; i++) CHECK(strcmp(metadata[2 * i], CHECKSUM) != 0, "metadata '%s' is ours", CHECKSUM);
  for (int i = 0; i < count; i++) {
    CHECK(tensors[i].rank >= 0 && tensors[i].rank <= 4, "tensor '%s': rank %d", tensors[i].name, tensors[i].rank);
    for (int j = 0; j < i; j++)
      CHECK(strcmp(tensors[i].name, tensors[j].name) != 0, "two tensors '%s'", tensors[i].name);
  }
}

status data_tensors_write(const char *path, const data_tensor *tensors, int count, const char *const *metadata,
                          int pairs) {
  tensors_names_check(tensors, count, metadata, pairs);
  size_t size;
  char *file = tensors_format(&size, tensors, count, metadata, pairs);
  status s = file_write(path, file, size);
  mem_free(file);
  return s;
}

// --- reading --------------------------------------------------------------------------------------------------------

static status tensor_whole_number(int64_t *value, const json_t *j, const char *path, const char *name,
                                  const char *what) {
  if (!json_is_integer(j) || json_integer_value(j) < 0 || json_integer_value(j) > (int64_t)1 << 53)
    FAIL(BAD_FILE, "%s: tensor '%s': its %s are not whole numbers up to 2^53", path, name, what);
  *value = json_integer_value(j);
  return OK;
}

static status tensor_type_read(data_type *type, const json_t *j, const char *path, const char *name) {
  const char *word = json_is_string(j) ? json_string_value(j) : "missing";
  for (int i = 0; i < TYPES; i++)
    if (strcmp(word, tensor_types[i].name) == 0) {
      *type = (data_type)i;
      return OK;
    }
  FAIL(BAD_FILE, "%s: tensor '%s': dtype is %s; F16, F32, F64, I32, I64, U8 can be read", path, name, word);
}

// Fills *t but for its bytes; *size is what its shape needs.
static status tensor_shape_read(data_tensor *t, uint64_t *size, const json_t *shape, uint64_t payload,
                                const char *path) {
  if (!json_is_array(shape) || json_array_size(shape) > 4)
    FAIL(BAD_FILE, "%s: tensor '%s': its shape is not a list of up to 4 numbers", path, t->name);
  t->rank = (int)json_array_size(shape);

  bool empty = false;
  for (int d = 0; d < t->rank; d++) {
    TRY(tensor_whole_number(&t->dim[d], json_array_get(shape, (size_t)d), path, t->name, "dimensions"));
    empty |= t->dim[d] == 0;
  }

  // Multiplied only while it cannot pass the file's size: dimensions are anybody's numbers.
  *size = empty ? 0 : tensor_types[t->type].bytes;
  for (int d = 0; d < t->rank && !empty; d++) {
    if (*size > payload / (uint64_t)t->dim[d])
      FAIL(BAD_FILE, "%s: tensor '%s': its shape needs more than the file's %" PRIu64 " bytes", path, t->name, payload);
    *size *= (uint64_t)t->dim[d];
  }

  return OK;
}

static status tensor_read(data_tensor *t, const char *name, const json_t *j, const char *data, uint64_t payload,
                          const char *path) {
  if (strlen(name) >= sizeof t->name)
    FAIL(BAD_FILE, "%s: a tensor's name has more than %zu bytes: %.*s...", path, sizeof t->name - 1,
         text_whole(name, 32), name);

  snprintf(t->name, sizeof t->name, "%s", name);
  if (!json_is_object(j) || json_object_size(j) != 3)
    FAIL(BAD_FILE, "%s: tensor '%s' is not described by dtype, shape and data_offsets", path, name);

  uint64_t size;
  int64_t from, to;
  TRY(tensor_type_read(&t->type, json_object_get(j, "dtype"), path, name));
  TRY(tensor_shape_read(t, &size, json_object_get(j, "shape"), payload, path));

  // Where it stands must be within the file and just as long as its shape needs.
  const json_t *offsets = json_object_get(j, "data_offsets");
  if (!json_is_array(offsets) || json_array_size(offsets) != 2)
    FAIL(BAD_FILE, "%s: tensor '%s': data_offsets are not two numbers", path, name);
  TRY(tensor_whole_number(&from, json_array_get(offsets, 0), path, name, "data_offsets"));
  TRY(tensor_whole_number(&to, json_array_get(offsets, 1), path, name, "data_offsets"));
  if (from > to || (uint64_t)to > payload || (uint64_t)(to - from) != size)
    FAIL(BAD_FILE, "%s: tensor '%s' stands at %" PRId64 " to %" PRId64 ", but its shape needs %" PRIu64
         " bytes of %" PRIu64, path, name, from, to, size, payload);

  t->bytes = data + from;
  return OK;
}

static int tensors_by_place(const void *a, const void *b) {
  const data_tensor *s = a, *t = b;
  if (s->bytes != t->bytes) return (const char *)s->bytes < (const char *)t->bytes ? -1 : 1;
  size_t m = data_tensor_bytes(s), n = data_tensor_bytes(t);  // an empty tensor stands before what begins at its place
  return (m > n) - (m < n);
}

// No holes, no overlaps: each begins where the one before it ends, the last ends with the file.
static status tensors_places_check(const data_tensors *f, const char *data, uint64_t payload, const char *path) {
  const char *next = data;

  for (int i = 0; i < f->count; i++) {
    if (f->tensors[i].bytes != next)
      FAIL(BAD_FILE, "%s: tensor '%s' leaves a hole or overlaps another", path, f->tensors[i].name);
    next += data_tensor_bytes(&f->tensors[i]);
  }

  // a longer file may be another one's, joined by mistake
  if (next != data + payload)
    FAIL(BAD_FILE, "%s: %" PRIu64 " bytes after the last tensor belong to none", path,
         payload - (uint64_t)(next - data));
  return OK;
}

// Tensors of other programs may stand anywhere; ours are read through pointers of their type.
static void tensor_align(data_tensors *f, data_tensor *t) {
  size_t size = data_tensor_bytes(t);
  if ((uintptr_t)t->bytes % tensor_types[t->type].bytes == 0) return;
  t->bytes = memcpy(arena_take(f->copies, size, 1), t->bytes, size);
}

static status tensors_metadata_check(const json_t *metadata, const char *path) {
  const char *key;
  json_t *value;
  if (metadata && !json_is_object(metadata)) FAIL(BAD_FILE, "%s: __metadata__ is not a map", path);
  json_object_foreach((json_t *)metadata, key, value) {
    if (!json_is_string(value)) FAIL(BAD_FILE, "%s: __metadata__ '%s' is not a text", path, key);
  }
  return OK;
}

static status tensors_read(data_tensors *f, const char *data, uint64_t payload, const char *path) {
  const char *name;
  json_t *value;
  TRY(tensors_metadata_check(json_object_get(f->header, "__metadata__"), path));
  f->tensors = mem_take(json_object_size(f->header) + 1, sizeof *f->tensors);

  json_object_foreach(f->header, name, value) {
    if (strcmp(name, "__metadata__") == 0) continue;
    TRY(tensor_read(&f->tensors[f->count], name, value, data, payload, path));
    f->count++;
  }

  // The header may list them in any order.
  qsort(f->tensors, (size_t)f->count, sizeof *f->tensors, tensors_by_place);
  TRY(tensors_places_check(f, data, payload, path));

  for (int i = 0; i < f->count; i++) tensor_align(f, &f->tensors[i]);
  return OK;
}

// Another program's file has no checksum; the format is then all there is to check. Overwrites the header's text, which
// has been parsed.
static status tensors_checksum_check(const data_tensors *f, char *header, size_t length, size_t payload,
                                     const char *path) {
  const char *wanted = data_tensors_metadata(f, CHECKSUM);
  if (!wanted) return OK;

  // Its own text stands in the header: zeros take its place again.
  char *place = memmem(header, length, wanted, strlen(wanted));
  if (place && strlen(wanted) == sizeof no_checksum - 1) memcpy(place, no_checksum, sizeof no_checksum - 1);

  hash found = tensors_checksum(header, length, header + length, payload);
  if (strcmp(wanted, found.hex) == 0) return OK;
  FAIL(BAD_FILE, "%s: is damaged: its checksum is %s, its __metadata__ wants %s; restore it, or make it again", path,
       found.hex, wanted);
}

// Before they are parsed: a header of nothing but brackets would take fifty times its size.
static status tensors_parts_check(const char *header, size_t length, const char *path) {
  size_t parts = 0;
  for (size_t i = 0; i < length; i++) parts += header[i] == ',' || header[i] == '[' || header[i] == '{';
  if (parts > HEADER_PARTS_MAX)
    FAIL(BAD_FILE, "%s: its header has %zu values; at most %zu are read", path, parts, HEADER_PARTS_MAX);
  return OK;
}

static status tensors_header_read(data_tensors *f, size_t size, const char *path) {
  uint64_t length = 0;
  if (size < 8) FAIL(BAD_FILE, "%s: is too short for a safetensors file: %zu bytes", path, size);
  for (int i = 0; i < 8; i++) length |= (uint64_t)(unsigned char)f->bytes[i] << 8 * i;

  // Anybody's number: it is believed only within the file.
  if (length > size - 8)
    FAIL(BAD_FILE, "%s: its header claims %" PRIu64
         " bytes, but the file has %zu: it is truncated or no safetensors file", path, length, size);
  if (length > HEADER_MAX)
    FAIL(BAD_FILE, "%s: its header has %" PRIu64 " bytes; at most %" PRIu64 " are read: shorten its names or metadata",
         path, length, HEADER_MAX);
  if (length == 0 || f->bytes[8] != '{')
    FAIL(BAD_FILE, "%s: its header does not begin with '{': it is no safetensors file", path);

  TRY(tensors_parts_check(f->bytes + 8, (size_t)length, path));

  json_error_t error;
  f->header = json_loadb(f->bytes + 8, (size_t)length, JSON_REJECT_DUPLICATES, &error);
  if (!f->header) FAIL(BAD_FILE, "%s: its header is damaged: %s", path, error.text);
  // Now that it can be read, it must also be what was written.
  TRY(tensors_checksum_check(f, f->bytes + 8, (size_t)length, size - 8 - (size_t)length, path));
  return tensors_read(f, f->bytes + 8 + length, size - 8 - length, path);
}

status tensors_parse(data_tensors **out, const char *path, char *bytes, size_t size) {
  data_tensors *f = mem_take(1, sizeof *f);
  f->bytes = bytes;
  f->copies = arena_open();

  // the bytes belong to the tensors from here on, and go with them
  status s = tensors_header_read(f, size, path);
  if (s != OK) data_tensors_close(f);
  else *out = f;
  return s;
}

status data_tensors_read(data_tensors **file, const char *path) {
  char *bytes;
  size_t size;
  TRY(file_read(&bytes, &size, path));
  return tensors_parse(file, path, bytes, size);
}

void data_tensors_close(data_tensors *f) {
  if (!f) return;
  json_decref(f->header);
  mem_free(f->tensors);
  mem_free(f->bytes);
  arena_close(f->copies);
  mem_free(f);
}

const data_tensor *tensors_all(const data_tensors *f, int *count) {
  *count = f->count;
  return f->tensors;
}

const data_tensor *data_tensors_find(const data_tensors *f, const char *name) {
  for (int i = 0; i < f->count; i++)
    if (strcmp(f->tensors[i].name, name) == 0) return &f->tensors[i];
  return NULL;
}

status data_tensor_finite(const data_tensor *t, const char *path, bool or_nothing) {
  const float *x = t->bytes;
  CHECK(t->type == DATA_F32, "tensor '%s' has another type", t->name);
  for (size_t i = 0, n = data_tensor_bytes(t) / sizeof *x; i < n; i++)
    if (!isfinite(x[i]) && !(or_nothing && x[i] == -INFINITY))
      FAIL(BAD_FILE, "%s: tensor '%s' has %s at place %zu; finite numbers are allowed%s; restore it, or make it again",
           path, t->name, isnan(x[i]) ? "a NaN" : "an infinity", i, or_nothing ? ", and minus infinity" : "");
  return OK;
}

const char *data_tensors_metadata(const data_tensors *f, const char *key) {
  return json_string_value(json_object_get(json_object_get(f->header, "__metadata__"), key));
}
