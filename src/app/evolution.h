// What the files of the evolve verb share: the search under way (evolve.c), and what is told of it (rows.c).
#ifndef APP_EVOLUTION_H
#define APP_EVOLUTION_H

#include <sys/stat.h>

#include "app.h"

#define EVOLUTION_CSV_HEAD "generation,best,median,mean,held_out,real,sigma,condition,episodes,steps,broken,seconds,busy,dream,controller,master,wait\n"

typedef enum evolution_job { JOB_TRAIN, JOB_HELD_OUT, JOB_REAL } evolution_job;  // of one generation; numbers in the journal

typedef struct row {
  double best, median, mean, held_out, real;  // held_out, real: NaN where not asked
  int64_t steps;
  int broken;
  double seconds, busy, controller, master;   // of the candidates' map: farm_report's, `controller` being what is counted apart
  int64_t sent, repeated;                     // episodes handed out, of which again; of the candidates
} row;

// What the look at control.yaml remembers.
typedef struct control_watch {
  struct stat seen;              // of the file as it was at the last look; zero: there was none
  double since, looked;          // it looks like that since then; the last look
  double began;                  // of this process's search: seconds, and generations made before
  int before;
} control_watch;

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
  int generations;               // the limit: the configuration's, or what a control file made of it
  int away;                      // workers that are lost
  row last;                      // of this process; generation 0: all NaN
  control_watch watch;
} evolution;

// --- run.csv and run.jsonl --------------------------------------------------------------------------------------------------
status rows_begin(evolution *v);               // both anew
status rows_cut(const evolution *v);           // run.csv as the checkpoint knows it
status rows_add(evolution *v, const row *r);
void rows_show(evolution *v, const row *r);    // on the terminal
// Events of the run. words may be NULL.
status rows_event(const evolution *v, const char *event, const char *words);
status rows_resumed(const evolution *v, int episodes);  // so many came from the journal
// What a control file asked for; its limit is found again by a resume of the same evolve.generations (0: there is none).
status rows_control(const evolution *v, const control *c);
int rows_limit(const evolution *v);
status rows_refused(const evolution *v, const char *words);  // a control file
// How the search stands, `finished` episodes into a map, `eta` seconds before its end: in the log, run.jsonl and state.json.
status rows_state(const evolution *v, int64_t finished, double eta);
void rows_happened(evolution *v, const farm_event *e, int members);  // and poison's line in the log

// --- control.yaml (control.c) -------------------------------------------------------------------------------------------------
void control_begin(evolution *v);                     // sets the limit; a file that waits is taken
void control_look(evolution *v, int64_t finished);    // a few times a second; `finished` episodes of the map under way

#endif
