// Every way a configuration can be wrong, with the exact sentence and place; nothing changes then.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/config/yaml.h"
#include "base.h"
#include "config.h"

#define HIDDEN "wanted a whole number from 1 to 65536"
#define CHANNELS "wanted a list of 4 whole numbers from 1 to 1024, such as [32, 64, 128, 256]"
#define SECTIONS                                                            \
  "known sections: run, environment, collect, round, vae, rnn, dream, " \
  "controller, evolve, fidelity, evaluate"
#define TEMPERATURE "wanted a number from 0.01 to 10"
#define TEXTS "wanted text of 1 to 255 printable bytes"

typedef struct wrong {
  const char *given, *message;
} wrong;
#define COUNT(list) (sizeof(list) / sizeof *(list))

static void assert_read_refused(const char *bytes, size_t size, const char *message) {
  settings s, before;
  settings_default(&s);
  s.rnn.mixtures = 3;
  before = s;
  assert_int_equal(config_yaml_read(&s, "t.yaml", bytes, size), BAD_CONFIG);
  assert_string_equal(status_message(), message);
  assert_memory_equal(&s, &before, sizeof s);
}

static void assert_files_refused(const wrong *files, size_t count) {
  for (size_t i = 0; i < count; i++) assert_read_refused(files[i].given, strlen(files[i].given), files[i].message);
}

// --- names --------------------------------------------------------------------------------------------------------

static void unknown_names(void **state) {
  (void)state;
  static const wrong files[] = {
      {"rnn:\n  hiden: 3\n", "t.yaml:2:3: unknown key \"rnn.hiden\"; nearest known: rnn.hidden"},
      {"rnn:\n  mixtures: 4\n  popsize: 3\n",
       "t.yaml:3:3: unknown key \"rnn.popsize\"; nearest known: evolve.popsize"},
      {"evolv:\n  popsize: 3\n", "t.yaml:1:1: unknown key \"evolv\"; nearest known: evolve"},
      {"vae:\n  hidden: 3\n", "t.yaml:2:3: unknown key \"vae.hidden\"; nearest known: rnn.hidden"},
      {"vae:\n  qqqqqqqqqqqq: 3\n",
       "t.yaml:2:3: unknown key \"vae.qqqqqqqqqqqq\"; known keys of vae: latent, channels, epochs, frames, "
       "batch, learning_rate, learning_rate_end, kl_tolerance, weight_moving"},
      {"# x\n\nrnnn:\n  hidden: 3\n", "t.yaml:3:1: unknown key \"rnnn\"; nearest known: rnn"},
      {"popsize: 3\n", "t.yaml:1:1: unknown key \"popsize\"; nearest known: evolve.popsize"},
      {"a: 3\n", "t.yaml:1:1: unknown key \"a\"; " SECTIONS},
      {"\"\": 3\n", "t.yaml:1:1: unknown key nothing; " SECTIONS},
      {"rnn.hidden: 3\n",
       "t.yaml:1:1: rnn.hidden: in a file the section stands on one line and its keys, indented, below it"},
      {"run: {\xC3\xA9\xC3\xA9: 1, seed: 2}",
       "t.yaml:1:7: unknown key \"run.\xC3\xA9\xC3\xA9\"; known keys of run: directory, seed, rounds"},
      {"run: {<<: {}}", "t.yaml:1:7: unknown key \"run.<<\"; known keys of run: directory, seed, rounds"},
  };
  assert_files_refused(files, COUNT(files));
}

static void duplicates(void **state) {
  (void)state;
  static const wrong files[] = {
      {"rnn:\n  hidden: 3\n  mixtures: 3\n  hidden: 3\n", "t.yaml:4:3: rnn.hidden stands here again; first on line 2"},
      {"rnn:\n  hidden: 3\nrun:\n  seed: 2\nrnn:\n  steps: 4\n", "t.yaml:5:1: rnn stands here again; first on line 1"},
      {"rnn: {\"hidden\": 3, hidden: 4}", "t.yaml:1:20: rnn.hidden stands here again; first on line 1"},
      {"run:\nrun:\n", "t.yaml:2:1: run stands here again; first on line 1"},
  };
  assert_files_refused(files, COUNT(files));
}

