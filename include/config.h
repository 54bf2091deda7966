// Every knob: name, type, default, range, words; YAML in and out. Looks at base, and at es for its list of
// strategies. Knows what may be said, not what it is used for. libyaml is seen by src/config/yaml.c alone.
#ifndef CONFIG_H
#define CONFIG_H

#include "base.h"
#include "es.h"  // its list of strategies

#define CONFIG_TEXT 256
#define CONFIG_FROM_MAX 16

typedef struct settings {
  struct {
    char directory[CONFIG_TEXT];  // where everything lands
    int64_t seed;
    int rounds;
  } run;
  struct {
    char name[CONFIG_TEXT];
    char python[CONFIG_TEXT], options[CONFIG_TEXT], wrappers[CONFIG_TEXT];  // "none": nothing
    char observation[CONFIG_TEXT];  // keys, or "all"
    int crop[4];                  // top, bottom, left, right
    bool grey;
    int actions;                  // enum config_actions
    int lanes;
    int memory;                   // MB; 0: any number
    int frame_skip;
    int cap;                      // steps; 0: its own
    double reward_scale;
  } environment;
  struct {
    int episodes;
    char policy[CONFIG_TEXT];
    char from[CONFIG_FROM_MAX][CONFIG_TEXT];  // folders of episodes instead; "": no more
    char keys[CONFIG_TEXT];       // of their observations, or none: see settings_keys
    int shard;                    // episodes per file
    double held_out;              // fraction of the episodes never trained on
  } collect;
  struct {                        // what rounds after the first do otherwise
    int episodes;                 // 0: as many
    double mean, noise, takeover; // shares of episodes, standard deviation
    int newest;                   // times as often as others the newest episodes are learnt from
    int vae_frames, rnn_epochs;   // 0: V stays, M stays
    double learning_rate;         // of both
    int generations;
    double sigma0;
    bool warm;                    // M and the search begin where they ended
  } round;
  struct {
    int latent;
    int channels[4];
    int epochs, frames, batch;    // frames: an epoch shows at most; 0: all
    double learning_rate, learning_rate_end;
    double kl_tolerance;          // nats per latent dimension
    double weight_moving;         // share; 0: none
  } vae;
  struct {
    int hidden, mixtures;
    int mixture;                  // enum config_mixture
    int predicts;                 // enum config_predicts
    int members;
    int epochs, batch, steps;     // lanes, chunk length
    double learning_rate, learning_rate_end;
    double clip;                  // per element
    double log_sigma_floor;
    double done_weight, reward_weight;
    double own_samples;           // share of the inputs
    int own_passes;
    double own_from;              // fraction of the updates before
    int ahead;                    // steps; 0: no head for what is ahead
  } rnn;
  struct {
    double temperature;
    int cap;                      // steps; 0: the environment's
    double first;                 // share of dreams
    int end;                      // enum config_dream_end
    int reward;                   // enum dream_reward
    int precision;                // enum dream_precision
    int lanes;
  } dream;
  struct {
    int features;                 // enum controller_features
    int hidden;                   // units; 0: linear
    bool bias;
  } controller;
  struct {
    int strategy;                 // enum config_strategy
    int in;                       // enum config_in
    int generations, popsize, episodes;
    double spread;                // times the deviation between members' means, off the fitness
    double sigma0;
    char start[CONFIG_TEXT];      // another run's directory, ahead or none: see settings_start
    bool active, common_random_numbers;
    int held_out_every, held_out_episodes, real_episodes;
    int best;                     // enum config_best
    bool uncertainty;             // second evaluations
    int episodes_max;             // with them: dreams per candidate at most
    int restarts;                 // enum config_restarts
    int doublings;                // of the popsize, by restarts, at most
    int descents;                 // side by side
    int search;                   // which of all that the same seed and world could have
    int candidates;               // enum config_candidates; changes no result
  } evolve;
  struct {
    int episodes;                 // 0: nothing is measured
  } fidelity;
  struct {
    int episodes;
    int controller;               // enum evaluate_controller
  } evaluate;
} settings;

