// safetensors from memory, for the reader and its fuzzer.
#ifndef DATA_TENSORS_H
#define DATA_TENSORS_H

#include "data.h"

// `bytes` (from mem_take) belongs to *out, or is freed on failure. `path` is for messages.
status tensors_parse(data_tensors **out, const char *path, char *bytes, size_t size);

#endif
