// The table of knobs. Defaults, YAML, --set, printing, JSON and hashes all walk it; nothing else names a knob twice.
// Defaults are the sizes of the World Models Doom experiment (Ha & Schmidhuber 2018; below WM), where the article and
// its code differ the article's.

#include <string.h>

#include "knobs.h"

static const char *const action_words[] = {
    [CONFIG_ACTIONS_LARGEST] = "largest", [CONFIG_ACTIONS_THRESHOLDS] = "thresholds", NULL};
static const char *const predicts_words[] = {[CONFIG_PREDICTS_NEXT] = "next", [CONFIG_PREDICTS_CHANGE] = "change",
                                              NULL};
static const char *const mixture_words[] = {[CONFIG_MIXTURE_EACH] = "each", [CONFIG_MIXTURE_JOINT] = "joint", NULL};
static const char *const reward_words[] = {[CONFIG_REWARD_ALIVE] = "alive", [CONFIG_REWARD_HEAD] = "head", NULL};
static const char *const end_words[] = {[CONFIG_END_THRESHOLD] = "threshold",
                                        [CONFIG_END_SAMPLED] = "sampled",
                                        [CONFIG_END_EXPECTED] = "expected",
                                        NULL};
static const char *const precision_words[] = {[CONFIG_PRECISION_FP32] = "fp32", [CONFIG_PRECISION_BF16] = "bf16", NULL};
static const char *const feature_words[] = {[CONFIG_FEATURES_Z] = "z",
                                            [CONFIG_FEATURES_ZH] = "zh",
                                            [CONFIG_FEATURES_ZHC] = "zhc",
                                            [CONFIG_FEATURES_OBSERVATION] = "observation",
                                            NULL};
static const char *const in_words[] = {[CONFIG_IN_DREAM] = "dream", [CONFIG_IN_REAL] = "real", NULL};
static const char *const best_words[] = {[CONFIG_BEST_DREAM] = "dream", [CONFIG_BEST_REAL] = "real", NULL};
static const char *const restart_words[] = {
    [CONFIG_RESTARTS_NONE] = "none", [CONFIG_RESTARTS_IPOP] = "ipop", [CONFIG_RESTARTS_BIPOP] = "bipop", NULL};
static const char *const candidate_words[] = {
    [CONFIG_CANDIDATES_AUTO] = "auto", [CONFIG_CANDIDATES_SENT] = "sent", [CONFIG_CANDIDATES_MADE] = "made", NULL};
static const char *const evaluate_words[] = {[CONFIG_EVALUATE_MEAN] = "mean", [CONFIG_EVALUATE_BEST] = "best", NULL};

static const char *const strategy_words[] = {
#define STRATEGY_WORD(name, table, word) [CONFIG_STRATEGY_##name] = word,
    ES_KIND_LIST(STRATEGY_WORD)
#undef STRATEGY_WORD
    NULL};

// The place of a knob; a row whose type is not its field's does not compile.
#define AT(type, field) \
  (offsetof(settings, field) + 0 * sizeof(char[_Generic(&((settings *)0)->field, type: 1, default: -1)]))
#define ROW(key, kind, place, count, decided, low, high, list_of_words, written, said)    \
  {.name = key, .type = kind, .offset = place, .list = count, .least = low, .most = high, \
   .words = list_of_words, .initial = written, .sentence = said, .decides = decided}
#define INT(name, field, decides, least, most, initial, sentence) \
  ROW(name, KNOB_INT, AT(int *, field), 0, decides, least, most, NULL, initial, sentence)
#define INT64(name, field, decides, least, most, initial, sentence) \
  ROW(name, KNOB_INT64, AT(int64_t *, field), 0, decides, least, most, NULL, initial, sentence)
#define INTS(name, field, decides, count, least, most, initial, sentence) \
  ROW(name, KNOB_INT, AT(int(*)[count], field), count, decides, least, most, NULL, initial, sentence)
