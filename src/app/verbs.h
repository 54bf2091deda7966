// The verbs and their options, as tables that help, the man page, completion, parsing and refusals read.
#ifndef VERBS_H
#define VERBS_H

#include "app.h"

typedef enum verb_id {
  VERB_RUN, VERB_COLLECT, VERB_TRAIN, VERB_TRAIN_VAE, VERB_ENCODE, VERB_TRAIN_RNN, VERB_EVOLVE, VERB_FIDELITY,
  VERB_EVALUATE, VERB_REPORT, VERB_ENV, VERB_DATA, VERB_EXPLAIN, VERB_BENCH, VERB_CONFIG, VERB_CONTROL, VERB_LAUNCH,
  VERB_HELP,
  VERBS
} verb_id;

typedef struct verb {
  const char *name, *words;
  status (*act)(app *a);    // collective; NULL: answered without ranks
  bool writes;              // stages of the run directory, which it therefore must have for itself
  const char *usage;        // what follows its name
  const char *examples[2];
} verb;
extern const verb verbs[VERBS];
const verb *verb_find(const char *name);  // NULL: there is none of that name
status verb_unknown(const char *name);    // USAGE, with the nearest

#define VERB_BIT(id) (1u << (id))
unsigned verb_bit(const verb *v);
typedef struct verb_option {
  const char *name, *value;  // value: what follows it, A|B where these words are all there are; NULL: nothing
  const char *words;
  unsigned verbs;            // bits of those that have it
  const char *subject;       // of bench: farm or es
  status (*take)(app *a, const char *value);  // NULL: the verb reads its words itself
} verb_option;
const verb_option *option_at(int i);                              // NULL past the last
const verb_option *option_first(const char *name);                // of that name in the table, whoever has it
const verb_option *option_find(const char *name, const verb *v);  // NULL: the verb has none of that name
status option_unknown(const char *name, const verb *v);           // USAGE: whose it is, or the nearest

// To standard output.
void help_print(void);                // of the whole program
void help_print_verb(const verb *v);
void manual_print(void);              // dreamfarm.1, for man
void completion_print(void);          // a script that bash sources

#endif
