// A process in Python that steps lanes of somebody else's environment.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gym_child.h"

enum { HEAD_BYTES = 4096, TEXT_BYTES = 61440, FIRST_AREA = HEAD_BYTES + TEXT_BYTES, LEARNT_AFTER = 8 };
#define LEARNT_TIMES 100     // as long as the longest batch so far
#define LOOK_SECONDS 0.0005  // at most, before sleeping
#define LOOK_AWAY 0.000005   // without the core
#define LOOK_PAUSE 0.02      // after looking in vain

static double patience_first = 120, patience_least = 10;
void gym_child_patience(double first, double least) {
  patience_first = first;
  patience_least = least;
}

static void (*child_waiting)(void);
void env_while_waiting(void (*call)(void)) { child_waiting = call; }

// --- its script -----------------------------------------------------------------------------------------------------
// In share/dreamfarm, beside the program's directory (as installed, PREFIX/bin) or in it (as built); tests' programs
// are two folders deeper.
static status child_script(file_path *out) {
  static const char name[] = "share/dreamfarm/gym_child.py";
  char directory[PATH_MAX_LENGTH];
  text_print(directory, sizeof directory, "%s", program_own());
  for (int up = 0; up < 4; up++) {
    char *slash = strrchr(directory, '/');
    if (!slash) break;
    *slash = 0;
    *out = path_join(directory, "%s", name);
    if (file_exists(out->text)) return OK;
  }
  FAIL(NO_IO, "%s is neither beside %s nor above it: install dreamfarm with `make install`", name, program_own());
}

// --- what it prints -------------------------------------------------------------------------------------------------
static void child_tail_add(gym_child *c, const char *bytes, size_t size) {
  size_t room = sizeof c->tail - 1, keep = size < room ? size : room;
  size_t old = strlen(c->tail), over = old + keep > room ? old + keep - room : 0;
  memmove(c->tail, c->tail + over, old - over);
  memcpy(c->tail + old - over, bytes + size - keep, keep);
  c->tail[old - over + keep] = 0;
}

// Whatever it prints is read, so that it never waits for us; zeros would end the text.
static void child_listen(gym_child *c) {
  char piece[65536];
  for (ssize_t got; (got = read(c->said, piece, sizeof piece)) > 0;) {
    for (ssize_t i = 0; i < got; i++)
      if (piece[i] == 0) piece[i] = '?';
    child_tail_add(c, piece, (size_t)got);
  }
}

// --- the memory that it holds ---------------------------------------------------------------------------------------
// What lies in it, not addresses: large mappings without memory behind them are usual. Looked at five times a second at
// most; what it has started, for which all processes must be looked at, once a second.
static bool child_ate(gym_child *c) {
  enum { ALL_EACH = 5 };
  double now = time_now();
  if (c->most == 0 || now - c->looked < 0.2) return false;

  c->looked = now;
  c->held = c->looks++ % ALL_EACH ? process_memory(c->pid) : process_session_memory(c->pid);
  return c->held > c->most;
}

// --- waiting for it -------------------------------------------------------------------------------------------------
enum child_answer { CHILD_CLOSED = 0, CHILD_LATE = -1, CHILD_ATE = -2 };  // beside the byte that it sends

static double child_patience(const gym_child *c) {
  double learnt = LEARNT_TIMES * c->longest;
  if (c->batches < LEARNT_AFTER || learnt > patience_first) return patience_first;
  return learnt > patience_least ? learnt : patience_least;
}

// One byte, or why there is none.
static int child_byte(gym_child *c, stopwatch *waited, double limit) {
  enum { NAP = 200 };  // milliseconds
  char byte = 0;
  for (;;) {
    struct pollfd ends[] = {{.fd = c->line, .events = POLLIN}, {.fd = c->said, .events = POLLIN}};
    if (poll(ends, 2, NAP) < 0 && errno != EINTR) return CHILD_CLOSED;
    if (ends[1].revents) child_listen(c);
    if (ends[0].revents) {
      ssize_t got = recv(c->line, &byte, 1, MSG_DONTWAIT);
      if (got == 1) return byte;
      if (got == 0 || (errno != EAGAIN && errno != EINTR)) return CHILD_CLOSED;
    }
    if (child_ate(c)) return CHILD_ATE;
    if (stopwatch_spent(waited, time_now()) > limit) return CHILD_LATE;
    if (child_waiting) child_waiting();
  }
}

static bool child_send(const gym_child *c) { return send(c->line, "b", 1, MSG_NOSIGNAL) == 1; }

// --- turns ----------------------------------------------------------------------------------------------------------
static bool child_done(const gym_child *c) {
  const int64_t *head = c->at.head;
  return __atomic_load_n(&head[GYM_DONE], __ATOMIC_ACQUIRE) == c->asked;
}

