// The door of the room: settings from defaults, files and the command line, and back to YAML, JSON and a hash. Every
// function walks the table of knobs; only settings_check knows what knobs mean to each other.

#include <math.h>
#include <string.h>

#include "yaml.h"

void settings_default(settings *s) {
  int count;
  const knob *table = knob_table(&count);
  memset(s, 0, sizeof *s);  // the padding too: equal settings are equal bytes
  for (int i = 0; i < count; i++) {
    status ok = knob_put_line(&table[i], s, table[i].initial, PLACE_DEFAULT);
    CHECK(ok == OK, "%s", status_message());
  }
}

status settings_load(settings *s, const char *name) {
  char *bytes;
  size_t size;
  TRY(file_read(&bytes, &size, name));
  status result = config_yaml_read(s, name, bytes, size);
  mem_free(bytes);
  return result;
}

// --- one assignment -----------------------------------------------------------------------------------------------

status knob_line_read(knob_line *a, const char *words, const char *example) {
  text_buffer shown = {0};
  bytes_show(words, strlen(words), &shown);
  text_print(a->place, sizeof a->place, "--set %s", shown.bytes);
  text_free(&shown);

  // A key ends at the first sign; what follows it may hold others.
  const char *start = words + strspn(words, " \t"), *sign = start + strcspn(start, "=:");
  if (*sign == 0) FAIL(BAD_CONFIG, "%s: wanted key=value, such as %s", a->place, example);

  snprintf(a->key, sizeof a->key, "%.*s", (int)(sign - start), start);
  for (size_t size = strlen(a->key); size > 0 && strchr(" \t", a->key[size - 1]);) a->key[--size] = 0;

  a->value = sign + 1;
  return OK;
}

status settings_set(settings *s, const char *words) {
  knob_line a;
  TRY(knob_line_read(&a, words, "evolve.popsize=64"));

  const knob *k = knob_find(a.key);
  if (!k) return knob_unknown(a.place, a.key);

  // Put into a copy first: what is refused changes nothing, however far it got.
  settings fresh = *s;
  TRY(knob_put_line(k, &fresh, a.value, a.place));
  *s = fresh;
  return OK;
}

// --- rules between knobs ------------------------------------------------------------------------------------------

static const char *settings_word(const char *name, int value) { return knob_find(name)->words[value]; }

// What only strategies can that adapt a step size.
static status settings_strategy_check(const settings *s, const char *what, bool wanted) {
  int strategy = s->evolve.strategy;
  bool adapts = strategy == CONFIG_STRATEGY_CMA || strategy == CONFIG_STRATEGY_SEP_CMA ||
                strategy == CONFIG_STRATEGY_LRA_CMA || strategy == CONFIG_STRATEGY_LM_MA;

  if (wanted && !adapts)
    FAIL(BAD_CONFIG,
         "%s wants a strategy that adapts its step size: cma, sep-cma, lra-cma or lm-ma; evolve.strategy is %s", what,
         settings_word("evolve.strategy", strategy));
  return OK;
}

// The popsizes of all descents of a round, the largest they come to, and a few candidates that are evaluated twice.
static status settings_popsizes_check(const settings *s) {
  bool restarts = s->evolve.restarts != CONFIG_RESTARTS_NONE;
  // With restarts popsizes double: from one descent to the next, or as often as evolve.doublings says.
  int doublings = s->evolve.descents > 1 ? s->evolve.descents : s->evolve.doublings + 1;
  double popsize = ldexp(s->evolve.popsize, restarts ? doublings : 0) * (restarts ? 1 : s->evolve.descents);
  double tasks = 1.1 * popsize * (s->evolve.uncertainty ? s->evolve.episodes_max : s->evolve.episodes);

  if (popsize > 1 << 20 || tasks > INT32_MAX)
    FAIL(BAD_CONFIG,
         "evolve.popsize is %d: restarts and descents would make it up to %.0f candidates and %.0f episodes a "
         "generation, wanted at most %d and %d; lower evolve.doublings or evolve.descents",
         s->evolve.popsize, popsize, tasks, 1 << 20, INT32_MAX);
  return OK;
}

