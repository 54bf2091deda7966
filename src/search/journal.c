// The journal: finished episodes of the generation that is being played, so that a rerun repeats only unfinished ones.
// A head that says which generation of which search, then records of fixed size, each with a checksum; appended to,
// never rewritten. What another generation left, and a torn tail, are dropped. What write() took outlives this process;
// against the loss of the node the file is synced every few seconds, more often would cost more than the episodes it
// could save.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"

#define JOURNAL_FORMAT "dreamfarm-journal-1"
#define JOURNAL_SYNC_SECONDS 5.0

typedef struct journal_head { char format[24], identity[40]; } journal_head;

typedef struct journal_record {
  int32_t job, task;
  rollout_result result;
  char check[8];
} journal_record;
_Static_assert(sizeof(journal_head) == 64 && sizeof(journal_record) == 32, "they are written as they stand");

struct journal {
  file_path path;
  int fd;
  journal_head head;
  journal_record *found;    // (found_count) of this generation, by an earlier process
  int found_count;
  journal_record *waiting;  // (room) not yet written
  int waiting_count, room;
  double synced_at;
  bool unsynced, broken;
};

static void journal_seal(char check[8], const journal_head *head, const journal_record *r) {
  struct { journal_head head; int32_t job, task; rollout_result result; } sealed = {*head, r->job, r->task, r->result};
  memcpy(check, hash_bytes(&sealed, sizeof sealed).hex, 8);
}

static bool journal_intact(const journal_head *head, const journal_record *r) {
  char check[8];
  journal_seal(check, head, r);
  return memcmp(check, r->check, sizeof check) == 0;
}

// Losing the journal loses time only: it is said once, and the generation goes on without. A torn tail does no harm.
static void journal_give_up(journal *j, int reason) {
  log_here("%s: cannot be written: %s; after a kill this generation would begin anew", j->path.text, strerror(reason));
  j->broken = true;
}

static void journal_append(journal *j, const void *bytes, size_t size) {
  if (j->broken || size == 0) return;
  ssize_t put = write(j->fd, bytes, size);
  if (put != (ssize_t)size) {
    journal_give_up(j, put < 0 ? errno : ENOSPC);
    return;
  }
  j->unsynced = true;
}

status journal_open(journal **out, const char *path, int tasks_max) {
  int fd;
  TRY(file_open(&fd, path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW));
  journal *j = mem_take(1, sizeof *j);
  *j = (journal){.path = path_join("", "%s", path), .fd = fd, .room = tasks_max, .synced_at = time_now()};
  j->waiting = mem_take((size_t)tasks_max, sizeof *j->waiting);

  *out = j;
  return OK;
}

void journal_close(journal *j) {
  if (!j) return;
  journal_write(j);
  close(j->fd);
  mem_free(j->found);
  mem_free(j->waiting);
  mem_free(j);
}

// Keeps in `found` the records before the first that is not journal_intact, and says how many bytes of the file that
// makes.
static size_t journal_records_find(journal *j, const char *bytes, size_t size) {
  size_t most = size < sizeof j->head ? 0 : (size - sizeof j->head) / sizeof(journal_record);
  if (size < sizeof j->head || memcmp(bytes, &j->head, sizeof j->head) != 0) return 0;

  j->found = mem_take(most, sizeof *j->found);
  memcpy(j->found, bytes + sizeof j->head, most * sizeof *j->found);
  while ((size_t)j->found_count < most && journal_intact(&j->head, &j->found[j->found_count])) j->found_count++;
  return sizeof j->head + (size_t)j->found_count * sizeof(journal_record);
}

int journal_begin(journal *j, hash identity) {
  // A new page: nothing of the one before counts, its troubles neither.
  mem_free(j->found);
  j->found = NULL;
  j->found_count = j->waiting_count = 0;
  j->broken = false;
  j->head = (journal_head){.format = JOURNAL_FORMAT};
  memcpy(j->head.identity, identity.hex, sizeof identity.hex);

  // What an earlier process left of the same generation stays, the rest of the file goes.
  char *bytes;
  size_t size, kept = 0;
  if (file_read_own(&bytes, &size, j->path.text) == OK) {
    kept = journal_records_find(j, bytes, size);
    mem_free(bytes);
  }
  if (ftruncate(j->fd, (off_t)kept) != 0) journal_give_up(j, errno);
  if (kept == 0) journal_append(j, &j->head, sizeof j->head);
  return j->found_count;
}

int journal_recall(const journal *j, int job, unsigned char *known, rollout_result *results, int groups, int episodes,
                   int stride) {
  int count = 0;
  for (int g = 0; g < groups; g++) memset(known + (size_t)g * stride, 0, (size_t)episodes);

  for (int i = 0; i < j->found_count; i++) {
    const journal_record *r = &j->found[i];
    if (r->job != job || r->task < 0 || r->task >= groups * episodes) continue;

    // A task may stand here twice: repeated, after a loss.
    size_t at = (size_t)(r->task / episodes) * stride + r->task % episodes;
    count += !known[at];
    known[at] = 1;
    results[at] = r->result;
  }
  return count;
}

void journal_add(journal *j, int job, int task, const rollout_result *result) {
  if (j->waiting_count == j->room) journal_write(j);
  journal_record *r = &j->waiting[j->waiting_count++];
  *r = (journal_record){.job = job, .task = task, .result = *result};
  journal_seal(r->check, &j->head, r);
}

void journal_write(journal *j) {
  journal_append(j, j->waiting, (size_t)j->waiting_count * sizeof *j->waiting);
  j->waiting_count = 0;

  // synced now and then: after a crash of the host some episodes are played again
  double now = time_now();
  if (!j->unsynced || now - j->synced_at < JOURNAL_SYNC_SECONDS) return;
  fdatasync(j->fd);
  j->synced_at = now;
  j->unsynced = false;
}
