// Around the job: starts it, watches its pulse, ends what is left of it, starts it again. Never starts MPI. Looks at base,
// run.
#ifndef LAUNCH_H
#define LAUNCH_H

#include "base.h"

// `dreamfarm launch`, words[1] being that. `understand` reads the words of the verb to be launched (words[1] of its own)
// and tells the run's directory, or why they will not do.
typedef status launch_understand(file_path *directory, int count, char **words);
status launch_main(int count, char **words, launch_understand *understand);
// In a rank, before MPI: where Open MPI puts what a killed rank leaves.
void launch_rank(const char *job);

#endif
