// The words every room speaks: status, check, log, memory, time, hashes, files, numbers, JSON text, other programs.
// Looks at nothing else.
#ifndef BASE_H
#define BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

// --- status -------------------------------------------------------------------------------------------------------
// The world outside may be wrong: such functions return a status. The sentence is made once, where the facts are
// (FAIL), callers only forward (TRY). The number is the program's exit code.
#define STATUS_LIST(X)                                                  \
  X(OK, 0, "ok")                                                        \
  X(BROKEN, 1, "something failed that is not the input's fault")        \
  X(USAGE, 2, "the command line is wrong")                              \
  X(BAD_CONFIG, 3, "the configuration is wrong")                        \
  X(BAD_FILE, 4, "a file is damaged or not what it should be")          \
  X(MISMATCH, 5, "files do not belong together")                        \
  X(NO_IO, 6, "a file cannot be read or written")                       \
  X(INTERRUPTED, 7, "stopped by the user; the same command resumes")    \
  X(RESUME_ME, 85, "stopped early with a checkpoint; start it again")

typedef enum status {
#define STATUS_ENUM(name, code, words) name = code,
  STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
} status;

// Remembers the sentence (printf style; any earlier one is replaced) and returns `code`.
status status_fail(status code, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The sentence of the last failure of this process; borrowed until the next failure.
const char *status_message(void);
const char *status_words(status code);  // borrowed, static

#define FAIL(code, ...) return status_fail((code), __VA_ARGS__), (code)
#define TRY(call)                                 \
  do {                                            \
    status try_status_ = (call);                  \
    if (try_status_ != OK) return try_status_;    \
  } while (0)

// --- check ------------------------------------------------------------------------------------------------------
// We ourselves may be wrong: ends the whole job with the place and the values. Always on.
#define CHECK(condition, ...) \
  ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition, __VA_ARGS__))
