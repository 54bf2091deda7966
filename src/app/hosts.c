// Hosts: from a host file or SLURM's allocation, which of them answer, and what is to be ended there.

#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"

#define WORDS_MAX 64
#define SLOTS_MAX 65536

// An address that can be bound to is one of this machine's.
static bool resolves_to_here(const char *name) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM}, *found = NULL;
  bool here = false;
  if (getaddrinfo(name, NULL, &hints, &found) != 0) return false;
  for (const struct addrinfo *a = found; a && !here; a = a->ai_next) {
    int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    here = fd >= 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0;
    if (fd >= 0) close(fd);
  }
  freeaddrinfo(found);
  return here;
}

static bool is_here(const char *name) {
  char own[256] = "";
  gethostname(own, sizeof own - 1);
  size_t short_own = strcspn(own, "."), short_name = strcspn(name, ".");
  if (strcmp(name, own) == 0 || (short_own == short_name && strncmp(name, own, short_own) == 0 && (!own[short_own] || !name[short_name]))) return true;
  return resolves_to_here(name);
}

static void host_add(hosts *h, const char *name, size_t length, int slots) {
  host *more = mem_take((size_t)h->count + 1, sizeof *more);
  if (h->count) memcpy(more, h->list, (size_t)h->count * sizeof *more);
  mem_free(h->list);
  h->list = more;
  host *new = &h->list[h->count++];
  snprintf(new->name, sizeof new->name, "%.*s", (int)length, name);
  new->slots = slots;
  new->here = is_here(new->name);
  new->answers = true;
}

static int slots_in(const char *after_name) {
  if (*after_name == ':') return atoi(after_name + 1);
  const char *word = strstr(after_name, "slots=");
  return word ? atoi(word + strlen("slots=")) : 1;
}

status hosts_read(hosts *h, const char *path) {
  char *bytes;
  size_t size;
  int number = 0;
  TRY(file_read(&bytes, &size, path));
  for (char *line = bytes, *next; *line; line = next) {
    next = line + strcspn(line, "\n");
    if (*next) *next++ = 0;
    number++;
    line[strcspn(line, "#")] = 0;
    line += strspn(line, " \t\r");
    size_t length = strcspn(line, ": \t\r");
    if (!length) continue;
    int slots = slots_in(line + length);
    if (slots < 1 || slots > SLOTS_MAX) {
      status_fail(BAD_FILE, "%s:%d: found '%s', wanted 'name', 'name slots=N' or 'name:N' with N from 1 to %d", path, number, line, SLOTS_MAX);
      mem_free(bytes);
      return BAD_FILE;
    }
    host_add(h, line, length, slots);
  }
  mem_free(bytes);
  if (!h->count) FAIL(BAD_FILE, "%s: names no host", path);
  return OK;
}

status hosts_of_slurm(hosts *h, const char *node_list) {
  char command[4096], name[256];
  snprintf(command, sizeof command, "scontrol show hostnames '%s'", node_list);
  FILE *f = popen(command, "r");
  while (f && fscanf(f, "%255s", name) == 1) host_add(h, name, strlen(name), 1);
  if (!f || pclose(f) != 0 || !h->count) FAIL(NO_IO, "'%s' does not tell the hosts of this allocation", command);
  return OK;
}

int hosts_slots(const hosts *h) {
  int all = 0;
  for (int i = 0; i < h->count; i++) all += h->list[i].slots;
  return all;
}

// --- asking them ----------------------------------------------------------------------------------------------------------------

// `agent HOST PROGRAM launch --sweep`; the tokens go through a file, so that no command line carries them.
static pid_t sweep_start(const host *h, const char *agent, int tokens) {
  pid_t child = fork();
  if (child != 0) return child;
  char text[4096], *words[WORDS_MAX];
  char *const command[] = {(char *)(uintptr_t)h->name, path_own(), (char *)(uintptr_t) "launch", (char *)(uintptr_t) "--sweep", NULL};
  setsid();
  dup2(tokens, STDIN_FILENO);
  int nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  snprintf(text, sizeof text, "%s", agent);
  int count = words_split(words, WORDS_MAX - 5, text);
  memcpy(words + count, command, sizeof command);
  execvp(words[0], words);
  _exit(127);
}

static int tokens_file(const job_token *tokens, int count) {
  int fd = memfd_create("tokens", MFD_CLOEXEC);
  for (int i = 0; i < count; i++) dprintf(fd, "%s\n", tokens[i].hex);
  lseek(fd, 0, SEEK_SET);
  return fd;
}

void hosts_sweep(hosts *h, const char *agent, const job_token *tokens, int count, double seconds) {
  pid_t *asked = mem_take((size_t)h->count + 1, sizeof *asked);
  int waiting = 0;
  for (int i = 0; i < h->count; i++) {
    h->list[i].answers = h->list[i].here;
    if (h->list[i].here) continue;
    int file = tokens_file(tokens, count);
    asked[i] = sweep_start(&h->list[i], agent, file);
    close(file);
    waiting += asked[i] > 0;
  }
  for (double end = time_now() + seconds; waiting && time_now() < end; usleep(20000))
    for (int i = 0; i < h->count; i++) {
      int how;
      if (asked[i] <= 0 || waitpid(asked[i], &how, WNOHANG) <= 0) continue;
      h->list[i].answers = WIFEXITED(how) && WEXITSTATUS(how) == 0;
      asked[i] = 0;
      waiting--;
    }
  for (int i = 0; i < h->count; i++)
    if (asked[i] > 0) {
      kill(-asked[i], SIGKILL);
      waitpid(asked[i], NULL, 0);
    }
  mem_free(asked);
}
