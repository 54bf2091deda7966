// Parameters as they were trained, read back to be trained further.

#include <string.h>

#include "world_mdn.h"

static status weights_read_from(float *values, const data_source *from, const nn_table *table) {
  for (int i = 0; i < table->count; i++) {
    const nn_tensor *t = &table->tensor[i];
    data_shape shape = {.rank = t->rank};
    const float *found;
    for (int d = 0; d < t->rank; d++) shape.dim[d] = t->dim[d];

    TRY(data_f32_wanted(&found, from, t->name, shape));
    memcpy(values + t->at, found, t->size * sizeof *values);
  }
  return OK;
}

status world_weights_read(float *values, const char *path, const nn_table *table) {
  data_tensors *file;
  TRY(data_tensors_read(&file, path));
  const data_source from = {.file = file, .path = path, .remedy = "the sizes of vae and rnn must be those of before"};
  status s = weights_read_from(values, &from, table);
  data_tensors_close(file);
  return s;
}
