// `dreamfarm bench es`: strategies on the classic functions. How many evaluations each needs to a target, beside
// pycma's count where it is known, and how it got there. Rank 0 alone.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

#define LIST_MAX 32
#define POINTS_PER_DECADE 20
enum { POINTS = 9 * POINTS_PER_DECADE + 1 };  // of a curve, up to 10^9 evaluations
#define BOX 5.0                               // +bounds: every coordinate is in [-BOX, BOX]
#define MOST_EFFORT 100.0                     // +uh
#define DOUBLINGS 9                           // of the popsize, by restarts

// KIND[+modifier]...
typedef struct algorithm {
  const char *name;  // as it was asked for; not owned
  es_kind kind;
  es_restarts restarts;
  bool positive, bounds, twice;
} algorithm;

typedef struct plan {
  algorithm algorithms[LIST_MAX];
  const es_classic *functions[LIST_MAX];
  int sizes[LIST_MAX], algorithm_count, function_count, size_count;
  int popsize, seeds;
  double budget, target, noise;  // 0: 10^4 n evaluations; 0: the function's own; deviation of a look
  const char *out;               // directory, or NULL
  bool json, quiet;
} plan;

// One algorithm on one function.
typedef struct race {
  const plan *p;
  const algorithm *a;
  const es_classic *f;
  int n, popsize;
  double budget, target;
  double *fitness, *again, *scratch;  // (most popsize) (most popsize) (n)
  double *evaluations;                // (seeds) infinite where the target was not reached
  double *curves;  // (POINTS, seeds) best true value within 10^(point / POINTS_PER_DECADE) evaluations
  double all;                         // evaluations of all runs
  int solved;
} race;

// --- one run --------------------------------------------------------------------------------------------------------

static es *search_open(race *r, uint64_t seed, status *s) {
  double *x0 = mem_take(3 * (size_t)r->n, sizeof *x0), *lower = x0 + r->n, *upper = lower + r->n;
  es_limits limits = es_limits_default();

  // a target below the customary tolfun must not be given up on the way to it
  limits.tolfun = fmin(limits.tolfun, 1e-3 * r->target);

  // a box that the minimum is inside of, as BBOB has it
  es_classic_start(r->f, x0, r->n, seed);
  for (int i = 0; i < r->n; i++) {
    lower[i] = -BOX, upper[i] = BOX;
    if (r->a->bounds) x0[i] = fmin(fmax(x0[i], -BOX), BOX);  // a rotated start may be outside
  }
  const es_options o = {.kind = r->a->kind,
                        .n = r->n,
                        .popsize = r->p->popsize,
                        .sigma0 = r->f->sigma0,
                        .x0 = x0,
                        .seed = seed,
                        .active = !r->a->positive,
                        .most_effort = r->a->twice ? MOST_EFFORT : 1,
                        .lower = r->a->bounds ? lower : NULL,
                        .upper = r->a->bounds ? upper : NULL,
                        .limits = &limits,
                        .restarts = r->a->restarts,
                        .most_doublings = DOUBLINGS};
  es *e = NULL;
  *s = es_open(&e, &o);
  mem_free(x0);
  if (*s != OK) *s = status_fail(USAGE, "%s, n = %d: %s", r->a->name, r->n, status_message());
  return e;
}

// What the search sees of a true value: the mean of `looks` noisy ones.
static double seen(const race *r, double value, int looks, uint64_t seed, const es *e, int index) {
  rng luck = rng_episode(rng_stream(seed, "bench noise"), (uint32_t)es_generation(e), (uint32_t)index);
  double normal = 0;
  if (r->p->noise > 0) rng_normals_double(&normal, 1, luck, 0, 0);
  return value + r->p->noise / sqrt(looks) * normal;
}

// Returns the evaluations it took; *best becomes the least true value of a candidate so far.
static double generation(race *r, es *e, uint64_t seed, double *best) {
  int popsize = es_popsize(e), twice = r->a->twice ? es_reevaluations(e) : 0,
      looks = r->a->twice ? (int)es_effort(e) : 1;

  // the search sees noise, the figures do not: best is by the function's own value
  const double *x = es_ask(e);
  for (int k = 0; k < popsize; k++) {
    double value = es_classic_value(r->f, x + (size_t)k * r->n, r->n, r->scratch);
    *best = fmin(*best, value);
    r->fitness[k] = seen(r, value, looks, seed, e, k);
    if (k < twice) r->again[k] = seen(r, value, looks, seed, e, popsize + k);
  }

  status told = twice ? es_tell_twice(e, x, r->fitness, r->again) : es_tell(e, x, r->fitness);
  CHECK(told == OK, "%s", status_message());

  // the effort counts: an evaluation of so many looks costs as many
  return (double)(popsize + twice) * looks;
}

