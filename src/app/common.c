// What several verbs need: the run's world on every rank, the controller's shape, gnuplot.

#include <fcntl.h>
#include <unistd.h>

#include "app.h"

app app_of(const app *a, const run_home *home) {
  app other = *a;
  other.s = *home->s;
  other.run = *home;  // whose settings are the home's own
  return other;
}

const char *app_features_word(const app *a) { return search_features(&a->s); }

controller_shape app_controller_of(const app *a, const world *w) {
  world_features f;
  // Whoever read the world has asked already.
  CHECK(world_features_of(&f, w, app_features_word(a)) == OK, "%s", status_message());
  return app_controller_in(a, &f);
}

controller_shape app_controller_in(const app *a, const world_features *f) {
  return search_controller(&a->s, a->environment, f);
}

bool best_is_judged(const app *a) {
  bool several = a->s.evolve.restarts != CONFIG_RESTARTS_NONE || a->s.evolve.descents > 1;
  return several || a->s.evaluate.controller == CONFIG_EVALUATE_BEST;
}

dream_rules rules_of(const app *a) { return search_rules(&a->s, a->environment); }

farm_crew crew_of(rollout *r) { return search_crew(r); }

void ranks_dismiss(app *a) { search_dismiss(a->f); }

static status common_world_fits(const app *a, const world *w, const char *path) {
  const env_spec *k = a->environment;
  world_senses s = world_senses_of(w);
  world_features f;
  if (s.pixels != k->pixels || s.actions != k->actions || s.observation != (int)env_observation_size(k))
    FAIL(MISMATCH, "%s: a world that sees %d %s and has %d actions is not one of %s", path, s.observation,
         s.pixels ? "pixels' colours" : "numbers", s.actions, k->name);
  return world_features_of(&f, w, app_features_word(a));
}

// The world of a run that learns none.
static world *common_world_plain(const app *a) {
  return world_open_plain((int)env_observation_size(a->environment), a->environment->actions);
}

status app_world_read(const app *a, world **w) {
  *w = settings_learn(&a->s) ? NULL : common_world_plain(a);
  if (*w) return OK;
  uint64_t seed = (uint64_t)a->s.run.seed;
  world_options o = {.precision = a->s.dream.precision == CONFIG_PRECISION_BF16 ? NUM_BF16 : NUM_FP32,
                     .members = a->s.rnn.members,
                     .untrained_seed = a->untrained ? &seed : NULL};
  file_path vae = run_path(&a->run, "vae.safetensors"), rnn = run_path(&a->run, "rnn.safetensors");
  const char *v = a->environment->pixels ? vae.text : NULL;
  TRY(world_open_as(w, v, rnn.text, &o));
  return common_world_fits(a, *w, rnn.text);
}

// The file that all ranks map. Its name carries the world's hash, so that no other world is ever mistaken for this one.
static status common_world_publish(const world *w, const char *path) {
  world *there;
  if (world_map(&there, path) == OK) {
    bool same = hash_equal(world_hash(there), world_hash(w));
    world_close(there);
    if (same) return OK;
  }
  return world_share(w, path);
}

// Rank 0 reads the world and packs its weights into a file; all ranks map that. Where it cannot be written every rank
// reads the world for itself.
static status common_world_take(const app *a, world **w, const char *path, bool published) {
  world *mapped;
  if (!published) return farm_rank(a->f) == 0 ? OK : app_world_read(a, w);
  status s = world_map(&mapped, path);
  if (s != OK)
    return status_fail(s, "on %s: %s: is %s on a file system that all hosts share?", farm_host(a->f), status_message(),
                       a->s.run.directory);
  world_close(*w);
  *w = mapped;
  return OK;
}

status app_world_of_run(const app *a, world **w) {
  bool master = farm_rank(a->f) == 0;
  *w = settings_learn(&a->s) ? NULL : common_world_plain(a);
  if (*w) return OK;

  // Rank 0 reads it, and all hear which one it is.
  TRY(farm_agree(a->f, master ? app_world_read(a, w) : OK));
  hash first = master ? world_hash(*w) : (hash){{0}};
  farm_share(a->f, &first, sizeof first);

  // Packed once per run directory, mapped by everybody.
  file_path path = path_join(a->run.out ? a->run.out : a->s.run.directory, "world-%.12s.packed", first.hex);
  unsigned char published = master && common_world_publish(*w, path.text) == OK;
  if (master && !published) log_here("%s; every rank keeps the weights in memory of its own", status_message());
  farm_share(a->f, &published, 1);

  status s = common_world_take(a, w, path.text, published);
  if (s == OK && !hash_equal(world_hash(*w), first))
    s = status_fail(MISMATCH, "on %s the world has hash %s, on rank 0 %s: is %s on a file system that all hosts share?",
                    farm_host(a->f), world_hash(*w).hex, first.hex, a->s.run.directory);
  return farm_agree(a->f, s);
}

// --- gnuplot --------------------------------------------------------------------------------------------------------

status gnuplot_picture(text_buffer *script, const char *directory, const char *name) {
  TRY(file_remove(path_join(directory, "%s", name).text));
  text_add(script, "set output '%s'\n", name);
  return OK;
}

// The user's settings and language are left aside: pictures are alike wherever they are made.
static status common_gnuplot_run(int *code, const char *directory, const char *name) {
  char script[64];
  text_print(script, sizeof script, "%s", name);
  char *words[] = {"gnuplot", "-d", script, NULL}, *environment[] = {"LC_ALL=C.UTF-8", NULL};
  program_order order = {.words = words, .directory = directory, .environment = environment, .in = PROGRAM_NOWHERE,
                         .out = PROGRAM_NOWHERE, .dies_with_us = true};
  TRY(file_remove(path_join(directory, "gnuplot.log").text));
  TRY(file_open(&order.err, path_join(directory, "gnuplot.log").text, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW));
  status s = program_run(code, &order);
  close(order.err);
  return s;
}

status gnuplot_draw(const char *directory, const char *name, const text_buffer *script) {
  int code = 0;
  file_path path = path_join(directory, "%s", name);
  TRY(file_write(path.text, script->bytes, script->size));

  // The run is worth the same without its curves.
  status s = common_gnuplot_run(&code, directory, name);
  if (s != OK)
    log_all("%s; the curves are not drawn: install gnuplot (`make deps` does), then run this again; the script is %s",
            status_message(), path.text);
  else if (code)
    log_all("gnuplot could not draw the curves (exit code %d): see %s/gnuplot.log; the script is %s", code, directory,
            path.text);
  return OK;
}
