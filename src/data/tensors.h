// safetensors from and to memory, for the files and the fuzzer.
#ifndef DATA_TENSORS_H
#define DATA_TENSORS_H

#include "data.h"

// `bytes` (from mem_take) belongs to *out, or is freed on failure. `path` is for messages.
status tensors_parse(data_tensors **out, const char *path, char *bytes, size_t size);
// The whole file, to be released with mem_free.
char *tensors_format(size_t *size, const data_tensor *tensors, int count, const char *const *metadata, int pairs);
// All tensors, in the order of their places; borrowed until the file is closed.
const data_tensor *tensors_all(const data_tensors *f, int *count);
const char *tensors_type_word(data_type type);  // "F32", as it stands in files

#endif
