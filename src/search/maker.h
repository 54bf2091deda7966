// A crew that makes the candidates it plays: tasks bring an index, the job's shared bytes the states of the searches
// that all candidates follow from. Between the farm, which carries bytes, and a rollout, which knows no searches.
#ifndef SEARCH_MAKER_H
#define SEARCH_MAKER_H

#include "es.h"
#include "farm.h"
#include "rollout.h"

// What travels instead of a candidate's parameters.
typedef struct made_record {
  rollout_record head;
  int32_t source, index;  // which of the shared states, and which of its candidates
} made_record;

typedef struct maker maker;
maker *maker_open(rollout *crew, int n);  // n parameters; the crew is not owned
void maker_close(maker *m);               // NULL is allowed
farm_crew maker_crew(maker *m);

// Shared bytes: a number of sources behind each other, either searches (es_sample_save) or vectors that are their own
// only candidate.
typedef enum maker_kind { MAKER_SEARCHES, MAKER_VECTORS } maker_kind;
typedef struct maker_share {
  maker_kind kind;
  int sources;
  size_t size;
  char *bytes;  // not owned; room is the caller's care
} maker_share;
void maker_share_begin(maker_share *s, maker_kind kind, char *bytes);
void maker_share_search(maker_share *s, const es *search);
void maker_share_vector(maker_share *s, const float *vector, int n);
size_t maker_share_room(size_t source_bytes, int sources);  // bytes that so many sources of at most such a size need

#endif