#define REAL_(name, field, decides, least, most, initial, sentence) \
  ROW(name, KNOB_REAL, AT(double *, field), 0, decides, least, most, NULL, initial, sentence)
#define BOOL(name, field, decides, initial, sentence) \
  ROW(name, KNOB_BOOL, AT(bool *, field), 0, decides, 0, 1, NULL, initial, sentence)
#define WORD(name, field, decides, list, initial, sentence) \
  ROW(name, KNOB_WORD, AT(int *, field), 0, decides, 0, 0, list, initial, sentence)
#define TEXT(name, field, decides, initial, sentence) \
  ROW(name, KNOB_TEXT, AT(char(*)[CONFIG_TEXT], field), 0, decides, 0, 0, NULL, initial, sentence)
#define TEXTS(name, field, decides, count, initial, sentence) \
  ROW(name, KNOB_TEXT, AT(char(*)[count][CONFIG_TEXT], field), count, decides, 0, 0, NULL, initial, sentence)

// What a row decides: only where things land, or how fast.
#define NOTHING 0
#define EPISODES CONFIG_EPISODES
#define V CONFIG_V
#define M CONFIG_M
#define SEARCH CONFIG_SEARCH
#define LENGTH CONFIG_LENGTH
#define JUDGEMENT CONFIG_JUDGEMENT
#define ROUND CONFIG_ROUND
#define FIDELITY CONFIG_FIDELITY
#define ROUND_LEARNT CONFIG_ROUND_LEARNT
#define PLAYED (EPISODES | SEARCH | FIDELITY | JUDGEMENT)  // what a real episode is

// The largest whole number that a double, and so any reader of JSON, holds exactly: 2^53 - 1.
#define EXACT_MAX 9007199254740991.0

