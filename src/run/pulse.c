// The pulse of a job under `dreamfarm launch`: rank 0 writes it into the run directory wherever its loops look up
// whether they are asked to stop. It beats in the working thread itself, so a rank that hangs falls silent.

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "run.h"

#define BEAT_SECONDS 1.0
#define PULSE_BYTES 512

static struct {
  bool on;
  pulse p;
  file_path path, result;
  double at;
} pulse_own;

// --- a job's token -------------------------------------------------------------------------------------------------

job_token job_token_new(void) {
  unsigned char bytes[32];
  job_token t;
  CHECK(getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes, "no random bytes");
  memcpy(t.hex, hash_bytes(bytes, sizeof bytes).hex, sizeof t.hex);
  return t;
}

bool job_token_good(const job_token *t) { return strlen(t->hex) == 32 && strspn(t->hex, "0123456789abcdef") == 32; }

// --- on disk -------------------------------------------------------------------------------------------------------

// One line of fixed length, written in place: a torn one is read as none, and a beat a second is not worth an fsync.
status pulse_write(const pulse *p, const char *path) {
  char line[PULSE_BYTES + 1];
  int size = snprintf(line, sizeof line, "%s %s %" PRId64 " %" PRIu64 " %" PRId64 " %.0f ", p->job.hex, p->host, p->pid,
                      p->started, p->beats, p->patience);

  // A shorter line must not leave the end of a longer one behind.
  memset(line + size, ' ', (size_t)(PULSE_BYTES - size));
  line[PULSE_BYTES - 1] = '\n';

  int fd;
  TRY(file_open(&fd, path, O_WRONLY | O_CREAT | O_NOFOLLOW));
  ssize_t put = pwrite(fd, line, PULSE_BYTES, 0);
  if (close(fd) != 0 || put != PULSE_BYTES) FAIL(NO_IO, "%s: cannot be written", path);
  return OK;
}

bool pulse_read(pulse *p, const char *path) {
  char line[PULSE_BYTES + 1] = "";
  int fd;
  if (file_open(&fd, path, O_RDONLY | O_NOFOLLOW) != OK) return false;
  ssize_t got = read(fd, line, PULSE_BYTES);
  close(fd);
  return got == PULSE_BYTES && sscanf(line, "%32s %255s %" SCNd64 " %" SCNu64 " %" SCNd64 " %lf", p->job.hex, p->host,
                                      &p->pid, &p->started, &p->beats, &p->patience) == 6;
}

bool result_read(const char *path, job_token job, int *code) {
  char line[64] = "", hex[33];
  int fd;
  if (!file_exists(path) || file_open(&fd, path, O_RDONLY | O_NOFOLLOW) != OK) return false;
  ssize_t got = read(fd, line, sizeof line - 1);
  close(fd);
  return got > 0 && sscanf(line, "%32s %d", hex, code) == 2 && strcmp(hex, job.hex) == 0;
}

// --- rank 0 --------------------------------------------------------------------------------------------------------

// A later start has taken over (this host was cut off, or stopped): two at once would write over each other.
static void pulse_leave_if_replaced(void) {
  pulse now;
  if (!pulse_read(&now, pulse_own.path.text) || strcmp(now.job.hex, pulse_own.p.job.hex) == 0) return;
  fprintf(stderr, "dreamfarm: %s says that another start goes on with this run: this one ends\n", pulse_own.path.text);
  _exit(RESUME_ME);
}

static void pulse_beat(double patience) {
  pulse_leave_if_replaced();
  pulse_own.p.beats++;
  pulse_own.p.patience = patience;
  pulse_own.at = time_now();
  if (pulse_write(&pulse_own.p, pulse_own.path.text) != OK) log_here("%s", status_message());
}

// Which rank this will be is in the environment before MPI has started, which may already hang.
static bool pulse_is_rank_0(void) {
  static const char *const names[] = {"PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (getenv(names[i])) return strcmp(getenv(names[i]), "0") == 0;
  return true;
}

const char *heartbeat_job(void) {
  static job_token token;
  const char *job = getenv(JOB_VARIABLE), *directory = getenv(DIRECTORY_VARIABLE);
  if (!job || !directory || strlen(job) != 32 || strlen(directory) > RUN_DIRECTORY_MAX) return NULL;
  memcpy(token.hex, job, sizeof token.hex);
  return job_token_good(&token) ? token.hex : NULL;
}

void heartbeat_open(void) {
  const char *job = heartbeat_job(), *directory = getenv(DIRECTORY_VARIABLE);
  if (!job) return;
  memcpy(pulse_own.p.job.hex, job, sizeof pulse_own.p.job.hex);
  pulse_own.result = path_join(directory, RUN_RESULT);
  if (!pulse_is_rank_0()) return;

  // The others carry the token too, and may say how the job ended, but only rank 0 has a pulse.
  pulse *p = &pulse_own.p;
  if (gethostname(p->host, sizeof p->host - 1) != 0) snprintf(p->host, sizeof p->host, "?");
  p->pid = getpid();
  p->started = process_started(p->pid);
  pulse_own.path = path_join(directory, RUN_PULSE);
  pulse_own.on = true;
  pulse_beat(HEARTBEAT_START_SECONDS);
}

void heartbeat_beat(void) {
  if (pulse_own.on && (pulse_own.p.patience > 0 || time_now() - pulse_own.at >= BEAT_SECONDS)) pulse_beat(0);
}

void heartbeat_silence(double seconds) {
  if (pulse_own.on) pulse_beat(seconds);
}

void heartbeat_result(status s) {
  char line[64];
  if (!*pulse_own.result.text) return;
  int size = snprintf(line, sizeof line, "%s %d\n", pulse_own.p.job.hex, (int)s);
  if (file_write(pulse_own.result.text, line, (size_t)size) != OK) log_here("%s", status_message());
}
