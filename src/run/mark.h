// What a stage says of itself in stages/NAME of the run directory: what decided its result, and what it left.
#ifndef MARK_H
#define MARK_H

#include "run.h"

// One line of text a fact; the last is the hash of those before it.
//   state begun | complete
//   identity HASH                  of all lines `decides` and `from`
//   decides KNOB: VALUE            in the order of the table of knobs
//   from FILE HASH                 what it was made from
//   length KNOB: VALUE             how far it was asked to go: a longer stage is the same one, not yet complete
//   asked LENGTH KNOB: VALUE       how far it was asked to go while it ran, instead of that
//   left FILE BYTES HASH           only where complete
typedef enum mark_state { MARK_NONE, MARK_UNREADABLE, MARK_BEGUN, MARK_COMPLETE } mark_state;
typedef struct mark {
  mark_state state;
  text_buffer lines;  // owned
} mark;

// Never fails: a mark that is damaged, or of another version, is MARK_UNREADABLE. Release with mark_free.
mark mark_read(const char *path);
void mark_free(mark *m);
status mark_write(const char *path, mark_state state, const text_buffer *lines);

// The rest of the first line that begins with `head` ("decides run.seed: "), cut at `room`; false: there is none.
bool mark_find(char *rest, size_t room, const mark *m, const char *head);
// Calls `see` with the rest of every line of a kind ("decides"), in order, until it returns false.
void mark_each(const mark *m, const char *kind, bool (*see)(void *self, const char *rest), void *self);

// The line `left` of a file as it is now, added to `lines`.
status mark_add_file(text_buffer *lines, const char *directory, const char *name);
// What became of a file since its line `left` was written: NULL, "is missing", "has another size", "was changed".
// `deep`: by its hash, too.
const char *mark_file_changed(char *name, size_t room, const char *directory, const char *rest, bool deep);

#endif
