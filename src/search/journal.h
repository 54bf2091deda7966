// The journal: episodes of this generation that are finished.
#ifndef SEARCH_JOURNAL_H
#define SEARCH_JOURNAL_H

#include "base.h"
#include "rollout.h"

typedef struct journal journal;
status journal_open(journal **j, const char *path, int tasks_max);  // NO_IO
void journal_close(journal *j);                                     // NULL is allowed
// From here on the generation of this identity. Returns how many finished episodes of it an earlier process left.
int journal_begin(journal *j, hash identity);
// Those of one job, numbered group * episodes + episode: known 0/1, and their results in place, both (groups, stride)
// with stride >= episodes; what is between is left alone. Returns how many are known.
int journal_recall(const journal *j, int job, unsigned char *known, rollout_result *results, int groups, int episodes,
                   int stride);
void journal_add(journal *j, int job, int task, const rollout_result *result);  // into memory
void journal_write(journal *j);  // what was added, with one write; from then on no kill loses it

#endif
