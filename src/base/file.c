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

file_path path_join(const char *directory, const char *format, ...) {
  file_path p;
  size_t used = (size_t)snprintf(p.text, sizeof p.text, "%s%s", directory, *directory ? "/" : "");
  CHECK(used < sizeof p.text, "path too long: %s", directory);
  va_list arguments;
  va_start(arguments, format);
  size_t more = (size_t)vsnprintf(p.text + used, sizeof p.text - used, format, arguments);
  va_end(arguments);
  CHECK(used + more < sizeof p.text, "path too long: %s...", p.text);
  return p;
}

bool file_exists(const char *name) { return access(name, F_OK) == 0; }

status file_remove(const char *name) {
  if (unlink(name) != 0 && errno != ENOENT) FAIL(NO_IO, "%s: cannot be removed: %s", name, strerror(errno));
  return OK;
}

static status read_all(int fd, char *bytes, size_t size, const char *name) {
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

  struct stat facts;
  if (fstat(opened, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    close(opened);
    FAIL(NO_IO, "%s: is not a regular file", name);
  }
  *fd = opened;
  return OK;
}

static size_t size_of(int fd) {
  struct stat facts;
  return fstat(fd, &facts) == 0 && facts.st_size > 0 ? (size_t)facts.st_size : 0;
}

// A file may say that it has any size, and have none of it on the disk.
static status size_check(size_t wanted, const char *name) {
  size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
  if (wanted < memory) return OK;
  FAIL(NO_IO, "%s: has %zu bytes, but this machine has %zu of memory; remove it, or restore it", name, wanted, memory);
}

static status read_opened(char **bytes, size_t *size, const char *name, int flags) {
  int fd;
  TRY(file_open(&fd, name, flags));
  size_t wanted = size_of(fd);
  if (size_check(wanted, name) != OK) {
    close(fd);
    return NO_IO;
  }
  char *memory = mem_take(wanted + 1, 1);
  status s = read_all(fd, memory, wanted, name);
  close(fd);
  if (s != OK) {
    mem_free(memory);
    return s;
  }
  *bytes = memory;
  *size = wanted;
  return OK;
}

status file_read(char **bytes, size_t *size, const char *name) { return read_opened(bytes, size, name, O_RDONLY); }

status file_read_own(char **bytes, size_t *size, const char *name) {
  return read_opened(bytes, size, name, O_RDONLY | O_NOFOLLOW);
}

static status write_all(int fd, const char *bytes, size_t size, const char *name) {
  for (size_t done = 0; done < size;) {
    ssize_t put = write(fd, bytes + done, size - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) FAIL(NO_IO, "%s: cannot be written: %s", name, strerror(errno));
    done += (size_t)put;
  }
  return OK;
}

static status sync_path(const char *name, int flags) {
  int fd = open(name, flags | O_CLOEXEC);
  if (fd < 0) FAIL(NO_IO, "%s: cannot be opened: %s", name, strerror(errno));
  int bad = fsync(fd);
  int reason = errno;
  close(fd);
  // Some file systems cannot fsync a directory; the rename is still atomic there.
  if (bad && !(flags & O_DIRECTORY)) FAIL(NO_IO, "%s: cannot be made durable: %s", name, strerror(reason));
  return OK;
}

status file_commit(const char *temporary, const char *name) {
  TRY(sync_path(temporary, O_RDONLY));
  if (rename(temporary, name) != 0) FAIL(NO_IO, "%s: cannot be renamed to %s: %s", temporary, name, strerror(errno));
  file_path copy = path_join("", "%s", name);
  return sync_path(dirname(copy.text), O_RDONLY | O_DIRECTORY);
}

status file_write(const char *name, const void *bytes, size_t size) {
  file_path temporary = path_join("", "%s.%ld.tmp", name, (long)getpid());
  unlink(temporary.text);  // O_EXCL: a file of our own, whatever somebody has laid in its place
  int fd = open(temporary.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) FAIL(NO_IO, "%s: cannot be written: %s", name, strerror(errno));
  status s = write_all(fd, bytes, size, name);
  if (close(fd) != 0 && s == OK) s = status_fail(NO_IO, "%s: cannot be written: %s", name, strerror(errno));
  if (s == OK) s = file_commit(temporary.text, name);
  if (s != OK) unlink(temporary.text);
  return s;
}

// A line that is written in part would spoil the one that follows it.
static void append_undo(int fd, off_t size, const char *name) {
  if (ftruncate(fd, size) != 0 || size > 0) return;
  file_remove(name);  // what is not there gets its head anew
}

status file_append(const char *name, const text_buffer *t) {
  int fd;
  struct stat before;
  TRY(file_open(&fd, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW));
  bool known = fstat(fd, &before) == 0;
  ssize_t put = write(fd, t->bytes, t->size);
  int reason = put < 0 ? errno : ENOSPC;
  bool whole = put == (ssize_t)t->size;
  if (whole) fdatasync(fd);
  else if (known) append_undo(fd, before.st_size, name);
  if (close(fd) != 0 || !whole) FAIL(NO_IO, "%s: cannot be written: %s", name, strerror(reason));
  return OK;
}

status file_map(const void **bytes, size_t *size, const char *name) {
  int fd;
  TRY(file_open(&fd, name, O_RDONLY));
  size_t wanted = size_of(fd);
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

status dir_make(const char *name) {
  if (*name == 0) FAIL(NO_IO, "a directory without a name cannot be made");
  file_path p = path_join("", "%s", name);
  for (char *slash = strchr(p.text + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (mkdir(p.text, 0777) != 0 && errno != EEXIST) FAIL(NO_IO, "%s: cannot be made: %s", p.text, strerror(errno));
    *slash = '/';
  }
  if (mkdir(p.text, 0777) != 0 && errno != EEXIST) FAIL(NO_IO, "%s: cannot be made: %s", name, strerror(errno));
  struct stat facts;
  if (stat(name, &facts) != 0 || !S_ISDIR(facts.st_mode)) FAIL(NO_IO, "%s: is not a directory", name);
  return OK;
}

void dir_sweep(const char *name, const char *prefix) {
  DIR *d = opendir(name);
  for (struct dirent *e; d && (e = readdir(d));) {
    size_t length = strlen(e->d_name);
    if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 || length < 4 || strcmp(e->d_name + length - 4, ".tmp") != 0) continue;
    unlink(path_join(name, "%s", e->d_name).text);
  }
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