// --- values -------------------------------------------------------------------------------------------------------

static void wrong_numbers(void **state) {
  (void)state;
  static const wrong values[] = {
      {"many", "\"many\""}, {"0", "\"0\""}, {"65537", "\"65537\""}, {"-1", "\"-1\""}, {"3.0", "\"3.0\""},
      {"1e2", "\"1e2\""}, {"0x10", "\"0x10\""}, {"010", "\"010\""}, {"1_000", "\"1_000\""},
      {"99999999999999999999", "\"99999999999999999999\""}, {"true", "\"true\""}, {"~", "\"~\""},
      {"\"5\"", "\"5\" in quotes"}, {"'5'", "\"5\" in quotes"}, {"5 6", "\"5 6\""},
      {"\"\"", "an empty text in quotes"}, {"--5", "\"--5\""}, {"+", "\"+\""}};
  for (size_t i = 0; i < COUNT(values); i++) {
    text_buffer yaml = {0}, message = {0};
    text_add(&yaml, "rnn:\n  hidden: %s\n", values[i].given);
    text_add(&message, "t.yaml:2:11: rnn.hidden: found %s, " HIDDEN, values[i].message);
    assert_read_refused(yaml.bytes, yaml.size, message.bytes);
    text_free(&yaml);
    text_free(&message);
  }
}

static void wrong_values(void **state) {
  (void)state;
  static const wrong files[] = {
      {"rnn:\n  hidden:\n", "t.yaml:2:10: rnn.hidden: found nothing, " HIDDEN},
      {"rnn:\n  hidden:\n  mixtures: 3\n", "t.yaml:2:10: rnn.hidden: found nothing, " HIDDEN},
      {"rnn:\n  hidden: [3]\n", "t.yaml:2:11: rnn.hidden: found a list, " HIDDEN},
      {"rnn:\n  hidden: {a: 3}\n", "t.yaml:2:11: rnn.hidden: found a section (key: value), " HIDDEN},
      {"rnn:\n  hidden:\n    units: 3\n", "t.yaml:3:5: rnn.hidden: found a section (key: value), " HIDDEN},
      {"run:\n  seed: 9007199254740992\n",
       "t.yaml:2:9: run.seed: found \"9007199254740992\", wanted a whole number from 0 to 9007199254740991"},
      {"run:\n  seed: 9007199254740993\n",
       "t.yaml:2:9: run.seed: found \"9007199254740993\", wanted a whole number from 0 to 9007199254740991"},
      {"dream:\n  temperature: 10.0001\n",
       "t.yaml:2:16: dream.temperature: found \"10.0001\", " TEMPERATURE},
      {"dream:\n  temperature: .inf\n", "t.yaml:2:16: dream.temperature: found \".inf\", " TEMPERATURE},
      {"dream:\n  temperature: nan\n", "t.yaml:2:16: dream.temperature: found \"nan\", " TEMPERATURE},
      {"dream:\n  temperature: 1e999\n", "t.yaml:2:16: dream.temperature: found \"1e999\", " TEMPERATURE},
      {"dream:\n  temperature: 0x1p0\n", "t.yaml:2:16: dream.temperature: found \"0x1p0\", " TEMPERATURE},
      {"dream:\n  temperature: 1,5\n", "t.yaml:2:16: dream.temperature: found \"1,5\", " TEMPERATURE},
      {"dream:\n  reward: living\n", "t.yaml:2:11: dream.reward: found \"living\", wanted alive or head"},
      {"dream:\n  reward: Alive\n", "t.yaml:2:11: dream.reward: found \"Alive\", wanted alive or head"},
      {"dream:\n  reward: 0\n", "t.yaml:2:11: dream.reward: found \"0\", wanted alive or head"},
      {"controller:\n  features: h\n",
       "t.yaml:2:13: controller.features: found \"h\", wanted z, zh, zhc or observation"},
      {"evolve:\n  active: yes\n", "t.yaml:2:11: evolve.active: found \"yes\", wanted true or false"},
      {"evolve:\n  active: \"true\"\n", "t.yaml:2:11: evolve.active: found \"true\" in quotes, wanted true or false"},
      {"evolve:\n  popsize: 1\n", "t.yaml:2:12: evolve.popsize: found \"1\", wanted a whole number from 3 to 65536"},
      {"run:\n  directory: \"\"\n", "t.yaml:2:14: run.directory: found an empty text, " TEXTS},
      {"run:\n  directory: ~\n", "t.yaml:2:14: run.directory: found \"~\", " TEXTS},
      {"run:\n  directory: null\n", "t.yaml:2:14: run.directory: found \"null\", " TEXTS},
      {"run:\n  directory: |\n    a\n    b\n", "t.yaml:2:14: run.directory: found \"a?b?\", " TEXTS},
      {"run:\n  directory: \"a\\0b\"\n", "t.yaml:2:14: run.directory: found \"a?b\", " TEXTS},
      {"run:\n  directory: \"a\\u2028b\"\n", "t.yaml:2:14: run.directory: found \"a<U+2028>b\", " TEXTS},
  };
  assert_files_refused(files, COUNT(files));
}