// What is written here is seen by the child before we see whether it sleeps, and whether it is done.
static void child_tell(gym_child *c, int word, int64_t value) {
  __atomic_store_n(&c->at.head[word], value, __ATOMIC_RELEASE);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static bool child_ask(gym_child *c) {
  child_tell(c, GYM_ASKED, ++c->asked);
  return !__atomic_load_n(&c->at.head[GYM_CHILD_SLEEPS], __ATOMIC_RELAXED) || child_send(c);
}

// Of this thread: seconds in which it did not have its core, up to a constant.
static double child_away(double now) {
  struct timespec had;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &had);
  return now - (double)had.tv_sec - 1e-9 * (double)had.tv_nsec;
}

// To be woken costs more than a small batch takes, so that it is worth while to look whether it is done: for a short
// while, and giving way to whoever wants the core. Where the child wants it, it is done after that; where others do, we
// had better sleep. After looking in vain it is not tried for a while.
static void child_look(gym_child *c) {
  double start = time_now();
  if (start < c->look_from) return;
  sched_yield();
  if (child_done(c)) return;

  double now = time_now(), away = child_away(now);
  while (!child_done(c) && now - start < LOOK_SECONDS && child_away(now) - away < LOOK_AWAY) {
    sched_yield();
    now = time_now();
  }
  if (!child_done(c)) c->look_from = now + LOOK_PAUSE;
}

// Waits for the batch: 'k', or why it will not be done.
static int child_wait(gym_child *c, double limit) {
  int answer = 'k';
  child_look(c);
  if (child_done(c)) return answer;

  stopwatch waited = stopwatch_begin(time_now());
  child_tell(c, GYM_RANK_SLEEPS, 1);
  while (answer == 'k' && !child_done(c)) answer = child_byte(c, &waited, limit);
  child_tell(c, GYM_RANK_SLEEPS, 0);
  return child_done(c) ? 'k' : answer;
}

// --- its beginning and its end --------------------------------------------------------------------------------------
static gym_areas child_areas(void *map, const int64_t head[GYM_HEAD]) {
  char *bytes = map;
  return (gym_areas){.head = map,
                     .text = bytes + HEAD_BYTES,
                     .batch = (int32_t *)(void *)(bytes + head[GYM_BATCH]),
                     .seeds = (uint32_t *)(void *)(bytes + head[GYM_SEEDS]),
                     .flags = (int32_t *)(void *)(bytes + head[GYM_FLAGS]),
                     .rewards = (double *)(void *)(bytes + head[GYM_REWARDS]),
                     .actions = bytes + head[GYM_ACTIONS],
                     .observations = bytes + head[GYM_OBSERVATIONS]};
}

// The areas are where our own head says: the shared one is for the child, which may write there.
static status child_map(gym_child *c, size_t bytes, const int64_t head[GYM_HEAD]) {
  if (c->map) munmap(c->map, c->bytes);
  c->map = NULL;
  if (ftruncate(c->memory, (off_t)bytes) != 0)
    FAIL(BROKEN, "shared memory of %zu bytes cannot be had: %s", bytes, strerror(errno));
  void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->memory, 0);
  if (map == MAP_FAILED) FAIL(BROKEN, "shared memory of %zu bytes cannot be mapped: %s", bytes, strerror(errno));
  c->map = map;
  c->bytes = bytes;
  c->at = child_areas(map, head);
  memcpy(c->at.head, head, GYM_HEAD * sizeof *head);
  return OK;
}

// The child's ends are closed here, so that its end is the end of what we read.
static status child_run(gym_child *c, const char *name, const env_options *o, const char *script) {
  int line[2], said[2];
  char skip[16], most[16], hash_seed[] = "PYTHONHASHSEED=0", threads[] = "OMP_NUM_THREADS=1",
                           blas[] = "OPENBLAS_NUM_THREADS=1";
  text_print(skip, sizeof skip, "%d", o->frame_skip > 1 ? o->frame_skip : 1);
  text_print(most, sizeof most, "%d", GYM_NUMBERS_MAX);
  const char *words[] = {o->python ? o->python : "python3", script, name, o->arguments ? o->arguments : "",
                         o->wrappers ? o->wrappers : "", o->observation ? o->observation : "", skip, most, NULL};
  char *environment[] = {hash_seed, threads, blas, NULL};

  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) != 0)
    FAIL(BROKEN, "a pair of sockets cannot be had: %s", strerror(errno));
  if (pipe2(said, O_CLOEXEC) != 0) {
    close(line[0]), close(line[1]);
    FAIL(BROKEN, "a pipe cannot be had: %s", strerror(errno));
  }

  // a session of its own: Ctrl-C asks us to stop, not it; and whatever it starts can be ended with it
  program_order p = {.words = (char *const *)words, .environment = environment, .in = line[1], .out = said[1],
                     .err = said[1], .extra = c->memory, .own_session = true, .dies_with_us = true};
  status s = program_start(&c->pid, &p);
  close(line[1]);
  close(said[1]);
  c->line = line[0];
  c->said = said[0];
  fcntl(c->said, F_SETFL, O_NONBLOCK);
  return s;
}

