// Knobs in and out: defaults, round trips, JSON, hashes, rules, and the files in configs/.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/config/knobs.h"
#include "../../src/config/yaml.h"
#include "base.h"
#include "config.h"

static settings defaults(void) {
  settings s;
  memset(&s, 0xA5, sizeof s);
  settings_default(&s);
  return s;
}

static void set(settings *s, const char *assignment) {
  if (settings_set(s, assignment) != OK) fail_msg("%s", status_message());
}

static bool settings_equal(const settings *a, const settings *b) { return memcmp(a, b, sizeof *a) == 0; }

// --- the table ----------------------------------------------------------------------------------------------------

static size_t knob_bytes(const knob *k) {
  static const size_t bytes[] = {[KNOB_INT] = sizeof(int), [KNOB_INT64] = sizeof(int64_t), [KNOB_REAL] = sizeof(double),
                                 [KNOB_BOOL] = sizeof(bool), [KNOB_WORD] = sizeof(int), [KNOB_TEXT] = CONFIG_TEXT};
  return bytes[k->type] * (size_t)(k->list ? k->list : 1);
}

// In the order of struct settings, with no more than alignment between neighbours: every field has its row.
static void every_field_is_a_knob(void **state) {
  (void)state;
  int count;
  const knob *table = knob_table(&count);
  size_t end = 0;
  for (int i = 0; i < count; i++) {
    assert_true(table[i].offset >= end && table[i].offset - end < 8);
    end = table[i].offset + knob_bytes(&table[i]);
  }
  assert_true(sizeof(settings) - end < 8);
}

static void names_are_unique_and_sections_whole(void **state) {
  (void)state;
  int count;
  const knob *table = knob_table(&count);
  for (int i = 0; i < count; i++) {
    assert_ptr_equal(knob_find(table[i].name), &table[i]);
    assert_true(table[i].sentence[0] != 0);
    char section[32];
    snprintf(section, sizeof section, "%.*s", (int)strcspn(table[i].name, "."), table[i].name);
    if (knob_opens(&table[i])) assert_ptr_equal(knob_section(section), &table[i]);
    else assert_true(knob_section(section) < &table[i]);
  }
  assert_null(knob_find("rnn"));
  assert_null(knob_section("rnn.hidden"));
  assert_null(knob_section(""));
}

// World Models, Doom (Ha & Schmidhuber 2018).
static void defaults_are_the_papers(void **state) {
  (void)state;
  settings s = defaults();
  assert_string_equal(s.run.directory, "runs/takecover");
  assert_int_equal(s.run.seed, 1);
  assert_string_equal(s.environment.name, "takecover");
  assert_int_equal(s.collect.episodes, 10000);
  assert_string_equal(s.collect.policy, "hold-random");
  assert_int_equal(s.vae.latent, 64);
  assert_int_equal(s.vae.channels[0], 32);
  assert_int_equal(s.vae.channels[3], 256);
  assert_true(s.vae.learning_rate == 1e-4 && s.vae.kl_tolerance == 0.5);
  assert_int_equal(s.rnn.hidden, 512);
  assert_int_equal(s.rnn.mixtures, 5);
  assert_true(s.rnn.learning_rate == 1e-3 && s.rnn.learning_rate_end == 1e-5 && s.rnn.clip == 1.0);
  assert_true(s.rnn.log_sigma_floor == -7 && s.rnn.done_weight == 10 && s.rnn.reward_weight == 1);
  assert_true(s.dream.temperature == 1.15);
  assert_int_equal(s.dream.reward, CONFIG_REWARD_ALIVE);
  assert_int_equal(s.controller.features, CONFIG_FEATURES_ZHC);
  assert_false(s.controller.bias);
  assert_int_equal(s.evolve.strategy, CONFIG_STRATEGY_CMA);
  assert_int_equal(s.evolve.popsize, 64);
  assert_int_equal(s.evolve.episodes, 16);
  assert_true(s.evolve.sigma0 == 0.1 && s.evolve.active && s.evolve.common_random_numbers);
  assert_int_equal(s.evolve.held_out_episodes, 1024);
  assert_int_equal(s.evaluate.controller, CONFIG_EVALUATE_MEAN);
  assert_int_equal(settings_check(&s), OK);
}

// --- round trips --------------------------------------------------------------------------------------------------

