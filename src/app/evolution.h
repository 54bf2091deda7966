// What the files of the evolve verb share: the search under way (evolve.c), and what is told of it (rows.c).
#ifndef APP_EVOLUTION_H
#define APP_EVOLUTION_H

#include "app.h"

#define EVOLUTION_CSV_HEAD "generation,best,median,mean,held_out,real,sigma,condition,episodes,steps,broken,seconds,busy,dream,controller,master,wait\n"

typedef enum evolution_job { JOB_TRAIN, JOB_HELD_OUT, JOB_REAL } evolution_job;  // of one generation; numbers in the journal

typedef struct evolution {
  app *a;
  const world *w;
  rollout *crew;
  es *search;
  search_state state;
  journal *finished;             // episodes of this generation
  evolution_job job;             // being played
  int n, popsize, episodes;      // parameters, candidates, episodes a candidate
  size_t record_bytes;
  char *records;                 // (popsize, record_bytes)
  double *told;                  // (popsize, n)  the candidates as played
  double *score, *loss;          // (popsize)     mean return; what es minimises
  unsigned char *known;          // (most tasks of any job) answered by an earlier process
  rollout_result *results;       // (most tasks of any job)
  float *mean, *best;            // (n)
  file_path csv, jsonl;
  double told_at, mapped;        // when the last row was told; seconds in maps since then
  progress p;
} evolution;

typedef struct row {
  double best, median, mean, held_out, real;  // held_out, real: NaN where not asked
  int64_t steps;
  int broken;
  double seconds, busy, controller, master;   // of the candidates' map: farm_report's, `controller` being what is counted apart
  int64_t sent, repeated;                     // episodes handed out, of which again; of the candidates
} row;

// --- run.csv and run.jsonl --------------------------------------------------------------------------------------------------
status rows_begin(evolution *v);               // both anew
status rows_cut(const evolution *v);           // run.csv as the checkpoint knows it
status rows_add(evolution *v, const row *r);
void rows_show(evolution *v, const row *r);    // on the terminal
// Events of the run. words may be NULL.
status rows_event(const evolution *v, const char *event, const char *words);
status rows_resumed(const evolution *v, int episodes);  // so many came from the journal
void rows_happened(const evolution *v, const farm_event *e, int members);  // and poison's line in the log

#endif
