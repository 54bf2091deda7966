// What was measured: as JSON, as a table, and in a sentence where something is to be done.

#include <math.h>
#include <string.h>

#include "fidelity.h"

#define SEEN_HIGH 0.9  // of the mean picture's error
#define RATIO_HIGH 1.3
#define RATIO_LOW 0.75
#define CORRELATION_LOW 0.5
#define RELIABILITY_LOW 0.5
#define MATTER_LEAST 30  // moments: of fewer nothing is said

static double share(double of, double all) { return all > 0 ? of / all : (double)NAN; }

// --- JSON: objects alone, so that data_numbers_read finds every number ----------------------------------------------

static void json_lengths(text_buffer *t, const char *key, const summary *s) {
  json_open(t, key, '{');
  json_number(t, "mean", s->mean);
  json_number(t, "se", s->se);
  json_number(t, "episodes", s->episodes);
  json_number(t, "broken", s->broken);
  json_close(t, '}');
}

static void json_survival(text_buffer *t, const fidelity_result *r) {
  json_open(t, "survival", '{');
  for (int i = 0; i < r->count; i++) {
    const fidelity_pair *p = &r->policies[i];
    json_open(t, p->name, '{');
    json_lengths(t, "dream", &p->dream);
    json_lengths(t, "real", &p->real);
    json_number(t, "ratio", p->ratio);
    json_number(t, "ratio_se", p->ratio_se);
    json_close(t, '}');
  }
  json_close(t, '}');
}

static void json_share(text_buffer *t, const char *key, fidelity_rate share) {
  json_open(t, key, '{');
  json_number(t, "mean", share.mean);
  json_number(t, "se", share.se);
  json_close(t, '}');
}

static void json_rate(text_buffer *t, const char *key, double deaths, double steps) {
  fidelity_rate rate = fidelity_rate_of(deaths, steps);
  json_open(t, key, '{');
  json_number(t, "mean", rate.mean);
  json_number(t, "se", rate.se);
  json_number(t, "steps", steps);
  json_close(t, '}');
}

static void json_hazard(text_buffer *t, const char *key, const fidelity_hazard *h) {
  json_open(t, key, '{');
  for (int i = 0; i < FIDELITY_LAGS; i++)
    if (h->steps[i] > 0) json_rate(t, fidelity_lag_name(i), h->deaths[i], h->steps[i]);
  json_close(t, '}');
}

static void json_hazards(text_buffer *t, const fidelity_result *r) {
  const fidelity_watch *w = &r->watch;
  json_open(t, "hazard", '{');
  json_hazard(t, "dream", &r->dreamt);
  json_rate(t, "real_controller", r->real_deaths, r->real_steps);
  json_rate(t, "real_data", w->real_deaths, w->steps);
  json_hazard(t, "data", &w->real);
  json_hazard(t, "open_loop", &w->open);
  json_hazard(t, "teacher_forced", &w->taught);
  json_close(t, '}');
}

static void json_by_sight(text_buffer *t, const char *key, const double *of, const double *all) {
  char lag[16];
  json_open(t, key, '{');
  for (int i = 0; i < FIDELITY_SIGHTS; i++) {
    snprintf(lag, sizeof lag, "%d", fidelity_sight_lag(i));
    if (all[i] > 0) json_number(t, lag, of[i] / all[i]);
  }
  json_close(t, '}');
}

static void json_watch(text_buffer *t, const fidelity_watch *w) {
  json_open(t, "picture_error", '{');

  // shares of what the mean picture's error would be: 1 is no better than that
  json_number(t, "seen", share(w->seen_error, w->seen_scale));
  json_by_sight(t, "open_loop", w->open_error, w->error_scale);
  json_by_sight(t, "teacher_forced", w->taught_error, w->error_scale);
  json_close(t, '}');

  json_open(t, "deaths", '{');
  json_number(t, "count", w->deaths);
  json_number(t, "recall", share(w->told, w->deaths));
  json_number(t, "recall_within_3", share(w->told_early, w->deaths));
  json_number(t, "alarms", w->alarms);
  json_number(t, "precision", share(w->alarms_right, w->alarms));
  json_number(t, "precision_within_3", share(w->alarms_near, w->alarms));
  json_close(t, '}');

  json_open(t, "small_bright_things", '{');
  json_number(t, "count", w->blobs);
  json_number(t, "seen", share(w->blobs_seen, w->blobs));
  json_by_sight(t, "open_loop", w->blobs_dreamt, w->blobs_real);
  json_close(t, '}');
}

