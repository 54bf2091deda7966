// What the room's files share: the searches under way (evolve.c), one of them (descent.c), the job in which they are
// played (play.c), and what is told of them (rows.c). They call each other downwards: evolve > control > descent >
// play > rows > evolution.
#ifndef SEARCH_EVOLUTION_H
#define SEARCH_EVOLUTION_H

#include <math.h>

#include "checkpoint.h"
#include "journal.h"
#include "maker.h"
#include "search.h"

// Of one generation; numbers in the journal.
typedef enum evolution_job { JOB_TRAIN, JOB_HELD_OUT, JOB_REAL, JOB_COMPARED } evolution_job;

// What a generation came to.
typedef struct outcome {
  int descent, popsize, dreams;               // which descent, its candidates, the dreams of each
  double best, median, mean, held_out, real;  // held_out, real: NaN where not asked
  double ratio;                               // of steps survived, dream over reality; NaN where not asked
  double real_steps;                          // of the real episodes, together; NaN: there were none
  double noise;                               // of uncertainty handling; NaN without
  int64_t steps;
  int broken;
  double seconds;
  // Of the job it was played in, farm_report's, `controller` being what is counted apart; busy is NaN where that job
  // goes on.
  double busy, controller, master;
  int64_t sent, repeated;                     // episodes handed out, of which again; of the candidates
  char ended[256];                            // why a descent ended with this generation; empty: none did
} outcome;

static inline bool outcome_judged(const outcome *o) { return !isnan(o->held_out) || !isnan(o->real); }

// One chain of generations, with a checkpoint, a journal and rows of its own. A run is one, or several side by side
// that know nothing of each other.
typedef struct evolution evolution;
typedef struct descent {
  evolution *v;
  int number;                        // 1 ..
  file_path home, csv;               // where its checkpoint and its journal are, its rows
  uint64_t seed;                     // <- run.seed, number
  es *search;
  search_state state;
  journal *finished;                 // episodes of the generation under way
  int popsize, again, episodes;      // of that generation: candidates, how many of them twice, dreams each  <- search
  double *score;                     // (most popsize)  mean return
  double *loss, *second;             // (most popsize)  what es minimises, and of those evaluated twice again
  double *returned;                  // (most episodes)  of one candidate
  int *member;                       // (most episodes)  whose dreams these were
  double *sorted;                    // (most popsize)
  float *mean, *best;                // (n)  to be judged; the best judged so far
  bool resumes, damaged;             // from a checkpoint; the newest one was damaged
  bool over;                         // the generation that stands is its last  <- search, the limit
  const char *why;                   // the search's reason; NULL at the last generation asked for. Borrowed from it
  bool played;                       // in this round
  outcome row;                       // of the generation under way
  text_buffer rows;                  // its rows that run.csv does not have yet, where there are several descents
  int rows_count, rows_gone;         // how many these are, and those that it has
} descent;

// What a descent has in a job: some groups, of which a number of members is played.
typedef struct share {
  descent *d;
  int first, room;                   // groups that are its own
  int groups, episodes;              // of the generation under way
  int left;                          // unanswered
  double began;                      // seconds; when its generation did
  bool told;                         // that one is over, and no other began
} share;

// Who is asked while a job is played.
typedef struct play_watch {
  bool (*answered)(share *s);                     // all of it is; true: it holds a generation anew. NULL: none does
  bool (*going)(evolution *v, int64_t finished);  // a few times a second; false: the job is given up
} play_watch;

struct evolution {
  // <- search_job, all borrowed
  const settings *s;
  const run_home *home;
  farm *f;
  const world *w;
  const float *begin;                // (n) or NULL

  rollout *crew;
  maker *maker;                      // NULL where candidates are sent as numbers
  int n;                             // parameters
  dream_rules rules, compared;       // the search's dreams; those that stand beside real episodes
  hash identity, world;
  descent *descents;                 // (count)
  int count;
  bool streams;                      // descents go on as soon as their own candidates are answered

  // --- the job being played: groups of all its shares, members as many as the longest of them has episodes
  evolution_job job;
  const play_watch *watched;
  share *shares;                     // (count)
  int share_count, groups, members;
  status failed;                     // while it was played, with words
  char words[1024];
  int *share_of;                     // (most groups)
  size_t record_bytes;
  char *records;                     // (most groups, record_bytes)  rollout_record and parameters, or made_record
  maker_share shared;                // of the job, where candidates are made
  char *shared_room;                 // (shared_max)
  size_t shared_max;
  double *expected;                  // (most groups)
  unsigned char *known;              // (most tasks)
  rollout_result *results;           // (most tasks)
  int groups_max, tasks_max;

