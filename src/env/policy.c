// A policy by its name: which of an environment's own is meant, and what it does.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { NUMBER_MAX = 10000 };

static const env_baseline *baseline_of(const env_spec *s, const char *text, size_t length) {
  for (const env_baseline *b = s->baselines; b->name; b++)
    if (strlen(b->name) == length && memcmp(b->name, text, length) == 0) return b;
  return NULL;
}

// Neither known here, nor elsewhere: all names that are; or who else has it.
static status policy_unknown(const char *text, size_t length, const env_spec *s) {
  const env_kind *k;
  for (int i = 0; (k = env_kind_at(i)); i++)
    if (baseline_of(&k->spec, text, length))
      FAIL(BAD_CONFIG, "policy \"%s\" is for the environment %s and cannot act in %s", text, k->spec.name, s->name);

  // known nowhere: what this environment has
  text_buffer all = {0};
  for (const env_baseline *b = s->baselines; b->name; b++)
    text_add(&all, "%s%s%s%s", b == s->baselines ? "" : ", ", b->name, b->number ? ":" : "",
             b->number ? b->number : "");
  status done = status_fail(BAD_CONFIG, "policy \"%s\" is not known; there are: %s", text, all.bytes);
  text_free(&all);
  return done;
}

static bool read_number(double *number, const char *text) {
  char *end;
  *number = strtod(text, &end);
  return *text && !*end && *number >= 1 && *number <= NUMBER_MAX && *number == floor(*number);
}

status env_policy_parse(env_policy *p, const char *text, const env_spec *s) {
  const char *colon = strchr(text, ':');
  size_t length = colon ? (size_t)(colon - text) : strlen(text);
  const env_baseline *found = baseline_of(s, text, length);
  if (!found) return policy_unknown(text, length, s);

  double number = 0;
  if (!found->number && colon)
    FAIL(BAD_CONFIG, "policy \"%s\": %s takes no number; write \"%s\"", text, found->name, found->name);
  if (found->number && !(colon && read_number(&number, colon + 1)))
    FAIL(BAD_CONFIG, "policy \"%s\": %s needs a whole number from 1 to %d, as in \"%s:100\"", text, found->name,
         NUMBER_MAX, found->name);

  // The words are kept as they were given: they name the baseline in scores and files.
  if (strlen(text) >= sizeof p->text) FAIL(BAD_CONFIG, "policy \"%s\" is written too long", text);
  *p = (env_policy){.baseline = found, .number = number};
  memcpy(p->text, text, strlen(text) + 1);
  return OK;
}

void env_policy_act(const env_policy *p, env *e, int lane, int step, rng luck, void *memory, float *action) {
  const void *state = p->baseline->privileged ? env_state(e, lane) : NULL;
  p->baseline->act(p, env_spec_of(e)->actions, state, step, luck, memory, action);
}

void env_policy_act_blind(const env_policy *p, int actions, int step, rng luck, void *memory, float *action) {
  CHECK(!p->baseline->privileged, "%s looks at the true state", p->text);
  p->baseline->act(p, actions, NULL, step, luck, memory, action);
}