void gym_child_end(gym_child *c) {
  if (c->pid > 0) {
    kill(-c->pid, SIGKILL);
    kill(c->pid, SIGKILL);
    program_wait(c->pid);
  }
  if (c->map) munmap(c->map, c->bytes);
  int *const ends[] = {&c->line, &c->said, &c->memory};
  for (int i = 0; i < 3; i++)
    if (*ends[i] > 0) close(*ends[i]);
  *c = (gym_child){.longest = c->longest, .batches = c->batches, .busy = c->busy};
}

static void child_words_of_end(gym_child *c, text_buffer *words, int answer, double limit) {
  if (answer == CHILD_LATE) {
    text_add(words, "its Python took more than %.3g seconds and was ended", limit);
  } else if (answer == CHILD_ATE) {
    text_add(words, "its Python held %.0f MB of memory and was ended; environment.memory allows %.0f",
             (double)c->held / 1e6, (double)c->most / 1e6);
  } else {
    kill(-c->pid, SIGKILL);
    int code = program_wait(c->pid);
    c->pid = 0;
    if (code > 128) text_add(words, "its Python was ended by signal %d (%s)", code - 128, strsignal(code - 128));
    else text_add(words, "its Python ended by itself with exit code %d", code);
  }
  child_listen(c);
  if (*c->tail) text_add(words, "; the last that it printed:\n%s", c->tail);
}

// Ends what did not do as it was asked, and says so.
static gym_end child_over(gym_child *c, text_buffer *words, int answer, double limit) {
  c->busy = c->at.head[GYM_AT];
  if (answer == 'f' || answer == 'r') text_add(words, "%.*s", TEXT_BYTES - 1, c->at.text);
  else child_words_of_end(c, words, answer, limit);
  gym_child_end(c);
  return answer == 'r' ? GYM_REFUSED : answer == CHILD_LATE ? GYM_HUNG : answer == CHILD_ATE ? GYM_ATE : GYM_DIED;
}

static gym_end child_answered(gym_child *c, text_buffer *words, int answer, double limit) {
  // whatever it wrote is a text
  c->at.text[TEXT_BYTES - 1] = 0;
  if (answer == 'k') return GYM_RUNS;
  return child_over(c, words, answer, limit);
}

// As a status. The sentence is the configuration's where it was refused, else what Python said.
static status child_begun(gym_child *c) {
  text_buffer words = {0};
  stopwatch waited = stopwatch_begin(time_now());
  gym_end end = child_answered(c, &words, child_byte(c, &waited, patience_first), patience_first);
  status s = OK;
  if (end == GYM_REFUSED) s = status_fail(BAD_CONFIG, "%s", words.bytes);
  else if (end != GYM_RUNS) s = status_fail(BROKEN, "it could not be started: %s", words.bytes);
  text_free(&words);
  return s;
}

status gym_child_start(gym_child *c, const char *name, const env_options *o) {
  file_path script;
  TRY(child_script(&script));
  *c = (gym_child){.longest = c->longest, .batches = c->batches, .most = (size_t)o->memory * 1000000};
  c->memory = memfd_create("dreamfarm", MFD_CLOEXEC);
  if (c->memory < 0) FAIL(BROKEN, "shared memory cannot be had: %s", strerror(errno));

  const int64_t nothing[GYM_HEAD] = {0};
  status s = child_map(c, FIRST_AREA, nothing);
  if (s == OK) s = child_run(c, name, o, script.text);
  if (s == OK) s = child_begun(c);
  if (s != OK) gym_child_end(c);
  return s;
}

static size_t child_area(int64_t *head, int which, size_t at, size_t bytes) {
  head[which] = (int64_t)at;
  return at + (bytes + 63) / 64 * 64;
}

status gym_child_widen(gym_child *c, int lanes, size_t action_bytes, size_t observation_bytes) {
  int64_t head[GYM_HEAD] = {[GYM_LANES] = lanes, [GYM_AT] = -1};
  size_t n = (size_t)lanes, end = FIRST_AREA;
  end = child_area(head, GYM_BATCH, end, 2 * n * sizeof(int32_t));
  end = child_area(head, GYM_SEEDS, end, n * sizeof(uint32_t));
  end = child_area(head, GYM_FLAGS, end, n * sizeof(int32_t));
  end = child_area(head, GYM_REWARDS, end, n * sizeof(double));
  end = child_area(head, GYM_ACTIONS, end, n * action_bytes);
  end = child_area(head, GYM_OBSERVATIONS, end, n * observation_bytes);

  status s = child_map(c, end, head);
  if (s == OK && !child_send(c)) s = status_fail(BROKEN, "its Python does not listen");
  if (s == OK) s = child_begun(c);
  if (s != OK) gym_child_end(c);
  return s;
}

gym_end gym_child_batch(gym_child *c, text_buffer *words) {
  double start = time_now(), limit = child_patience(c);
  if (child_ate(c)) return child_over(c, words, CHILD_ATE, limit);
  if (!child_ask(c)) return child_over(c, words, CHILD_CLOSED, limit);
  gym_end end = child_answered(c, words, child_wait(c, limit), limit);
  if (end != GYM_RUNS) return end;

  double took = time_now() - start;
  if (took > c->longest) c->longest = took;
  c->batches++;
  return GYM_RUNS;
}