static double evaluations_at(int point) { return pow(10, (double)point / POINTS_PER_DECADE); }

// Until the target, the budget, or the search's own end.
static status run_once(race *r, int run) {
  uint64_t seed = (uint64_t)run + 1;
  double best = INFINITY, count = 0;
  status s;
  es *e = search_open(r, seed, &s);
  if (s != OK) return s;

  // the curve at fixed counts: what was best before the generation that passed them
  int point = 0;
  while (best > r->target && count < r->budget && !es_done(e) && !signals_asked()) {
    double before = best;
    count += generation(r, e, seed, &best);
    for (; point < POINTS && evaluations_at(point) < count; point++) r->curves[point * r->p->seeds + run] = before;
  }

  // the run's end holds for all later points; one that did not get there took infinitely many
  es_close(e);
  for (; point < POINTS; point++) r->curves[point * r->p->seeds + run] = best;
  r->evaluations[run] = best <= r->target ? count : INFINITY;
  r->solved += best <= r->target;
  r->all += count;
  return signals_asked() ? status_fail(INTERRUPTED, "bench es: stopped") : OK;
}

// --- a race ---------------------------------------------------------------------------------------------------------

static double quantile(const double *sorted, int count, double q) { return sorted[(int)lround(q * (count - 1))]; }

static race race_begin(const plan *p, const algorithm *a, const es_classic *f, int n, status *s) {
  race r = {.p = p, .a = a, .f = f, .n = n, .popsize = p->popsize, .budget = p->budget > 0 ? p->budget : 1e4 * n,
            .target = p->target > 0 ? p->target : f->target};

  // a search's own popsize is asked of one
  es *e = search_open(&r, 1, s);
  if (*s != OK) return r;
  r.popsize = es_popsize(e);
  es_close(e);

  // restarts double it: room for the last
  size_t most = (size_t)r.popsize << (a->restarts == ES_ONCE ? 0 : DOUBLINGS);
  r.fitness = mem_take(2 * most + (size_t)n, sizeof *r.fitness);
  r.again = r.fitness + most;
  r.scratch = r.again + most;
  r.evaluations = mem_take((size_t)(POINTS + 1) * p->seeds, sizeof *r.evaluations);
  r.curves = r.evaluations + p->seeds;
  return r;
}

static void race_end(race *r) {
  mem_free(r->fitness);
  mem_free(r->evaluations);
}

// pycma's count, where the race is run as pycma was; 0: there is none.
static int reference(const race *r) {
  const algorithm *a = r->a;
  bool same =
      !r->p->popsize && !(r->p->target > 0) && !(r->p->noise > 0) && a->restarts == ES_ONCE && !a->bounds && !a->twice;
  return same ? es_classic_reference(r->f, r->n, a->kind, !a->positive) : 0;
}

// --- output ---------------------------------------------------------------------------------------------------------

typedef struct output { text_buffer table, csv, curves, json; } output;

static const char *const columns[] = {"popsize", "runs", "solved", "q25", "median", "q75", "ert", "pycma", "ratio"};
enum { COLUMNS = sizeof columns / sizeof *columns };

static output output_begin(void) {
  output o = {0};
  text_add(&o.table, "%-18s %4s %-22s %7s %5s %6s %10s %10s %10s %11s %8s %6s\n", "function", "n", "algorithm",
           "popsize", "runs", "solved", "q25", "median", "q75", "ERT", "pycma", "ratio");

  // the same rows thrice: for people, for tables, for programs; curves apart
  text_add(&o.csv, "function,n,algorithm");
  for (int c = 0; c < COLUMNS; c++) text_add(&o.csv, ",%s", columns[c]);
  text_add(&o.csv, "\n");
  text_add(&o.curves, "function,n,algorithm,evaluations,q25,median,q75\n");
  json_open(&o.json, NULL, '[');
  return o;
}

static void output_free(output *o) {
  text_free(&o->table);
  text_free(&o->csv);
  text_free(&o->curves);
  text_free(&o->json);
}

// Nothing where there is no number.
static const char *words(char text[32], double value, const char *format, const char *none) {
  if (!isfinite(value)) return none;
  snprintf(text, 32, format, value);
  return text;
}

