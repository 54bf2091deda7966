// A world as one file of packed weights that is mapped read-only: one copy a node, whatever the number of ranks. The
// file is a head, then every block of floats at its place, which follows from the shape alone.

#include <math.h>
#include <string.h>

#include "parts.h"

#define FORMAT "dreamfarm-packed-7"
#define ALIGNED 64  // bytes: a cache line, as the kernels want their panels

typedef struct head {
  char format[24];
  char check[40];        // hash of all that follows
  world_shape shape;
  int32_t precision;     // num_precision
  char identity[40];
  int32_t members, origins, moments;
  float log_sigma_floor, done_weight;
  char reserved[64];
} head;
#define HEAD_BYTES ((sizeof(head) + ALIGNED - 1) / ALIGNED * ALIGNED)
#define CHECKED_FROM offsetof(head, shape)

// One block of a world: where its pointer is, and how many floats it has.
typedef struct part { const float **at; size_t floats; } part;
enum { PARTS_MAX = 16 + 4 * WORLD_MEMBERS_MAX };

static part packed_part(packed *p, num_precision precision, int K, int N) {
  p->K = K;
  p->N = N;
  p->precision = precision;
  return (part){&p->panels, packed_size_in(precision, K, N)};
}

// Every block, in the file's order; the packed matrices learn their sizes on the way.
static int parts_of(world *w, part *parts) {
  const world_shape *s = &w->shape;
  size_t Z = (size_t)s->Z, count = (size_t)w->origins.count;
  int n = 0;

  // V, where there are pictures
  if (s->pixels) {
    for (int i = 0; i < 4; i++) {
      nn_conv_shape c = world_vae_conv(s, i);
      parts[n++] = packed_part(&w->conv[i], NUM_FP32, c.k * c.k * c.C, c.F);
    }
    parts[n++] = packed_part(&w->latent, NUM_FP32, world_vae_code(s), 2 * s->Z);
    w->vae_table = world_vae_table(s);
    parts[n++] = (part){&w->decoder, w->vae_table.size};
  }

  // each M, then where dreams may begin and in which units
  for (world_member *m = w->member; m < w->member + w->members; m++) {
    parts[n++] = packed_part(&m->lstm, w->precision, s->Z + s->A + s->H, 4 * s->H);
    parts[n++] = packed_part(&m->logits, w->precision, s->H, world_logits(s));
    parts[n++] = packed_part(&m->components, w->precision, s->H, world_component_columns(s));
    parts[n++] = (part){&m->moment, (size_t)w->origins.moments * (Z + 2 * (size_t)s->H)};
  }
  parts[n++] = (part){&w->origins.mu, count * Z};
  parts[n++] = (part){&w->origins.logvar, count * Z};
  parts[n++] = (part){&w->origins.offset, Z};
  parts[n++] = (part){&w->origins.scale, Z};
  return n;
}

static size_t room_of(const part *p) { return (p->floats * sizeof(float) + ALIGNED - 1) / ALIGNED * ALIGNED; }

static size_t room_of_all(const part *parts, int n) {
  size_t room = HEAD_BYTES;
  for (int i = 0; i < n; i++) room += room_of(&parts[i]);
  return room;
}

static hash check_of(const char *file, size_t size) { return hash_bytes(file + CHECKED_FROM, size - CHECKED_FROM); }

status world_share(const world *w, const char *path) {
  world own = *w;  // whose pointers parts_of may point at
  part parts[PARTS_MAX];
  CHECK(w->shape.H > 0, "a world without M is not shared");
  int n = parts_of(&own, parts);

  size_t size = room_of_all(parts, n);
  char *file = mem_take(size, 1), *at = file + HEAD_BYTES;

  // the head, every block at its place, and over all of it a hash
  head *h = (head *)(void *)file;
  *h = (head){.format = FORMAT, .shape = w->shape, .precision = (int32_t)w->precision,
              .members = w->members, .origins = w->origins.count, .moments = w->origins.moments,
              .log_sigma_floor = w->origins.log_sigma_floor, .done_weight = w->origins.done_weight};
  memcpy(h->identity, w->identity.hex, sizeof w->identity.hex);
  for (int i = 0; i < n; at += room_of(&parts[i++]))
    if (parts[i].floats) memcpy(at, *parts[i].at, parts[i].floats * sizeof(float));  // a world may have no moments
  memcpy(h->check, check_of(file, size).hex, sizeof(hash));

  // whole, since other processes map it as soon as it is there
  status s = file_write(path, file, size);
  mem_free(file);
  return s;
}