static const knob knob_rows[] = {
    TEXT("run.directory", run.directory, NOTHING, "runs/takecover", "where everything this run makes lands"),
    INT64("run.seed", run.seed, EPISODES | V | M | SEARCH | FIDELITY | JUDGEMENT, 0, EXACT_MAX, "1",
          "every random number follows from this one"),

    INT("run.rounds", run.rounds, NOTHING, 1, 1000, "1",
        "times that episodes are collected, the world is learned and a controller evolved, each time by the controller "
        "before (WM: 1)"),

    TEXT("environment.name", environment.name, PLAYED, "takecover",
         "the real environment that is learned and judged in: one of ours (dreamfarm env lists them), gym:ID (whatever "
         "Gymnasium makes by that id) or ./mine.so (a plug-in in C)"),
    TEXT("environment.python", environment.python, NOTHING, "python3",
         "gym: the Python that has Gymnasium and the environment; of a virtual environment its bin/python"),
    TEXT("environment.options", environment.options, PLAYED, "none",
         "what the environment is made with, as JSON in quotes, such as '{\"continuous\": true}'; none: nothing"),
    TEXT("environment.wrappers", environment.wrappers, PLAYED, "none",
         "gym: what it is wrapped in, module:Class, the innermost first, with commas between them; none: nothing"),
    TEXT("environment.observation", environment.observation, PLAYED, "all",
         "gym: where it shows a dictionary, the key, or keys with commas between them, that are seen; all: all"),
    INTS("environment.crop", environment.crop, PLAYED, 4, 0, 4096, "[0, 0, 0, 0]",
         "gym: rows and columns that are cut off its pictures at the top, bottom, left and right, before they are "
         "brought to 64 x 64"),
    BOOL("environment.grey", environment.grey, PLAYED, "false", "gym: whether its pictures lose their colours"),
    WORD("environment.actions", environment.actions, PLAYED, action_words, "largest",
         "gym: how numbers from -1 to 1 choose one of several actions: largest = one number for each, the largest has "
         "it; thresholds = of three, one number, below -1/3 the last, above 1/3 the second, else the first (WM)"),
    INT("environment.lanes", environment.lanes, NOTHING, 1, 4096, "16",
        "gym: episodes that a worker's Python steps at once, at most; changes no result"),
    INT("environment.memory", environment.memory, NOTHING, 0, 1e9, "0",
        "gym: MB of memory that a worker's Python, with all that it starts, may hold; one that takes more is ended, "
        "and its episodes are played again; 0: as much as there is"),
    INT("environment.frame_skip", environment.frame_skip, PLAYED, 1, 1000, "1",
        "steps of the environment that an action is held; its rewards are added up (WM: 1)"),
    INT("environment.cap", environment.cap, PLAYED, 0, 100000000, "0",
        "steps, each of one action, after which an episode is cut; 0: as the environment has it (WM: 2100)"),
    REAL_("environment.reward_scale", environment.reward_scale, PLAYED, 1e-9, 1e9, "1",
          "what its rewards are multiplied by; scores are of the product"),

    INT("collect.episodes", collect.episodes, EPISODES, 1, 1e7, "10000", "real episodes to learn from (WM: 10000)"),
    TEXT("collect.policy", collect.policy, EPISODES, "hold-random",
         "who acts while collecting: random, hold-random, still, wander:N, sweep:N or lookahead (WM: hold-random, an "
         "action drawn anew every few steps)"),
    TEXTS("collect.from", collect.from, NOTHING, CONFIG_FROM_MAX, "[]",
          "folders of episodes that are learnt from instead of collecting any, dreamfarm's own or Minari's; of all of "
          "them the first collect.episodes"),
    TEXT("collect.keys", collect.keys, NOTHING, "none",
         "of such episodes, if there are several observations: which, in this order, separated by commas"),
    INT("collect.shard", collect.shard, EPISODES, 1, 100000, "50", "episodes per file"),
    REAL_("collect.held_out", collect.held_out, V | M, 0, 0.5, "0.05",
          "fraction of the episodes, the last of each round, that is never trained on, only measured"),

    INT("round.episodes", round.episodes, NOTHING, 0, 1e7, "0",
        "real episodes that each round after the first adds; 0: as many as the first"),
    REAL_("round.mean", round.mean, ROUND, 0, 1, "0.35", "share of them that the controller plays as it is"),
    REAL_("round.noise", round.noise, ROUND, 0, 100, "0.1",
          "standard deviation of what is added to its parameters in the others"),
    REAL_("round.takeover", round.takeover, ROUND, 0, 1, "0.6",
          "share of them in which, now and then, an action drawn at random is held for 1 to 64 steps"),
    INT("round.newest", round.newest, ROUND_LEARNT, 1, 1000, "1",
        "how many times as often as the episodes of earlier rounds V and M see those of such a round in an epoch"),
    INT("round.vae_frames", round.vae_frames, NOTHING, 0, 1000000000, "0",
        "frames that V is trained on in each of these rounds; 0: V stays as the first made it"),
    INT("round.rnn_epochs", round.rnn_epochs, NOTHING, 1, 100000, "8", "epochs of M in each of these rounds"),
    REAL_("round.learning_rate", round.learning_rate, NOTHING, 1e-8, 1, "1e-3",
          "of V and M at the start of such a round"),
    INT("round.generations", round.generations, NOTHING, 1, 1000000, "40", "generations of the search in such a round"),
    REAL_("round.sigma0", round.sigma0, NOTHING, 1e-6, 100, "0.1", "its standard deviation in the first generation"),
    BOOL("round.warm", round.warm, ROUND, "true",
         "whether M and the search begin where they ended in the round before, or anew"),

    INT("vae.latent", vae.latent, V, 1, 1024, "64", "z: numbers that V makes of a frame (WM: Doom 64, CarRacing 32)"),
    INTS("vae.channels", vae.channels, V, 4, 1, 1024, "[32, 64, 128, 256]",
         "channels of the encoder's four convolutions; the decoder mirrors them (WM: 32, 64, 128, 256)"),
    INT("vae.epochs", vae.epochs, V, 1, 100000, "1", "passes over all frames (WM: article 1, code 10)"),
    INT("vae.frames", vae.frames, V, 0, 1000000000, "0",
        "frames an epoch shows at most, another sample each time; 0: all"),
    INT("vae.batch", vae.batch, V, 1, 65536, "100", "frames an Adam step (WM: 100)"),
    REAL_("vae.learning_rate", vae.learning_rate, V, 1e-8, 1, "1e-4", "of Adam (WM: 1e-4)"),
    REAL_("vae.learning_rate_end", vae.learning_rate_end, V, 1e-8, 1, "1e-4",
          "of Adam, at the last step, reached exponentially (WM: constant)"),
    REAL_("vae.kl_tolerance", vae.kl_tolerance, V, 0, 100, "0.5",
          "nats per latent dimension that the KL term does not punish (WM: 0.5)"),
    REAL_("vae.weight_moving", vae.weight_moving, V, 0, 100, "0",
          "how much more V minds the pixels that move: 1 + this times min(50, d^2/v), d a pixel's deviation from the "
          "mean frame, v the mean of all d^2 (WM: 0)"),

    INT("rnn.hidden", rnn.hidden, M, 1, 65536, "512", "units of M's LSTM (WM: Doom 512, CarRacing 256)"),
    INT("rnn.mixtures", rnn.mixtures, M, 1, 64, "5", "Gaussians per mixture (WM: 5)"),
    WORD("rnn.mixture", rnn.mixture, M, mixture_words, "each",
         "a mixture for each latent dimension, or a joint one, of which one Gaussian is drawn for all of them (WM: "
         "article joint, code each)"),
    WORD("rnn.predicts", rnn.predicts, M, predicts_words, "next",
         "what M says of the latent: next = the next one (WM), change = how far it moves, which is easier where it "
         "moves little"),
    INT("rnn.members", rnn.members, M | SEARCH, 1, 16, "1",
        "Ms of different seeds; each dream draws the one that makes what happens, while the first remembers (WM: 1)"),
    INT("rnn.epochs", rnn.epochs, M, 1, 100000, "20", "passes over all episodes (WM: article 20, code 400)"),
    INT("rnn.batch", rnn.batch, M, 1, 65536, "100", "episodes learned from side by side (WM: 100)"),
    INT("rnn.steps", rnn.steps, M, 1, 65536, "500", "environment steps a gradient flows back, one chunk (WM: 500)"),
    REAL_("rnn.learning_rate", rnn.learning_rate, M, 1e-8, 1, "1e-3", "of Adam, at the start (WM: 1e-3)"),
    REAL_("rnn.learning_rate_end", rnn.learning_rate_end, M, 0, 1, "1e-5", "what it decays towards (WM: 1e-5)"),
    REAL_("rnn.clip", rnn.clip, M, 1e-6, 1e6, "1", "each element of the gradient is clipped to +- this (WM: 1)"),
    REAL_("rnn.log_sigma_floor", rnn.log_sigma_floor, M, -20, 0, "-7",
          "the log of a Gaussian's sigma goes no lower (WM: no floor)"),
    REAL_("rnn.done_weight", rnn.done_weight, M, 0, 1000, "10",
          "weight of the steps that end an episode in the termination loss (WM: 10)"),
    REAL_("rnn.reward_weight", rnn.reward_weight, M, 0, 1000, "1",
          "weight of the reward loss; 0: no reward is learned"),
    REAL_("rnn.own_samples", rnn.own_samples, M, 0, 1, "0",
          "share of M's inputs that are its own samples while it learns, so that it can go on from what it dreams "
          "(WM: 0)"),
    INT("rnn.own_passes", rnn.own_passes, M, 1, 16, "2",
        "passes in which they are drawn, each on the samples of the one before"),
    REAL_("rnn.own_from", rnn.own_from, M, 0, 1, "0.5",
          "fraction of the updates that are made before; then the share rises, and is whole halfway to the end"),
    INT("rnn.ahead", rnn.ahead, M, 0, 10000, "0",
        "M also learns, linearly in what C sees, whether the episode ends within so many steps if the action is kept: "
        "C's features then tell what is ahead; 0: not (WM: 0)"),

    REAL_("dream.temperature", dream.temperature, SEARCH, 0.01, 10, "1.15",
          "tau: mixture logits / tau, noise * sqrt(tau) (WM: article 1.15, code 1.25)"),
    INT("dream.cap", dream.cap, SEARCH, 0, 1000000, "0",
        "steps until a dream is cut; 0: the environment's cap (WM: 2100)"),
    REAL_("dream.first", dream.first, SEARCH, 0, 1, "1",
          "share of the dreams that begin with an episode's first frame; the others begin in the midst of one, with "
          "M's memory of it (WM: 1)"),
    WORD("dream.end", dream.end, SEARCH, end_words, "threshold",
         "how a dream ends: threshold = where M's weighted logit is positive (WM); sampled = by the chance that M "
         "gives it; expected = by no chance, each step pays the chance of having come so far"),
    WORD("dream.reward", dream.reward, SEARCH, reward_words, "alive",
         "what a dreamed step pays: alive = 1 (WM), head = what M learned"),
    WORD("dream.precision", dream.precision, SEARCH, precision_words, "fp32",
         "what M's weights and inputs are rounded to, in the dream and as memory outside (WM: fp32); bf16: sums "
         "stay fp32, twice as quick with AVX512-BF16, slower without"),
    INT("dream.lanes", dream.lanes, NOTHING, 1, 4096, "64", "episodes that a worker steps at once; changes no result"),

    WORD("controller.features", controller.features, SEARCH, feature_words, "zhc",
         "what C sees: z = the latent, h = M's output, c = M's cell (WM: Doom zhc, CarRacing zh); observation = what "
         "the environment shows, with evolve.in: real, and no world is learnt"),
    INT("controller.hidden", controller.hidden, SEARCH, 0, 4096, "0",
        "tanh units between features and action; 0: linear (WM: 0)"),
    BOOL("controller.bias", controller.bias, SEARCH, "false",
         "whether C's layers have a bias (WM: Doom false, CarRacing true)"),

    WORD("evolve.strategy", evolve.strategy, SEARCH, strategy_words, "cma",
         "who searches (WM: cma); lra-cma: for much noise; sep-cma, lm-ma, openai, pgpe: for very many "
         "parameters; the last two are baselines"),
    WORD("evolve.in", evolve.in, SEARCH, in_words, "dream",
         "where candidates are played (WM: dream); real: what the same features, or the observation alone, allow "
         "without any dream; needs very many real episodes"),
    INT("evolve.generations", evolve.generations, LENGTH, 1, 1000000, "200",
        "generations of the search (WM: 200 to 1800)"),
    INT("evolve.popsize", evolve.popsize, SEARCH, 3, 65536, "64",
        "candidates per generation, even for openai and pgpe (WM: 64)"),
    INT("evolve.episodes", evolve.episodes, SEARCH, 1, 65536, "16",
        "dreams per candidate; its fitness is their mean (WM: 16)"),
    REAL_("evolve.spread", evolve.spread, SEARCH, 0, 100, "0",
          "with several rnn.members: a candidate's fitness is its mean less this times the standard deviation of its "
          "means by member; what only one of them promises is worth less"),
    REAL_("evolve.sigma0", evolve.sigma0, SEARCH, 1e-6, 100, "0.1",
          "standard deviation of the first generation (WM: 0.1)"),
    TEXT("evolve.start", evolve.start, NOTHING, "none",
         "where the search begins: none = at 0 (WM); ahead = at the controller that steers away from the ends that M "
         "sees ahead (rnn.ahead); else the directory of another run: at its controller's mean"),
    BOOL("evolve.active", evolve.active, SEARCH, "true",
         "whether the worst candidates count too, with negative weights (cma, sep-cma, lra-cma)"),
    BOOL("evolve.common_random_numbers", evolve.common_random_numbers, SEARCH, "true",
         "whether all candidates of a generation dream the same luck"),
    INT("evolve.held_out_every", evolve.held_out_every, SEARCH, 0, 1000000, "25",
        "generations between measurements of the distribution's mean; 0: never (WM: 25)"),
    INT("evolve.held_out_episodes", evolve.held_out_episodes, SEARCH, 1, 1000000, "1024",
        "dreams of such a measurement, on luck that no candidate met (WM: 1024)"),
    INT("evolve.real_episodes", evolve.real_episodes, SEARCH, 0, 1000000, "100",
        "real episodes of such a measurement; 0: none"),
    WORD("evolve.best", evolve.best, SEARCH, best_words, "dream",
         "which of these measurements tells the best of the means, which evaluate.controller: best judges; real: on "
         "luck of its own, not the judgement's"),
    BOOL("evolve.uncertainty", evolve.uncertainty, SEARCH, "false",
         "whether some candidates are dreamt twice, with other luck: where that changes ranks too much, sigma and "
         "the dreams per candidate grow (cma, sep-cma, lra-cma, lm-ma)"),
    INT("evolve.episodes_max", evolve.episodes_max, SEARCH, 1, 65536, "64",
        "with uncertainty: dreams per candidate, at most"),
    WORD("evolve.restarts", evolve.restarts, SEARCH, restart_words, "none",
         "what follows a search that is done: ipop = another one with twice the popsize, bipop = and short ones "
         "between them (cma, sep-cma, lra-cma, lm-ma)"),
    INT("evolve.doublings", evolve.doublings, SEARCH, 1, 16, "4",
        "with restarts: how often the popsize is doubled, at most"),
    INT("evolve.descents", evolve.descents, SEARCH, 1, 64, "1",
        "independent searches side by side, which fill each other's tails; with restarts ipop each has twice the "
        "popsize of the one before it"),
    INT("evolve.search", evolve.search, SEARCH, 1, 1000000000, "1",
        "which search this is: another number is other candidates and other luck in the same world, before the same "
        "judgement; how far searches differ is seen by several"),
    WORD("evolve.candidates", evolve.candidates, NOTHING, candidate_words, "auto",
         "how candidates reach the ranks: sent = as numbers, made = each rank makes them from the search's state "
         "(not cma, lra-cma), auto = what takes fewer bytes; changes no result"),

    INT("fidelity.episodes", fidelity.episodes, FIDELITY, 0, 1000000, "200",
        "episodes by which the dream is compared with reality, of each policy; a quarter of them, of each of 32 "
        "candidates; 0: it is not"),

    INT("evaluate.episodes", evaluate.episodes, JUDGEMENT, 1, 10000000, "1000",
        "real episodes of the final judgement (WM: 100)"),
    WORD("evaluate.controller", evaluate.controller, FIDELITY | JUDGEMENT, evaluate_words, "mean",
         "who is judged: the distribution's mean, or the best of the means that were measured; after restarts or "
         "several descents always that"),
};

#define COUNT ((int)(sizeof knob_rows / sizeof *knob_rows))
_Static_assert(sizeof knob_rows / sizeof *knob_rows <= KNOBS_MAX, "KNOBS_MAX is too small");

const knob *knob_table(int *count) {
  *count = COUNT;
  return knob_rows;
}

const knob *knob_find(const char *name) {
  for (int i = 0; i < COUNT; i++)
    if (strcmp(knob_rows[i].name, name) == 0) return &knob_rows[i];
  return NULL;
}

const char *knob_key(const knob *k) { return strchr(k->name, '.') + 1; }

bool knob_inside(const knob *k, const char *section) {
  size_t size = strlen(section);
  return strncmp(k->name, section, size) == 0 && k->name[size] == '.';
}

const knob *knob_section(const char *section) {
  for (int i = 0; i < COUNT; i++)
    if (knob_inside(&knob_rows[i], section)) return &knob_rows[i];
  return NULL;
}

bool knob_opens(const knob *k) {
  if (k == knob_rows) return true;
  size_t size = strcspn(k->name, ".");
  return strncmp(k[-1].name, k->name, size + 1) != 0;
}