static void output_row(output *o, const race *r, const double values[COLUMNS]) {
  static const int widths[COLUMNS] = {7, 5, 6, 10, 10, 10, 11, 8, 6};
  char text[32];
  text_add(&o->table, "%-18s %4d %-22s", r->f->name, r->n, r->a->name);
  text_add(&o->csv, "%s,%d,%s", r->f->name, r->n, r->a->name);
  json_open(&o->json, NULL, '{');
  json_text(&o->json, "function", r->f->name);
  json_number(&o->json, "n", r->n);
  json_text(&o->json, "algorithm", r->a->name);

  // what is not known: a dash for people, nothing in CSV, null in JSON
  for (int c = 0; c < COLUMNS; c++) {
    const char *format = c == COLUMNS - 1 ? "%.3f" : "%.0f";
    text_add(&o->table, " %*s", widths[c], words(text, values[c], format, "-"));
    text_add(&o->csv, ",%s", words(text, values[c], format, ""));
    json_number(&o->json, columns[c], values[c]);
  }
  text_add(&o->table, "\n");
  text_add(&o->csv, "\n");
  json_close(&o->json, '}');
}

// From the first point that every run has to the first after which nothing changes.
static void output_curve(output *o, const race *r) {
  int runs = r->p->seeds;
  const double *last = r->curves + (size_t)(POINTS - 1) * runs;
  for (int point = 0; point < POINTS; point++) {
    const double *values = r->curves + (size_t)point * runs;
    if (!isfinite(values[runs - 1])) continue;

    text_add(&o->curves, "%s,%d,%s,%.6g,%.6g,%.6g,%.6g\n", r->f->name, r->n, r->a->name, evaluations_at(point),
             quantile(values, runs, 0.25), quantile(values, runs, 0.5), quantile(values, runs, 0.75));

    if (memcmp(values, last, (size_t)runs * sizeof *values) == 0) return;
  }
}

static void output_race(output *o, race *r) {
  int runs = r->p->seeds, known = reference(r);
  qsort(r->evaluations, (size_t)runs, sizeof *r->evaluations, double_ascending);
  for (int point = 0; point < POINTS; point++)
    qsort(r->curves + (size_t)point * runs, (size_t)runs, sizeof *r->curves, double_ascending);

  // quartiles, not means: runs that failed count as infinite. ERT (Hansen et al. 2009): all evaluations over the number
  // of runs that got there
  double median = quantile(r->evaluations, runs, 0.5);
  const double values[COLUMNS] = {r->popsize,
                                  runs,
                                  r->solved,
                                  quantile(r->evaluations, runs, 0.25),
                                  median,
                                  quantile(r->evaluations, runs, 0.75),
                                  r->solved ? r->all / r->solved : INFINITY,
                                  known ? (double)known : NAN,
                                  known ? median / known : NAN};
  output_row(o, r, values);
  output_curve(o, r);
}

// A picture a function and n, a line an algorithm: the median, with quartiles around it.
static status plot_add(text_buffer *t, const plan *p, const es_classic *f, int n) {
  char name[96];
  snprintf(name, sizeof name, "%s-%d.svg", f->name, n);
  TRY(gnuplot_picture(t, p->out, name));
  text_add(t, "set title '%s, n = %d'\nplot ", f->name, n);

  // gnuplot picks the rows itself: one file of data for all pictures
  for (int a = 0; a < p->algorithm_count; a++) {
    text_add(t, "%s'curves.csv' using (strcol(1) eq '%s' && $2 == %d && strcol(3) eq '%s' ? $4 : NaN):5:7 ",
             a ? ", " : "", f->name, n, p->algorithms[a].name);
    text_add(t, "with filledcurves fc rgb colour(%d) fs transparent solid 0.15 notitle, ", a);
    text_add(t,
             "'' using (strcol(1) eq '%s' && $2 == %d && strcol(3) eq '%s' ? $4 : NaN):6 with lines lc rgb colour(%d) "
             "lw 2 title '%s'",
             f->name, n, p->algorithms[a].name, a, p->algorithms[a].name);
  }

  text_add(t, "\n");
  return OK;
}