static void assert_round_trip(const settings *s, bool words) {
  text_buffer t = {0};
  settings_print(s, &t, words);
  settings back = defaults();
  if (config_yaml_read(&back, "printed", t.bytes, t.size) != OK) fail_msg("%s", status_message());
  assert_true(settings_equal(s, &back));
  text_free(&t);
}

static void set_value(settings *s, const char *name, const char *value) {
  text_buffer t = {0};
  text_add(&t, "%s=%s", name, value);
  set(s, t.bytes);
  text_free(&t);
}

static uint64_t draw(uint64_t *luck) {
  *luck = *luck * 6364136223846793005u + 1442695040888963407u;
  return *luck >> 11;
}

static void randomise(settings *s, uint64_t *luck) {
  static const char *const texts[] = {
      "a \"b\" \\c", "true", "~x", "5", "a: b", "#x", "x #y", "\xC3\xA9t\xC3\xA9", "- x", "'", "\"", "[a]", "{a: b}",
      "%x", "@", "`", "!x", "&a", "*a", "...", "---", "NULL", "<<", "=", ".inf", "a,b", "\\x41", "|", "> a",
      "\xF0\x9F\x98\x80", "runs/a-b_c.d"};
  int count;
  const knob *table = knob_table(&count);
  for (int i = 0; i < count; i++) {
    const knob *k = &table[i];
    char value[512];
    double unit = (double)draw(luck) / 9007199254740992.0, x = k->least + (k->most - k->least) * unit;
    if (draw(luck) % 4 == 0) x = draw(luck) % 2 ? k->least : k->most;
    if (k->type == KNOB_TEXT) snprintf(value, sizeof value, "%s", texts[draw(luck) % (sizeof texts / sizeof *texts)]);
    else if (k->type == KNOB_BOOL) snprintf(value, sizeof value, "%s", draw(luck) % 2 ? "true" : "false");
    else if (k->type == KNOB_WORD) snprintf(value, sizeof value, "%s", k->words[draw(luck) % 2]);
    else if (k->type == KNOB_REAL) snprintf(value, sizeof value, "%.17g", x);
    else if (k->list) snprintf(value, sizeof value, "[%.0f, 7, %.0f,1 ]", k->least, x);
    else snprintf(value, sizeof value, "%.0f", x);
    set_value(s, k->name, value);
  }
}

static void any_settings_print_and_read_back_equal(void **state) {
  (void)state;
  uint64_t luck = 1;
  settings s = defaults();
  assert_round_trip(&s, false);
  assert_round_trip(&s, true);
  for (int i = 0; i < 200; i++) {
    randomise(&s, &luck);
    assert_round_trip(&s, i % 2);
  }
}

static void the_longest_text_fits(void **state) {
  (void)state;
  char most[CONFIG_TEXT] = {0}, more[CONFIG_TEXT + 1] = {0};
  memset(most, '"', sizeof most - 1);
  memset(more, 'a', sizeof more - 1);
  settings s = defaults();
  set_value(&s, "run.directory", most);
  assert_string_equal(s.run.directory, most);
  assert_round_trip(&s, false);
  text_buffer t = {0};
  text_add(&t, "run.directory=%s", more);
  assert_int_equal(settings_set(&s, t.bytes), BAD_CONFIG);
  assert_string_equal(s.run.directory, most);
  text_free(&t);
}

// A list of texts may have fewer than there is room for, and replaces what was there.
static void a_list_of_texts_has_those_that_are_named(void **state) {
  (void)state;
  settings s = defaults();
  assert_int_equal(s.collect.from[0][0], 0);
  set(&s, "collect.from=[runs/a b, \"c\" , d/]");
  assert_string_equal(s.collect.from[0], "runs/a b");
  assert_string_equal(s.collect.from[2], "d/");
  assert_int_equal(s.collect.from[3][0], 0);
  assert_round_trip(&s, true);

  // a text by itself is a list of one
  set(&s, "collect.from=e");
  assert_string_equal(s.collect.from[0], "e");
  assert_int_equal(s.collect.from[1][0], 0);
  set(&s, "collect.from=[]");
  assert_int_equal(s.collect.from[0][0], 0);

  static const char *const bad[] = {"collect.from=[a", "collect.from=[a,,b]", "collect.from=[a] b",
                                    "collect.from=[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", "collect.from="};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    settings before = s;
    assert_int_equal(settings_set(&s, bad[i]), BAD_CONFIG);
    assert_true(settings_equal(&s, &before));
  }
}

