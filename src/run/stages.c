// Which stages of a run are complete, by the hash of all that decides their result.

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mark.h"

// --- what decides a stage, and what it leaves ----------------------------------------------------------------------
enum { MADE_FROM_MAX = 2 };

typedef struct stage_kind {
  const char *name;
  unsigned decides, length;  // bits of enum config_decides: of its knobs, and of those that say how far it goes
  const char *made_from[MADE_FROM_MAX];  // files of other stages
  stage from_stage[MADE_FROM_MAX];       // whose they are
  const char *begins_from;               // of the round before; NULL: nothing
  stage begins_from_stage;
  unsigned then_decides;     // bits again: of the knobs that say how it begins from there
  bool follows;              // is made anew without a word where what it is made from is another
  const char *folder;        // all that is in there is its own, or
  const char *results[2];    // files that are made again where they are missing or changed; NULL ends the list
  const char *unfinished[3]; // that are there before it is complete
  const char *record;        // what was told on the way, and cannot be told again
} stage_kind;

static const stage_kind stage_kinds[STAGES] = {
    [STAGE_COLLECT] = {
        .name = "collect",
        .decides = CONFIG_EPISODES,
        .begins_from = RUN_CONTROLLER,
        .begins_from_stage = STAGE_EVOLVE,
        .then_decides = CONFIG_ROUND,
        .folder = RUN_EPISODES,
    },
    [STAGE_VAE] = {
        .name = "train-vae",
        .decides = CONFIG_V,
        .begins_from = RUN_VAE,
        .begins_from_stage = STAGE_VAE,
        .then_decides = CONFIG_ROUND | CONFIG_ROUND_LEARNT,
        .made_from = {RUN_EPISODES},
        .from_stage = {STAGE_COLLECT},
        .results = {RUN_VAE},
        .unfinished = {RUN_VAE_CHECKPOINT},
        .record = RUN_VAE_ROWS,
    },
    [STAGE_ENCODE] = {
        .name = "encode",
        .made_from = {RUN_EPISODES, RUN_VAE},
        .from_stage = {STAGE_COLLECT, STAGE_VAE},
        .follows = true,
        .folder = RUN_LATENTS,
    },
    [STAGE_RNN] = {
        .name = "train-rnn",
        .decides = CONFIG_M,
        .begins_from = RUN_RNN,
        .begins_from_stage = STAGE_RNN,
        .then_decides = CONFIG_ROUND | CONFIG_ROUND_LEARNT,
        .made_from = {RUN_EPISODES, RUN_VAE},
        .from_stage = {STAGE_COLLECT, STAGE_VAE},
        .results = {RUN_RNN},
        .unfinished = {RUN_RNN_CHECKPOINT},
        .record = RUN_RNN_ROWS,
    },
    [STAGE_EVOLVE] = {
        .name = "evolve",
        .decides = CONFIG_SEARCH,
        .begins_from = RUN_CONTROLLER,
        .begins_from_stage = STAGE_EVOLVE,
        .then_decides = CONFIG_ROUND,
        .length = CONFIG_LENGTH,
        .made_from = {RUN_VAE, RUN_RNN},
        .from_stage = {STAGE_VAE, STAGE_RNN},
        .results = {RUN_CONTROLLER},
        .unfinished = {RUN_CONTROLLER_BEFORE, "descent-1/" RUN_CONTROLLER},
        .record = RUN_ROWS,
    },
    [STAGE_FIDELITY] = {
        .name = "fidelity",
        .decides = CONFIG_FIDELITY,
        .made_from = {RUN_CONTROLLER, RUN_EPISODES},
        .from_stage = {STAGE_EVOLVE, STAGE_COLLECT},
        .follows = true,
        .results = {RUN_FIDELITY},
    },
    [STAGE_EVALUATE] = {
        .name = "evaluate",
        .decides = CONFIG_JUDGEMENT,
        .made_from = {RUN_CONTROLLER},
        .from_stage = {STAGE_EVOLVE},
        .follows = true,
        .results = {RUN_JUDGEMENT},
    },
};

const char *stage_name(stage s) { return stage_kinds[s].name; }