static status plots_draw(const plan *p) {
  text_buffer t = {0};
  text_add(&t,
           "set datafile separator comma\nset terminal svg size 800,520 font 'sans,12' background rgb 'white'\nset "
           "logscale xy\nset format '10^{%%T}'\n"
           "set key outside right noenhanced\nset title noenhanced\nset grid\nset xlabel 'evaluations'\nset ylabel "
           "'best value so far: median and quartiles'\n"
           "colour(i) = hsv2rgb((i * 0.381966) - floor(i * 0.381966), 0.85, 0.75)\n");

  // one script for all pictures: gnuplot is started once
  status s = OK;
  for (int f = 0; f < p->function_count && s == OK; f++)
    for (int i = 0; i < p->size_count && s == OK; i++) s = plot_add(&t, p, p->functions[f], p->sizes[i]);

  if (s == OK) s = gnuplot_draw(p->out, "curves.gp", &t);
  text_free(&t);
  return s;
}

static status output_write(const output *o, const plan *p) {
  TRY(file_write(path_join(p->out, "es.csv").text, o->csv.bytes, o->csv.size));
  TRY(file_write(path_join(p->out, "curves.csv").text, o->curves.bytes, o->curves.size));
  return plots_draw(p);
}

// --- all races ------------------------------------------------------------------------------------------------------

static status race_run(output *o, const plan *p, const algorithm *a, const es_classic *f, int n, progress *bar,
                       double *done) {
  char note[128];
  status s;
  race r = race_begin(p, a, f, n, &s);
  snprintf(note, sizeof note, "%s, n = %d, %s", f->name, n, a->name);
  for (int run = 0; run < p->seeds && s == OK; run++) {
    s = run_once(&r, run);
    progress_show(bar, ++*done, note);
  }

  // a race that was stopped has too few runs to be a row
  if (s == OK) output_race(o, &r);
  race_end(&r);
  return s;
}

static status races_run(output *o, const plan *p) {
  double done = 0;
  progress bar =
      progress_open("bench es", "runs", (double)p->function_count * p->size_count * p->algorithm_count * p->seeds);

  // algorithms innermost: what is compared stands together
  for (int f = 0; f < p->function_count; f++)
    for (int s = 0; s < p->size_count; s++)
      for (int a = 0; a < p->algorithm_count; a++)
        TRY(race_run(o, p, &p->algorithms[a], p->functions[f], p->sizes[s], &bar, &done));

  progress_close(&bar, done, NULL);
  return OK;
}

static status bench_es(const plan *p) {
  if (p->out) TRY(dir_make(p->out));
  output o = output_begin();
  status s = races_run(&o, p);

  // stopped by a signal, it still shows the races that are complete
  json_close(&o.json, ']');
  if (s == OK || s == INTERRUPTED) printf(p->json ? "%s\n" : "%s", p->json ? o.json.bytes : o.table.bytes);
  output_flush();
  if (s == OK && p->out) s = output_write(&o, p);

  output_free(&o);
  return s;
}

// --- the words ------------------------------------------------------------------------------------------------------

static const char *const kinds[ES_KINDS] = {
#define BENCH_KIND(name, table, word) word,
    ES_KIND_LIST(BENCH_KIND)
#undef BENCH_KIND
};
static const char *const modifiers[] = {"ipop", "bipop", "positive", "bounds", "uh"};
enum { MODIFIERS = sizeof modifiers / sizeof *modifiers };

static int place_of(const char *word, size_t length, const char *const *all, int count) {
  for (int i = 0; i < count; i++)
    if (strlen(all[i]) == length && strncmp(all[i], word, length) == 0) return i;
  return -1;
}

static status algorithm_add(plan *p, const char *word) {
  algorithm a = {.name = word};
  size_t length = strcspn(word, "+");
  int kind = place_of(word, length, kinds, ES_KINDS);
  if (kind < 0)
    FAIL(USAGE, "--algorithm %s: kinds are cma, sep-cma, lra-cma, lm-ma, openai, pgpe, one-plus-one and random", word);

  // modifiers, each after its plus
  a.kind = (es_kind)kind;
  for (word += length; *word; word += length) {
    length = strcspn(++word, "+");
    switch (place_of(word, length, modifiers, MODIFIERS)) {
      case 0: a.restarts = ES_IPOP; break;
      case 1: a.restarts = ES_BIPOP; break;
      case 2: a.positive = true; break;
      case 3: a.bounds = true; break;
      case 4: a.twice = true; break;
      default:
        FAIL(USAGE, "--algorithm %s: +ipop, +bipop, +positive, +bounds and +uh are allowed after the kind", a.name);
    }
  }

  p->algorithms[p->algorithm_count++] = a;
  return OK;
}

