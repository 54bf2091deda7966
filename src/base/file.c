// Files that are never half-written, and the identity of files.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base.h"

file_path path_numbered(const char *path, int number) {
  const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
  int stem = (int)(dot ? dot - path : (ptrdiff_t)strlen(path));
  return number < 2 ? path_join("", "%s", path) : path_join("", "%.*s-%d%s", stem, path, number, path + stem);
}

file_path path_join(const char *directory, const char *format, ...) {
  file_path p;
  size_t used = (size_t)snprintf(p.text, sizeof p.text, "%s%s", directory, *directory ? "/" : "");
  CHECK(used < sizeof p.text, "path too long: %s", directory);

  va_list arguments;
  va_start(arguments, format);
  size_t more = (size_t)vsnprintf(p.text + used, sizeof p.text - used, format, arguments);
  va_end(arguments);

  // Never a shorter path than was meant: that would be another file.
  CHECK(used + more < sizeof p.text, "path too long: %s...", p.text);
  return p;
}

// --- reading --------------------------------------------------------------------------------------------------------

bool file_exists(const char *name) { return access(name, F_OK) == 0; }

status file_remove(const char *name) {
  if (unlink(name) != 0 && errno != ENOENT) FAIL(NO_IO, "%s: cannot be removed: %s", name, strerror(errno));
  return OK;
}

// One read may give less than was asked for, and a signal may interrupt it.
static status file_read_all(int fd, char *bytes, size_t size, const char *name) {
  for (size_t have = 0; have < size;) {
    ssize_t got = read(fd, bytes + have, size - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) FAIL(NO_IO, "%s: cannot be read: %s", name, strerror(errno));
    if (got == 0) FAIL(NO_IO, "%s: became shorter while it was read", name);

    have += (size_t)got;
  }
  return OK;
}