static void json_ranking(text_buffer *t, const fidelity_result *r) {
  char name[16];
  json_open(t, "ranking", '{');
  json_number(t, "correlation", r->correlation.value);
  json_number(t, "low", r->correlation.low);
  json_number(t, "high", r->correlation.high);
  json_number(t, "dream_reliability", r->dream_reliability);
  json_number(t, "real_reliability", r->real_reliability);
  json_number(t, "sigma", r->sigma);

  // each candidate's means, for whoever wants another statistic
  json_open(t, "candidates", '{');
  for (int i = 0; i < FIDELITY_CANDIDATES; i++) {
    snprintf(name, sizeof name, "%d", i);
    json_open(t, name, '{');
    json_number(t, "dream", r->dream[i]);
    json_number(t, "real", r->real[i]);
    json_close(t, '}');
  }
  json_close(t, '}');
  json_close(t, '}');
}

static void json_choices(text_buffer *t, const fidelity_choices *c) {
  json_open(t, "choices", '{');
  if (c->hindered) {
    json_text(t, "not_measured", c->hindered);
  } else {
    json_number(t, "moments", c->moments);
    json_number(t, "matter", c->matter);
    json_number(t, "broken", c->broken);
    json_share(t, "wrong", c->wrong);
    json_share(t, "by_chance", c->by_chance);
    json_share(t, "blind", c->blind);
    json_share(t, "gain", c->gain);
    json_share(t, "regret", c->regret);
    json_share(t, "order", c->order);
  }
  json_close(t, '}');
}

void fidelity_json(const fidelity_result *r, text_buffer *t) {
  json_open(t, NULL, '{');

  // what was measured, then what was found
  json_number(t, "seed", (double)r->seed);
  json_number(t, "generation", r->generation);
  json_text(t, "world", r->world.hex);
  json_number(t, "episodes", r->episodes);
  json_number(t, "watched", r->watched);
  json_number(t, "held_out", r->held_out);
  json_survival(t, r);
  json_ranking(t, r);
  json_choices(t, &r->choices);
  json_hazards(t, r);
  json_watch(t, &r->watch);
  json_close(t, '}');
  text_add(t, "\n");
}

// --- a table --------------------------------------------------------------------------------------------------------

static void print_rate(double deaths, double steps) {
  fidelity_rate rate = fidelity_rate_of(deaths, steps);
  if (!isfinite(rate.mean)) printf(" %15s", "");
  else printf(" %7.2f ± %5.2f", 1000 * rate.mean, 1000 * rate.se);
}

static void print_hazard(const fidelity_result *r) {
  const fidelity_watch *w = &r->watch;
  printf("\n%-12s %15s %15s %15s %15s\n", "deaths/1000", "dream", "data", "open loop", "teacher-forced");
  for (int i = 0; i < FIDELITY_LAGS; i++) {
    printf("lag %-8s", fidelity_lag_name(i));
    print_rate(r->dreamt.deaths[i], r->dreamt.steps[i]);
    print_rate(w->real.deaths[i], w->real.steps[i]);
    print_rate(w->open.deaths[i], w->open.steps[i]);
    print_rate(w->taught.deaths[i], w->taught.steps[i]);
    printf("\n");
  }
  printf("%-12s", "reality");
  print_rate(r->real_deaths, r->real_steps);
  print_rate(w->real_deaths, w->steps);
  printf("  (the controller's episodes, the data's)\n");
}

static void print_sights(const char *name, double seen, const double *of, const double *all) {
  printf("%-28s %6.2f", name, seen);
  for (int i = 0; i < FIDELITY_SIGHTS; i++) printf(" %6.2f", share(of[i], all[i]));
  printf("\n");
}

static void print_watch(const fidelity_watch *w) {
  printf("\n%-28s %6s", "after imagined steps", "seen");
  for (int i = 0; i < FIDELITY_SIGHTS; i++) printf(" %6d", fidelity_sight_lag(i));
  printf("\n");
  print_sights("picture error, open loop", share(w->seen_error, w->seen_scale), w->open_error, w->error_scale);
  print_sights("picture error, one step", share(w->seen_error, w->seen_scale), w->taught_error, w->error_scale);
  if (w->blobs > 0)
    print_sights("small bright things kept", share(w->blobs_seen, w->blobs), w->blobs_dreamt, w->blobs_real);
  printf("\ndeaths foretold: %.0f of %.0f (within 3 steps %.0f); alarms right: %.0f of %.0f (within 3 steps %.0f)\n",
         w->told, w->deaths, w->told_early, w->alarms_right, w->alarms, w->alarms_near);
}