#define UNSEEN(code) \
  "found U+" code ", which looks like a space or like nothing; remove it, or put the text in quotes if it is meant"

// Blanks and nothings of other scripts, where a space was meant or none: named with their place, in comments and quotes
// taken.
static void characters_that_nobody_sees(void **state) {
  (void)state;
  static const wrong files[] = {
      {"evolve:\n  popsize:\xC2\xA0"
       "64\n  episodes: 3\n",
       "t.yaml:2:11: " UNSEEN("00A0")},
      {"evolve:\n  popsize:\xC2\xA0"
       "64\n",
       "t.yaml:2:11: " UNSEEN("00A0")},
      {"evolve:\xC2\xA0\n  popsize: 64\n", "t.yaml:1:8: " UNSEEN("00A0")},
      {"evolve:\n\xC2\xA0 popsize: 64\n", "t.yaml:2:1: " UNSEEN("00A0")},
      {"evolve:\n  popsize: 64\xC2\xA0\n", "t.yaml:2:14: " UNSEEN("00A0")},
      {"# \xC3\xA9\xC3\xA9\nevolve: {popsize: \xE2\x80\x8B"
       "64}\n",
       "t.yaml:2:19: " UNSEEN("200B")},
      {"evolve:\n  pop\xE2\x80\x8Csize: 64\n", "t.yaml:2:6: " UNSEEN("200C")},
      {"evolve:\n  popsize\xE2\x80\x8D: 64\n", "t.yaml:2:10: " UNSEEN("200D")},
      {"evolve:\n  popsize: 6\xE2\x81\xA0"
       "4\n",
       "t.yaml:2:13: " UNSEEN("2060")},
      {"run:\n  directory: a\xE3\x80\x80"
       "b\n",
       "t.yaml:2:15: " UNSEEN("3000")},
      {"vae:\n  channels: [1, 2, 3,\xE2\x80\x89"
       "4]\n",
       "t.yaml:2:22: " UNSEEN("2009")},
      {"run:\n  seed: 7\n\xEF\xBB\xBF"
       "rnn:\n",
       "t.yaml:3:1: found U+FEFF, a character that no text has here; remove it"},
      {"run:\n  seed: \"\xC2\xA0"
       "7\"\n",
       "t.yaml:2:9: run.seed: found \"<U+00A0>7\" in quotes, wanted a whole number from 0 to 9007199254740991"},
      {"# \xC3\xA9\xC3\xA9\nrun:\n\tseed: 2\n",
       "t.yaml:3:1: not YAML: found character that cannot start any token while scanning for the next token (a tab "
       "cannot indent here; use spaces)"},
  };
  assert_files_refused(files, COUNT(files));

  settings s;
  static const char meant[] = "# caf\xC3\xA9\xC2\xA0: x\nrun: # \xE2\x80\x8B\n  directory: \"a\xC2\xA0" "b\"\n";
  settings_default(&s);
  assert_int_equal(config_yaml_read(&s, "t.yaml", meant, strlen(meant)), OK);
  assert_string_equal(s.run.directory, "a\xC2\xA0" "b");
  assert_int_equal(settings_set(&s, "evolve.popsize=\xC2\xA0" "64"), BAD_CONFIG);
  assert_non_null(strstr(status_message(), "found \"<U+00A0>64\", wanted a whole number"));
}