void check_failed(const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((noreturn, format(printf, 4, 5)));
// Not we are wrong, but nobody can go on: ends the whole job with the sentence of the last failure.
void status_end_job(status s) __attribute__((noreturn));
// Called first then, by the rank that ends it, with its status. NULL: nobody.
void status_on_end(void (*tell)(status s));
// Called once before the process ends so that a transport can end its peers too. NULL: none.
void check_on_failure(void (*end_the_job)(void));

// --- log --------------------------------------------------------------------------------------------------------
// Two categories: log_all is said once for the job (rank 0 prints), log_here by this process (with its rank).
// Lines go to stderr; numbers belong in files.
void log_open(int rank, int size, bool quiet);
void log_all(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_here(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Takes away a progress line that stands, before somebody else writes to stderr.
void log_break(void);

// A progress line with rate and ETA on a terminal, a plain line now and then otherwise and where TERM is dumb. Only
// rank 0 prints. No escape sequences; cut to the terminal's width. TERMINAL_VARIABLE, handed down by who passes stderr
// on to a terminal, says that there is one: 1, or its columns.
#define TERMINAL_VARIABLE "DREAMFARM_TERMINAL"
typedef struct progress {
  const char *label, *unit;   // not owned
  double total, start, last;  // seconds since time_now's origin
  bool terminal;
} progress;
progress progress_open(const char *label, const char *unit, double total);
void progress_show(progress *p, double done, const char *note);  // note may be NULL
void progress_close(progress *p, double done, const char *note);

// --- memory -----------------------------------------------------------------------------------------------------
// An arena owns everything that lives as long as its object. Memory is zeroed and 64-byte aligned. Running out of
// memory ends the job. Under AddressSanitizer every piece is its own allocation, so that overflows are seen.
typedef struct arena arena;
arena *arena_open(void);
void *arena_take(arena *a, size_t count, size_t size);
void arena_close(arena *a);  // NULL is allowed
#define ARENA_NEW(a, type, count) ((type *)arena_take((a), (size_t)(count), sizeof(type)))
void *mem_take(size_t count, size_t size);  // zeroed, 64-byte aligned; release with mem_free
void mem_free(void *memory);
void mem_huge_pages(const void *memory, size_t bytes);  // asks for them from 2 MB on; the system may not have any
uint64_t mem_count(void);  // allocations made through this header so far; a test asks that a loop makes none

// --- cores -------------------------------------------------------------------------------------------------------
// Cores that this process can keep busy, at least 1: those it may run on, and no more than the quota of its control
// groups, rounded up (half a core is better used than left).
int cores_usable(void);
// That quota in cores; INFINITY: none. `groups` is a file like /proc/self/cgroup, `mounted` where the groups' files
// are.
#define CORES_GROUPS "/proc/self/cgroup"
#define CORES_MOUNTED "/sys/fs/cgroup"
double cores_quota(const char *groups, const char *mounted);

// --- time and hash ----------------------------------------------------------------------------------------------
double time_now(void);  // seconds, monotonic

// Seconds of waiting, of which a time in which this process itself was stopped (Ctrl-Z) counts as one at most: who
// waited for whom is not known then. `now` is any clock; looked at more often than once a second, it is that clock.
typedef struct stopwatch { double spent, looked; } stopwatch;
stopwatch stopwatch_begin(double now);
double stopwatch_spent(stopwatch *p, double now);

// 128 bits of XXH3, as 32 hex digits: identity of files, worlds, configurations. Not for secrets.
typedef struct hash { char hex[33]; } hash;
hash hash_bytes(const void *bytes, size_t size);
hash hash_join(const hash *parts, int count);
bool hash_equal(hash a, hash b);
status hash_file(hash *out, const char *path);

// --- files ------------------------------------------------------------------------------------------------------
// Nothing half-written, ever: a temporary name, fsync, rename, fsync of the directory. Errors: NO_IO with the path
// and the system's reason.
// One way to open what others may have replaced: it waits for nobody (a pipe) and opens regular files alone. `flags`
// are open's; O_NOFOLLOW for files that are always ours, so that nobody makes us write through a symbolic link.
status file_open(int *fd, const char *path, int flags);              // caller closes
status file_read(char **bytes, size_t *size, const char *path);      // caller frees with mem_free; NUL-terminated
status file_read_own(char **bytes, size_t *size, const char *path);  // the same, not through a symbolic link
status file_write(const char *path, const void *bytes, size_t size);
status file_commit(const char *temporary, const char *path);  // fsync, rename, fsync of the directory
status file_remove(const char *path);                         // a missing file is no error
bool file_exists(const char *path);
// A whole file, read-only, shared by the processes of a node that map it. Release with file_unmap.
status file_map(const void **bytes, size_t *size, const char *path);
void file_unmap(const void *bytes, size_t size);  // NULL is allowed
status dir_make(const char *path);  // with parents; existing is no error
// Removes what file_write, killed, left of files whose names begin so. Only where nobody is writing such a file.
void dir_sweep(const char *path, const char *prefix);

#define PATH_MAX_LENGTH 1024
typedef struct file_path { char text[PATH_MAX_LENGTH]; } file_path;
// Of several files of a kind: the first has the plain path, number 2 of "a/rnn.safetensors" is "a/rnn-2.safetensors".
file_path path_numbered(const char *path, int number);
file_path path_join(const char *directory, const char *format, ...) __attribute__((format(printf, 2, 3)));

// --- numbers ----------------------------------------------------------------------------------------------------
static inline int int_min(int a, int b) { return a < b ? a : b; }
static inline int int_max(int a, int b) { return a > b ? a : b; }
static inline size_t size_max(size_t a, size_t b) { return a > b ? a : b; }

// For qsort: doubles in ascending order. A NaN equals everything, so there may be none among them.
int double_ascending(const void *a, const void *b);
// The middle one of `count` >= 1 numbers, or the mean of the middle two. They stand in ascending order afterwards.
double double_median(double *values, int count);

// --- text -------------------------------------------------------------------------------------------------------
// A growing buffer for text that is written whole; json_ functions add correct JSON to it (commas, escapes;
// doubles in the shortest form that reads back equal; non-finite numbers as null; bytes that are not UTF-8 as U+FFFD).
typedef struct text_buffer {
  char *bytes;  // owned, NUL-terminated, NULL while empty
  size_t size, room;
  bool comma;   // a comma is due before the next JSON value
} text_buffer;
void text_add(text_buffer *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(text_buffer *t);
// CSV rows and JSON lines: appended with one write, durable on return; what a full disk took in part is taken back.
// NO_IO.
status file_append(const char *path, const text_buffer *t);
void json_open(text_buffer *t, const char *key, char bracket);  // '{' or '['; key NULL inside arrays and at the top
void json_close(text_buffer *t, char bracket);                  // '}' or ']'
void json_number(text_buffer *t, const char *key, double value);
void json_text(text_buffer *t, const char *key, const char *value);
void json_bool(text_buffer *t, const char *key, bool value);

// The bytes of the UTF-8 character at the start of `bytes` (RFC 3629), and its code; 0 if there is none.
size_t text_character(const char *bytes, size_t size, uint32_t *code);

// A sentence that is too long is cut between two characters, never inside one. text_print and text_vprint are snprintf
// and vsnprintf but for that; text_whole says how many of the first `most` bytes are whole characters ("%.*s").
void text_print(char *to, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
void text_vprint(char *to, size_t room, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));
int text_whole(const char *text, int most);

// A rate for people: 14,430, 144, 14.4, 1.44, 0.144; ? where it is no number.
void text_rate(char out[32], double rate);

// The nearest of `count` words to `word` by edit distance, or NULL when none is near.
const char *text_nearest(const char *word, const char *const *words, int count);

// --- other programs -----------------------------------------------------------------------------------------------
// Started by their words as they are: no shell ever reads them. Errors: NO_IO with the program's name and the reason
// where it cannot be started (it is not there, say).
#define PROGRAM_NOWHERE (-1)         // as a stream: /dev/null
#define PROGRAM_SAID_MAX (16 << 20)  // bytes that are kept of what a program says

typedef struct program_order {
  char *const *words;                // ends with NULL; the first is looked for on PATH
  const char *directory;             // it works in; NULL: ours
  char *const *environment;          // NAME=value, ends with NULL, beside ours; NULL: nothing more
  int in, out, err;                  // file descriptors for its standard streams, borrowed; or PROGRAM_NOWHERE
  int extra;                         // a descriptor that it finds as 3, borrowed; 0: none
  bool own_session;                  // in a session and process group of its own
  bool dies_with_us;                 // is killed when the thread that started it ends
} program_order;
status program_start(pid_t *child, const program_order *p);
int program_wait(pid_t child);       // its exit code, or 128 + the signal that ended it
status program_run(int *code, const program_order *p);
// What it says on standard output, added to `said`.
status program_read(text_buffer *said, int *code, char *const *words);

// --- processes of this host ---------------------------------------------------------------------------------------
// This program's path; static. PROGRAM_OWN_UNKNOWN, which only this process itself can start, where the kernel does not
// tell.
#define PROGRAM_OWN_UNKNOWN "/proc/self/exe"
char *program_own(void);

typedef struct process_state { char state; int64_t parent; uint64_t started; } process_state;
bool process_life(process_state *l, int64_t pid);  // false: it is gone
// When the process started, in clock ticks since the machine did; 0: it is gone (a zombie is). With its pid an
// identity.
uint64_t process_started(int64_t pid);
// Bytes of /proc/PID/NAME, cut at `room`, NUL-terminated; 0: the process is gone or another user's.
size_t process_read(char *bytes, size_t room, int64_t pid, const char *name);
// Bytes of memory that it holds alone: neither mapped files nor what is shared, and no address without memory behind
// it. 0: it is gone, or the system does not tell. The second is of all processes of a session, and looks at every
// process that there is.
size_t process_memory(int64_t pid);
size_t process_session_memory(int64_t session);

#endif
