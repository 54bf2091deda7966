// A running stage is asked through a file: whoever puts control.yaml into the run's directory has it stop, go on for
// longer or shorter, or tell how it stands. Rank 0 looks a few times a second. The file is first renamed to
// control.done.yaml, then read: each is acted on once, whatever happens, and the next one is another file.

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "run.h"

#define REQUEST_LOOK_SECONDS 0.1

static bool request_same_file(const request_file *a, const request_file *b) {
  bool same_place = a->device == b->device && a->inode == b->inode;
  bool same_time = a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
  return same_place && same_time && a->size == b->size;
}

// An empty file is one that somebody is about to write: none yet. What is no file counts too, and is refused where it
// is read.
static request_file request_file_at(const char *path) {
  struct stat facts;
  if (lstat(path, &facts) != 0 || (S_ISREG(facts.st_mode) && facts.st_size == 0)) return (request_file){0};
  return (request_file){.device = (uint64_t)facts.st_dev,
                        .inode = (uint64_t)facts.st_ino,
                        .size = (int64_t)facts.st_size,
                        .seconds = (int64_t)facts.st_mtim.tv_sec,
                        .nanoseconds = (int64_t)facts.st_mtim.tv_nsec};
}

// Has it stayed as it is for so long that nobody is still writing it?
static bool request_settled(request_watch *w, const char *path) {
  const request_file found = request_file_at(path);
  if (!request_same_file(&found, &w->seen)) w->since = time_now();
  w->seen = found;
  return found.inode != 0 && time_now() - w->since >= REQUEST_SETTLED_SECONDS;
}

// A file that cannot be renamed would be acted on again and again: it is left alone until it changes.
static status request_take(request_watch *w, const run_home *r, int made, control *c) {
  file_path from = run_whole(r, RUN_CONTROL), to = run_whole(r, RUN_CONTROL_DONE);
  if (rename(from.text, to.text) != 0) {
    w->since = INFINITY;
    FAIL(NO_IO, "%s: cannot be renamed to %s: %s", from.text, to.text, strerror(errno));
  }

  // read under its new name: whoever puts another one meanwhile is not overwritten
  char *bytes;
  size_t size;
  TRY(file_read_own(&bytes, &size, to.text));
  status s = control_read(c, from.text, bytes, size, made);
  mem_free(bytes);
  return s;
}

request_news request_look(request_watch *w, const run_home *r, int made, control *c) {
  if (time_now() - w->looked < REQUEST_LOOK_SECONDS) return REQUEST_NONE;
  w->looked = time_now();
  if (!request_settled(w, run_whole(r, RUN_CONTROL).text)) return REQUEST_NONE;

  *c = (control){0};
  return request_take(w, r, made, c) == OK ? REQUEST_TAKEN : REQUEST_REFUSED;
}