bool stage_is_of(const run_home *r, stage s) {
  if (!settings_learn(r->s)) return s == STAGE_EVOLVE || s == STAGE_EVALUATE;
  if (s == STAGE_FIDELITY) return r->s->fidelity.episodes > 0;
  return r->pixels || s != STAGE_VAE;
}

static file_path stage_mark_path(const run_home *r, stage s) {
  return path_join(r->s->run.directory, RUN_STAGES "/%s", stage_kinds[s].name);
}

// --- the lines of a mark that are known beforehand -----------------------------------------------------------------

static void stage_lines_add(text_buffer *to, const char *kind, const run_home *r, unsigned decides) {
  text_buffer t = {0};
  settings_lines(r->s, decides, &t);
  for (const char *line = t.size ? t.bytes : NULL; line && *line; line = strchr(line, '\n') + 1)
    text_add(to, "%s %.*s\n", kind, (int)strcspn(line, "\n"), line);
  text_free(&t);
}

// The hash of what a stage is made from: as the stage that made it says, since equal settings give equal bytes; where
// none says so, of the file itself.
static hash stage_source_hash(const run_home *r, stage maker, const char *name) {
  char head[64], rest[PATH_MAX_LENGTH];
  long long bytes;
  hash h = {"missing"};
  mark m = mark_read(stage_mark_path(r, maker).text);
  snprintf(head, sizeof head, "left %s ", name);

  // Episodes are a folder, known by the settings that made them; everything else is one file.
  if (maker == STAGE_COLLECT && mark_find(rest, sizeof rest, &m, "identity "))
    snprintf(h.hex, sizeof h.hex, "%.32s", rest);
  else if (maker == STAGE_COLLECT) h = stage_identity(r, STAGE_COLLECT);
  else if (!mark_find(rest, sizeof rest, &m, head) || sscanf(rest, "%lld %32s", &bytes, h.hex) != 2)
    if (hash_file(&h, run_path(r, name).text) != OK) h = (hash){"missing"};

  mark_free(&m);
  return h;
}

// What a stage is made from: files of this round, what it begins from, of the round before, a search's start, what it
// plays in, and the episodes of others that are learnt from.
enum { SOURCE_BEFORE = MADE_FROM_MAX, SOURCE_START, SOURCE_ENVIRONMENT, SOURCE_FROM, SOURCES_MAX };
typedef struct stage_source {
  char name[64];  // in the mark
  hash of;
} stage_source;

// Of another run, which may have come further, or be gone: known by its bytes, wherever it is. Or a word.
static bool stage_start_at(stage_source *source, const run_home *r, stage s) {
  const char *start = settings_start(r->s);
  snprintf(source->name, sizeof source->name, "start/" RUN_CONTROLLER);
  source->of = (hash){"none"};
  if (settings_start_ahead(r->s)) source->of = (hash){"ahead"};
  if (start && hash_file(&source->of, path_join(start, RUN_CONTROLLER).text) != OK) source->of = (hash){"missing"};
  return s == STAGE_EVOLVE;
}

// Somebody else's, whose file may change under its name. Those that learn play nothing.
static bool stage_environment_at(stage_source *source, const run_home *r, stage s) {
  const unsigned plays = CONFIG_EPISODES | CONFIG_SEARCH | CONFIG_FIDELITY | CONFIG_JUDGEMENT;
  snprintf(source->name, sizeof source->name, "environment");
  source->of = *r->environment.hex ? r->environment : (hash){"none"};
  return stage_kinds[s].decides & plays;
}

// The same of others' folders of episodes, with the keys that are read of them.
static bool stage_from_at(stage_source *source, const run_home *r, stage s) {
  hash parts[CONFIG_FROM_MAX + 1];
  int count = 0;
  snprintf(source->name, sizeof source->name, "collect.from");
  source->of = (hash){"none"};
  if (s != STAGE_COLLECT || !*r->s->collect.from[0]) return s == STAGE_COLLECT;

  for (; count < CONFIG_FROM_MAX && *r->s->collect.from[count]; count++, heartbeat_beat())
    if (data_fingerprint(&parts[count], r->s->collect.from[count]) != OK) break;
  bool all = count == CONFIG_FROM_MAX || !*r->s->collect.from[count];
  const char *keys = settings_keys(r->s);
  parts[count] = hash_bytes(keys, strlen(keys));
  source->of = all ? hash_join(parts, count + 1) : (hash){"missing"};
  return true;
}

