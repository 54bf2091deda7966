// Zeroed, aligned memory whose exhaustion ends the job, and arenas that release all of it at once.

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base.h"

#define ALIGNMENT 64
#define BLOCK_BYTES ((size_t)1 << 20)

// Under AddressSanitizer an arena would hide overflows between its pieces, so each piece gets its own block.
#if defined(__SANITIZE_ADDRESS__)
#define ONE_BLOCK_A_PIECE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_BLOCK_A_PIECE 1
#endif
#endif
#ifndef ONE_BLOCK_A_PIECE
#define ONE_BLOCK_A_PIECE 0
#endif

typedef struct arena_block {
  struct arena_block *next;
  char *bytes;
  size_t used, size;
} arena_block;

struct arena {
  arena_block *first;
};

static uint64_t mem_allocations;

static size_t mem_round_up(size_t size) { return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

// Not aligned_alloc: its size must be a multiple of the alignment, and AddressSanitizer is to see the true one.
// (noinline: gcc 12 takes the out-parameter for a dangling pointer where this is inlined.)
__attribute__((noinline)) static void *mem_aligned(size_t bytes) {
  void *memory = NULL;
  return posix_memalign(&memory, ALIGNMENT, bytes) == 0 ? memory : NULL;
}

// A megabyte of M's weights is 256 ordinary pages, each of which streams past at every step.
void mem_huge_pages(const void *memory, size_t bytes) {
  enum { HUGE_PAGE = 1 << 21, PAGE = 1 << 12 };
  uintptr_t first = ((uintptr_t)memory + PAGE - 1) / PAGE * PAGE;
  uintptr_t end = ((uintptr_t)memory + bytes) / PAGE * PAGE;
  if (bytes >= HUGE_PAGE) (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
}

void *mem_take(size_t count, size_t size) {
  CHECK(size == 0 || count <= SIZE_MAX / 2 / size, "%zu pieces of %zu bytes", count, size);
  size_t wanted = count * size > 0 ? count * size : 1;
  size_t bytes = ONE_BLOCK_A_PIECE ? wanted : mem_round_up(wanted);
  void *memory = mem_aligned(bytes);
  CHECK(memory, "out of memory: %zu bytes wanted", bytes);

  // large pieces by huge pages: a product walks through all of its weights in every step
  mem_allocations++;
  mem_huge_pages(memory, bytes);
  return memset(memory, 0, bytes);
}

void mem_free(void *memory) { free(memory); }

uint64_t mem_count(void) { return mem_allocations; }

arena *arena_open(void) { return mem_take(1, sizeof(arena)); }

static arena_block *arena_block_open(arena_block *next, size_t size) {
  arena_block *b = mem_take(1, sizeof *b);
  *b = (arena_block){.next = next, .bytes = mem_take(1, size), .size = size};
  return b;
}

void *arena_take(arena *a, size_t count, size_t size) {
  CHECK(size == 0 || count <= SIZE_MAX / 2 / size, "%zu pieces of %zu bytes", count, size);
  size_t bytes = ONE_BLOCK_A_PIECE ? count * size : mem_round_up(count * size);
  if (ONE_BLOCK_A_PIECE || !a->first || a->first->size - a->first->used < bytes)
    a->first = arena_block_open(a->first, ONE_BLOCK_A_PIECE || bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES);

  // blocks come as zeros, and a piece is given out once
  void *piece = a->first->bytes + a->first->used;
  a->first->used += bytes;
  return piece;
}

void arena_close(arena *a) {
  if (!a) return;
  for (arena_block *b = a->first, *next; b; b = next) {
    next = b->next;
    mem_free(b->bytes);
    mem_free(b);
  }
  mem_free(a);
}
