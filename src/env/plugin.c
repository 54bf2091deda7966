// Plug-ins: environments of others in a shared object of C or C++ (dreamfarm/env.h). It is loaded once and stays. Its
// table is looked at before anything of it is called; its file's hash is what it is known by.

#include <ctype.h>
#include <dlfcn.h>
#include <math.h>
#include <string.h>

#include "dreamfarm/env.h"
#include "parts.h"

#define SYMBOL "dreamfarm_environment"
#define MAKE_IT "compile it anew with include/dreamfarm/env.h of this dreamfarm"
enum { IMAGE = 64, NUMBERS_MAX = 65536, ACTIONS_MAX = 1024, CAP_MAX = 100000000, STATE_MAX = 1 << 30, HEAD = 64 };

// --- what is wrong with a table -------------------------------------------------------------------------------------

static bool plugin_text_fits(const char *text, size_t most) {
  size_t size = text ? strlen(text) : 0;
  for (size_t i = 0; i < size; i++)
    if (iscntrl((unsigned char)text[i])) return false;
  return size >= 1 && size <= most;
}

static bool plugin_number_fits(int32_t value, int32_t most) { return value >= 1 && value <= most; }

static status plugin_observation_check(const dreamfarm_env *t, const char *path) {
  const int32_t *s = t->shape;
  if (t->pixels && (s[0] != IMAGE || s[1] != IMAGE || s[2] != 3))
    FAIL(BAD_FILE, "%s: its pictures are %d x %d x %d, but 64 x 64 x 3 are wanted (shape); let observe scale them",
         path, s[0], s[1], s[2]);
  if (!t->pixels && (!plugin_number_fits(s[0], NUMBERS_MAX) || s[1] != 1 || s[2] != 1))
    FAIL(BAD_FILE, "%s: a state's shape is {%d, %d, %d}, but {n, 1, 1} is wanted, n from 1 to %d", path, s[0], s[1],
         s[2], NUMBERS_MAX);
  if (t->picture && (t->pixels || !t->components))
    FAIL(BAD_FILE, "%s: a picture is for an observation that is a state, and has components beside it", path);
  for (int i = 0; t->picture && i < s[0]; i++)
    if (!plugin_text_fits(t->components[i], 80))
      FAIL(BAD_FILE, "%s: components[%d] is to be a text of 1 to 80 printable bytes", path, i);
  return OK;
}

static status plugin_table_check(const dreamfarm_env *t, const char *path) {
  if (t->version != DREAMFARM_ENV_VERSION)
    FAIL(BAD_FILE, "%s: is of version %u of dreamfarm/env.h, but this dreamfarm has %d; " MAKE_IT, path,
         (unsigned)t->version, DREAMFARM_ENV_VERSION);
  if (t->size != sizeof *t)
    FAIL(BAD_FILE, "%s: its table has %u bytes, but %zu are wanted; " MAKE_IT, path, (unsigned)t->size, sizeof *t);

  if (!plugin_text_fits(t->name, 63)) FAIL(BAD_FILE, "%s: name is to be a text of 1 to 63 printable bytes", path);
  if (!plugin_text_fits(t->words, 159)) FAIL(BAD_FILE, "%s: words is to be a text of 1 to 159 printable bytes", path);
  if (!t->reset || !t->step || !t->observe)
    FAIL(BAD_FILE, "%s: %s is NULL, but reset, step and observe are wanted", path,
         !t->reset ? "reset" : !t->step ? "step" : "observe");

  if (!plugin_number_fits(t->actions, ACTIONS_MAX))
    FAIL(BAD_FILE, "%s: actions is %d, wanted 1 to %d", path, t->actions, ACTIONS_MAX);
  if (!plugin_number_fits(t->cap, CAP_MAX)) FAIL(BAD_FILE, "%s: cap is %d, wanted 1 to %d", path, t->cap, CAP_MAX);
  if (t->state_bytes < 1 || t->state_bytes > STATE_MAX)
    FAIL(BAD_FILE, "%s: state_bytes is %zu, wanted 1 to %d", path, t->state_bytes, STATE_MAX);
  return plugin_observation_check(t, path);
}

// --- loading --------------------------------------------------------------------------------------------------------

typedef struct plugin_object {
  const dreamfarm_env *table;
  hash content;
  bool pure;
} plugin_object;

static bool plugin_owns(const char *name) {
  size_t size = strlen(name);
  return strchr(name, '/') || (size > 3 && strcmp(name + size - 3, ".so") == 0);
}

