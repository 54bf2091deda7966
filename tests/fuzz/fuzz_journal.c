// rooms: base
// sources: src/search/journal.c
// The journal of finished episodes from any bytes: what is recalled is what was written, and only from before the place
// where the file was changed or cut. The bytes are tried as a whole file too.

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/search/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { TASKS = 16, JOBS = 2, RECORD = 32, HEAD = 64 };

static file_path place;
static int file;

static void file_forget(void) { unlink(place.text); }

static void file_make(void) {
  if (place.text[0]) return;
  place = path_join("/dev/shm", "dreamfarm-journal-%ld", (long)getpid());  // no link: the journal follows none
  file = open(place.text, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  CHECK(file >= 0, "%s cannot be made", place.text);
  atexit(file_forget);
}

static void file_fill(const void *bytes, size_t size) {
  CHECK(ftruncate(file, 0) == 0 && pwrite(file, bytes, size, 0) == (ssize_t)size, "cannot be filled");
}

static journal *opened(hash identity, int *found) {
  journal *j;
  CHECK(journal_open(&j, place.text, TASKS) == OK, "%s", status_message());
  *found = journal_begin(j, identity);
  return j;
}

static void read_any(const uint8_t *bytes, size_t size) {
  unsigned char known[TASKS];
  rollout_result results[TASKS];
  int found;
  file_fill(bytes, size);
  journal *j = opened(hash_bytes("any", 3), &found);
  CHECK(found >= 0 && (size_t)found <= size / RECORD, "%d records in %zu bytes", found, size);
  for (int job = 0; job < JOBS; job++) journal_recall(j, job, known, results, 1, TASKS, TASKS);
  journal_close(j);
}

static rollout_result result_of(uint8_t luck) { return (rollout_result){.steps = luck}; }

static int write_some(const uint8_t *bytes, int count, hash identity) {
  int found;
  file_fill("", 0);
  journal *j = opened(identity, &found);
  CHECK(found == 0, "%d in an empty file", found);
  for (int i = 0; i < count; i++) {
    rollout_result r = result_of(bytes[i]);
    journal_add(j, bytes[i] % JOBS, i, &r);
  }
  journal_close(j);
  return HEAD + count * RECORD;
}

// Changes a byte, cuts the file behind it if asked to, and looks what is left.
static void change_and_look(const uint8_t *bytes, int count, int length, int at, uint8_t change, bool cut) {
  hash identity = hash_bytes("this", 4);
  uint8_t byte;
  unsigned char known[TASKS];
  rollout_result results[TASKS];
  int found, intact = at < HEAD ? 0 : (at - HEAD) / RECORD;
  if (cut) CHECK(ftruncate(file, at) == 0, "cannot be cut");
  else if (change == 0) intact = count;
  else
    CHECK(pread(file, &byte, 1, at) == 1 && (byte ^= change, pwrite(file, &byte, 1, at) == 1),
          "cannot be changed at %d of %d", at, length);
  journal *j = opened(identity, &found);
  CHECK(found == intact, "%d records found, %d are intact", found, intact);
  for (int job = 0; job < JOBS; job++) {
    journal_recall(j, job, known, results, 1, TASKS, TASKS);
    for (int i = 0; i < TASKS; i++) {
      bool ours = i < intact && bytes[i] % JOBS == job;
      CHECK(known[i] == ours, "task %d of job %d", i, job);
      if (ours) CHECK(results[i].steps == bytes[i], "task %d became another's", i);
    }
  }
  journal_close(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  file_make();
  read_any(bytes, size);
  if (size < 4) return 0;
  int count = size - 3 < TASKS ? (int)size - 3 : TASKS, length = write_some(bytes + 3, count, hash_bytes("this", 4));
  change_and_look(bytes + 3, count, length, (bytes[0] << 8 | bytes[1]) % length, bytes[2], bytes[2] & 1);
  return 0;
}