static void wrong_lists(void **state) {
  (void)state;
  static const wrong files[] = {
      {"vae:\n  channels: 32\n", "t.yaml:2:13: vae.channels: found \"32\", " CHANNELS},
      {"vae:\n  channels: []\n", "t.yaml:2:14: vae.channels: found a list of 0, " CHANNELS},
      {"vae:\n  channels: [1, 2, 3]\n", "t.yaml:2:21: vae.channels: found a list of 3, " CHANNELS},
      {"vae:\n  channels: [1, 2, 3, 4, 5]\n", "t.yaml:2:26: vae.channels: found a list of more than 4, " CHANNELS},
      {"vae:\n  channels: [1, 2, x, 4]\n", "t.yaml:2:20: vae.channels: found \"x\", " CHANNELS},
      {"vae:\n  channels: [1, 2, 1025, 4]\n", "t.yaml:2:20: vae.channels: found \"1025\", " CHANNELS},
      {"vae:\n  channels: [1, 2, \"3\", 4]\n", "t.yaml:2:20: vae.channels: found \"3\" in quotes, " CHANNELS},
      {"vae:\n  channels: [1, 2, [3], 4]\n",
       "t.yaml:2:20: vae.channels: found a list, wanted numbers only inside this list"},
      {"vae:\n  channels: [1, 2, a: 3, 4]\n",
       "t.yaml:2:20: vae.channels: found a section (key: value), wanted numbers only inside this list"},
      {"vae:\n  channels:\n    - 1\n    - no\n", "t.yaml:4:7: vae.channels: found \"no\", " CHANNELS},
  };
  assert_files_refused(files, COUNT(files));
}

// --- structure ----------------------------------------------------------------------------------------------------

static void wrong_structure(void **state) {
  (void)state;
  static const wrong files[] = {
      {"", "t.yaml: holds no settings; {} would mean the defaults"},
      {"# nothing\n\n", "t.yaml: holds no settings; {} would mean the defaults"},
      {"---\nrun: {seed: 2}\n---\nrun: {seed: 3}\n", "t.yaml:3:1: found a second document, wanted one"},
      {"[run]\n", "t.yaml:1:1: found a list, wanted sections, such as run: and evolve:"},
      {"run\n", "t.yaml:1:1: found \"run\", wanted sections, such as run: and evolve:"},
      {"---\n...\n", "t.yaml:2:1: found nothing, wanted sections, such as run: and evolve:"},
      {"rnn: 3\n", "t.yaml:1:6: rnn: found \"3\", wanted keys, indented below it"},
      {"rnn: \"\"\n", "t.yaml:1:6: rnn: found an empty text, wanted keys, indented below it"},
      {"rnn:\n- hidden\n", "t.yaml:2:1: rnn: found a list, wanted keys, indented below it"},
      {"? [a]\n: 3\n", "t.yaml:1:3: found a list, wanted a section's name"},
      {"run:\n  ? {a: b}\n  : 3\n", "t.yaml:2:5: run: found a section (key: value), wanted a key"},
      {"\"run\\0\": 3", "t.yaml:1:1: found \"run?\", wanted a section's name"},
      {"run:\n  \"seed\\0\": 3", "t.yaml:2:3: run: found \"seed?\", wanted a key"},
  };
  assert_files_refused(files, COUNT(files));
}

static void what_yaml_offers_beyond(void **state) {
  (void)state;
  static const wrong files[] = {
      {"rnn:\n  hidden: &a 3\n", "t.yaml:2:11: found an anchor; this file may not use them, write the value"},
      {"rnn: &a\n  hidden: 3\n", "t.yaml:1:6: found an anchor; this file may not use them, write the value"},
      {"&a rnn:\n  hidden: 3\n", "t.yaml:1:1: found an anchor; this file may not use them, write the value"},
      {"rnn:\n  hidden: *a\n", "t.yaml:2:11: found an alias; this file may not use them, write the value"},
      {"run:\n  <<: *a\n", "t.yaml:2:3: unknown key \"run.<<\"; known keys of run: directory, seed, rounds"},
      {"rnn:\n  hidden: !!int 3\n", "t.yaml:2:11: found a tag; this file may not use them, write the plain value"},
      {"rnn: !x {hidden: 3}\n", "t.yaml:1:6: found a tag; this file may not use them, write the plain value"},
      {"vae:\n  channels: !!seq [1, 2, 3, 4]\n",
       "t.yaml:2:13: found a tag; this file may not use them, write the plain value"},
  };
  assert_files_refused(files, COUNT(files));
}