static status settings_evolve_check(const settings *s) {
  bool several = s->evolve.restarts != CONFIG_RESTARTS_NONE || s->evolve.descents > 1;
  TRY(settings_strategy_check(s, "evolve.uncertainty", s->evolve.uncertainty));
  TRY(settings_strategy_check(s, "evolve.restarts", s->evolve.restarts != CONFIG_RESTARTS_NONE));

  if (s->evolve.uncertainty && s->evolve.episodes_max < s->evolve.episodes)
    FAIL(BAD_CONFIG,
         "evolve.episodes_max is %d, below evolve.episodes, %d: with uncertainty the dreams per candidate only grow",
         s->evolve.episodes_max, s->evolve.episodes);
  if (s->evolve.spread > 0 && s->rnn.members == 1)
    FAIL(BAD_CONFIG, "evolve.spread is %g, but rnn.members is 1: there is nobody to differ from; raise rnn.members, or "
         "let it be 0", s->evolve.spread);
  if (s->evolve.spread > 0 && s->evolve.in == CONFIG_IN_REAL)
    FAIL(BAD_CONFIG, "evolve.spread is %g, but evolve.in is real, where no member makes what happens; let it be 0",
         s->evolve.spread);
  if (s->evolve.restarts == CONFIG_RESTARTS_BIPOP && s->evolve.descents > 1)
    FAIL(BAD_CONFIG,
         "evolve.restarts is bipop, whose descents depend on what those before them cost, but evolve.descents is %d; "
         "use ipop or none",
         s->evolve.descents);
  if (several && s->evolve.held_out_every == 0)
    FAIL(BAD_CONFIG, "evolve.held_out_every is 0: nothing would say which of several descents is the best; raise it");

  // These two draw all candidates of a generation at once.
  int strategy = s->evolve.strategy;
  bool together = strategy == CONFIG_STRATEGY_CMA || strategy == CONFIG_STRATEGY_LRA_CMA;
  if (s->evolve.candidates == CONFIG_CANDIDATES_MADE && together)
    FAIL(BAD_CONFIG, "evolve.candidates is made, but %s cannot make one candidate without the others; use auto or sent",
         settings_word("evolve.strategy", s->evolve.strategy));
  return settings_popsizes_check(s);
}

// What later rounds put in the place of other knobs must go with the rest.
static status settings_rounds_check(const settings *s) {
  // a later round's rate takes the place of the first one's, and decays to the same ends
  double end =
      s->vae.learning_rate_end > s->rnn.learning_rate_end ? s->vae.learning_rate_end : s->rnn.learning_rate_end;
  if (s->round.learning_rate < end)
    FAIL(BAD_CONFIG,
         "round.learning_rate is %g, below vae.learning_rate_end or rnn.learning_rate_end, %g: the rate can "
         "only decay",
         s->round.learning_rate, end);

  if (strlen(s->run.directory) + sizeof "/round-1000" > sizeof s->run.directory)
    FAIL(BAD_CONFIG, "run.directory: \"%s\" is too long: rounds have directories in it", s->run.directory);
  return OK;
}

bool settings_learn(const settings *s) { return s->controller.features != CONFIG_FEATURES_OBSERVATION; }

// Where nothing is learnt, nothing can be asked of a dream.
static status settings_plain_check(const settings *s) {
  if (s->evolve.in != CONFIG_IN_REAL)
    FAIL(BAD_CONFIG, "controller.features is observation, so that no world is learnt, but evolve.in is dream; let "
         "evolve.in be real");
  if (s->run.rounds > 1)
    FAIL(BAD_CONFIG, "controller.features is observation, so that nothing is learnt from episodes, but run.rounds is "
         "%d; let it be 1", s->run.rounds);
  return OK;
}

bool settings_start_ahead(const settings *s) { return strcmp(s->evolve.start, "ahead") == 0; }

const char *settings_start(const settings *s) {
  return strcmp(s->evolve.start, "none") == 0 || settings_start_ahead(s) ? NULL : s->evolve.start;
}

// Such a controller is linear in what M learnt from.
static status settings_ahead_check(const settings *s) {
  if (s->rnn.ahead == 0)
    FAIL(BAD_CONFIG, "evolve.start is ahead, but rnn.ahead is 0: M does not learn what is ahead; set rnn.ahead, in "
         "steps (30, say)");
  if (s->controller.hidden)
    FAIL(BAD_CONFIG, "evolve.start is ahead, but controller.hidden is %d: such a controller is linear; let it be 0",
         s->controller.hidden);
  if (!settings_learn(s))
    FAIL(BAD_CONFIG, "evolve.start is ahead, but controller.features is observation: there is no M; name z, zh or zhc");
  return OK;
}

const char *settings_keys(const settings *s) { return strcmp(s->collect.keys, "none") == 0 ? "" : s->collect.keys; }