static bool stage_source_is(const stage_source *source, const char *word) { return strcmp(source->of.hex, word) == 0; }

static bool stage_source_at(stage_source *source, const run_home *r, stage s, int i) {
  if (i == SOURCE_START) return stage_start_at(source, r, s);
  if (i == SOURCE_ENVIRONMENT) return stage_environment_at(source, r, s);
  if (i == SOURCE_FROM) return stage_from_at(source, r, s);
  const stage_kind *k = &stage_kinds[s];
  bool before = i == SOURCE_BEFORE;
  const char *file = before ? k->begins_from : k->made_from[i];
  stage maker = before ? k->begins_from_stage : k->from_stage[i];
  if (!file || (before && !r->before) || !stage_is_of(r, maker)) return false;

  // by what its maker left there, so that what was made anew is noticed
  snprintf(source->name, sizeof source->name, "%s%s", before ? "before/" : "", file);
  source->of = stage_source_hash(before ? r->before : r, maker, file);
  return true;
}

// What begins from the round before has the knobs that say how.
static unsigned stage_decides(const run_home *r, stage s) {
  return stage_kinds[s].decides | (r->before ? stage_kinds[s].then_decides : 0);
}

static void stage_known_lines(const run_home *r, stage s, text_buffer *t, hash *identity) {
  const stage_kind *k = &stage_kinds[s];
  text_buffer decides = {0};
  stage_source source;
  stage_lines_add(&decides, "decides", r, stage_decides(r, s));
  for (int i = 0; i < SOURCES_MAX; i++)
    if (stage_source_at(&source, r, s, i) && !stage_source_is(&source, "none"))
      text_add(&decides, "from %s %s\n", source.name, source.of.hex);

  // The length stays outside: a longer run of the same stage is the same stage.
  *identity = hash_bytes(decides.bytes ? decides.bytes : "", decides.size);
  text_add(t, "identity %s\n%s", identity->hex, decides.bytes ? decides.bytes : "");
  stage_lines_add(t, "length", r, k->length);
  text_free(&decides);
}

// "8 evolve.generations: 4": what a running stage was asked for, instead of what the settings say; empty where these
// have changed since, or nothing was.
static void stage_asked_find(char *line, size_t room, const run_home *r, stage s) {
  text_buffer t = {0};
  mark m = mark_read(stage_mark_path(r, s).text);
  settings_lines(r->s, stage_kinds[s].length, &t);
  bool found = t.size && mark_find(line, room, &m, "asked ");
  const char *instead = found ? strchr(line, ' ') : NULL;

  // Behind the length stands what it is instead of.
  bool holds = instead && strlen(instead + 1) == t.size - 1 && strncmp(instead + 1, t.bytes, t.size - 1) == 0;
  if (!holds) line[0] = 0;
  mark_free(&m);
  text_free(&t);
}

int stage_length_asked(const run_home *r, stage s) {
  char line[128] = "";
  stage_asked_find(line, sizeof line, r, s);
  return *line ? atoi(line) : 0;
}

hash stage_identity(const run_home *r, stage s) {
  text_buffer t = {0};
  hash identity;
  stage_known_lines(r, s, &t, &identity);
  text_free(&t);
  return identity;
}

// --- begun, and done -----------------------------------------------------------------------------------------------

static void stage_asked_keep(const run_home *r, stage s, text_buffer *t) {
  char line[128] = "";
  stage_asked_find(line, sizeof line, r, s);
  if (*line) text_add(t, "asked %s\n", line);
}

status stage_length_ask(const run_home *r, stage s, int length) {
  text_buffer t = {0}, lengths = {0};
  hash identity;
  stage_known_lines(r, s, &t, &identity);

  // with the settings that it is instead of: once these are changed, they hold again
  settings_lines(r->s, stage_kinds[s].length, &lengths);
  text_add(&t, "asked %d %s", length, lengths.size ? lengths.bytes : "\n");
  status done = mark_write(stage_mark_path(r, s).text, MARK_BEGUN, &t);
  text_free(&t);
  text_free(&lengths);
  return done;
}

