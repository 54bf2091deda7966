// rooms: base data
// seeds: tests/fuzz/tensors/*.txt
// safetensors from any bytes: refused by name, or read, and then every tensor lies inside the memory, is aligned and
// comes back the same when written. The bytes are tried as a whole file, and as one byte (the payload's size) and the
// header's text, so that mutations are not lost on the header's length.

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../../src/data/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static size_t element_bytes(data_type type) {
  const data_tensor scalar = {.type = type};
  return data_tensor_bytes(&scalar);
}

static void tensor_look(const data_tensors *f, const data_tensor *t) {
  CHECK(t->rank >= 0 && t->rank <= 4 && strlen(t->name) < sizeof t->name, "tensor '%.63s', rank %d", t->name, t->rank);
  CHECK((uintptr_t)t->bytes % element_bytes(t->type) == 0, "tensor '%s' stands askew", t->name);
  CHECK(data_tensors_find(f, t->name) == t, "tensor '%s' is not found", t->name);
  const volatile char *at = t->bytes;
  for (size_t i = 0, n = data_tensor_bytes(t); i < n; i++) (void)at[i];
  if (t->type != DATA_F32 || data_tensor_bytes(t) == 0 || data_tensor_finite(t, "fuzz", true) != OK) return;
  CHECK(!isnan(*(const float *)t->bytes), "tensor '%s' begins with a NaN", t->name);
}

static void write_back(const data_tensors *f) {
  int count;
  const data_tensor *tensors = tensors_all(f, &count);
  size_t size;
  char *bytes = tensors_format(&size, tensors, count, NULL, 0);
  data_tensors *back;
  status s = tensors_parse(&back, "written", bytes, size);
  CHECK(s == OK, "%s", status_message());
  for (int i = 0; i < count; i++) {
    const data_tensor *t = data_tensors_find(back, tensors[i].name);
    CHECK(t && t->type == tensors[i].type && t->rank == tensors[i].rank, "tensor '%s' became another", tensors[i].name);
    CHECK(memcmp(t->dim, tensors[i].dim, sizeof t->dim) == 0, "tensor '%s' has another shape", t->name);
    CHECK(memcmp(t->bytes, tensors[i].bytes, data_tensor_bytes(t)) == 0, "tensor '%s' has other numbers", t->name);
  }
  data_tensors_close(back);
}

static void read_file(char *bytes, size_t size) {
  data_tensors *f;
  status s = tensors_parse(&f, "fuzz", bytes, size);
  if (s != OK) {
    CHECK(s == BAD_FILE && strncmp(status_message(), "fuzz: ", 6) == 0, "no name: %s", status_message());
    return;
  }
  int count;
  const data_tensor *tensors = tensors_all(f, &count);
  for (int i = 0; i < count; i++) tensor_look(f, &tensors[i]);
  data_tensors_metadata(f, "format");
  write_back(f);
  data_tensors_close(f);
}

static void read_header(const uint8_t *bytes, size_t size) {
  size_t payload = bytes[0], length = size - 1;
  char *file = mem_take(8 + length + payload + 1, 1);
  for (int i = 0; i < 8; i++) file[i] = (char)((uint64_t)length >> 8 * i);
  memcpy(file + 8, bytes + 1, length);
  for (size_t i = 0; i < payload; i++) file[8 + length + i] = (char)i;
  read_file(file, 8 + length + payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  char *copy = mem_take(size + 1, 1);  // as file_read gives it
  memcpy(copy, bytes, size);
  read_file(copy, size);
  if (size > 0) read_header(bytes, size);
  return 0;
}
