// Lanes of somebody else's environment: they live in a child process in Python, which steps all of them at once. A
// lane is a slot there; lanes that move change slots, not places. What the child breaks is said to be broken, and the
// child is started anew when somebody next needs it.

#include <math.h>
#include <string.h>

#include "gym.h"

// Of an episode; innocent: it was lost by another one's failure.
typedef enum gym_fate { GYM_FINE, GYM_GUILTY, GYM_INNOCENT } gym_fate;

typedef struct gym_slot {
  bool fresh;     // its episode has not begun in the child
  uint32_t seed;
  int steps;
  gym_fate fate;
} gym_slot;

struct gym {
  const char *id;
  env_options o;
  gym_facts facts;
  gym_child child;
  int lanes;
  int *slot;        // (lanes)  of a lane; a permutation
  gym_slot *slots;  // (lanes)
  int *asked;       // (lanes)  slots of the batch under way, as they were asked: what is shared may be overwritten
  text_buffer why;  // of the last failure, in one line
};

// --- the child ------------------------------------------------------------------------------------------------------
static status gym_start(gym *g) {
  gym_facts facts;
  if (g->child.pid) return OK;
  TRY(gym_child_start(&g->child, g->id, &g->o));

  status s = gym_facts_read(&facts, g->child.at.text, &g->o);
  if (s == OK && g->facts.A && memcmp(&facts, &g->facts, sizeof facts) != 0)
    s = status_fail(BROKEN, "its spaces are others than they were when it was first started");
  if (s == OK) g->facts = facts;
  if (s == OK) s = gym_child_widen(&g->child, g->lanes, gym_action_bytes(&facts), gym_observation_bytes(&facts));
  if (s != OK) gym_child_end(&g->child);
  return s;
}

// A traceback is shown once, however often it comes.
static void gym_say_once(const gym *g, const gym_slot *s, const char *words) {
  enum { SAID = 16 };
  static hash said[SAID];
  static int count;
  hash h = hash_bytes(words, strlen(words));
  for (int i = 0; i < SAID; i++)
    if (hash_equal(said[i], h)) return;

  said[count++ % SAID] = h;
  if (s) log_here("gym:%s broke an episode (seed %u, after %d steps), which is played again: %s", g->id, s->seed,
                  s->steps, words);
  else log_here("gym:%s broke all its episodes, which are played again: %s", g->id, words);
}

// Of a traceback the last line says what happened, of anything else the first.
static void gym_why(gym *g, const gym_slot *s, const char *words) {
  size_t size = strlen(words);
  while (size > 0 && words[size - 1] == '\n') size--;
  const char *line = words;
  if (strncmp(words, "Traceback", 9) == 0)
    for (size_t i = 0; i < size; i++)
      if (words[i] == '\n') line = words + i + 1;

  text_free(&g->why);
  text_add(&g->why, "%.*s", int_min((int)strcspn(line, "\n"), (int)(words + size - line)), line);
  gym_say_once(g, s, words);
}

// The child is gone, and all episodes with it. Guilty is the one that it was busy with; where there is none, all are.
static void gym_lose_all(gym *g, int64_t busy, const char *words) {
  bool one = busy >= 0 && busy < g->lanes;
  gym_why(g, one ? &g->slots[busy] : NULL, words);
  for (int i = 0; i < g->lanes; i++) g->slots[i].fate = !one || i == busy ? GYM_GUILTY : GYM_INNOCENT;
}

// --- a batch --------------------------------------------------------------------------------------------------------
static const float *gym_numbers(const gym *g, int slot) {
  return (const float *)(const void *)(g->child.at.observations + (size_t)slot * gym_observation_bytes(&g->facts));
}

// The first number of its observation that is none; -1: all are.
static int gym_not_a_number(const gym *g, int slot) {
  const float *x = gym_numbers(g, slot);
  for (int i = 0; i < g->facts.numbers; i++)
    if (!isfinite(x[i])) return i;
  return -1;
}

static float gym_reward(const gym *g, int slot) {
  double scale = g->o.reward_scale != 0 ? g->o.reward_scale : 1;
  return (float)(scale * g->child.at.rewards[slot]);
}

static void gym_judge(gym *g, int slot) {
  const gym_areas *at = &g->child.at;
  gym_slot *s = &g->slots[slot];
  char words[128] = "";
  int flags = at->flags[slot], bad = gym_not_a_number(g, slot);

  // raised, or what it gave is no number
  if (flags & GYM_FAILED) gym_why(g, s, at->head[GYM_TEXT_SIZE] ? at->text : "it failed together with another lane");
  else if (bad >= 0)
    text_print(words, sizeof words, "number %d of its observation is %g", bad, (double)gym_numbers(g, slot)[bad]);
  else if (!isfinite(gym_reward(g, slot))) text_print(words, sizeof words, "its reward is %g", at->rewards[slot]);
  if (*words) gym_why(g, s, words);
  if (*words || (flags & GYM_FAILED)) s->fate = GYM_GUILTY;
}

