// rooms: num
// sources: src/base/[!p]*.c src/base/process.c src/env/gym.c src/env/gym_child.c
// sources: src/env/gym_facts.c src/env/gym_picture.c
// seeds: tests/fuzz/gym/*
// What a child says. An even first byte: the rest is what it says of its environment, refused or understood, and then
// every action lies in the space. An odd one: it speaks one of some environments' facts and plays; before each of its
// answers it writes anywhere into what is shared, as a stray pointer would, and answers with any byte, or not at all.
// The child is this process: it answers where it is given way to, or waited for.

#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/env/gym.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

typedef struct tape { const uint8_t *at, *end; } tape;
static tape talk;
static _Thread_local bool ours;  // this thread is the one that plays: libraries have others, which yield too
static int next(int below) { return talk.at < talk.end ? *talk.at++ % below : 0; }

// --- the child ------------------------------------------------------------------------------------------------------
enum { TEXT_AT = 4096, TEXT_BYTES = 61440 };
static const char *const facts[] = {
    "version gymnasium 1\ncap 100\nobservation numbers 3\naction box 2\nlow -1 -inf\nhigh 1.5 inf\nshows a\ntakes b\n",
    "version gymnasium 1\ncap 9\nobservation picture 70 65 3\naction choices 1\nof 3\nfrom 5\nshows a\ntakes b\n",
    "version gymnasium 1\ncap 7\nobservation numbers 1\naction choices 2\nof 2 3\nfrom 0 -1\nshows a\ntakes b\n",
    "version gymnasium 1\ncap 50\nobservation picture 9 130 1\naction binary 4\nshows a\ntakes b\n",
};
static const char *spoken;
static int line = -1, memory = -1;

static void child_write(size_t at, const void *bytes, size_t size) {
  CHECK(pwrite(memory, bytes, size, (off_t)at) == (ssize_t)size, "shared memory cannot be written");
}

// A word of the head, part of the text, or some bytes behind both.
static void child_scribble(void) {
  static const int64_t words[] = {0, -1, 1, 2, 3, 1 << 20, INT64_MAX, INT64_MIN};
  static char text[TEXT_BYTES];
  size_t end = (size_t)lseek(memory, 0, SEEK_END), behind = end - TEXT_AT - TEXT_BYTES;
  int where = next(4), what = next(256);
  if (where == 0) child_write(8 * (size_t)next(GYM_HEAD), &words[what % 8], 8);
  if (where == 1) {
    memset(text, what, sizeof text);
    child_write(TEXT_AT, text, (size_t)(next(2) ? TEXT_BYTES : next(200)));
  }
  if (where < 2 || behind < 16) return;
  size_t at = ((size_t)next(256) * 256 + (size_t)next(256)) % (behind - 8);
  const uint64_t several = (uint64_t)what * 0x0101010101010101;
  child_write(TEXT_AT + TEXT_BYTES + at, &several, 8);
}

static void child_says(const char *answer) { CHECK(write(line, answer, 1) == 1, "the socket is full"); }

// The batch that was asked for is done, as far as the child knows.
static void child_is_done(void) {
  int64_t asked;
  CHECK(pread(memory, &asked, 8, 8 * GYM_ASKED) == 8, "shared memory cannot be read");
  child_write(8 * GYM_DONE, &asked, 8);
}

// What is no "k" is its last word.
static void child_answers(bool waited_for) {
  static const char *const answers[] = {"k", "k", "k", "k", "k", "k", "f", "r", "x", NULL};
  for (int n = next(4); n > 0; n--) child_scribble();
  const char *answer = talk.at < talk.end ? answers[next(10)] : NULL;
  bool more = answer && *answer == 'k';
  if (more) child_is_done();
  if (answer && (waited_for || !more)) child_says(answer);
  if (!more) close(line), line = -1;
}

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
  (void)fd, (void)bytes, (void)flags;
  return (ssize_t)size;
}

int sched_yield(void) {
  if (ours && line >= 0 && next(2)) child_answers(false);
  return 0;
}

int poll(struct pollfd *ends, nfds_t count, int limit) {
  (void)limit;
  if (ours && line >= 0) child_answers(true);
  return ppoll(ends, count, &(struct timespec){0}, NULL);
}

status program_start(pid_t *child, const program_order *p) {
  *child = 1 << 30;
  line = dup(p->in);
  memory = dup(p->extra);
  child_write(TEXT_AT, spoken, strlen(spoken));
  return OK;
}

int program_wait(pid_t child) {
  (void)child;
  if (line >= 0) close(line);
  if (memory >= 0) close(memory);
  line = memory = -1;
  return next(2) ? 0 : 137;
}

int kill(pid_t pid, int number) { return pid == 0 || number == 0; }

