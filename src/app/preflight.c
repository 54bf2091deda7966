// The look before the leap: every rank tells of its place, rank 0 says in one sentence each what will not do, and what
// to do about it, before minutes are wasted.

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app.h"

#define MEGABYTE (1024.0 * 1024.0)
#define RANK_MEMORY (64 * MEGABYTE)     // of its own, at the sizes of configs/takecover-paper.yaml
#define RANK_SHM (4 * MEGABYTE)         // that MPI takes of /dev/shm
#define DISK (200 * MEGABYTE)           // two checkpoints, the packed world, rows and pictures
#define SEEN_SECONDS 5.0                // network file systems show a new file a little late
#define WARNINGS_MAX 8

typedef struct place {  // of one rank; plain memory, it travels
  char host[64];
  cpu_set_t cores;      // that it may use
  double quota;         // of its control groups, in cores; INFINITY: none
  int32_t isa, blas_threads;
  int32_t sees;         // the run directory that rank 0 writes to
  double memory, shm;   // free bytes; NaN: unknown
} place;

typedef struct places {
  const place *all;     // (ranks)
  int ranks, hosts, warnings;
  const char *directory;
} places;

// --- looking, on every rank -----------------------------------------------------------------------------------------

static double bytes_free(const char *path) {
  struct statvfs s;
  return statvfs(path, &s) == 0 ? (double)s.f_bavail * (double)s.f_frsize : (double)NAN;
}

// The number behind `key` in a file of the kernel's; NaN if there is none.
static double number_in(const char *path, const char *key) {
  char line[256], *end;
  double value = (double)NAN;
  FILE *f = fopen(path, "re");
  while (f && isnan(value) && fgets(line, sizeof line, f)) {
    if (strncmp(line, key, strlen(key)) != 0) continue;
    double number = strtod(line + strlen(key), &end);
    if (end != line + strlen(key)) value = number;
  }
  if (f) fclose(f);
  return value;
}

// What the machine has left, or the container.
static double memory_free(void) {
  double machine = 1024 * number_in("/proc/meminfo", "MemAvailable:");
  double left = number_in("/sys/fs/cgroup/memory.max", "") - number_in("/sys/fs/cgroup/memory.current", "");
  return fmin(machine, left);  // of a number and NaN: the number
}

static bool sees(const char *path, const char *token) {
  char *bytes;
  size_t size;
  for (double end = time_now() + SEEN_SECONDS; time_now() < end; usleep(100000)) {
    if (file_read(&bytes, &size, path) != OK) continue;
    bool same = strcmp(bytes, token) == 0;
    mem_free(bytes);
    if (same) return true;
  }
  return false;
}

static place place_look(const app *a, const char *file, const char *token) {
  place p = {.isa = (int32_t)num_isa_now(), .blas_threads = num_blas_threads(), .sees = sees(file, token),
             .memory = memory_free(), .shm = bytes_free("/dev/shm"), .quota = cores_quota(CORES_GROUPS, CORES_MOUNTED)};
  snprintf(p.host, sizeof p.host, "%.63s", farm_host(a->f));
  sched_getaffinity(0, sizeof p.cores, &p.cores);
  return p;
}

// --- judging, on rank 0 ---------------------------------------------------------------------------------------------

static void warn(places *all, const char *words) {
  if (all->warnings++ < WARNINGS_MAX) log_all("warning: %s", words);
}
#define WARN(all, ...)                                \
  do {                                                \
    char words_[512];                                 \
    snprintf(words_, sizeof words_, __VA_ARGS__);     \
    warn(all, words_);                                \
  } while (0)

static bool same_host(const place *a, const place *b) { return strcmp(a->host, b->host) == 0; }
static bool same_cores(const place *a, const place *b) { return same_host(a, b) && CPU_EQUAL(&a->cores, &b->cores); }

// The ranks that are like this one in that respect; 0 where an earlier rank speaks for them.
static int alike(const places *all, int rank, bool (*same)(const place *, const place *)) {
  int count = 0;
  for (int r = 0; r < all->ranks; r++) {
    bool one = same(&all->all[r], &all->all[rank]);
    if (one && r < rank) return 0;
    count += one;
  }
  return count;
}

static void cores_judge(places *all, int rank) {
  const place *p = &all->all[rank];
  int ranks = alike(all, rank, same_cores), cores = CPU_COUNT(&p->cores);
  if (ranks > cores)
    WARN(all,
         "%d ranks on %s share %d core%s; start one rank a core, unbound (mpirun --bind-to none) where more cores are "
         "there",
         ranks, p->host, cores, cores == 1 ? "" : "s");
}

// Containers give time, not cores: a quota that is smaller than what the ranks of a host may run on.
static void quota_judge(places *all, int rank, int ranks) {
  const place *p = &all->all[rank];
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (int r = rank; r < all->ranks; r++)
    if (same_host(p, &all->all[r])) CPU_OR(&cores, &cores, &all->all[r].cores);
  if (p->quota < CPU_COUNT(&cores) && ranks > ceil(p->quota))
    WARN(all,
         "%d ranks on %s share the time of %.3g core%s, a container's or a job's quota; start fewer ranks there, or "
         "give more (--cpus)",
         ranks, p->host, p->quota, p->quota == 1 ? "" : "s");
}

