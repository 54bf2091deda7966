// M's LSTM on lanes. A lane's row [z | action | h] is the packed kernel's input as it stands; in bf16 a rounded copy is.

#include <string.h>

#include "parts.h"

struct world_memory {
  arena *memory;
  const world *w;
  int lanes, ld;     // ld: floats from one row to the next
  float *rows;       // (lanes, ld)   [z | action | h]
  float *c;          // (lanes, H)
  float *gates;      // (LANES_AT_ONCE, 4H)
  uint16_t *narrow;  // (LANES_AT_ONCE, ld)   only in bf16
};

world_memory *world_memory_open(const world *w, int lanes) {
  const world_shape *s = &w->shape;
  arena *memory = arena_open();
  world_memory *m = ARENA_NEW(memory, world_memory, 1);
  int ld = (s->Z + s->A + s->H + 15) / 16 * 16, some = lanes < LANES_AT_ONCE ? lanes : LANES_AT_ONCE;
  *m = (world_memory){.memory = memory, .w = w, .lanes = lanes, .ld = ld};
  m->rows = ARENA_NEW(memory, float, (size_t)lanes * ld);
  m->c = ARENA_NEW(memory, float, (size_t)lanes * s->H);
  m->gates = ARENA_NEW(memory, float, (size_t)some * 4 * s->H);
  if (w->precision == NUM_BF16) m->narrow = ARENA_NEW(memory, uint16_t, (size_t)some * ld);
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

world_rows world_rows_for(const world *w, uint16_t *narrow, const float *x, int ld, int K, int n) {
  if (w->precision == NUM_FP32) return (world_rows){x, ld};
  int even = K + K % 2;  // where K is odd the last number has weight zero, and must be finite
  for (int i = 0; i < n; i++) {
    vec_bf16(narrow + (size_t)i * even, x + (size_t)i * ld, K);
    if (K % 2) narrow[(size_t)i * even + K] = 0;
  }
  return (world_rows){narrow, even};
}

// Lanes first .. first + n - 1: c' = c sigmoid(f + 1) + sigmoid(i) tanh(j), h' = tanh(c') sigmoid(o); the + 1 is in the
// packed bias.
static void lanes_step(world_memory *m, int first, int n) {
  const world_shape *s = &m->w->shape;
  int inputs = s->Z + s->A;
  world_rows x = world_rows_for(m->w, m->narrow, row(m, first), m->ld, inputs + s->H, n);
  packed_apply(&m->w->lstm, m->gates, 4 * s->H, x.x, x.ld, n);
  for (int i = 0; i < n; i++)
    vec_lstm_cell(cell(m, first + i), row(m, first + i) + inputs, m->gates + (size_t)i * 4 * s->H, s->H);
}

void world_memory_step(world_memory *m, int n) {
  CHECK(n <= m->lanes, "%d lanes, room for %d", n, m->lanes);
  for (int i = 0; i < n; i += LANES_AT_ONCE) lanes_step(m, i, n - i < LANES_AT_ONCE ? n - i : LANES_AT_ONCE);
}
