// The last two controller.safetensors of a folder `home`: the newest, and what it was before.
#ifndef SEARCH_CHECKPOINT_H
#define SEARCH_CHECKPOINT_H

#include "search.h"

status checkpoint_save(const char *home, const search_state *s, const es *e, const float *best);
bool checkpoint_exists(const char *home);
// The newest that is intact; *damaged: the newest was not, which is said. checkpoint_set_aside then makes room for its
// successor.
status checkpoint_newest(const char *home, bool *damaged, search_state *s, es **e, float *mean, float *best, int n);
status checkpoint_set_aside(const char *home);
status checkpoint_forget(const char *home);  // --fresh

#endif
