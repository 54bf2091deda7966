// A lock that the kernel lets go of when the process ends, however it ends.
#ifndef LOCK_H
#define LOCK_H

#include "base.h"

// Locks the file at `path`, which is made where it is missing and is always ours; *fd stays open as long as the lock is
// to be held, by this process alone: none that it starts inherits it. While another holds the lock, waits `patience`
// seconds. `format`: who would hold it and where, as a whole clause ("another dreamfarm works in runs/x"); both what is
// said while waiting and the refusal begin with it. Errors: BROKEN, another holds it; NO_IO, the file cannot be opened.
// Where the file system has no locks (ENOLCK, ENOTSUP, ENOSYS, ...) a warning tells the reason, *fd is -1, and the
// status is OK.
status lock_take(int *fd, const char *path, double patience, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