static bool identity_good(const char *hex) { return strspn(hex, "0123456789abcdef") == 32 && strlen(hex) == 32; }

// Whoever can write a file can write its hash too: nothing in it leads anywhere before it has been looked at.
static status head_check(const head *h, const char *file, const char *path) {
  unsigned char pixels, joint, change;  // no bools yet
  memcpy(&pixels, file + offsetof(head, shape) + offsetof(world_shape, pixels), 1);
  memcpy(&joint, file + offsetof(head, shape) + offsetof(world_shape, joint), 1);
  memcpy(&change, file + offsetof(head, shape) + offsetof(world_shape, change), 1);
  if (pixels > 1 || joint > 1 || change > 1 || (h->precision != NUM_FP32 && h->precision != NUM_BF16))
    FAIL(BAD_FILE, "%s: has pixels %d, joint %d, change %d and precision %d; not all of these are ours; remove it",
         path, pixels, joint, change, h->precision);
  if (h->members < 1 || h->members > WORLD_MEMBERS_MAX)
    FAIL(BAD_FILE, "%s: has %d members; 1 to %d are allowed; remove it", path, h->members, WORLD_MEMBERS_MAX);
  if (h->origins < 1 || h->origins > WORLD_ORIGINS_MAX || !isfinite(h->log_sigma_floor))
    FAIL(BAD_FILE, "%s: has %d origins and a floor of %g; 1 to %d and a finite one are allowed; remove it", path,
         h->origins, (double)h->log_sigma_floor, WORLD_ORIGINS_MAX);
  if (h->moments < 0 || h->moments > WORLD_ORIGINS_MAX || !(h->done_weight >= 0 && h->done_weight <= 1e6f))
    FAIL(BAD_FILE, "%s: has %d moments and a weight of ends of %g; 0 to %d and 0 to 1e6 are allowed; remove it", path,
         h->moments, (double)h->done_weight, WORLD_ORIGINS_MAX);
  if (memchr(h->identity, 0, sizeof h->identity) == NULL || !identity_good(h->identity))
    FAIL(BAD_FILE, "%s: its world's hash is not 32 hexadecimal digits; remove it", path);
  return world_shape_check(&h->shape, true, path);
}

static status mapping_read(world *w, const char *file, size_t size, const char *path) {
  head h;
  part parts[PARTS_MAX];
  if (size < HEAD_BYTES || memcmp(file, FORMAT, sizeof FORMAT) != 0)
    FAIL(BAD_FILE, "%s: is not a file of packed weights; remove it", path);
  memcpy(&h, file, sizeof h);
  if (memcmp(h.check, check_of(file, size).hex, sizeof(hash)) != 0)
    FAIL(BAD_FILE, "%s: is damaged: its hash is not what it says; remove it", path);
  TRY(head_check(&h, file, path));

  // what the head says gives the sizes; together they must be the file's
  w->shape = h.shape;
  w->precision = (num_precision)h.precision;
  w->members = h.members;
  w->origins = (world_origins){.count = h.origins, .moments = h.moments, .log_sigma_floor = h.log_sigma_floor,
                               .done_weight = h.done_weight};
  memcpy(w->identity.hex, h.identity, sizeof w->identity.hex);
  int n = parts_of(w, parts);
  if (size != room_of_all(parts, n))
    FAIL(BAD_FILE, "%s: has %zu bytes, its shape needs %zu; remove it", path, size, room_of_all(parts, n));

  // read in place: all ranks of a host share these pages
  const char *at = file + HEAD_BYTES;
  for (int i = 0; i < n; at += room_of(&parts[i++])) *parts[i].at = (const float *)(const void *)at;
  return OK;
}

status world_map(world **out, const char *path) {
  arena *memory = arena_open();
  world *w = ARENA_NEW(memory, world, 1);
  w->memory = memory;
  w->family = &world_mdn;
  status s = file_map(&w->mapping, &w->mapping_bytes, path);
  if (s == OK) s = mapping_read(w, w->mapping, w->mapping_bytes, path);
  if (s != OK) world_close(w);
  else *out = w;
  return s;
}