status file_open(int *fd, const char *name, int flags) {
  int opened = open(name, flags | O_CLOEXEC | O_NONBLOCK, 0666);  // a pipe without a writer must not hang us
  if (opened < 0 && errno == ELOOP && (flags & O_NOFOLLOW))
    FAIL(NO_IO, "%s: is a symbolic link, which is not followed here; remove it", name);
  if (opened < 0)
    FAIL(NO_IO, "%s: cannot be %s: %s", name, (flags & O_ACCMODE) == O_RDONLY ? "opened" : "written", strerror(errno));

  // Asked of what was opened, not of the name, behind which another file may stand by then.
  struct stat facts;
  if (fstat(opened, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    close(opened);
    FAIL(NO_IO, "%s: is not a regular file", name);
  }
  *fd = opened;
  return OK;
}

static size_t file_size(int fd) {
  struct stat facts;
  return fstat(fd, &facts) == 0 && facts.st_size > 0 ? (size_t)facts.st_size : 0;
}

// A file may say that it has any size, and have none of it on the disk.
static status file_size_check(size_t wanted, const char *name) {
  size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
  if (wanted < memory) return OK;
  FAIL(NO_IO, "%s: has %zu bytes, but this machine has %zu of memory; remove it, or restore it", name, wanted, memory);
}

static status file_read_opened(char **bytes, size_t *size, const char *name, int flags) {
  int fd;
  TRY(file_open(&fd, name, flags));
  size_t wanted = file_size(fd);
  if (file_size_check(wanted, name) != OK) {
    close(fd);
    return NO_IO;
  }

  // Memory is zeroed, so the byte more ends what is text.
  char *memory = mem_take(wanted + 1, 1);
  status s = file_read_all(fd, memory, wanted, name);
  close(fd);
  if (s != OK) {
    mem_free(memory);
    return s;
  }

  *bytes = memory;
  *size = wanted;
  return OK;
}

status file_read(char **bytes, size_t *size, const char *name) { return file_read_opened(bytes, size, name, O_RDONLY); }

status file_read_own(char **bytes, size_t *size, const char *name) {
  return file_read_opened(bytes, size, name, O_RDONLY | O_NOFOLLOW);
}

// --- writing --------------------------------------------------------------------------------------------------------

static status file_write_all(int fd, const char *bytes, size_t size, const char *name) {
  for (size_t done = 0; done < size;) {
    ssize_t put = write(fd, bytes + done, size - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) FAIL(NO_IO, "%s: cannot be written: %s", name, strerror(errno));
    done += (size_t)put;
  }
  return OK;
}

static status file_sync(const char *name, int flags) {
  int fd = open(name, flags | O_CLOEXEC);
  if (fd < 0) FAIL(NO_IO, "%s: cannot be opened: %s", name, strerror(errno));

  int bad = fsync(fd);
  int reason = errno;  // close may replace it
  close(fd);

  // Some file systems cannot fsync a directory; the rename is still atomic there.
  if (bad && !(flags & O_DIRECTORY)) FAIL(NO_IO, "%s: cannot be made durable: %s", name, strerror(reason));
  return OK;
}

status file_commit(const char *temporary, const char *name) {
  TRY(file_sync(temporary, O_RDONLY));
  if (rename(temporary, name) != 0) FAIL(NO_IO, "%s: cannot be renamed to %s: %s", temporary, name, strerror(errno));
  file_path copy = path_join("", "%s", name);
  return file_sync(dirname(copy.text), O_RDONLY | O_DIRECTORY);
}

status file_write(const char *name, const void *bytes, size_t size) {
  // O_EXCL: a file of our own, whatever somebody has laid in its place.
  file_path temporary = path_join("", "%s.%ld.tmp", name, (long)getpid());
  unlink(temporary.text);
  int fd = open(temporary.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) FAIL(NO_IO, "%s: cannot be written: %s", name, strerror(errno));

  // A full disk may show only as the file is closed.
  status s = file_write_all(fd, bytes, size, name);
  if (close(fd) != 0 && s == OK) s = status_fail(NO_IO, "%s: cannot be written: %s", name, strerror(errno));

  if (s == OK) s = file_commit(temporary.text, name);
  if (s != OK) unlink(temporary.text);
  return s;
}

// --- appending ------------------------------------------------------------------------------------------------------

// A line that is written in part would spoil the one that follows it.
static void file_append_undo(int fd, off_t size, const char *name) {
  if (ftruncate(fd, size) != 0 || size > 0) return;
  file_remove(name);  // what is not there gets its head anew
}

status file_append(const char *name, const text_buffer *t) {
  int fd;
  struct stat before;
  TRY(file_open(&fd, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW));
  bool known = fstat(fd, &before) == 0;

  // one write: a line of a journal is there as a whole, or not at all
  ssize_t put = write(fd, t->bytes, t->size);
  int reason = put < 0 ? errno : ENOSPC;
  bool whole = put == (ssize_t)t->size;
  if (whole) fdatasync(fd);
  else if (known) file_append_undo(fd, before.st_size, name);
  if (close(fd) != 0 || !whole) FAIL(NO_IO, "%s: cannot be written: %s", name, strerror(reason));
  return OK;
}

// --- mapping --------------------------------------------------------------------------------------------------------

status file_map(const void **bytes, size_t *size, const char *name) {
  int fd;
  TRY(file_open(&fd, name, O_RDONLY));

  // The mapping stays when its descriptor is closed.
  size_t wanted = file_size(fd);
  void *memory = mmap(NULL, wanted, PROT_READ, MAP_SHARED, fd, 0);
  int reason = errno;
  close(fd);
  if (memory == MAP_FAILED) FAIL(NO_IO, "%s: cannot be mapped: %s", name, wanted ? strerror(reason) : "it is empty");

  mem_huge_pages(memory, wanted);
  *bytes = memory;
  *size = wanted;
  return OK;
}

void file_unmap(const void *bytes, size_t size) {
  if (bytes) munmap((void *)bytes, size);
}

// --- directories ----------------------------------------------------------------------------------------------------

status dir_make(const char *name) {
  if (*name == 0) FAIL(NO_IO, "a directory without a name cannot be made");

  // Each parent in turn: the path is cut at one slash after another.
  file_path p = path_join("", "%s", name);
  for (char *slash = strchr(p.text + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (mkdir(p.text, 0777) != 0 && errno != EEXIST) FAIL(NO_IO, "%s: cannot be made: %s", p.text, strerror(errno));
    *slash = '/';
  }
  if (mkdir(p.text, 0777) != 0 && errno != EEXIST) FAIL(NO_IO, "%s: cannot be made: %s", name, strerror(errno));

  // What was there already may be a file.
  struct stat facts;
  if (stat(name, &facts) != 0 || !S_ISDIR(facts.st_mode)) FAIL(NO_IO, "%s: is not a directory", name);
  return OK;
}

// As file_write names what it has not yet renamed.
static bool dir_temporary(const char *name, const char *prefix) {
  size_t length = strlen(name);
  return strncmp(name, prefix, strlen(prefix)) == 0 && length >= 4 && strcmp(name + length - 4, ".tmp") == 0;
}

void dir_sweep(const char *name, const char *prefix) {
  DIR *d = opendir(name);
  for (struct dirent *e; d && (e = readdir(d));)
    if (dir_temporary(e->d_name, prefix)) unlink(path_join(name, "%s", e->d_name).text);
  if (d) closedir(d);
}

// --- hashes ---------------------------------------------------------------------------------------------------------

static hash hash_of(XXH128_hash_t h) {
  hash out;
  snprintf(out.hex, sizeof out.hex, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
  return out;
}

hash hash_bytes(const void *bytes, size_t size) { return hash_of(XXH3_128bits(bytes, size)); }

hash hash_join(const hash *parts, int count) { return hash_bytes(parts, sizeof *parts * (size_t)count); }

bool hash_equal(hash a, hash b) { return memcmp(a.hex, b.hex, sizeof a.hex) == 0; }

status hash_file(hash *out, const char *name) {
  char *bytes;
  size_t size;
  TRY(file_read(&bytes, &size, name));
  *out = hash_bytes(bytes, size);
  mem_free(bytes);
  return OK;
}