// A name without a slash would be looked for among the system's libraries.
static status plugin_table_find(plugin_object *p, const char *path) {
  file_path full = path_join(strchr(path, '/') ? "" : ".", "%s", path);
  if (!file_exists(full.text))
    FAIL(NO_IO, "environment \"%s\": there is no such file, seen from where dreamfarm was started; build it, or give "
                "its path", path);
  TRY(hash_file(&p->content, full.text));

  void *object = dlopen(full.text, RTLD_NOW | RTLD_LOCAL);
  if (!object) FAIL(BAD_FILE, "%s: cannot be loaded: %s; is it a shared object (cc -shared -fPIC)?", path, dlerror());
  p->table = dlsym(object, SYMBOL);
  if (!p->table) FAIL(BAD_FILE, "%s: exports no " SYMBOL "; define it as dreamfarm/env.h says", path);
  return plugin_table_check(p->table, path);
}

// --- lanes ----------------------------------------------------------------------------------------------------------

typedef struct plugin {
  const dreamfarm_env *table;
  int lanes, frame_skip, cap;
  double reward_scale;
  size_t stride;   // HEAD and state_bytes, rounded up to cache lines
  char *memory;    // (lanes, stride)  steps so far, then the state
  float *seen;     // (shape[0])  of one lane, where it is a state
  char failure[96];  // why the last episode was broken
} plugin;

static char *plugin_lane(const plugin *p, int lane) {
  CHECK(lane >= 0 && lane < p->lanes, "lane %d of %d", lane, p->lanes);
  return p->memory + (size_t)lane * p->stride;
}

static int64_t *plugin_steps(const plugin *p, int lane) { return (int64_t *)(void *)plugin_lane(p, lane); }
static void *plugin_state(const plugin *p, int lane) { return plugin_lane(p, lane) + HEAD; }

static void plugin_reset(void *self, int lane, rng luck) {
  const plugin *p = self;
  uint32_t words[2];
  rng_words(words, 2, luck, 0, 0);
  *plugin_steps(p, lane) = 0;
  p->table->reset(plugin_state(p, lane), (uint64_t)words[0] << 32 | words[1]);
}

// Is there a number in what a lane shows that is none?
static bool plugin_shows_nonsense(const plugin *p, int lane) {
  if (p->table->pixels) return false;
  p->table->observe(plugin_state(p, lane), p->seen);
  for (int i = 0; i < p->table->shape[0]; i++)
    if (!isfinite(p->seen[i])) return true;
  return false;
}

static bool plugin_breaks(plugin *p, int lane, double reward) {
  bool pays = isfinite(reward), shows = !plugin_shows_nonsense(p, lane);
  if (pays && shows) return false;
  text_print(p->failure, sizeof p->failure, "%s at step %lld is not finite",
             pays ? "a number of its observation" : "its reward", (long long)*plugin_steps(p, lane));
  return true;
}

static env_outcome plugin_lane_step(plugin *p, int lane, const float *action) {
  double reward = 0;
  bool terminated = false;
  for (int i = 0; i < p->frame_skip && !terminated; i++) {
    dreamfarm_outcome out = p->table->step(plugin_state(p, lane), action);
    reward += (double)out.reward;
    terminated = out.terminated != 0;
  }

  bool cut = ++*plugin_steps(p, lane) >= p->cap;
  return (env_outcome){.reward = (float)(reward * p->reward_scale),
                       .terminated = terminated,
                       .truncated = !terminated && cut,
                       .broken = plugin_breaks(p, lane, reward)};
}

static void plugin_step(void *self, const float *actions, env_outcome *outcomes, int n) {
  plugin *p = self;
  for (int i = 0; i < n; i++) outcomes[i] = plugin_lane_step(p, i, actions + (size_t)i * p->table->actions);
}

static size_t plugin_observation_bytes(const dreamfarm_env *t) {
  size_t numbers = (size_t)t->shape[0] * (size_t)t->shape[1] * (size_t)t->shape[2];
  return numbers * (t->pixels ? sizeof(uint8_t) : sizeof(float));
}

static void plugin_observe(void *self, void *observations, int n) {
  const plugin *p = self;
  size_t bytes = plugin_observation_bytes(p->table);
  for (int i = 0; i < n; i++) p->table->observe(plugin_state(p, i), (char *)observations + (size_t)i * bytes);
}

static void plugin_move(void *self, int to, int from) {
  const plugin *p = self;
  if (to != from) memcpy(plugin_lane(p, to), plugin_lane(p, from), p->stride);
}

static const char *plugin_failure(const void *self) { return ((const plugin *)self)->failure; }

static plugin *plugin_lanes_open(const dreamfarm_env *t, const env_options *o, int lanes) {
  plugin *p = mem_take(1, sizeof *p);
  *p = (plugin){.table = t,
                .lanes = lanes,
                .frame_skip = o->frame_skip ? o->frame_skip : 1,
                .reward_scale = o->reward_scale != 0 ? o->reward_scale : 1,
                .stride = (HEAD + t->state_bytes + 63) / 64 * 64,
                .seen = mem_take((size_t)t->shape[0], sizeof(float))};
  p->cap = o->cap ? o->cap : (t->cap + p->frame_skip - 1) / p->frame_skip;
  p->memory = mem_take((size_t)lanes, p->stride);
  return p;
}