static void a_file_changes_only_what_it_names(void **state) {
  (void)state;
  static const char yaml[] =
      "evolve: {popsize: 8, active: false, strategy: one-plus-one}\n"
      "vae:\n  channels:\n  - 1\n  - 2\n  - 3\n  - 4\nrnn:\n";
  settings s = defaults(), wanted = defaults();
  wanted.evolve.popsize = 8;
  wanted.evolve.active = false;
  wanted.evolve.strategy = CONFIG_STRATEGY_ONE_PLUS_ONE;
  for (int i = 0; i < 4; i++) wanted.vae.channels[i] = i + 1;
  assert_int_equal(config_yaml_read(&s, "t.yaml", yaml, sizeof yaml - 1), OK);
  assert_true(settings_equal(&s, &wanted));
}

static void harmless_ways_of_writing_are_read(void **state) {
  (void)state;
  static const char *const files[] = {
      "\xEF\xBB\xBFrun:\n  seed: 7\n", "run:\r\n  seed: 7\r\n", "%YAML 1.1\n---\nrun: {seed: 7}\n...\n",
      "# one\nrun:  # two\n  seed: +7 # three", "\"run\":\n  'seed': 7\n",
      "{run: {seed: 7}}", "run:\n    seed:\n      7\n"};
  settings wanted = defaults();
  wanted.run.seed = 7;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    settings s = defaults();
    if (config_yaml_read(&s, "t.yaml", files[i], strlen(files[i])) != OK) fail_msg("%s", status_message());
    assert_true(settings_equal(&s, &wanted));
  }
}

static void assignments_take_equals_or_colon(void **state) {
  (void)state;
  settings s = defaults();
  set(&s, "rnn.hidden=3");
  assert_int_equal(s.rnn.hidden, 3);
  set(&s, " rnn.hidden :  4 ");
  assert_int_equal(s.rnn.hidden, 4);
  set(&s, "run.directory=a=b: c #d");
  assert_string_equal(s.run.directory, "a=b: c #d");
  set(&s, "vae.channels=[4,3, 2 , 1]");
  assert_int_equal(s.vae.channels[0], 4);
  assert_int_equal(s.vae.channels[3], 1);
  set(&s, "rnn.log_sigma_floor=-0");
  assert_false(signbit(s.rnn.log_sigma_floor));
  set(&s, "dream.reward=head");
  assert_int_equal(s.dream.reward, CONFIG_REWARD_HEAD);
  set(&s, "run.seed=9007199254740991");
  assert_true(s.run.seed == 9007199254740991);
}

// --- JSON ---------------------------------------------------------------------------------------------------------

static void json_holds_every_knob(void **state) {
  (void)state;
  settings s = defaults();
  set(&s, "run.directory=a \"b\"\\");
  set(&s, "run.seed=9007199254740991");
  text_buffer t = {0};
  json_open(&t, NULL, '{');
  settings_json(&s, &t, "config");
  json_close(&t, '}');
  json_t *read = json_loads(t.bytes, JSON_REJECT_DUPLICATES, NULL), *config = json_object_get(read, "config");
  assert_non_null(config);
  int count;
  const knob *table = knob_table(&count);
  for (int i = 0; i < count; i++) {
    char section[32];
    snprintf(section, sizeof section, "%.*s", (int)strcspn(table[i].name, "."), table[i].name);
    assert_non_null(json_object_get(json_object_get(config, section), knob_key(&table[i])));
  }
  json_t *run = json_object_get(config, "run"), *vae = json_object_get(config, "vae");
  assert_string_equal(json_string_value(json_object_get(run, "directory")), "a \"b\"\\");
  assert_true(json_integer_value(json_object_get(run, "seed")) == 9007199254740991);
  assert_true(json_real_value(json_object_get(vae, "learning_rate")) == 1e-4);
  assert_int_equal(json_integer_value(json_array_get(json_object_get(vae, "channels"), 2)), 128);
  assert_true(json_is_false(json_object_get(json_object_get(config, "controller"), "bias")));
  assert_string_equal(json_string_value(json_object_get(json_object_get(config, "dream"), "reward")), "alive");
  json_decref(read);
  text_free(&t);
}

