// The rooms of a job: directories named by its token, so that what a killed job leaves in /tmp and in /dev/shm can be
// told from everybody else's.

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"

#define ROOM_PREFIX "dreamfarm."
#define ROOM_TEMPORARY "/tmp"
#define ROOM_SHARED "/dev/shm"
#define ROOM_BASE_MAX 128  // bytes; Open MPI puts long names below it
#define SHARED_VARIABLE "OMPI_MCA_btl_vader_backing_directory"

// Open MPI splits its agent's path at blanks and colons, and hands such words to a shell on other hosts.
static bool room_base_good(const char *base) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._+-";
  return base && base[0] == '/' && strlen(base) < ROOM_BASE_MAX && strspn(base, plain) == strlen(base);
}

static bool room_is_ours(const char *path) {
  struct stat facts;
  return lstat(path, &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == geteuid();
}

static bool room_begin(const char *path) { return mkdir(path, 0700) == 0 || (errno == EEXIST && room_is_ours(path)); }

bool room_make(file_path *room, const job_token *t, bool apart) {
  const char *bases[] = {apart ? NULL : getenv("TMPDIR"), ROOM_TEMPORARY};
  for (int i = 0; i < 2; i++) {
    if (!room_base_good(bases[i])) continue;
    *room = path_join(bases[i], ROOM_PREFIX "%s", t->hex);
    if (room_begin(room->text)) return true;
  }
  room->text[0] = 0;
  return false;
}

// Makes the one for shared memory and tells Open MPI of it, unless the user told it of another.
void launch_rank(const char *token) {
  file_path room = path_join(ROOM_SHARED, ROOM_PREFIX "%.32s", token);
  if (!getenv(SHARED_VARIABLE) && room_begin(room.text)) setenv(SHARED_VARIABLE, room.text, 1);
}

// --- and removed ---------------------------------------------------------------------------------------------------

static int room_remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place) {
  (void)facts, (void)kind, (void)place;
  (void)!remove(path);  // what cannot be removed is left
  return 0;
}

void rooms_remove(const job_token *t) {
  const char *bases[] = {getenv("TMPDIR"), ROOM_TEMPORARY, ROOM_SHARED};
  for (int i = 0; i < 3; i++) {
    if (!job_token_good(t) || !room_base_good(bases[i])) continue;
    file_path room = path_join(bases[i], ROOM_PREFIX "%s", t->hex);
    if (room_is_ours(room.text)) nftw(room.text, room_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
  }
}