static void not_yaml(void **state) {
  (void)state;
  static const wrong files[] = {
      {"rnn:\n\thidden: 3\n",
       "t.yaml:2:1: not YAML: found character that cannot start any token while scanning for the next token (a tab "
       "cannot indent here; use spaces)"},
      {"run: {seed: 3\n", "t.yaml:2:1: not YAML: did not find expected ',' or '}' while parsing a flow mapping"},
      {"run:\n  directory: a: b\n", "t.yaml:2:15: not YAML: mapping values are not allowed in this context"},
      {"run:\n  seed: 1\n foo: 3\n", "t.yaml:3:2: not YAML: did not find expected key while parsing a block mapping"},
      {"run:\n  directory: \"abc\n",
       "t.yaml:3:1: not YAML: found unexpected end of stream while scanning a quoted scalar"},
      {"run:\n  directory: @home\n",
       "t.yaml:2:14: not YAML: found character that cannot start any token while scanning for the next token"},
  };
  assert_files_refused(files, COUNT(files));
}

static void not_text(void **state) {
  (void)state;
  static const wrong files[] = {
      {"run:\n  directory: \xFF\n", "t.yaml:2:14: found byte 0xff, wanted UTF-8 text"},
      {"run:\n  directory: \xC3\xA9\xC3", "t.yaml:2:15: found byte 0xc3, wanted UTF-8 text"},
      {"# \xED\xA0\x80\n", "t.yaml:1:3: found byte 0xed, wanted UTF-8 text"},
      {"run:\n  seed: 3 \x01\n", "t.yaml:2:11: found byte 0x01, wanted UTF-8 text without control characters"},
  };
  assert_files_refused(files, COUNT(files));
  assert_read_refused("run:\n\0", 6, "t.yaml:2:1: found byte 0x00, wanted UTF-8 text without control characters");
  assert_read_refused("\xFF\xFEr\0u\0n\0", 8, "t.yaml:1:1: found byte 0xff, wanted UTF-8 text");
}

static void deep_and_large(void **state) {
  (void)state;
  size_t size = CONFIG_BYTES_MAX + 1;
  char *bytes = mem_take(size, 1);
  memset(bytes, '[', size);
  assert_read_refused(bytes, size, "t.yaml: has 1048577 bytes, wanted a configuration of at most 1048576");
  memcpy(bytes, "vae: {latent: ", 14);
  assert_read_refused(bytes, size - 1, "t.yaml:1:15: vae.latent: found a list, wanted a whole number from 1 to 1024");
  memset(bytes, 'a', size);
  memcpy(bytes, "rnn: {", 6);
  assert_read_refused(
      bytes, 5000,
      "t.yaml:1:7: unknown key \"rnn.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\"; known "
      "keys of rnn: hidden, mixtures, mixture, predicts, members, epochs, batch, steps, learning_rate, "
      "learning_rate_end, clip, log_sigma_floor, done_weight, reward_weight, own_samples, own_passes, own_from, ahead");
  mem_free(bytes);
}

// --- files and arguments ------------------------------------------------------------------------------------------

static void files_are_named_as_given(void **state) {
  (void)state;
  char home[] = "/tmp/dreamfarm-config-XXXXXX", wanted[PATH_MAX_LENGTH + 128];
  assert_non_null(mkdtemp(home));
  file_path name = path_join(home, "quickstart.yaml"), missing = path_join(home, "missing.yaml");
  static const char yaml[] = "# a\nrun:\n  seed: 2\n\nrnn:\n  mixtures: 4\n  hidden:   many\n";
  assert_int_equal(file_write(name.text, yaml, sizeof yaml - 1), OK);
  settings s, before;
  settings_default(&s);
  before = s;
  assert_int_equal(settings_load(&s, name.text), BAD_CONFIG);
  snprintf(wanted, sizeof wanted, "%s:7:13: rnn.hidden: found \"many\", " HIDDEN, name.text);
  assert_string_equal(status_message(), wanted);
  assert_int_equal(settings_load(&s, missing.text), NO_IO);
  snprintf(wanted, sizeof wanted, "%s: cannot be opened: No such file or directory", missing.text);
  assert_string_equal(status_message(), wanted);
  assert_int_equal(settings_load(&s, home), NO_IO);
  snprintf(wanted, sizeof wanted, "%s: is not a regular file", home);
  assert_string_equal(status_message(), wanted);
  assert_memory_equal(&s, &before, sizeof s);
  unlink(name.text);
  rmdir(home);
}