// The script is looked for, but nobody runs it.
char *program_own(void) {
  static char path[] = "/tmp/dreamfarm-fuzz-XXXXXX/dreamfarm";
  char *slash = strrchr(path, '/');
  if (!strstr(path, "XXXXXX")) return path;
  *slash = 0;
  CHECK(mkdtemp(path), "no directory");
  FILE *f = NULL;
  if (dir_make(path_join(path, "share/dreamfarm").text) == OK)
    f = fopen(path_join(path, "share/dreamfarm/gym_child.py").text, "w");
  CHECK(f && fclose(f) == 0, "no script");
  *slash = '/';
  return path;
}

// --- what is understood ---------------------------------------------------------------------------------------------
static void action_look(const gym_facts *f, const float *action) {
  static union { float box[GYM_NUMBERS_MAX]; int64_t choice[GYM_NUMBERS_MAX]; } place;
  gym_action_write(f, &place, action);
  for (int i = 0; i < f->count; i++) {
    float b = place.box[i];
    int64_t c = place.choice[i];
    if (f->kind == GYM_BOX) CHECK(b >= f->low[i] && b <= f->high[i], "%g of %g to %g", b, f->low[i], f->high[i]);
    if (f->kind == GYM_BINARY) CHECK(c == 0 || c == 1, "%lld", (long long)c);
    if (f->kind == GYM_CHOICES)
      CHECK(c >= f->from[i] && c < f->from[i] + f->of[i], "choice %lld of %lld", (long long)c, (long long)f->of[i]);
  }
}

static void facts_look(const gym_facts *f, const env_options *o) {
  static const float numbers[] = {-1, 1, 0, 0.4F, -7, INFINITY, NAN, -0.34F};
  static uint8_t out[GYM_SIDE * GYM_SIDE * 3];
  float action[GYM_NUMBERS_MAX];
  CHECK(f->cap > 0 && f->count >= 1 && f->A >= 1 && f->A <= GYM_NUMBERS_MAX, "A %d, count %d", f->A, f->count);
  for (int i = 0; i < f->A; i++) action[i] = numbers[next(8)];
  action_look(f, action);

  size_t size = gym_observation_bytes(f);
  if (!f->picture || size > 1 << 20) return;
  uint8_t *picture = mem_take(size, 1);
  gym_picture(out, picture, f, o->crop, o->grey);
  mem_free(picture);
}

static void text_look(void) {
  static gym_facts f;
  env_options o = {.frame_skip = next(5), .cap = next(3) * 100, .grey = next(4) == 0,
                   .actions = next(3) ? ENV_ACTIONS_LARGEST : ENV_ACTIONS_THRESHOLDS};
  for (int i = 0; i < 4; i++) o.crop[i] = next(3) ? 0 : next(80);
  size_t size = (size_t)(talk.end - talk.at);
  char *text = mem_take(size + 1, 1);
  memcpy(text, talk.at, size);

  status s = gym_facts_read(&f, text, &o);
  CHECK(s == OK || s == BROKEN || s == BAD_CONFIG, "%s", status_message());
  if (s == OK) facts_look(&f, &o);
  mem_free(text);
}

// --- what is played -------------------------------------------------------------------------------------------------
enum { LANES = 3, ROUNDS = 12 };

static void outcomes_look(const gym *g, const env_outcome *out, int n) {
  for (int i = 0; i < n; i++) {
    CHECK(out[i].broken || isfinite(out[i].reward), "a reward of %g", (double)out[i].reward);
    CHECK(!(out[i].terminated && out[i].truncated), "both ends");
    CHECK(!out[i].broken || *gym_failure(g) != '\n', "no reason");
  }
}

static void game_round(gym *g, bool *begun) {
  static char seen[LANES * GYM_SIDE * GYM_SIDE * 3];
  static const float actions[LANES * 8] = {0.5F, -1, 1};
  env_outcome out[LANES];
  int n = 0;

  // those that are over, or were never begun, begin
  for (int i = 0; i < LANES; i++)
    if (!begun[i] || next(4) == 0) gym_reset(g, i, rng_stream((uint64_t)next(9), "fuzz"));
  memset(begun, true, LANES);
  n = 1 + next(LANES);
  if (next(2)) gym_observe(g, seen, n);
  gym_step(g, actions, out, n);
  outcomes_look(g, out, n);
  for (int i = 0; i < n; i++) begun[i] = !out[i].broken && !out[i].terminated && !out[i].truncated;
}

static void game_play(void) {
  gym *g;
  bool begun[LANES] = {false};
  env_options o = {.reward_scale = next(3) ? 1 : 1e9};
  spoken = facts[next(4)];
  if (gym_open(&g, "Fuzz-v0", &o, LANES) != OK) return;
  for (int i = 0; i < ROUNDS && talk.at < talk.end; i++) game_round(g, begun);
  gym_close(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static bool opened;
  if (!opened) log_open(1, 2, true);
  opened = ours = true;
  if (size < 2) return 0;
  talk = (tape){.at = bytes + 1, .end = bytes + size};
  if (bytes[0] % 2 == 0) text_look();
  else game_play();
  return 0;
}
