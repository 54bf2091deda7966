// Who started this process. The names are Open MPI's; other MPIs do not know them.

#include "launched.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINGER_SECONDS 3

// Each launcher's count of what it started, and which of them this is. SLURM_NTASKS will not do: batch scripts have it,
// too.
typedef struct launched_kind { const char *size, *rank; } launched_kind;
static const launched_kind kinds[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
    {"PMI_SIZE", "PMI_RANK"},
    {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"},
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static char *step_hidden;  // SLURM_STEP_ID while MPI starts; owned

static int launched_number(const char *variable) {
  const char *text = getenv(variable);
  return text ? atoi(text) : 0;
}

// By what a rank of some launcher cannot be without.
static bool launched_alone(void) {
  static const char *const wires[] = {"PMIX_RANK", "PMIX_NAMESPACE", "PMI_RANK", "PMI_FD", "PMI_PORT",
                                      "OMPI_MCA_orte_hnp_uri", "OMPI_MCA_ess_base_jobid"};
  for (size_t i = 0; i < sizeof wires / sizeof *wires; i++)
    if (getenv(wires[i])) return false;
  for (int i = 0; i < KINDS; i++)
    if (launched_number(kinds[i].size) > 1) return false;
  return true;
}

void launched_before_mpi(void) {
  // No daemon of its own, which would want a remote shell. Heard only by a process that Open MPI finds alone.
  setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
  if (!launched_alone()) return;

  // No port, no network, no files beside those of the run.
  setenv("OMPI_MCA_pml", "ob1", 0);
  setenv("OMPI_MCA_btl", "self", 0);
  setenv("OMPI_MCA_oob", "^tcp", 0);
  setenv("OMPI_MCA_orte_create_session_dirs", "0", 0);

  // The only task of a step of SLURM's, without the wire that --mpi=pmix lays: Open MPI would miss it.
  const char *step = getenv("SLURM_STEP_ID");
  if (!step) return;
  step_hidden = strcpy(mem_take(strlen(step) + 1, 1), step);
  unsetenv("SLURM_STEP_ID");
}

void launched_after_mpi(void) {
  if (step_hidden) setenv("SLURM_STEP_ID", step_hidden, 1);
  mem_free(step_hidden);
  step_hidden = NULL;
}

status launched_check(int size, const char *library) {
  const launched_kind *by = NULL;
  int most = size;
  for (int i = 0; i < KINDS; i++) {
    int started = launched_number(kinds[i].size);
    if (size > 1 || started == 1) return OK;  // the nearest launcher may stand inside another one's job
    if (started <= most) continue;
    most = started;
    by = &kinds[i];
  }
  if (!by) return OK;

  // One speaks for all.
  if (launched_number(by->rank) != 0) {
    sleep(LINGER_SECONDS);
    FAIL(USAGE, "%s", "");
  }
  if (!library)
    FAIL(USAGE,
         "%s says that %d ranks were started, but this program was built for one, without MPI (make MPI=no): start it by "
         "itself, or build it with MPI",
         by->size, most);
  FAIL(USAGE,
       "%s says that %d ranks were started, but each finds itself alone: the launcher belongs to another MPI than this "
       "program's, %.*s; start it with that one's mpirun, or with srun --mpi=pmix",
       by->size, most, (int)strcspn(library, ",\n"), library);
}