// --- hashes -------------------------------------------------------------------------------------------------------

static void change(settings *s, const knob *k) {
  char value[64];
  settings before = *s;
  const char *word = k->type == KNOB_WORD ? k->words[1] : k->type == KNOB_BOOL ? "true" : "other";
  if (k->type == KNOB_REAL || k->type == KNOB_INT || k->type == KNOB_INT64) {
    snprintf(value, sizeof value, k->list ? "[1, 2, 3, 5]" : "%.17g", k->most);
    word = value;
  }
  set_value(s, k->name, word);
  // Where that is the default, the other end.
  const char *other = k->type == KNOB_WORD ? k->words[0] : k->type == KNOB_BOOL ? "false" : "0";
  if (settings_equal(s, &before)) set_value(s, k->name, other);
  assert_false(settings_equal(s, &before));
}

// A knob changes the identity of what it decides, and no other.
static void a_hash_sees_its_knobs_and_no_others(void **state) {
  (void)state;
  int count;
  const knob *table = knob_table(&count);
  for (int i = 0; i < count; i++) {
    settings s = defaults(), changed = defaults();
    change(&changed, &table[i]);
    for (unsigned bit = CONFIG_EPISODES; bit <= CONFIG_FIDELITY; bit <<= 1) {
      bool same = hash_equal(settings_hash(&s, bit), settings_hash(&changed, bit));
      assert_int_equal(same, !(table[i].decides & bit));
    }
  }
}

static bool decides(const char *name, unsigned what) { return (knob_find(name)->decides & what) == what; }

// What changes no result is in no identity, and what later rounds put in the place of other knobs is in those. A start
// is known by its bytes. Everything else is in some.
static void what_decides_nothing_is_known(void **state) {
  (void)state;
  int count, free = 0;
  const knob *table = knob_table(&count);
  static const char *const nothing[] = {"run.directory",    "run.rounds",           "round.episodes",
                                        "round.vae_frames", "round.rnn_epochs",     "round.learning_rate",
                                        "round.generations", "round.sigma0",        "dream.lanes",
                                        "evolve.candidates", "evolve.start",         "environment.python",
                                        "environment.lanes", "environment.memory",   "collect.from",
                                        "collect.keys"};
  for (int i = 0; i < count; i++) free += table[i].decides == 0;
  assert_int_equal(free, (int)(sizeof nothing / sizeof *nothing));
  for (int i = 0; i < free; i++) assert_int_equal(knob_find(nothing[i])->decides, 0);

  assert_true(decides("run.seed", CONFIG_EPISODES | CONFIG_V | CONFIG_M | CONFIG_SEARCH | CONFIG_JUDGEMENT));
  assert_true(decides("collect.held_out", CONFIG_V | CONFIG_M));
  assert_true(decides("evolve.generations", CONFIG_LENGTH) && !decides("evolve.generations", CONFIG_SEARCH));
}

static void a_hash_joins_what_is_decided(void **state) {
  (void)state;
  settings s = defaults(), other = defaults();
  hash first = settings_hash(&s, CONFIG_V | CONFIG_M);
  assert_false(hash_equal(first, settings_hash(&s, CONFIG_V)));
  set(&other, "run.directory=elsewhere");
  assert_true(hash_equal(first, settings_hash(&other, CONFIG_V | CONFIG_M)));
  set(&other, "rnn.hidden=3");
  assert_false(hash_equal(first, settings_hash(&other, CONFIG_V | CONFIG_M)));
  assert_true(hash_equal(settings_hash(&s, 0), settings_hash(&other, 0)));  // of nothing
}

static void a_hash_does_not_depend_on_writing(void **state) {
  (void)state;
  static const char *const ways[] = {"vae: {learning_rate: 0.0001}", "vae:\n  learning_rate: 1e-4\n",
                                     "vae:\n  channels: [ +32,64, 128,256 ]\n  learning_rate: 1.0E-04 # x\n",
                                     "run: {directory: elsewhere}"};
  settings s = defaults();
  hash first = settings_hash(&s, CONFIG_V);
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    settings way = defaults();
    assert_int_equal(config_yaml_read(&way, "t.yaml", ways[i], strlen(ways[i])), OK);
    assert_true(hash_equal(first, settings_hash(&way, CONFIG_V)));
  }
}

