// M's LSTM on lanes. A lane's row [z | action | h] is the packed kernel's input as it stands; nothing is copied.

#include <string.h>

#include "parts.h"

struct world_memory {
  arena *memory;
  const world *w;
  int lanes, ld;  // ld: floats from one row to the next
  float *rows;    // (lanes, ld)   [z | action | h]
  float *c;       // (lanes, H)
  float *gates;   // (lanes, 4H)
};

world_memory *world_memory_open(const world *w, int lanes) {
  const world_shape *s = &w->shape;
  arena *memory = arena_open();
  world_memory *m = ARENA_NEW(memory, world_memory, 1);
  int ld = (s->Z + s->A + s->H + 15) / 16 * 16;
  *m = (world_memory){.memory = memory, .w = w, .lanes = lanes, .ld = ld};
  m->rows = ARENA_NEW(memory, float, (size_t)lanes * ld);
  m->c = ARENA_NEW(memory, float, (size_t)lanes * s->H);
  m->gates = ARENA_NEW(memory, float, (size_t)lanes * 4 * s->H);
  return m;
}

void world_memory_close(world_memory *m) {
  if (m) arena_close(m->memory);
}

static float *row(const world_memory *m, int lane) { return m->rows + (size_t)lane * m->ld; }
static float *cell(const world_memory *m, int lane) { return m->c + (size_t)lane * m->w->shape.H; }

float *world_memory_z(world_memory *m, int lane) { return row(m, lane); }
float *world_memory_action(world_memory *m, int lane) { return row(m, lane) + m->w->shape.Z; }
const float *world_memory_h(const world_memory *m, int lane) { return row(m, lane) + m->w->shape.Z + m->w->shape.A; }
const float *world_memory_c(const world_memory *m, int lane) { return cell(m, lane); }

void world_memory_clear(world_memory *m, int lane) {
  memset(row(m, lane), 0, m->ld * sizeof(float));
  memset(cell(m, lane), 0, m->w->shape.H * sizeof(float));
}

void world_memory_move(world_memory *m, int to, int from) {
  memcpy(row(m, to), row(m, from), m->ld * sizeof(float));
  memcpy(cell(m, to), cell(m, from), m->w->shape.H * sizeof(float));
}

size_t world_memory_bytes(const world *w) { return (size_t)(w->shape.Z + 2 * w->shape.H) * sizeof(float); }

void world_memory_save(const world_memory *m, int lane, void *bytes) {
  size_t Z = (size_t)m->w->shape.Z * sizeof(float), H = (size_t)m->w->shape.H * sizeof(float);
  memcpy(bytes, row(m, lane), Z);
  memcpy((char *)bytes + Z, world_memory_h(m, lane), H);
  memcpy((char *)bytes + Z + H, cell(m, lane), H);
}

void world_memory_load(world_memory *m, int lane, const void *bytes) {
  const world_shape *s = &m->w->shape;
  size_t Z = (size_t)s->Z * sizeof(float), H = (size_t)s->H * sizeof(float);
  world_memory_clear(m, lane);
  memcpy(row(m, lane), bytes, Z);
  memcpy(row(m, lane) + s->Z + s->A, (const char *)bytes + Z, H);
  memcpy(cell(m, lane), (const char *)bytes + Z + H, H);
}

// c' = c sigmoid(f + 1) + sigmoid(i) tanh(j); h' = tanh(c') sigmoid(o). The + 1 is in the packed bias.
static void cell_update(float *c, float *h, float *gates, int H) {
  float *i = gates, *j = gates + H, *f = gates + 2 * H, *o = gates + 3 * H;
  vec_sigmoid(i, i, H);
  vec_tanh(j, j, H);
  vec_sigmoid(f, f, 2 * H);
  for (int u = 0; u < H; u++) c[u] = c[u] * f[u] + i[u] * j[u];
  vec_tanh(h, c, H);
  for (int u = 0; u < H; u++) h[u] *= o[u];
}

void world_memory_step(world_memory *m, int n) {
  const world_shape *s = &m->w->shape;
  CHECK(n <= m->lanes, "%d lanes, room for %d", n, m->lanes);
  packed_apply(&m->w->lstm, m->gates, 4 * s->H, m->rows, m->ld, n);
  for (int lane = 0; lane < n; lane++)
    cell_update(cell(m, lane), row(m, lane) + s->Z + s->A, m->gates + (size_t)lane * 4 * s->H, s->H);
}
