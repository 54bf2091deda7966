// What the files of this room share.
#ifndef FIDELITY_PARTS_H
#define FIDELITY_PARTS_H

#include "data.h"
#include "fidelity.h"
#include "search.h"

// How far all the measuring is.
typedef struct fidelity_pace { stage_work work; double before; } fidelity_pace;
bool fidelity_tick(void *pace, int64_t finished);  // a farm's

// By the rollout's crew, and by one that looks at recorded episodes. Collective.
status fidelity_play(const fidelity_job *j, fidelity_result *r, fidelity_pace *pace);
status fidelity_look(const fidelity_job *j, fidelity_result *r, fidelity_pace *pace);
status fidelity_choose(const fidelity_job *j, fidelity_result *r, fidelity_pace *pace);
const char *fidelity_choose_hinders(const env_spec *e);  // why it cannot be measured; static, NULL: it can
double fidelity_play_tasks(const fidelity_job *j);
// Serves, or does `master` and dismisses the others.
status fidelity_lead(const fidelity_job *j, const farm_crew *crew, status (*master)(void *self), void *self);

// What an ordinary observation of these episodes is: episodes first .. first + count - 1. Caller frees with close.
status fidelity_ground_measure(fidelity_ground *g, dataset *d, int first, int count);
fidelity_ground fidelity_ground_open(bool pixels, int size);
void fidelity_ground_close(fidelity_ground *g);
void fidelity_picture(float *picture, const fidelity_ground *g, const void *observation);  // of a real one

#endif
