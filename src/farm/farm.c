// A farm's life: opening, sizes, collectives and the end. Knows no MPI.

#include <string.h>
#include <unistd.h>

#include "parts.h"

status farm_open(farm **out, int *argc, char ***argv) {
  farm *f = mem_take(1, sizeof *f);
  TRY(transport_open(&f->line, argc, argv));

  f->rank = transport_rank(f->line);
  f->size = transport_size(f->line);

  log_open(f->rank, f->size, false);

  // the plan is rank 0's; what it holds room for comes with the first job's sizes (farm_prepare)
  if (f->rank == 0) f->plan = schedule_open(f->size, schedule_customary);

  f->post = transport_post(f->line);
  f->piece_bytes = PIECE_BYTES;
  f->peer = mem_take((size_t)f->size, sizeof *f->peer);
  *out = f;
  return OK;
}

void farm_close(farm *f, int code) {
  transport_close(f->line, f->lossy, code);
  schedule_close(f->plan);
  farm_scratch_free(f);
  mem_free(f->peer);
  mem_free(f);
}

int farm_rank(const farm *f) { return f->rank; }
int farm_size(const farm *f) { return f->size; }
const char *farm_host(const farm *f) { return transport_host(f->line); }
int farm_ranks_most(void) { return transport_most(); }
int farm_workers(int ranks) { return ranks < MASTER_ONLY_RANKS ? ranks : ranks - 1; }
bool farm_lossy(const farm *f) { return f->lossy; }

void farm_scratch_free(farm *f) {
  mem_free(f->message);
  mem_free(f->tickets);
  mem_free(f->results);
  mem_free(f->states);
}

void farm_scratch(farm *f) {
  size_t piece = f->shared_max < f->piece_bytes ? f->shared_max : f->piece_bytes;
  size_t orders = sizeof(order_head) + size_max(f->record_max + f->state_max, piece);
  size_t news = sizeof(news_head) + size_max(RESULTS_MAX * news_item_bytes(f->result_max), f->state_max);

  // One buffer for either direction: a step writes one message at a time.
  farm_scratch_free(f);
  f->message_max = size_max(orders, news);
  f->message = mem_take(1, f->message_max);
  f->tickets = mem_take(RESULTS_MAX, sizeof *f->tickets);
  f->results = mem_take(RESULTS_MAX, f->result_max);
  f->states = f->rank == 0 ? mem_take(PARCELS, f->state_max) : NULL;
}

void farm_prepare(farm *f, const farm_sizes *most) {
  f->record_max = size_max(f->record_max, most->record_bytes);
  f->result_max = size_max(f->result_max, most->result_bytes);
  f->state_max = size_max(f->state_max, (most->state_bytes + 7) / 8 * 8);
  f->shared_max = size_max(f->shared_max, most->shared_bytes);
  farm_scratch(f);
  if (f->rank == 0) schedule_reserve(f->plan, most->tasks);
  if (!f->lossy) transport_prepare(f->line, f->message_max);
}

void nap_take(nap *n, bool something_happened) {
  if (something_happened) {
    n->microseconds = 0;
    return;
  }
  n->microseconds = n->microseconds ? 2 * n->microseconds : 20;
  if (n->microseconds > 1000) n->microseconds = 1000;
  usleep((useconds_t)n->microseconds);
}

// --- collectives ---------------------------------------------------------------------------------------------------

static void farm_check_whole(const farm *f) { CHECK(!f->lossy, "a collective after a rank was lost"); }

void farm_barrier(farm *f) {
  farm_check_whole(f);
  transport_barrier(f->line);
}

void farm_share(farm *f, void *bytes, size_t size) {
  farm_check_whole(f);
  transport_share(f->line, 0, bytes, size);
}

void farm_gather(farm *f, void *all, const void *mine, size_t size) {
  farm_check_whole(f);
  transport_gather(f->line, all, mine, size);
}

void farm_sum(farm *f, float *x, size_t n) {
  farm_check_whole(f);
  transport_sum(f->line, x, n);
}

void farm_sum_double(farm *f, double *x, size_t n) {
  farm_check_whole(f);
  transport_sum_double(f->line, x, n);
}

status farm_agree(farm *f, status mine) {
  typedef struct failure { int32_t code; char words[1020]; } failure;
  if (f->lossy) return mine;

  int first = transport_least(f->line, mine == OK ? f->size : f->rank);
  if (first == f->size) return OK;

  // The sentence is the first failing rank's; the others take it over, whatever they had to say.
  failure what = {.code = (int32_t)mine};
  if (f->rank == first) text_print(what.words, sizeof what.words, "%s", status_message());
  transport_share(f->line, first, &what, sizeof what);
  return status_fail((status)what.code, "%s", what.words);
}