static void print_reliability(double value, const char *where) {
  if (isfinite(value)) printf(" %.2f %s", value, where);
  else printf(" all alike %s", where);
}

static void print_choices(const fidelity_choices *c) {
  if (c->hindered) {
    printf("choices at real moments: not measured: %s\n", c->hindered);
    return;
  }

  printf("choices at real moments: %.0f moments, %.0f matter\n", c->moments, c->matter);
  if (c->matter > 0)
    printf("  wrong %.1f ± %.1f %% (one action always %.1f, by chance %.1f); regret %.2f ± %.2f (by chance 1); "
           "pairs in order %.2f ± %.2f\n",
           100 * c->wrong.mean, 100 * c->wrong.se, 100 * c->blind.mean, 100 * c->by_chance.mean, c->regret.mean,
           c->regret.se, c->order.mean, c->order.se);
}

void fidelity_print(const fidelity_result *r) {
  printf("%-26s %8s %7s %8s %7s %7s %7s\n", "steps survived", "dream", "se", "real", "se", "ratio", "se");
  for (int i = 0; i < r->count; i++) {
    const fidelity_pair *p = &r->policies[i];
    printf("%-26s %8.1f %7.2f %8.1f %7.2f %7.2f %7.2f\n", p->name, p->dream.mean, p->dream.se, p->real.mean,
           p->real.se, p->ratio, p->ratio_se);
  }

  // a correlation means little where each ranking hardly agrees with itself
  printf("rank correlation of %d candidates, dream and reality: %.2f (95 %%: %.2f to %.2f)\n", FIDELITY_CANDIDATES,
         r->correlation.value, r->correlation.low, r->correlation.high);
  printf("  each with itself, measured again:");
  print_reliability(r->dream_reliability, "in the dream,");
  print_reliability(r->real_reliability, "in reality\n");
  print_choices(&r->choices);
  print_hazard(r);
  print_watch(&r->watch);
}

// --- a sentence -----------------------------------------------------------------------------------------------------

// Where reality does not agree with itself, nothing can be said of the dream.
static const char *unsorted_advice(const fidelity_result *r) {
  if (r->real_reliability >= RELIABILITY_LOW) return "collect by the controller in more rounds (run.rounds)";
  return "measure candidates by more real episodes (fidelity.episodes), for so few tell them hardly apart";
}

// Where the dream's favourite is wrong as often as a single action would be at all moments, as far as can be told.
static bool chooses_blindly(const fidelity_choices *c) {
  return c->matter >= MATTER_LEAST && !(c->gain.mean > 2 * c->gain.se);
}

static const char *warning_advice(const fidelity_result *r) {
  double ratio = r->policies[0].ratio;
  if (share(r->watch.seen_error, r->watch.seen_scale) > SEEN_HIGH)
    return "let V see first, whose pictures are hardly better than the mean one (vae.frames, vae.epochs)";
  if (ratio > RATIO_HIGH || chooses_blindly(&r->choices))
    return "let M learn on its own samples (rnn.own_samples) and longer (rnn.epochs), and collect by the controller in "
           "more rounds (run.rounds)";
  if (ratio < RATIO_LOW)
    return "train M longer (rnn.epochs), let dreams end by chance (dream.end: sampled), or lower dream.temperature";
  return unsorted_advice(r);
}

void fidelity_warning(const fidelity_result *r, char *words, size_t size) {
  double ratio = r->policies[0].ratio, correlation = r->correlation.value;
  const fidelity_choices *c = &r->choices;
  text_buffer faults = {0};
  words[0] = 0;

  if (ratio > RATIO_HIGH || ratio < RATIO_LOW)
    text_add(&faults, ", and the controller survives %.2f times as long in it as outside", ratio);
  if (!(correlation >= CORRELATION_LOW))
    text_add(&faults, ", and it ranks candidates unlike reality (correlation %.2f, wanted: at least %.1f)", correlation,
             CORRELATION_LOW);
  if (chooses_blindly(c))
    text_add(&faults,
             ", and it chooses no better than who does not look (wrong at %.0f %% of %.0f moments, one action always: "
             "%.0f %%)",
             100 * c->wrong.mean, c->matter, 100 * c->blind.mean);

  // one sentence: what is wrong, and what to do about it
  if (faults.size)
    text_print(words, size, "this dream is not to be trusted: %s; %s", faults.bytes + strlen(", and "),
               warning_advice(r));
  text_free(&faults);
}
