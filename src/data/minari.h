// A folder of episodes that others wrote, in the layout of Farama's Minari: main_data.hdf5 with a group per episode,
// and metadata.json, whose fields may all be missing.
#ifndef DATA_MINARI_H
#define DATA_MINARI_H

#include <jansson.h>

#include "h5.h"

// --- metadata.json --------------------------------------------------------------------------------------------------
typedef enum minari_kind { MINARI_UNSAID, MINARI_BOX, MINARI_DISCRETE, MINARI_OTHER } minari_kind;
typedef struct minari_space {
  minari_kind kind;
  int64_t start, n;    // of Discrete: start .. start + n-1
  bool image;          // a Box of bytes that minari may have stored as JPEG
  int count;           // bounds that are known, one by one
  double *low, *high;  // (count), owned; NaN: none
} minari_space;
void minari_space_free(minari_space *s);

typedef struct minari_metadata {  // "" and NULL: not said
  char name[128];                 // dataset_id
  char environment[64], algorithm[64], writer[64];
  bool jpeg;                      // pictures are stored as such
  json_t *observation, *action;   // their spaces, owned
} minari_metadata;
// A missing file says nothing. BAD_FILE with the line; NO_IO.
status minari_metadata_read(minari_metadata *m, const char *path);
status minari_metadata_parse(minari_metadata *m, const char *path, const char *text, size_t size);
void minari_metadata_free(minari_metadata *m);
// Of a space, or of the part of it that `keys` lead to: "a/b" through Dicts; NULL: all of it. The first with its bounds
// or values, the second in words: "Box(3) float32".
void minari_space_of(minari_space *s, const json_t *space, const char *keys);
void minari_space_show(text_buffer *t, json_t *space);
// A copy without control characters, for people's terminals; cut to fit.
void minari_text(char *to, size_t room, const char *from);

// --- the episodes ---------------------------------------------------------------------------------------------------
enum { MINARI_NAME_MAX = 96, MINARI_PARTS_MAX = 16 };
// How a picture's bytes stand: (rows, columns), (rows, columns, channels), (channels, rows, columns).
typedef enum minari_layout { MINARI_NUMBERS, MINARI_GREY, MINARI_CHANNELS_LAST, MINARI_CHANNELS_FIRST } minari_layout;

typedef struct minari_part {      // an array of an observation
  char name[MINARI_NAME_MAX + 16]; // "observations/state"
  h5_kind kind;
  h5_extent extent;               // of the first episode; dim[0] differs
  minari_space space;
  int size;                       // numbers of it that are learnt from
} minari_part;

typedef struct minari {
  file_path path;                 // of main_data.hdf5
  minari_metadata said;
  hid_t file;
  char **names;                   // (count) of the groups, owned
  int32_t *steps;                 // (count)
  int count, room;
  int away;                       // groups that are links into other files
  data_spec spec;
  minari_layout layout;
  minari_part parts[MINARI_PARTS_MAX];
  int part_count;
  h5_kind action_kind;
  minari_space action;
  int action_rank;
  void *scratch;                  // (scratch_bytes)
  size_t scratch_bytes;
} minari;

// Where main_data.hdf5 is: in the directory, or in `data` below it, as minari's own place has it. False: in neither.
bool minari_find(file_path *path, const char *directory);
// `keys`: which of several observations, separated by commas; "" where there is one. BAD_FILE by name: what cannot be
// learnt from is refused with its space.
status minari_open(minari **m, const char *directory, const char *keys);
void minari_close(minari *m);  // NULL is allowed
const data_spec *minari_spec_of(const minari *m);
const minari_metadata *minari_metadata_of(const minari *m);
int minari_count(const minari *m);
int minari_steps(const minari *m, int episode);
void minari_actions_show(const minari *m, text_buffer *t);
void minari_observations_show(const minari *m, text_buffer *t);
// Into memory for that many steps. Pictures become (rows, columns, 3), actions numbers in [-1, 1].
status minari_read(minari *m, int episode, data_episode *e);

// --- what opening and reading share ---------------------------------------------------------------------------------
// BAD_FILE: "main_data.hdf5: ..", or "main_data.hdf5: episode_3/rewards ..".
status minari_fail(const minari *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
status minari_bad(const minari *m, int episode, const char *array, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
file_path minari_array_path(const minari *m, int episode, const char *array);
// BAD_FILE: it is missing, or may not be read.
status minari_array_look(const minari *m, int episode, const char *array, h5_kind *kind, h5_extent *extent);
double minari_numbers(h5_extent e, int from);  // the product of the dimensions from that one on
void *minari_scratch(minari *m, size_t bytes); // valid until the next call

#endif