status settings_check(const settings *s) {
  if (s->run.directory[0] == '~')
    FAIL(BAD_CONFIG, "run.directory: \"%s\": ~ is the shell's word for home and means nothing here; write the path out",
         s->run.directory);

  if (s->rnn.learning_rate_end > s->rnn.learning_rate)
    FAIL(BAD_CONFIG, "rnn.learning_rate_end is %g, above rnn.learning_rate, %g: the rate can only decay",
         s->rnn.learning_rate_end, s->rnn.learning_rate);

  // A dream pays and ends by what M has learned of both.
  if (s->dream.reward == CONFIG_REWARD_HEAD && s->rnn.reward_weight <= 0)
    FAIL(BAD_CONFIG, "dream.reward is head, but rnn.reward_weight is 0: no reward is learned; raise rnn.reward_weight");
  if (s->dream.reward == CONFIG_REWARD_ALIVE && s->rnn.done_weight <= 0)
    FAIL(BAD_CONFIG, "dream.reward is alive, but rnn.done_weight is 0: no dream would learn to end; raise "
         "rnn.done_weight");

  if (s->dream.end != CONFIG_END_THRESHOLD && s->rnn.done_weight <= 0)
    FAIL(BAD_CONFIG, "dream.end is not threshold, but rnn.done_weight is 0: M gives no chance of an end; raise "
         "rnn.done_weight");

  if (strcmp(s->evolve.start, s->run.directory) == 0)
    FAIL(BAD_CONFIG, "evolve.start is run.directory, %s: the search would begin at its own end; name another run",
         s->run.directory);
  if (settings_start_ahead(s)) TRY(settings_ahead_check(s));
  if (!settings_learn(s)) TRY(settings_plain_check(s));
  if (s->run.rounds > 1) TRY(settings_rounds_check(s));
  if (s->evolve.best == CONFIG_BEST_REAL && (s->evolve.real_episodes == 0 || s->evolve.held_out_every == 0))
    FAIL(BAD_CONFIG,
         "evolve.best is real, but evolve.real_episodes or evolve.held_out_every is 0: nothing is measured");
  if ((int64_t)s->evolve.popsize * s->evolve.episodes > INT32_MAX)
    FAIL(BAD_CONFIG, "evolve.popsize x evolve.episodes is %lld episodes a generation, wanted at most %d",
         (long long)s->evolve.popsize * s->evolve.episodes, INT32_MAX);
  return settings_evolve_check(s);
}

// --- out ----------------------------------------------------------------------------------------------------------

static const char settings_head[] =
    "# Every knob of dreamfarm. A file needs only the knobs it changes.\n"
    "# WM: the value in World Models (Ha & Schmidhuber 2018), of its Doom experiment where nothing else is said.\n";

static void settings_knob_explain(const knob *k, text_buffer *out) {
  text_add(out, "  # %s\n  # [", k->sentence);
  knob_wanted(k, out);
  text_add(out, "; default %s]\n", k->initial);
}

void settings_print(const settings *s, text_buffer *out, bool words) {
  int count;
  const knob *table = knob_table(&count);
  if (words) text_add(out, "%s", settings_head);

  // A section's name stands above its first knob; the table has them together.
  for (int i = 0; i < count; i++) {
    if (knob_opens(&table[i]))
      text_add(out, "%s%.*s:\n", words ? "\n" : "", (int)strcspn(table[i].name, "."), table[i].name);
    if (words) settings_knob_explain(&table[i], out);
    text_add(out, "  %s: ", knob_key(&table[i]));
    knob_show(&table[i], s, out);
    text_add(out, "\n");
  }
}

void settings_json(const settings *s, text_buffer *out, const char *key) {
  int count;
  const knob *table = knob_table(&count);

  json_open(out, key, '{');

  for (int i = 0; i < count; i++) {
    char section[32];
    snprintf(section, sizeof section, "%.*s", (int)strcspn(table[i].name, "."), table[i].name);

    // Knobs of a section stand together, so it closes where the next one opens.
    if (knob_opens(&table[i])) json_open(out, section, '{');
    knob_json(&table[i], s, out);
    if (i + 1 == count || knob_opens(&table[i + 1])) json_close(out, '}');
  }
  json_close(out, '}');
}

const char *settings_knob_name(int i) {
  int count;
  const knob *table = knob_table(&count);
  return i < count ? table[i].name : NULL;
}

const char *settings_place(const char *name) { return knob_place(knob_find(name)); }

const char *const *settings_knob_words(int i) {
  static const char *const truth[] = {"true", "false", NULL};
  int count;
  const knob *table = knob_table(&count);
  return table[i].type == KNOB_BOOL ? truth : table[i].words;
}

void settings_lines(const settings *s, unsigned decides, text_buffer *out) {
  int count;
  const knob *table = knob_table(&count);

  for (int i = 0; i < count; i++) {
    // only what decides the same: these lines are hashed, and compared one by one
    if (!(table[i].decides & decides)) continue;
    text_add(out, "%s: ", table[i].name);
    knob_show(&table[i], s, out);
    text_add(out, "\n");
  }
}

hash settings_hash(const settings *s, unsigned decides) {
  text_buffer lines = {0};
  settings_lines(s, decides, &lines);
  hash h = hash_bytes(lines.bytes ? lines.bytes : "", lines.size);
  text_free(&lines);
  return h;
}