status stage_begin(const run_home *r, stage s) {
  text_buffer t = {0};
  hash identity;
  TRY(dir_make(run_path(r, RUN_STAGES).text));

  // what was asked of it survives a restart
  stage_known_lines(r, s, &t, &identity);
  stage_asked_keep(r, s, &t);

  status done = mark_write(stage_mark_path(r, s).text, MARK_BEGUN, &t);
  text_free(&t);
  return done;
}

status stage_forget(const run_home *r, stage s) { return file_remove(stage_mark_path(r, s).text); }

static int stage_name_order(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool stage_file_is_temporary(const char *name) {
  size_t size = strlen(name);
  return name[0] == '.' || (size > 4 && strcmp(name + size - 4, ".tmp") == 0);
}

// The files of a folder in order of their names: `see` gets "folder/name".
static status stage_folder_each(const run_home *r, const char *folder,
                                status (*see)(const run_home *, const char *, void *), void *self) {
  enum { FILES_MAX = 1 << 18 };
  char **names = mem_take(FILES_MAX, sizeof *names);
  int count = 0;
  DIR *d = opendir(run_path(r, folder).text);
  for (struct dirent *e; d && count < FILES_MAX && (e = readdir(d));)
    if (!stage_file_is_temporary(e->d_name)) names[count++] = strdup(e->d_name);
  if (d) closedir(d);

  // Sorted, so that a mark has the same bytes whatever the file system's order.
  qsort(names, (size_t)count, sizeof *names, stage_name_order);

  status s = OK;
  for (int i = 0; i < count; i++) {
    if (s == OK) s = see(r, path_join(folder, "%s", names[i]).text, self);
    free(names[i]);
  }
  mem_free(names);
  return s;
}

static status stage_file_left(const run_home *r, const char *name, void *lines) {
  heartbeat_beat();
  return mark_add_file(lines, r->s->run.directory, name);
}

static status stage_files_left(const run_home *r, stage s, text_buffer *t) {
  const stage_kind *k = &stage_kinds[s];
  if (k->folder) return stage_folder_each(r, k->folder, stage_file_left, t);
  for (int i = 0; k->results[i]; i++) TRY(stage_file_left(r, k->results[i], t));

  // The first M has the plain name.
  for (int i = 2; s == STAGE_RNN && i <= r->s->rnn.members; i++)
    TRY(stage_file_left(r, path_numbered(RUN_RNN, i).text, t));
  return k->record ? stage_file_left(r, k->record, t) : OK;
}

status stage_done(const run_home *r, stage s) {
  text_buffer t = {0};
  hash identity;
  stage_known_lines(r, s, &t, &identity);
  stage_asked_keep(r, s, &t);

  // files by size and hash; the mark itself is the last that is written
  status done = stage_files_left(r, s, &t);
  if (done == OK) done = mark_write(stage_mark_path(r, s).text, MARK_COMPLETE, &t);
  text_free(&t);
  return done;
}

// --- the look before the first write -------------------------------------------------------------------------------

typedef struct look {
  const run_home *r;
  stage s;
  mark m;
  text_buffer differences;  // a line each: "run.seed is 2, but was 1"
  bool lost;                // a file that can be made again is not as it was left
  text_buffer record;       // what became of a file that cannot; empty: nothing
} look;

static status look_file_seen(const run_home *r, const char *name, void *self) {
  (void)r;
  (void)name;
  *(bool *)self = true;
  return OK;
}

// Is there anything that making the stage anew would take away?
static bool stage_has_something(const run_home *r, stage s) {
  const stage_kind *k = &stage_kinds[s];
  bool some = false;
  if (k->folder) stage_folder_each(r, k->folder, look_file_seen, &some);
  for (int i = 0; k->results[i]; i++) some |= file_exists(run_path(r, k->results[i]).text);
  for (int i = 0; k->unfinished[i]; i++) some |= file_exists(run_path(r, k->unfinished[i]).text);
  return some;
}

// A line "KNOB: VALUE" of the settings against the mark's.
static void look_knob(look *l, const char *line) {
  int size = (int)strcspn(line, "\n"), name = (int)strcspn(line, ":");
  char head[PATH_MAX_LENGTH], was[PATH_MAX_LENGTH] = "not known";
  snprintf(head, sizeof head, "decides %.*s: ", name, line);
  bool found = mark_find(was, sizeof was, &l->m, head);

  // compared as text: knob_show writes equal values alike
  const char *value = line + name + 2;
  int value_size = size - name - 2;
  if (found && (int)strlen(was) == value_size && strncmp(was, value, (size_t)value_size) == 0) return;
  text_add(&l->differences, "%.*s is %.*s, but was %s\n", name, line, value_size, value, was);
}

static bool look_knobs_differ(look *l) {
  size_t before = l->differences.size;
  text_buffer t = {0};
  settings_lines(l->r->s, stage_decides(l->r, l->s), &t);
  for (const char *line = t.size ? t.bytes : NULL; line && *line; line = strchr(line, '\n') + 1) look_knob(l, line);
  text_free(&t);
  return l->differences.size > before;
}

static bool look_sources_differ(look *l) {
  size_t before = l->differences.size;
  for (int i = 0; i < SOURCES_MAX; i++) {
    char head[80], was[64] = "none";
    stage_source source;
    if (!stage_source_at(&source, l->r, l->s, i)) continue;

    snprintf(head, sizeof head, "from %s ", source.name);

    // A source that is missing says nothing: it is made first, and looked at then. These may be none, too.
    bool written = mark_find(was, sizeof was, &l->m, head), may_be_none = i >= SOURCE_START;
    bool known = written ? !stage_source_is(&source, "missing") : may_be_none;
    if (known && !stage_source_is(&source, was))
      text_add(&l->differences, "%s is of hash %.12s, but was of %.12s\n", source.name, source.of.hex, was);
  }
  return l->differences.size > before;
}

static bool look_lengths_differ(const look *l) {
  text_buffer t = {0};
  char was[64] = "";
  settings_lines(l->r->s, stage_kinds[l->s].length, &t);
  if (t.size) mark_find(was, sizeof was, &l->m, "length ");
  bool differ = t.size && (strlen(was) != t.size - 1 || strncmp(was, t.bytes, t.size - 1) != 0);
  text_free(&t);
  return differ;
}

static bool look_file_compare(void *self, const char *rest) {
  look *l = self;
  char name[PATH_MAX_LENGTH] = RUN_STAGES;
  heartbeat_beat();

  const char *what = mark_file_changed(name, sizeof name, l->r->s->run.directory, rest, true);
  if (!what) return true;

  // Told once for what can be made again; a record cannot, and stops the run.
  file_path path = run_path(l->r, name);
  if (stage_kinds[l->s].record && strcmp(name, stage_kinds[l->s].record) == 0) {
    text_add(&l->record, "%s %s", path.text, what);
    return true;
  }
  if (!l->lost) log_all("%-10s %s %s: it is made again", stage_kinds[l->s].name, path.text, what);
  l->lost = true;
  return true;
}

static stage_standing look_files(look *l) {
  if (l->m.state == MARK_BEGUN || look_lengths_differ(l)) return STAGE_BEGUN;
  mark_each(&l->m, "left", look_file_compare, l);
  return l->lost || l->record.size ? STAGE_DAMAGED : STAGE_COMPLETE;
}

static stage_standing look_marked(look *l) {
  bool moved = look_sources_differ(l);
  if (moved && stage_kinds[l->s].follows) return STAGE_BEGUN;
  bool other = look_knobs_differ(l);
  if (moved || other) return stage_has_something(l->r, l->s) ? STAGE_OTHER : STAGE_NEW;
  return look_files(l);
}

static bool look_episodes_are_ours(const run_home *r) {
  return file_exists(run_path(r, RUN_EPISODES "/shard-00000.hash").text) ||
         file_exists(run_path(r, RUN_EPISODES "/index.safetensors").text);
}

// Files, but nothing that says what they were made with.
static status look_strangers(const look *l) {
  const run_home *r = l->r;
  const stage_kind *k = &stage_kinds[l->s];
  file_path there = run_path(r, k->folder ? k->folder : k->results[0]);

  // Not even --fresh may take away what somebody else has put there.
  if (l->s == STAGE_COLLECT && !look_episodes_are_ours(r))
    FAIL(MISMATCH,
         "%s: holds files that are not dreamfarm's, which stay as they are; use another run.directory, or "
         "move them away",
         there.text);

  if (r->replaces) return OK;
  FAIL(MISMATCH,
       "%s: is there, but %s, which says what it was made with, is %s; restore that, use another run.directory, "
       "or let %s be made anew with --fresh",
       there.text, stage_mark_path(r, l->s).text, l->m.state == MARK_NONE ? "not" : "damaged or of another version",
       k->name);
}

// What earlier stages have said already is not said again.
static void look_differences_say(const look *l, text_buffer *words) {
  const char *line = l->differences.size ? l->differences.bytes : NULL;
  for (char one[2 * PATH_MAX_LENGTH]; line && *line; line = strchr(line, '\n') + 1) {
    snprintf(one, sizeof one, "%.*s", (int)strcspn(line, "\n"), line);
    if (!words->size || !strstr(words->bytes, one)) text_add(words, "%s%s", words->size ? "; " : "", one);
  }
}

static status look_stage(look *l, text_buffer *words, stage_standing *standing) {
  bool marked = l->m.state == MARK_BEGUN || l->m.state == MARK_COMPLETE;
  *standing = STAGE_NEW;
  if (!marked && !stage_has_something(l->r, l->s)) return OK;
  if (!marked) {
    *standing = STAGE_OTHER;
    return look_strangers(l);
  }

  *standing = look_marked(l);
  if (*standing == STAGE_OTHER) look_differences_say(l, words);

  // A record tells what happened on the way: to make it anew has to be asked for.
  if (l->record.size) *standing = STAGE_OTHER;
  if (l->record.size && !l->r->replaces)
    FAIL(BAD_FILE, "%s; restore it, or let %s be made anew with --fresh", l->record.bytes, stage_kinds[l->s].name);
  return OK;
}

status stages_look(const run_home *r, stage first, stage last, stage_standing *standing) {
  text_buffer words = {0};
  char names[128] = "";
  status done = OK;
  for (stage s = first; s <= last && done == OK; s++) {
    if (!stage_is_of(r, s)) continue;
    look l = {.r = r, .s = s, .m = mark_read(stage_mark_path(r, s).text)};
    size_t size = strlen(names);
    done = look_stage(&l, &words, &standing[s]);
    if (standing[s] == STAGE_OTHER)
      snprintf(names + size, sizeof names - size, "%s%s", size ? ", " : "", stage_kinds[s].name);

    mark_free(&l.m);
    text_free(&l.differences);
    text_free(&l.record);
  }

  // One sentence for all stages, after all have been looked at.
  if (done == OK && words.size && !r->replaces)
    done = status_fail(MISMATCH,
                       "%s was made with other settings (%s): %s; put them back, use another run.directory, or let "
                       "these stages and what follows from them be made anew with --fresh",
                       r->s->run.directory, names, words.bytes);
  text_free(&words);
  return done;
}

// --- a last look, by sizes alone -----------------------------------------------------------------------------------

typedef struct last_look { const run_home *r; bool stands; } last_look;

static bool last_look_file(void *self, const char *rest) {
  last_look *l = self;
  char name[PATH_MAX_LENGTH];
  l->stands &= !mark_file_changed(name, sizeof name, l->r->s->run.directory, rest, false);
  return l->stands;
}

status stages_stand(const run_home *r) {
  for (stage s = 0; s < STAGES; s++) {
    if (!stage_is_of(r, s)) continue;

    // by name and size; the bytes were hashed when the stage was done
    mark m = mark_read(stage_mark_path(r, s).text);

    last_look l = {.r = r, .stands = m.state == MARK_COMPLETE};
    mark_each(&m, "left", last_look_file, &l);
    mark_free(&m);

    if (!l.stands)
      FAIL(NO_IO, "%s: what %s made there was removed or changed while this ran; the same command makes it again",
           r->s->run.directory, stage_kinds[s].name);
  }
  return OK;
}