static void host_judge(places *all, int rank) {
  const place *p = &all->all[rank];
  int ranks = alike(all, rank, same_host);
  if (ranks == 0) return;
  all->hosts++;
  quota_judge(all, rank, ranks);

  if (p->memory < ranks * RANK_MEMORY)
    WARN(all, "%s has %.0f MB of memory free for %d ranks, which want about %.0f MB; start fewer ranks there", p->host,
         p->memory / MEGABYTE, ranks, ranks * RANK_MEMORY / MEGABYTE);
  if (ranks > 1 && p->shm < ranks * RANK_SHM)
    WARN(all,
         "/dev/shm of %s has %.0f MB free for the messages of %d ranks; give the container more (--shm-size=256m)",
         p->host, p->shm / MEGABYTE, ranks);

  // Of rank 0, whose search it is.
  if (rank == 0 && num_blas_common() && strcmp(num_blas_kernels(), num_blas_common()) != 0)
    WARN(all,
         "BLAS is OpenBLAS's for %s: a search that is begun or resumed here takes another course than with the "
         "kernels for %s; unset OPENBLAS_CORETYPE",
         num_blas_kernels(), num_blas_common());
  if (p->blas_threads != 1)
    WARN(all, "BLAS uses %d threads a rank on %s; set OPENBLAS_NUM_THREADS=1", p->blas_threads, p->host);
}

static status places_judge(places *all) {
  for (int r = 0; r < all->ranks; r++)
    if (!all->all[r].sees)
      FAIL(NO_IO,
           "rank %d on %s does not see what rank 0 writes to %s; put run.directory on a file system that all hosts "
           "share",
           r, all->all[r].host, all->directory);

  double disk = bytes_free(all->directory);
  if (disk < DISK)
    WARN(all, "%s has %.0f MB free; a run may want %.0f MB", all->directory, disk / MEGABYTE, DISK / MEGABYTE);
  for (int r = 0; r < all->ranks; r++) {
    host_judge(all, r);
    cores_judge(all, r);
  }
  if (all->warnings > WARNINGS_MAX) log_all("warning: %d more of the kind", all->warnings - WARNINGS_MAX);
  return OK;
}

static void all_well(const places *all) {
  const place *p = &all->all[0];
  double least = p->memory;
  int cores = cores_usable();
  bool mixed = false;
  for (int r = 1; r < all->ranks; r++) {
    least = fmin(least, all->all[r].memory);
    mixed |= all->all[r].isa != p->isa;
  }
  log_all("%d rank%s on %d host%s, %d core%s for rank 0, %s, BLAS for %s, %.1f GB of memory free a host or more",
          all->ranks, all->ranks == 1 ? "" : "s", all->hosts, all->hosts == 1 ? "" : "s", cores, cores == 1 ? "" : "s",
          mixed ? "several instruction sets" : num_isa_name((num_isa)p->isa), num_blas_kernels(),
          least / (1024 * MEGABYTE));
}

// --- the look -------------------------------------------------------------------------------------------------------

static status versions_compare(const app *a) {
  char first[32] = DREAMFARM_VERSION;
  farm_share(a->f, first, sizeof first);
  if (strcmp(first, DREAMFARM_VERSION) == 0) return OK;
  FAIL(MISMATCH, "on %s dreamfarm is version %s, on rank 0 it is %s; install the same everywhere", farm_host(a->f),
       DREAMFARM_VERSION, first);
}

// A plug-in is a file that somebody has built, perhaps on each host.
static status environments_compare(const app *a) {
  hash first = a->environment->content;
  farm_share(a->f, &first, sizeof first);
  if (hash_equal(first, a->environment->content)) return OK;
  FAIL(MISMATCH, "on %s %s is of hash %.12s, on rank 0 of %.12s; build it once, on a file system that all hosts share",
       farm_host(a->f), a->s.environment.name, a->environment->content.hex, first.hex);
}

status preflight(const app *a) {
  bool master = farm_rank(a->f) == 0;
  char token[80];
  file_path file = run_out(&a->run, "preflight");
  TRY(farm_agree(a->f, versions_compare(a)));
  TRY(farm_agree(a->f, environments_compare(a)));

  // Whoever reads this token in the run directory sees the same file system.
  snprintf(token, sizeof token, "%.40s %ld %.6f", farm_host(a->f), (long)getpid(), time_now());
  TRY(farm_agree(a->f, master ? file_write(file.text, token, strlen(token)) : OK));
  farm_share(a->f, token, sizeof token);
  place mine = place_look(a, file.text, token), *all = master ? mem_take((size_t)farm_size(a->f), sizeof *all) : NULL;
  farm_gather(a->f, all, &mine, sizeof mine);

  status s = OK;
  if (master) {
    places p = {.all = all, .ranks = farm_size(a->f), .directory = a->s.run.directory};
    s = places_judge(&p);
    if (s == OK && p.warnings == 0) all_well(&p);
    file_remove(file.text);
  }
  mem_free(all);
  return farm_agree(a->f, s);
}

// Episodes whose lengths differ tenfold leave ranks idle at the end of a generation, though they move to those that
// have fewer. On the published lengths of the World Models Doom run the fraction of what the cores could do, simulated
// at 64 to 256 ranks with 1,024 episodes (dreamfarm bench farm --simulate), is 1 / (1 + 9 (ranks / episodes)^2) within
// 0.02.
#define TAIL 9
#define GOOD_USE 0.85

void preflight_generation(const app *a) {
  int ranks = farm_size(a->f), episodes = a->s.evolve.popsize * a->s.evolve.episodes;
  double per_rank = (double)episodes / ranks, use = 1 / (1 + TAIL / (per_rank * per_rank));
  if (ranks == 1 || use >= GOOD_USE) return;

  double wanted = sqrt(TAIL * GOOD_USE / (1 - GOOD_USE));  // episodes per rank
  log_all("warning: %d x %d episodes a generation use about %.0f %% of %d ranks; evolve.popsize x evolve.episodes of "
          "%.0f, or %.0f ranks, would make it %.0f %%",
          a->s.evolve.popsize, a->s.evolve.episodes, 100 * use, ranks, ceil(wanted * ranks),
          fmax(1, floor(episodes / wanted)), 100 * GOOD_USE);
}