// One lane's part of it: begins where it has not, and steps where there are actions. False: it has none.
static bool gym_enter(gym *g, int64_t entry, int lane, const float *actions) {
  const gym_areas *at = &g->child.at;
  int slot = g->slot[lane];
  gym_slot *s = &g->slots[slot];
  int what = (s->fresh ? GYM_RESET : 0) | (actions ? GYM_STEP : 0);
  if (s->fate != GYM_FINE || !what) return false;

  g->asked[entry] = slot;
  at->batch[2 * entry] = slot;
  at->batch[2 * entry + 1] = what;
  at->seeds[slot] = s->seed;
  at->flags[slot] = 0;
  at->rewards[slot] = 0;
  s->fresh = false;
  if (actions)
    gym_action_write(&g->facts, at->actions + (size_t)slot * gym_action_bytes(&g->facts),
                     actions + (size_t)lane * g->facts.A);
  return true;
}

// Lanes 0 .. n-1, all at once. What fails is known by its slot's fate.
static void gym_batch(gym *g, const float *actions, int n) {
  text_buffer words = {0};
  if (gym_start(g) != OK) {
    gym_lose_all(g, -1, status_message());
    return;
  }

  const gym_areas *at = &g->child.at;
  int64_t count = 0;
  for (int i = 0; i < n; i++) count += gym_enter(g, count, i, actions);
  at->head[GYM_COUNT] = count;
  at->head[GYM_TEXT_SIZE] = 0;
  if (count == 0) return;

  if (gym_child_batch(&g->child, &words) != GYM_RUNS) gym_lose_all(g, g->child.busy, words.bytes);
  for (int64_t k = 0; g->child.pid && k < count; k++) gym_judge(g, g->asked[k]);
  text_free(&words);
}

// --- lanes ----------------------------------------------------------------------------------------------------------
status gym_open(gym **out, const char *id, const env_options *o, int lanes) {
  gym *g = mem_take(1, sizeof *g);
  *g = (gym){.id = id, .o = *o, .lanes = lanes, .slot = mem_take((size_t)lanes, sizeof(int)),
             .slots = mem_take((size_t)lanes, sizeof(gym_slot)), .asked = mem_take((size_t)lanes, sizeof(int))};
  for (int i = 0; i < lanes; i++) g->slot[i] = i;

  status s = gym_start(g);
  if (s != OK) gym_close(g);
  else *out = g;
  return s;
}

void gym_close(void *self) {
  gym *g = self;
  gym_child_end(&g->child);
  mem_free(g->slot);
  mem_free(g->slots);
  mem_free(g->asked);
  text_free(&g->why);
  mem_free(g);
}

const gym_facts *gym_facts_of(const gym *g) { return &g->facts; }

const char *gym_failure(const void *self) {
  const gym *g = self;
  return g->why.bytes ? g->why.bytes : "it did not fail";
}

// 31 bits: many an environment keeps its seed in a C int.
static uint32_t gym_seed(rng luck) {
  uint32_t words[4];
  rng_words(words, 4, luck, 0, 0);
  return words[0] >> 1;
}

// It begins with the next batch, together with others.
void gym_reset(void *self, int lane, rng luck) {
  const gym *g = self;
  g->slots[g->slot[lane]] = (gym_slot){.fresh = true, .seed = gym_seed(luck)};
}

static env_outcome gym_outcome(gym *g, int slot) {
  gym_slot *s = &g->slots[slot];
  if (s->fate != GYM_FINE) return (env_outcome){.broken = true, .innocent = s->fate == GYM_INNOCENT};

  const gym_areas *at = &g->child.at;
  bool terminated = at->flags[slot] & GYM_TERMINATED, cut = at->flags[slot] & GYM_TRUNCATED;
  s->steps++;
  return (env_outcome){.reward = gym_reward(g, slot),
                       .terminated = terminated,
                       .truncated = !terminated && (cut || s->steps >= g->facts.cap)};
}

void gym_step(void *self, const float *actions, env_outcome *outcomes, int n) {
  gym *g = self;
  gym_batch(g, actions, n);
  for (int i = 0; i < n; i++) outcomes[i] = gym_outcome(g, g->slot[i]);
}

// What a broken lane shows is nothing.
void gym_observe(void *self, void *observations, int n) {
  gym *g = self;
  const gym_facts *f = &g->facts;
  size_t seen = gym_observation_bytes(f), bytes = f->picture ? 3 * GYM_SIDE * GYM_SIDE : seen;
  gym_batch(g, NULL, n);

  for (int i = 0; i < n; i++) {
    char *out = (char *)observations + (size_t)i * bytes;
    const char *from = g->child.at.observations + (size_t)g->slot[i] * seen;
    if (g->slots[g->slot[i]].fate != GYM_FINE) memset(out, 0, bytes);
    else if (f->picture) gym_picture((uint8_t *)out, (const uint8_t *)from, f, g->o.crop, g->o.grey);
    else memcpy(out, from, bytes);
  }
}

void gym_move(void *self, int to, int from) {
  const gym *g = self;
  int freed = g->slot[to];
  g->slot[to] = g->slot[from];
  g->slot[from] = freed;
}
