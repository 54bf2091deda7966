// Who started this process, by its environment: asked around MPI's own start.
#ifndef FARM_LAUNCHED_H
#define FARM_LAUNCHED_H

#include "base.h"

// Before and after MPI is started. A process that no launcher started is all there is: it needs no daemon, no remote
// shell, no port and no files. What the user has set stays; what a launcher hands down is left alone.
void launched_before_mpi(void);
void launched_after_mpi(void);

// MPI counts `size` ranks, in the library's words `library`; NULL: there is no MPI. USAGE where a launcher has started
// more: it is another MPI's. The first of them has the sentence; the others' is empty, and they wait, so that it is
// heard before the job is ended.
status launched_check(int size, const char *library);

#endif