  // --- what is told
  file_path csv, jsonl;
  double told_at, mapped;            // when the last row was told; seconds in maps since then
  stage_work work;
  int generations;                   // of each descent: the configuration's limit, or what a control file made of it
  int away;                          // workers that are lost
  outcome last;                      // told by this process; generation 0: all NaN
  double began;                      // this process's search: seconds, and generations made before
  int before;
};

// --- how it stands (evolution.c) ------------------------------------------------------------------------------------
const descent *evolution_leader(const evolution *v);  // the descent whose best mean is the best
int evolution_generations(const evolution *v);        // done so far, of all descents
int evolution_furthest(const evolution *v);           // of the one that has done most
bool evolution_over(const evolution *v);              // all descents are

// --- run.csv and run.jsonl (rows.c) ---------------------------------------------------------------------------------
status rows_begin(descent *d);                    // no rows
status rows_cut(const descent *d);                // as the checkpoint knows it
status rows_add(descent *d);
status rows_gather(evolution *v);                 // of several descents: run.csv anew, from theirs
status rows_merge(evolution *v);                  // what all descents have come past
status rows_used(const evolution *v, const farm_report *r);  // of a job in which descents went on by themselves
void rows_show(const descent *d);                 // on the terminal
// Events of the run. words may be NULL.
status rows_event(const descent *d, const char *event, const char *words);
status rows_resumed(const descent *d, int episodes);  // so many came from the journal
void rows_happened(evolution *v, const farm_event *e);  // and poison's line in the log
// What a control file asked for.
status rows_control(const evolution *v, const control *c);
status rows_refused(const evolution *v, const char *words);
// How the search stands, `finished` episodes into a map, `eta` seconds before its end: in the log, run.jsonl and
// state.json.
status rows_state(const evolution *v, int64_t finished, double eta);

// --- a job (play.c) -------------------------------------------------------------------------------------------------
rollout_record *play_record(const evolution *v, int group);
const rollout_result *play_result(const evolution *v, const share *s, int group, int episode);
void play_begin(evolution *v, evolution_job job);
// The caller writes the records of its groups.
share *play_add(evolution *v, descent *d, int room, int groups, int episodes);
void play_fail(evolution *v, status s);           // the job ends with this status and its sentence
status play_run(evolution *v, const play_watch *watch, farm_report *report);
farm_crew play_crew(const evolution *v);

// --- a descent (descent.c) ------------------------------------------------------------------------------------------
// Sizes, from the settings alone.
int descent_groups_most(const settings *s, int number);   // of any, second evaluations included
int descent_episodes_most(const settings *s);             // per candidate
size_t descent_source_most(const settings *s, int n);     // bytes of what they are made from: a state, or a mean
bool descent_makes(const settings *s, int n);             // are candidates of n parameters made by those who play them?

void descent_open(evolution *v, int number);              // room, no more
void descent_close(descent *d);
status descent_ready(descent *d);                         // its search, from its checkpoint or anew; writes nothing
status descent_start(descent *d);                         // its files, from there on
// MISMATCH: its state is of another configuration or world.
status descent_refuse_other(const descent *d, const char *where);
void descent_limit(descent *d);                           // sets `over`: the limit is another one
bool descent_due(const descent *d);                       // is its mean to be judged?
// Its candidates into the records from group `first` on, and what they share.
void descent_write(descent *d, int first);
// Its mean, as `asked` says, whose place, stream and rules count.
void descent_write_mean(descent *d, int group, const rollout_record *asked);
void descent_tell(share *s);                              // what came of them
status descent_save(descent *d);                          // row, then checkpoint, which says how many rows count
// All of its share is answered: ends that generation and begins the next where it stands, if nothing else is due and it
// fits. False: it does not; what then went wrong is in v->failed.
bool descent_goes_on(share *s);

// --- control.yaml (control.c) ---------------------------------------------------------------------------------------
void control_begin(evolution *v);                     // sets the limit; a file that waits is taken
void control_look(evolution *v, int64_t finished);    // a few times a second; `finished` episodes of the map under way

#endif
