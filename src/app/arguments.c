// A command line into settings: the configuration's file first, then options over it, wherever they stand.

#include <string.h>

#include "verbs.h"

typedef struct arguments {
  const verb *v;
  int count;
  char **words;  // words[0] the program, words[1] the verb
} arguments;

// What the table of knobs cannot judge is refused with its place, too.
static status value_judged(status s, const char *knob) {
  char words[1024];
  const char *place = settings_place(knob);
  if (s == OK) return OK;
  text_print(words, sizeof words, "%s", status_message());
  FAIL(s, "%s%s%s: %s", place ? place : "", place ? ": " : "", knob, words);
}

static const char *text_unless(const char *text, const char *nothing) {
  return strcmp(text, nothing) == 0 ? NULL : text;
}

// The section `environment`, as env speaks of it; its texts stay in the settings.
static env_options environment_options(const settings *s) {
  env_options o = {.python = text_unless(s->environment.python, "python3"),
                   .arguments = text_unless(s->environment.options, "none"),
                   .wrappers = text_unless(s->environment.wrappers, "none"),
                   .observation = text_unless(s->environment.observation, "all"),
                   .frame_skip = s->environment.frame_skip,
                   .cap = s->environment.cap,
                   .reward_scale = s->environment.reward_scale,
                   .grey = s->environment.grey,
                   .lanes = s->environment.lanes,
                   .memory = s->environment.memory,
                   .actions = s->environment.actions == CONFIG_ACTIONS_THRESHOLDS ? ENV_ACTIONS_THRESHOLDS
                                                                                  : ENV_ACTIONS_LARGEST};
  memcpy(o.crop, s->environment.crop, sizeof o.crop);
  return o;
}

// What plays nothing waits for nobody else's, which take seconds to start.
static bool environment_wanted(const app *a, const verb *v) {
  bool opens = v->act || v == &verbs[VERB_LAUNCH] || v == &verbs[VERB_ENV];
  return opens || !env_is_foreign(a->s.environment.name);
}

static status environment_find(app *a) {
  env_policy policy;
  const env_options o = environment_options(&a->s);
  TRY(value_judged(env_describe(&a->described, a->s.environment.name, &o), "environment.name"));
  a->environment = &a->described;
  if (!settings_learn(&a->s) && a->environment->pixels)
    FAIL(BAD_CONFIG, "controller.features is observation, but %s shows pictures: C needs a V to see them; let it be z, "
         "zh or zhc", a->environment->name);
  a->run.pixels = a->environment->pixels;
  a->run.environment = a->environment->content;
  a->run.round = 1;
  return value_judged(env_policy_parse(&policy, a->s.collect.policy, a->environment), "collect.policy");
}

// The next word as an option, with its value; *at is then behind both.
static status option_read(const arguments *g, int *at, const verb_option **o, const char **value) {
  const char *word = g->words[(*at)++];
  *o = option_find(word, g->v);
  *value = NULL;
  if (!*o) return option_unknown(word, g->v);

  // a flag, or an option whose value is the next word, whatever that begins with
  if (!(*o)->value) return OK;
  if (*at >= g->count) FAIL(USAGE, "%s needs a value: %s; see dreamfarm %s --help", word, (*o)->value, g->v->name);
  *value = g->words[(*at)++];
  return OK;
}

// Every word is understood before the first is acted on.
static status file_find(const arguments *g, const char **file) {
  *file = NULL;
  for (int at = 2; at < g->count;) {
    const verb_option *o;
    const char *value;
    // an option's value is no file, so options are walked here, too
    if (g->words[at][0] == '-') {
      TRY(option_read(g, &at, &o, &value));
      continue;
    }

    if (*file) FAIL(USAGE, "two configuration files, the second is %s", g->words[at]);
    *file = g->words[at++];
  }
  return OK;
}

static status options_take(app *a, const arguments *g) {
  for (int at = 2; at < g->count;) {
    const verb_option *o;
    const char *value;
    // the file was taken before
    if (g->words[at][0] != '-') {
      at++;
      continue;
    }

    TRY(option_read(g, &at, &o, &value));
    TRY(o->take(a, value));
  }
  return OK;
}

// The defaults are the article's: nobody means to start its ten thousand episodes by leaving a word out.
static status file_wanted(const verb *v) {
  FAIL(USAGE, "%s: which configuration? dreamfarm %s configs/quickstart.yaml, or a file of your own, to begin with: "
       "dreamfarm config > mine.yaml", v->name, v->name);
}

// env takes the name of an environment in the place of a configuration.
static status file_load(app *a, const verb *v, const char *file) {
  size_t size = strlen(file);
  bool yaml = (size > 5 && strcmp(file + size - 5, ".yaml") == 0) || (size > 4 && strcmp(file + size - 4, ".yml") == 0);
  text_buffer t = {0};
  if (v != &verbs[VERB_ENV] || yaml) return settings_load(&a->s, file);

  text_add(&t, "environment.name=%s", file);
  status s = settings_set(&a->s, t.bytes);
  text_free(&t);
  return s;
}

static status round_check(const app *a) {
  int count = a->s.run.rounds;
  if (a->round > count) FAIL(USAGE, "--round %d: run.rounds is %d, so 1 to %d are allowed", a->round, count, count);
  return OK;
}

status app_parse(app *a, int count, char **words) {
  const verb *v = verb_find(words[1]);
  if (!v) return verb_unknown(words[1]);

  const char *file;
  const arguments g = {v, count, words};
  TRY(file_find(&g, &file));

  // what writes needs a configuration; what looks can do with the customary one
  if (v->writes && !file) return file_wanted(v);
  a->controlling = v == &verbs[VERB_CONTROL];

  // the command line is the last word: over the file, over the defaults
  settings_default(&a->s);
  a->run.s = &a->s;
  if (file) TRY(file_load(a, v, file));
  TRY(options_take(a, &g));

  // checked as a whole, after everything has spoken
  TRY(settings_check(&a->s));
  TRY(round_check(a));
  return environment_wanted(a, v) ? environment_find(a) : OK;
}