static void wrong_assignments(void **state) {
  (void)state;
  static const wrong arguments[] = {
      {"rnn.hiden=3", "--set rnn.hiden=3: unknown key \"rnn.hiden\"; nearest known: rnn.hidden"},
      {"rn.hidden=3", "--set rn.hidden=3: unknown key \"rn.hidden\"; nearest known: rnn.hidden"},
      {"rnn.hidden: many", "--set rnn.hidden: many: rnn.hidden: found \"many\", " HIDDEN},
      {"rnn.hidden", "--set rnn.hidden: wanted key=value, such as evolve.popsize=64"},
      {"", "--set : wanted key=value, such as evolve.popsize=64"},
      {"=", "--set =: unknown key nothing; " SECTIONS},
      {"rnn.hidden=", "--set rnn.hidden=: rnn.hidden: found nothing, " HIDDEN},
      {"popsize=3", "--set popsize=3: unknown key \"popsize\"; nearest known: evolve.popsize"},
      {"evaluate=3", "--set evaluate=3: found the section \"evaluate\"; known keys of evaluate: episodes, controller"},
      {"qqq.zzz=1", "--set qqq.zzz=1: unknown key \"qqq.zzz\"; " SECTIONS},
      {"vae.channels=[1,2,3]", "--set vae.channels=[1,2,3]: vae.channels: found \"[1,2,3]\", " CHANNELS},
      {"vae.channels=[1,2,3,4,5]", "--set vae.channels=[1,2,3,4,5]: vae.channels: found \"[1,2,3,4,5]\", " CHANNELS},
      {"vae.channels=[1,2,3,4", "--set vae.channels=[1,2,3,4: vae.channels: found \"[1,2,3,4\", " CHANNELS},
      {"vae.channels=[1,2,3,4] x", "--set vae.channels=[1,2,3,4] x: vae.channels: found \"[1,2,3,4] x\", " CHANNELS},
      {"vae.channels=[1,,3,4]", "--set vae.channels=[1,,3,4]: vae.channels: found nothing, " CHANNELS},
      {"vae.channels=[,2,3,4]", "--set vae.channels=[,2,3,4]: vae.channels: found \"[,2,3,4]\", " CHANNELS},
      {"vae.channels=1,2,3,4", "--set vae.channels=1,2,3,4: vae.channels: found \"1,2,3,4\", " CHANNELS},
      {"run.directory=a\nb", "--set run.directory=a?b: run.directory: found \"a?b\", " TEXTS},
      {"run.directory=\xFF", "--set run.directory=\xFF: run.directory: found \"\xFF\", " TEXTS},
  };
  settings s, before;
  settings_default(&s);
  before = s;
  for (size_t i = 0; i < COUNT(arguments); i++) {
    assert_int_equal(settings_set(&s, arguments[i].given), BAD_CONFIG);
    assert_string_equal(status_message(), arguments[i].message);
    assert_memory_equal(&s, &before, sizeof s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unknown_names),
      cmocka_unit_test(duplicates),
      cmocka_unit_test(wrong_numbers),
      cmocka_unit_test(wrong_values),
      cmocka_unit_test(characters_that_nobody_sees),
      cmocka_unit_test(wrong_lists),
      cmocka_unit_test(wrong_structure),
      cmocka_unit_test(what_yaml_offers_beyond),
      cmocka_unit_test(not_yaml),
      cmocka_unit_test(not_text),
      cmocka_unit_test(deep_and_large),
      cmocka_unit_test(files_are_named_as_given),
      cmocka_unit_test(wrong_assignments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