static status function_add(plan *p, const char *word) {
  int count;
  const es_classic *all = es_classics(&count);
  for (int i = 0; i < count; i++)
    if (strcmp(all[i].name, word) == 0) return p->functions[p->function_count++] = &all[i], OK;
  text_buffer names = {0};
  for (int i = 0; i < count; i++) text_add(&names, "%s%s", i ? ", " : "", all[i].name);
  status s = status_fail(USAGE, "--function %s: there are %s", word, names.bytes);
  text_free(&names);
  return s;
}

static status number_of(double *value, const char *option, const char *word, double least, double most, bool whole) {
  char *end;
  *value = strtod(word, &end);
  if (*end || end == word || !(*value >= least && *value <= most) || (whole && *value != floor(*value)))
    FAIL(USAGE, "%s %s: a %snumber from %g to %g is allowed", option, word, whole ? "whole " : "", least, most);
  return OK;
}

static status size_add(plan *p, const char *word) {
  double n;
  TRY(number_of(&n, "--n", word, 2, 10000, true));
  p->sizes[p->size_count++] = (int)n;
  return OK;
}

// Cuts the list at its commas.
static status list_parse(plan *p, char *list, const char *option, status (*add)(plan *p, const char *word)) {
  int count = 0;
  for (char *rest = list; rest;) {
    char *word = rest, *comma = strchr(rest, ',');
    if (++count > LIST_MAX) FAIL(USAGE, "%s: at most %d are allowed", option, LIST_MAX);
    // in place: the words are the command line's own memory
    rest = comma ? comma + 1 : NULL;
    if (comma) *comma = 0;
    TRY(add(p, word));
  }
  return OK;
}

static status valued_parse(plan *p, const char *option, char *value) {
  double number = 0;

  // lists, then single values; what is left is a count of seeds or candidates
  if (strcmp(option, "--algorithm") == 0) return list_parse(p, value, option, algorithm_add);
  if (strcmp(option, "--function") == 0) return list_parse(p, value, option, function_add);
  if (strcmp(option, "--n") == 0) return list_parse(p, value, option, size_add);
  if (strcmp(option, "--out") == 0) return p->out = value, OK;
  if (strcmp(option, "--budget") == 0) return number_of(&p->budget, option, value, 1, 1e9, true);
  if (strcmp(option, "--target") == 0) return number_of(&p->target, option, value, 1e-300, 1e300, false);
  if (strcmp(option, "--noise") == 0) return number_of(&p->noise, option, value, 0, 1e300, false);

  bool seeds = strcmp(option, "--seeds") == 0;
  TRY(number_of(&number, option, value, seeds ? 1 : 2, seeds ? 10000 : 100000, true));
  *(seeds ? &p->seeds : &p->popsize) = (int)number;
  return OK;
}

static status words_parse(plan *p, char **words, int count) {
  static const char *const known[] = {"--json",  "--quiet",  "--algorithm", "--function", "--n",  "--popsize",
                                      "--seeds", "--budget", "--target",    "--noise",    "--out"};
  enum { KNOWN = sizeof known / sizeof *known };
  for (int i = 1; i < count; i++) {
    int option = place_of(words[i], strlen(words[i]), known, KNOWN);
    if (option < 0) {
      const char *near = text_nearest(words[i], known, KNOWN);
      FAIL(USAGE, "unknown option %s%s%s; see dreamfarm --help", words[i], near ? "; did you mean " : "",
           near ? near : "");
    }
    // flags first, since all others have a value
    if (option == 0) p->json = true;
    else if (option == 1) p->quiet = true;
    else if (++i == count) FAIL(USAGE, "%s needs a value; see dreamfarm --help", words[i - 1]);
    else TRY(valued_parse(p, words[i - 1], words[i]));
  }
  return OK;
}

static status defaults_fill(plan *p) {
  int count;
  const es_classic *all = es_classics(&count);
  if (!p->algorithm_count) TRY(algorithm_add(p, "cma"));
  for (int i = 0, asked = p->function_count; !asked && i < count; i++) p->functions[p->function_count++] = &all[i];
  if (!p->size_count) TRY(size_add(p, "10"));
  return OK;
}

status app_bench_es(app *a) {
  plan p = {.seeds = 25};
  TRY(words_parse(&p, a->words, a->word_count));
  TRY(defaults_fill(&p));
  log_open(farm_rank(a->f), farm_size(a->f), p.quiet);
  return farm_agree(a->f, farm_rank(a->f) == 0 ? bench_es(&p) : OK);
}