static void plugin_close(void *self) {
  plugin *p = self;
  mem_free(p->memory);
  mem_free(p->seen);
  mem_free(p);
}

// --- is it pure? ----------------------------------------------------------------------------------------------------
// An episode is played alone, and once more in a lane that was soiled, while another is played between its steps.
enum { PROBE_STEPS = 100 };

static hash plugin_probe(const dreamfarm_env *t, int lane, bool disturbed) {
  const env_options nothing = {0};
  plugin *p = plugin_lanes_open(t, &nothing, 2);
  size_t bytes = plugin_observation_bytes(t);
  char *seen = mem_take(2, bytes);
  float *actions = mem_take(2 * (size_t)t->actions, sizeof *actions);
  hash h = {"start"};

  memset(p->memory, disturbed ? 0xA5 : 0, 2 * p->stride);
  for (int i = 0; i < 2; i++) plugin_reset(p, i, rng_episode(rng_stream(1, "plug-in"), 0, (uint32_t)(i != lane)));
  for (int step = 0; step < PROBE_STEPS; step++) {
    rng_uniforms(actions + (size_t)lane * t->actions, t->actions, rng_stream(2, "plug-in"), (uint32_t)step, 0);
    env_outcome out = plugin_lane_step(p, lane, actions + (size_t)lane * t->actions);
    if (disturbed) plugin_lane_step(p, !lane, actions + (size_t)!lane * t->actions);

    plugin_observe(p, seen, 2);
    const double paid[] = {(double)out.reward, out.terminated};
    const hash parts[] = {h, hash_bytes(paid, sizeof paid), hash_bytes(seen + (size_t)lane * bytes, bytes)};
    h = hash_join(parts, 3);
    if (out.terminated || out.truncated || out.broken) break;
  }

  plugin_close(p);
  mem_free(seen);
  mem_free(actions);
  return h;
}

// --- opening --------------------------------------------------------------------------------------------------------

// What is said that only Gymnasium's would listen to.
static const char *plugin_unheard(const env_options *o) {
  if (o->python) return "python";
  if (o->arguments) return "options";
  if (o->wrappers) return "wrappers";
  if (o->observation) return "observation";
  if (o->crop[0] || o->crop[1] || o->crop[2] || o->crop[3]) return "crop";
  if (o->grey) return "grey";
  if (o->memory) return "memory";
  return o->actions != ENV_ACTIONS_LARGEST ? "actions" : NULL;
}

// Loaded by this process so far. One that is asked for again is as it was, whatever has become of its file.
static struct { char path[PATH_MAX_LENGTH]; plugin_object object; } loaded[8];
enum { LOADED_MAX = sizeof loaded / sizeof *loaded };

static status plugin_load(plugin_object *p, const char *path) {
  int i = 0;
  while (i < LOADED_MAX && *loaded[i].path && strcmp(loaded[i].path, path) != 0) i++;
  if (i == LOADED_MAX) FAIL(BAD_CONFIG, "%s: more than %d plug-ins in one process", path, LOADED_MAX);
  if (!*loaded[i].path) {
    TRY(plugin_table_find(&loaded[i].object, path));
    const dreamfarm_env *t = loaded[i].object.table;
    loaded[i].object.pure = hash_equal(plugin_probe(t, 0, false), plugin_probe(t, 1, true));
    text_print(loaded[i].path, sizeof loaded[i].path, "%s", path);
  }
  *p = loaded[i].object;
  return OK;
}

static status plugin_open(env *e, const char *name, const env_options *o) {
  plugin_object object;
  const char *unheard = plugin_unheard(o);
  if (unheard)
    FAIL(BAD_CONFIG, "environment \"%s\" is a plug-in in C and takes no environment.%s; leave that out", name,
         unheard);
  TRY(plugin_load(&object, name));

  const dreamfarm_env *t = object.table;
  plugin *p = plugin_lanes_open(t, o, e->lanes);
  e->self = p;
  e->spec = (env_spec){.pixels = t->pixels != 0,
                       .shape = {t->shape[0], t->shape[1], t->shape[2]},
                       .actions = t->actions,
                       .cap = p->cap,
                       .pays_steps = t->pays_steps && p->frame_skip == 1 && p->reward_scale == 1,
                       .pure = object.pure,
                       .picture = t->picture,
                       .components = t->components,
                       .baselines = env_baselines_blind,
                       .content = object.content};
  text_print(e->spec.name, sizeof e->spec.name, "%s", t->name);
  text_print(e->spec.version, sizeof e->spec.version, "%.12s", object.content.hex);
  text_print(e->spec.words, sizeof e->spec.words, "%s", t->words);
  return OK;
}

const env_family env_plugin = {.owns = plugin_owns,
                               .open = plugin_open,
                               .close = plugin_close,
                               .reset = plugin_reset,
                               .step = plugin_step,
                               .observe = plugin_observe,
                               .move = plugin_move,
                               .failure = plugin_failure};
