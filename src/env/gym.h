// Lanes of somebody else's environment, before the door of the room; and whether they are pure.
#ifndef ENV_GYM_H
#define ENV_GYM_H

#include "gym_facts.h"

typedef struct gym gym;
// `id` is what Gymnasium's make takes; it and what o points to are borrowed.
status gym_open(gym **g, const char *id, const env_options *o, int lanes);
void gym_close(void *self);
const gym_facts *gym_facts_of(const gym *g);

// As their namesakes in env.h.
void gym_reset(void *self, int lane, rng luck);
void gym_step(void *self, const float *actions, env_outcome *outcomes, int n);
void gym_observe(void *self, void *observations, int n);
void gym_move(void *self, int to, int from);
const char *gym_failure(const void *self);

// Names what is played: another id, or other words about it, is another environment. The Python is not part of it.
hash gym_order(const char *id, const env_options *o);
// Whether an episode is a function of its luck and its actions: two are played twice, one after the other and side by
// side, in two processes. What was tested is known for as long as this process lasts. BROKEN: they break, and why.
status gym_pure(bool *pure, const char *id, const env_options *o);

#endif
