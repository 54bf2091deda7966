// Hosts: from a host file or SLURM's allocation, which of them answer, and what is to be ended there.

#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parts.h"

#define SLOTS_MAX 65536

// An address that can be bound to is one of this machine's.
static bool hosts_resolves_to_here(const char *name) {
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

static bool hosts_is_own_name(const char *name) {
  char own[256] = "";
  gethostname(own, sizeof own - 1);
  size_t short_own = strcspn(own, "."), short_name = strcspn(name, ".");
  if (strcmp(name, own) == 0) return true;
  bool same_start = short_own == short_name && strncmp(name, own, short_own) == 0;
  return same_start && (!own[short_own] || !name[short_name]);
}

static void hosts_add(hosts *h, const char *name, int slots, bool here) {
  if (h->count == h->room) {
    h->room = 2 * h->room + 8;
    host *more = mem_take((size_t)h->room, sizeof *more);
    if (h->count) memcpy(more, h->list, (size_t)h->count * sizeof *more);
    mem_free(h->list);
    h->list = more;
  }
  host *new = &h->list[h->count++];
  snprintf(new->name, sizeof new->name, "%s", name);
  new->slots = slots;
  new->here = here;
  new->answers = true;
}

void hosts_free(hosts *h) {
  mem_free(h->list);
  *h = (hosts){0};
}

// --- names: they become words of other programs, which must not take one for an option -----------------------------

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_"

static status hosts_name_check(const char *name, const char *place) {
  const char *wanted = "a host is named by letters, digits, '.', '-' and '_', and begins with a letter or a digit";
  size_t good = strspn(name, NAME_CHARACTERS);
  if (!*name || *name == '-' || *name == '.' || *name == '_')
    FAIL(BAD_FILE, "%s: found '%.64s'; %s", place, name, wanted);
  if (name[good] >= ' ' && name[good] < 127)
    FAIL(BAD_FILE, "%s: found '%c' in '%.64s'; %s", place, name[good], name, wanted);
  if (name[good]) FAIL(BAD_FILE, "%s: found the byte 0x%02x in a name; %s", place, (unsigned char)name[good], wanted);
  if (good >= sizeof((host *)NULL)->name)
    FAIL(BAD_FILE, "%s: found a name of %zu characters, which is too long", place, good);
  return OK;
}

// --- host files ----------------------------------------------------------------------------------------------------

static status hosts_slots_read(int *slots, const char *key, const char *value, const char *place) {
  if (number_whole(slots, value, 1, SLOTS_MAX)) return OK;
  FAIL(BAD_FILE, "%s: %s: found '%.64s', wanted a whole number from 1 to %d", place, key, value, SLOTS_MAX);
}

static status hosts_key_unknown(const char *word, const char *place) {
  static const char *const known[] = {"slots", "max_slots", "max-slots"};
  const char *near = text_nearest(word, known, (int)(sizeof known / sizeof *known));
  FAIL(BAD_FILE, "%s: found '%.64s'%s%s%s; wanted 'name', 'name slots=N', 'name slots=N max_slots=M', 'name:N'", place,
       word, near ? ", did you mean '" : "", near ? near : "", near ? "'" : "");
}

// The next word of a line, cut off with its end; NULL: there is none.
static char *hosts_word_next(char **at) {
  char *word = *at + strspn(*at, " \t\r");
  if (!*word) return NULL;
  *at = word + strcspn(word, " \t\r=");
  return word;
}

// `key=value`, with blanks around the sign or without. *at stands behind the key and is moved behind the value.
static status hosts_value_take(char **value, char *key, char **at, const char *place) {
  char *key_end = *at, *sign = *at + strspn(*at, " \t\r");
  if (*sign != '=') {
    *key_end = 0;
    return hosts_key_unknown(key, place);
  }
  char *start = sign + 1 + strspn(sign + 1, " \t\r");
  char *end = start + strcspn(start, " \t\r");
  *key_end = 0;
  *at = *end ? end + 1 : end;
  *end = 0;
  *value = start;
  return OK;
}

// What follows the name. max_slots is a limit, not a count.
static status hosts_slots_of(int *slots, char *at, const char *place) {
  int most = SLOTS_MAX;
  for (char *key; (key = hosts_word_next(&at));) {
    char *value;
    TRY(hosts_value_take(&value, key, &at, place));
    bool limits = strcmp(key, "max_slots") == 0 || strcmp(key, "max-slots") == 0;
    if (!limits && strcmp(key, "slots") != 0) return hosts_key_unknown(key, place);
    TRY(hosts_slots_read(limits ? &most : slots, key, value, place));
  }
  if (*slots > most) FAIL(BAD_FILE, "%s: found %d slots, which is more than max_slots, %d", place, *slots, most);
  return OK;
}

static status hosts_line_read(hosts *h, char *line, const char *place) {
  int slots = 1;
  line[strcspn(line, "#")] = 0;
  char *name = line + strspn(line, " \t\r"), *end = name + strcspn(name, " \t\r");
  if (!*name) return OK;
  char *rest = *end ? end + 1 : end;
  *end = 0;

  char *colon = strchr(name, ':');
  if (colon) *colon = 0;
  TRY(hosts_name_check(name, place));
  if (colon) TRY(hosts_slots_read(&slots, name, colon + 1, place));
  TRY(hosts_slots_of(&slots, rest, place));
  hosts_add(h, name, slots, hosts_is_own_name(name) || hosts_resolves_to_here(name));
  return OK;
}

static status hosts_lines_read(hosts *h, char *bytes, size_t size, const char *path) {
  int number = 1;
  char *line = strncmp(bytes, "\xef\xbb\xbf", 3) == 0 ? bytes + 3 : bytes;  // some editors' mark of UTF-8
  for (char *next; line < bytes + size; line = next, number++) {
    char place[PATH_MAX_LENGTH + 16];
    snprintf(place, sizeof place, "%s:%d", path, number);
    next = memchr(line, '\n', (size_t)(bytes + size - line));
    next = next ? next + 1 : bytes + size;
    if (memchr(line, 0, (size_t)(next - line)))
      FAIL(BAD_FILE, "%s: found a byte 0; wanted text, a host per line", place);
    if (next[-1] == '\n') next[-1] = 0;
    TRY(hosts_line_read(h, line, place));
  }
  if (!h->count) FAIL(BAD_FILE, "%s: names no host", path);
  return OK;
}

status hosts_read(hosts *h, const char *path) {
  char *bytes;
  size_t size;
  TRY(file_read(&bytes, &size, path));
  status s = hosts_lines_read(h, bytes, size, path);
  mem_free(bytes);
  if (s != OK) hosts_free(h);
  return s;
}

// --- SLURM ---------------------------------------------------------------------------------------------------------

// SLURM calls hosts by names of its own, and tells each its own: the resolver is not asked, nor waited for, hundreds of
// times.
static status hosts_names_read(hosts *h, char *names) {
  const char *own = getenv("SLURMD_NODENAME");
  for (char *save = NULL, *name = strtok_r(names, " \t\r\n", &save); name; name = strtok_r(NULL, " \t\r\n", &save)) {
    TRY(hosts_name_check(name, "SLURM_JOB_NODELIST"));
    hosts_add(h, name, 1, own ? strcmp(name, own) == 0 : hosts_is_own_name(name));
  }
  return OK;
}

status hosts_of_slurm(hosts *h, const char *node_list) {
  char scontrol[] = "scontrol", show[] = "show", hostnames[] = "hostnames";
  char *words[] = {scontrol, show, hostnames, (char *)(uintptr_t)node_list, NULL};
  text_buffer said = {0};
  int code = 0;
  if (*node_list == '-') FAIL(BAD_FILE, "SLURM_JOB_NODELIST: found '%.64s', which is no list of hosts", node_list);

  status s = program_read(&said, &code, words);
  bool told = s == OK && code == 0 && said.size;
  if (told) s = hosts_names_read(h, said.bytes);
  text_free(&said);
  if (s == OK && !told)
    s = status_fail(BAD_FILE, "'scontrol show hostnames %.64s' does not tell the allocation's hosts (exit code %d)",
                    node_list, code);
  if (s != OK) hosts_free(h);
  return s;
}

int hosts_slots(const hosts *h) {
  int all = 0;
  for (int i = 0; i < h->count; i++) all += h->list[i].slots < INT_MAX - all ? h->list[i].slots : INT_MAX - all;
  return all;
}

bool hosts_all_here(const hosts *h) {
  for (int i = 0; i < h->count; i++)
    if (h->list[i].answers && !h->list[i].here) return false;
  return true;
}

// --- asking them ---------------------------------------------------------------------------------------------------

// A shell on the other side reads the words again, unless it is srun that carries them.
static void hosts_word_quoted(text_buffer *t, const char *word) {
  text_add(t, "'");
  for (const char *c = word; *c; c++) {
    if (*c == '\'') text_add(t, "'\\''");
    else text_add(t, "%c", *c);
  }
  text_add(t, "'");
}

static void hosts_program_add(word_list *l) {
  const char *carrier = strrchr(l->words[0], '/'), *own = program_own();
  bool shell = strcmp(carrier ? carrier + 1 : l->words[0], "srun") != 0;
  text_buffer quoted = {0};
  if (shell && own[strspn(own, NAME_CHARACTERS "/+@:,")]) hosts_word_quoted(&quoted, own);
  words_add(l, quoted.bytes ? quoted.bytes : own);
  text_free(&quoted);
}

// `agent HOST PROGRAM launch --sweep`; the tokens go through a file, so that no command line carries them.
static pid_t hosts_sweep_start(const host *h, const char *agent, int tokens) {
  word_list l = {0};
  pid_t child = 0;
  if (words_split(&l, agent, "--agent") == OK && l.count) {
    words_add(&l, h->name);
    hosts_program_add(&l);
    words_add(&l, "launch");
    words_add(&l, "--sweep");
    program_order p = {.words = l.words, .in = tokens, .out = PROGRAM_NOWHERE, .err = PROGRAM_NOWHERE,
                       .own_session = true};
    if (program_start(&child, &p) != OK) child = 0;
  }
  words_free(&l);
  return child;
}

static int hosts_tokens_file(const job_token *tokens, int count) {
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
    int file = hosts_tokens_file(tokens, count);
    asked[i] = hosts_sweep_start(&h->list[i], agent, file);
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
