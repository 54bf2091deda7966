// What is asked of launch: its command line, and where that means to have the ranks.

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parts.h"

enum { RANKS_MAX = 1000000, RETRIES_MAX = 1000000 };
#define STALL_MAX 1e6

void launch_say(const char *format, ...) {
  char line[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  fprintf(stderr, "%slaunch: %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", line);  // over rank 0's progress
}

// --- the command line ----------------------------------------------------------------------------------------------

static status order_usage(const char *words, const char *found) {
  FAIL(USAGE, "%s '%s'; usage: dreamfarm launch [-n RANKS] [--hostfile FILE] [--agent \"ssh ...\"] [--launcher PROGRAM]"
              " [--mpirun \"extra words\"] [--stall SECONDS] [--retries K] -- VERB CONFIG.yaml ...", words, found);
}

static status order_whole(int *out, const char *option, const char *text, int least, int most) {
  if (number_whole(out, text, least, most)) return OK;
  FAIL(USAGE, "launch %s: found '%s', wanted a whole number from %d to %d", option, text, least, most);
}

static status order_seconds(double *out, const char *option, const char *text, double most) {
  if (number_seconds(out, text, most)) return OK;
  FAIL(USAGE, "launch %s: found '%s', wanted seconds, above 0 and up to %.0f", option, text, most);
}

static status order_agent_check(const char *text) {
  word_list words = {0};
  status s = words_split(&words, text, "--agent");
  if (s == OK && !words.count) s = status_fail(USAGE, "--agent: found '%s', wanted a program and its words", text);
  words_free(&words);
  return s;
}

static status order_option(launch_order *o, const char *word, const char *value) {
  if (strcmp(word, "-n") == 0) return order_whole(&o->ranks, word, value, 1, RANKS_MAX);
  if (strcmp(word, "--retries") == 0) return order_whole(&o->retries, word, value, 0, RETRIES_MAX);
  if (strcmp(word, "--stall") == 0) return order_seconds(&o->stall, word, value, STALL_MAX);
  if (strcmp(word, "--hostfile") == 0) return o->hostfile = value, OK;
  if (strcmp(word, "--launcher") == 0) return o->program = value, OK;
  if (strcmp(word, "--agent") == 0) return o->agent = value, order_agent_check(value);
  if (strcmp(word, "--mpirun") == 0) return words_split(&o->extra, value, word);
  return order_usage("unknown option", word);
}

static status order_options(launch_order *o, int count, char **words) {
  int i = 2;
  for (; i < count && strcmp(words[i], "--") != 0; i += 2) {
    if (i + 1 == count) return order_usage("needs a value:", words[i]);
    TRY(order_option(o, words[i], words[i + 1]));
  }
  if (i + 1 >= count) return order_usage("a verb after -- is missing, last is", words[count - 1]);
  o->words = words + i;
  o->words[0] = program_own();
  if (strcmp(o->words[0], PROGRAM_OWN_UNKNOWN) == 0)
    FAIL(NO_IO, "this program's own path cannot be told (it is too long, or /proc is missing): it cannot start ranks");
  return o->understand(&o->asked_for, count - i, o->words);
}

// --- where ---------------------------------------------------------------------------------------------------------

// Under SLURM the allocation is the host list, and srun the way to its hosts. Where SLURM's commands are missing, in a
// container for one, the allocation may still be this host.
static status order_allocation(launch_order *o, const char *nodes) {
  status s = hosts_of_slurm(&o->on, nodes);
  if (s != NO_IO) return s;
  launch_say("warning: SLURM_JOB_NODELIST is %.64s%s, but %s; goes on with ranks on this host alone", nodes,
      strlen(nodes) > 64 ? "..." : "", status_message());
  o->alone = true;
  return OK;
}

static status order_place(launch_order *o) {
  const char *nodes = o->hostfile ? NULL : getenv("SLURM_JOB_NODELIST"), *tasks = getenv("SLURM_NTASKS");
  if (o->hostfile) TRY(hosts_read(&o->on, o->hostfile));
  if (nodes) TRY(order_allocation(o, nodes));
  if (!o->agent) o->agent = nodes && !o->alone ? "srun --overlap --mpi=none -Q -N1 -n1 -w" : "ssh -o BatchMode=yes";
  if (o->ranks) return OK;

  bool of_slurm = nodes && tasks && (!o->alone || !strpbrk(nodes, "[,"));
  if (of_slurm) return order_whole(&o->ranks, "SLURM_NTASKS", tasks, 1, RANKS_MAX);
  o->ranks = o->on.count ? hosts_slots(&o->on) : cores_usable();
  if (o->ranks > RANKS_MAX)
    FAIL(BAD_FILE, "%s: found %d slots in all, up to %d are allowed", o->hostfile, o->ranks, RANKS_MAX);
  return OK;
}

launch_order order_default(launch_understand *understand) {
  return (launch_order){.understand = understand, .program = "mpirun", .retries = 5, .stall = 20};
}

status order_read(launch_order *o, int count, char **words) {
  TRY(order_options(o, count, words));
  TRY(launcher_find(&o->with, o->program));
  return order_place(o);
}