// --- rules between knobs ------------------------------------------------------------------------------------------

static void assert_rule(const char *first, const char *second, const char *names) {
  settings s = defaults();
  set(&s, first);
  if (second) set(&s, second);
  assert_int_equal(settings_check(&s), BAD_CONFIG);
  if (!strstr(status_message(), names)) fail_msg("%s", status_message());
}

static void knobs_that_contradict_each_other_are_refused(void **state) {
  (void)state;
  assert_rule("rnn.learning_rate_end=0.01", NULL, "rnn.learning_rate_end is 0.01, above rnn.learning_rate, 0.001");
  assert_rule("dream.reward=head", "rnn.reward_weight=0", "rnn.reward_weight is 0");
  assert_rule("rnn.done_weight=0", NULL, "rnn.done_weight is 0");
  assert_rule("evolve.popsize=65536", "evolve.episodes=65536", "4294967296 episodes a generation");
  assert_rule("evolve.start=ahead", NULL, "rnn.ahead is 0");
  assert_rule("run.directory=~/runs", NULL, "write the path out");
  settings s = defaults();
  set(&s, "evolve.start=ahead");
  set(&s, "rnn.ahead=30");
  assert_int_equal(settings_check(&s), OK);
  set(&s, "controller.hidden=4");
  assert_int_equal(settings_check(&s), BAD_CONFIG);
  assert_non_null(strstr(status_message(), "controller.hidden is 4"));

  s = defaults();
  set(&s, "rnn.learning_rate_end=0.001");  // equal is allowed
  assert_int_equal(settings_check(&s), OK);
}

// --- the files in configs/ ----------------------------------------------------------------------------------------

static void default_yaml_is_the_print(void **state) {
  (void)state;
  settings s = defaults();
  text_buffer t = {0};
  char *bytes;
  size_t size;
  settings_print(&s, &t, true);
  if (file_read(&bytes, &size, "configs/default.yaml") != OK) fail_msg("%s", status_message());
  assert_string_equal(bytes, t.bytes);  // after a change: dreamfarm config > configs/default.yaml
  mem_free(bytes);
  text_free(&t);
}

static settings config_of(const char *name) {
  settings s = defaults();
  if (settings_load(&s, name) != OK || settings_check(&s) != OK) fail_msg("%s", status_message());
  return s;
}

static void shipped_configs_are_good(void **state) {
  (void)state;
  settings s = defaults(), read = config_of("configs/default.yaml");
  assert_true(settings_equal(&s, &read));
  // the paper's sizes, spelt out, in a directory of their own
  read = config_of("configs/takecover-paper.yaml");
  memcpy(read.run.directory, s.run.directory, sizeof s.run.directory);
  assert_true(settings_equal(&s, &read));
  read = config_of("configs/takecover.yaml");
  assert_true(read.run.rounds > 1);
  read = config_of("configs/quickstart.yaml");
  assert_string_equal(read.environment.name, "takecover");
  read = config_of("configs/cartpole.yaml");
  assert_string_equal(read.environment.name, "cartpole_swingup");
  assert_int_equal(read.dream.reward, CONFIG_REWARD_HEAD);
  assert_true(read.controller.bias);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_field_is_a_knob),
      cmocka_unit_test(names_are_unique_and_sections_whole),
      cmocka_unit_test(defaults_are_the_papers),
      cmocka_unit_test(any_settings_print_and_read_back_equal),
      cmocka_unit_test(the_longest_text_fits),
      cmocka_unit_test(a_file_changes_only_what_it_names),
      cmocka_unit_test(harmless_ways_of_writing_are_read),
      cmocka_unit_test(assignments_take_equals_or_colon),
      cmocka_unit_test(json_holds_every_knob),
      cmocka_unit_test(a_hash_sees_its_knobs_and_no_others),
      cmocka_unit_test(a_list_of_texts_has_those_that_are_named),
      cmocka_unit_test(what_decides_nothing_is_known),
      cmocka_unit_test(a_hash_joins_what_is_decided),
      cmocka_unit_test(a_hash_does_not_depend_on_writing),
      cmocka_unit_test(knobs_that_contradict_each_other_are_refused),
      cmocka_unit_test(default_yaml_is_the_print),
      cmocka_unit_test(shipped_configs_are_good),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