enum config_actions { CONFIG_ACTIONS_LARGEST, CONFIG_ACTIONS_THRESHOLDS };     // words: largest, thresholds
enum config_mixture { CONFIG_MIXTURE_EACH, CONFIG_MIXTURE_JOINT };              // words: each, joint
enum config_predicts { CONFIG_PREDICTS_NEXT, CONFIG_PREDICTS_CHANGE };        // words: next, change
enum config_dream_reward { CONFIG_REWARD_ALIVE, CONFIG_REWARD_HEAD };         // words: alive, head
enum config_dream_end {           // words: threshold, sampled, expected
  CONFIG_END_THRESHOLD, CONFIG_END_SAMPLED, CONFIG_END_EXPECTED
};
enum config_dream_precision { CONFIG_PRECISION_FP32, CONFIG_PRECISION_BF16 };  // words: fp32, bf16
enum config_features {            // words: z, zh, zhc, observation
  CONFIG_FEATURES_Z, CONFIG_FEATURES_ZH, CONFIG_FEATURES_ZHC, CONFIG_FEATURES_OBSERVATION
};
enum config_strategy {  // words: those of ES_KIND_LIST
#define CONFIG_STRATEGY(name, table, word) CONFIG_STRATEGY_##name,
  ES_KIND_LIST(CONFIG_STRATEGY)
#undef CONFIG_STRATEGY
};
enum config_in { CONFIG_IN_DREAM, CONFIG_IN_REAL };                           // words: dream, real
enum config_best { CONFIG_BEST_DREAM, CONFIG_BEST_REAL };                     // words: dream, real
enum config_restarts {            // words: none, ipop, bipop
  CONFIG_RESTARTS_NONE, CONFIG_RESTARTS_IPOP, CONFIG_RESTARTS_BIPOP
};
enum config_candidates {          // words: auto, sent, made
  CONFIG_CANDIDATES_AUTO, CONFIG_CANDIDATES_SENT, CONFIG_CANDIDATES_MADE
};
enum config_evaluate { CONFIG_EVALUATE_MEAN, CONFIG_EVALUATE_BEST };          // words: mean, best

void settings_default(settings *s);
// Reads a YAML file over what is in *s. BAD_CONFIG with file:line:column, key, what was found, what is allowed (unknown
// key: the nearest known one), NO_IO when the file cannot be read; *s is unchanged then.
status settings_load(settings *s, const char *path);
// One `key=value` (or `key: value`) as on the command line: the value as it stands, a list as [a, b]. BAD_CONFIG as
// above; *s is unchanged then.
status settings_set(settings *s, const char *assignment);
// Rules that tie several knobs together; BAD_CONFIG with a sentence.
status settings_check(const settings *s);
// The whole configuration as YAML; `words` adds each knob's sentence, range and default as comments. Reading it back
// gives equal settings.
void settings_print(const settings *s, text_buffer *out, bool words);
void settings_json(const settings *s, text_buffer *out, const char *key);
// The knobs by number, from 0: their names, section.key, NULL past the last; and all the words that such a knob may
// have, NULL at the end, or NULL where they are not words. Static.
const char *settings_knob_name(int i);
const char *const *settings_knob_words(int i);
// Where the value of a knob was read that was read last, as messages begin: "run.yaml:3:11", "--set evolve.popsize=8".
// NULL: it is the default. Borrowed, until settings are read again.
const char *settings_place(const char *name);

// Where the search's first mean is read, the directory of a run; NULL: it is 0. Points into *s.
const char *settings_start(const settings *s);
bool settings_start_ahead(const settings *s);  // the search begins at what M sees ahead

// Is a world learnt? Not where C sees the observation itself: then there is no V, no M and no dream.
bool settings_learn(const settings *s);
// Which of several observations of others' episodes, separated by commas; "": there is one. Points into *s.
const char *settings_keys(const settings *s);

// The settings of one round, from 1 on: later ones have the knobs of `round` in place of others. Where there are
// several each has a directory of its own, run.directory/round-N.
settings round_settings(const settings *s, int round);

// What a knob decides, as it stands in its row of the table: whose results. None of them: where things land, or how
// fast.
enum config_decides {
  CONFIG_EPISODES = 1 << 0,
  CONFIG_V = 1 << 1,
  CONFIG_M = 1 << 2,
  CONFIG_SEARCH = 1 << 3,
  CONFIG_LENGTH = 1 << 4,     // of the search: a longer one is the same one, not yet complete
  CONFIG_JUDGEMENT = 1 << 5,
  CONFIG_ROUND = 1 << 6,      // of all that rounds after the first make
  CONFIG_FIDELITY = 1 << 7,
  CONFIG_ROUND_LEARNT = 1 << 8  // of V and M in rounds after the first
};
// The knobs that decide one of these, a line "name: value" for each, and the identity that follows from them.
void settings_lines(const settings *s, unsigned decides, text_buffer *out);
hash settings_hash(const settings *s, unsigned decides);

// --- what may be asked of a search while it runs, in a file beside it -----------------------------------------------
typedef struct control {
  bool stop;         // checkpoint, then leave
  int generations;   // the new limit; 0: not asked
  bool state;        // tell how it stands
} control;
// YAML without sections, each key once, of a file called `name`; `made` generations stand, so the limit must be above.
// BAD_CONFIG as above; *c is unchanged then. What the file does not name is not asked.
status control_read(control *c, const char *name, const char *bytes, size_t size, int made);
status control_set(control *c, const char *assignment);        // one `key=value` over what is in *c
const char *control_knob_name(int i);                          // from 0; NULL past the last; static
void control_print(const control *c, text_buffer *out);        // as YAML; what is not asked is left out
bool control_empty(const control *c);

#endif
