// Episodes on disk, tensors on disk, pictures on disk. Looks at base. Foreign libraries at this door: HDF5 (episodes),
// libpng (pictures), jansson (the header of safetensors). Errors: NO_IO, BAD_FILE with the file's name and the fact.
#ifndef DATA_H
#define DATA_H

#include "base.h"

// --- episodes: HDF5 in the layout of Farama's Minari ----------------------------------------------------------------
// A dataset is a directory: shards `shard-00000.hdf5` ... with a group `episode_<i>` per episode (observations
// (steps+1, ...) chunked and compressed, actions (steps, A) float32, rewards (steps) float64, terminations and
// truncations (steps) bool; attributes id, seed, total_steps), and `main_data.hdf5`, whose episodes are links into
// the shards, with `metadata.json`, so that h5py and minari read the directory as one file.
typedef struct data_spec {
  bool pixels;       // observations are uint8 (rows, columns, channels), else float32 (shape[0])
  int shape[3];
  int actions;       // numbers per action
} data_spec;
size_t data_observation_bytes(const data_spec *s);

typedef struct data_episode {
  int64_t id;
  int steps;
  uint64_t seed;
  void *observations;   // (steps+1, observation)   the first and the terminal frame included
  float *actions;       // (steps, actions)
  double *rewards;      // (steps)
  uint8_t *terminated;  // (steps) 0/1
  uint8_t *truncated;   // (steps) 0/1
} data_episode;

// Memory for `room` steps, owned by *e, whose other fields are then 0; what *e pointed to is not looked at.
void data_episode_take(data_episode *e, const data_spec *s, int room);
void data_episode_copy(data_episode *e, const data_episode *from, const data_spec *s, int room);  // room >= steps
void data_episode_resize(data_episode *e, const data_spec *s, int room);  // room >= steps, which are kept
void data_episode_free(data_episode *e);

typedef struct data_provenance {  // who acted where: it stands in every shard
  char environment[64], version[64], policy[64];
  uint64_t seed;
} data_provenance;

// A whole shard is written or nothing: count >= 1 episodes with consecutive ids. Equal data are equal bytes. Beside it
// stands shard-<n>.hash with its hash and what it holds.
status data_shard_write(const char *directory, int shard, const data_spec *s, const data_provenance *p,
                        const data_episode *episodes, int count);
// Is that shard there, intact, and of exactly these episodes and this provenance?
bool data_shard_good(const char *directory, int shard, int64_t first_id, int count, const data_provenance *p);
// Writes main_data.hdf5, metadata.json and the index over shards 0 .. shards-1, whose ids follow each other from 0;
// until then the dataset cannot be opened. BAD_FILE names a shard that is missing or not of this spec and provenance.
status data_finish(const char *directory, int shards, const data_spec *s, const data_provenance *p);

typedef struct dataset dataset;
status data_open(dataset **d, const char *directory);  // reads the index: ids, lengths
// Several directories as one dataset, in their order, with their episodes numbered through. BAD_FILE, or MISMATCH that
// names two which are of different environments, observations or actions.
status data_open_all(dataset **d, const char *const *directories, int count);
// One that others may have written, in Minari's layout: its own index, or main_data.hdf5 with episodes under any names,
// here or in data/ below. `keys`: which of several observations, in which order, separated by commas; "": there is one.
// Read as it is, but for this: pictures have three channels, all other observations are floats, one behind the other
// (Discrete: one of n is 1), actions are numbers in [-1, 1] (Box: from its bounds; Discrete: 1 for the one that was
// taken, -1 for the others), and an episode whose end nobody says was cut. BAD_FILE by name.
status data_open_any(dataset **d, const char *directory, const char *keys);
// Of the bytes that such a directory has now; of ours the index is enough, which has the shards' hashes. NO_IO.
status data_fingerprint(hash *out, const char *directory);
typedef struct data_origin {  // what else is said of the first directory; "": nothing
  bool ours;                  // it has dreamfarm's index
  char name[128], writer[72];
  char observations[512], actions[512];  // their spaces, in words
} data_origin;
void data_origin_of(data_origin *o, const dataset *d);
void data_close(dataset *d);
int data_count(const dataset *d);               // episodes
int data_steps(const dataset *d, int episode);
const data_spec *data_spec_of(const dataset *d);
const data_provenance *data_provenance_of(const dataset *d);  // of the first directory; all are of its environment
hash data_hash(const dataset *d);               // of the hashes of all shards, in order
typedef struct data_folder {
  const char *directory;              // as it was named; borrowed
  const data_provenance *provenance;  // borrowed
  int first, count;                   // of its episodes in the dataset
} data_folder;
int data_folders(const dataset *d);
data_folder data_folder_at(const dataset *d, int i);
// Fills *out with memory of the dataset's own, valid until the next read. A shard is verified when it is first read:
// BAD_FILE by name if it is not what was written.
status data_read(dataset *d, int episode, data_episode *out);

// --- tensors: safetensors -------------------------------------------------------------------------------------------
typedef enum data_type { DATA_F16, DATA_F32, DATA_F64, DATA_I32, DATA_I64, DATA_U8 } data_type;
typedef struct data_tensor {
  char name[64];
  data_type type;
  int rank;
  int64_t dim[4];
  const void *bytes;  // row-major little-endian; borrowed
} data_tensor;
size_t data_tensor_bytes(const data_tensor *t);
// metadata: pairs of key, value; `checksum` (of everything in the file) is added to them, and verified on reading where
// a file has one. Names and keys are unique. NO_IO if it cannot be written.
status data_tensors_write(const char *path, const data_tensor *tensors, int count, const char *const *metadata,
                          int pairs);
typedef struct data_tensors data_tensors;
// Checks everything the format promises: BAD_FILE by name. Only the data types above are read. Free with close.
status data_tensors_read(data_tensors **file, const char *path);
void data_tensors_close(data_tensors *file);
const data_tensor *data_tensors_find(const data_tensors *file, const char *name);       // NULL if absent
// Are all its float32 numbers finite? With `or_nothing` minus infinity is allowed too: the logarithm of no variance.
// BAD_FILE says which number is not.
status data_tensor_finite(const data_tensor *t, const char *path, bool or_nothing);
const char *data_tensors_metadata(const data_tensors *file, const char *key);           // NULL if absent

// --- what a file must hold ------------------------------------------------------------------------------------------
// Whoever reads a file of tensors says what is wanted; BAD_FILE says which file, what was found, what is wanted and
// what to do. What is given out is borrowed until the file is closed.
typedef struct data_source {
  const data_tensors *file;  // not owned
  const char *path;          // borrowed
  const char *remedy;        // borrowed  what to do about a file that is wrong: "run collect again"
} data_source;

#define DATA_ANY (-1)        // a size that is free
typedef struct data_shape { int rank; int64_t dim[4]; } data_shape;
static inline data_shape data_vector(int64_t size) { return (data_shape){1, {size}}; }
static inline data_shape data_matrix(int64_t rows, int64_t columns) { return (data_shape){2, {rows, columns}}; }

status data_tensor_wanted(const data_tensor **out, const data_source *from, const char *name, data_type type,
                          data_shape shape);
// The same, as values (shape), row-major. Of float32 all are finite; of logarithms minus infinity is allowed too.
status data_f32_wanted(const float **out, const data_source *from, const char *name, data_shape shape);
status data_logs_wanted(const float **out, const data_source *from, const char *name, data_shape shape);
status data_f64_wanted(const double **out, const data_source *from, const char *name, data_shape shape);
status data_i32_wanted(const int32_t **out, const data_source *from, const char *name, data_shape shape);
status data_u8_wanted(const uint8_t **out, const data_source *from, const char *name, data_shape shape);
// Of the metadata: a text, the format by its name, a number (infinities too), a whole number within bounds, a hash.
status data_text_wanted(const char **out, const data_source *from, const char *key);
status data_format_wanted(const data_source *from, const char *format);
status data_number_wanted(double *out, const data_source *from, const char *key);
status data_whole_wanted(uint64_t *out, const data_source *from, const char *key, uint64_t least, uint64_t most);
status data_hash_wanted(hash *out, const data_source *from, const char *key);

// --- numbers of two bytes -------------------------------------------------------------------------------------------
// Numbers to and from IEEE 754 binary16: exact, ties to even, NaN stays NaN.
void data_half_from_float(uint16_t *half, const float *x, size_t count);
void data_float_from_half(float *x, const uint16_t *half, size_t count);

// --- numbers in JSON files ------------------------------------------------------------------------------------------
#define DATA_NUMBERS_DEPTH 8
// `keys` (depth) lead to the number through objects, from the outermost on; borrowed until it returns.
typedef void data_number_seen(void *self, const char *const *keys, int depth, double value);
// Every number within objects, in the file's order; deeper ones and arrays are left out. NO_IO, BAD_FILE with the line.
status data_numbers_read(const char *path, data_number_seen *seen, void *self);

// --- pictures -------------------------------------------------------------------------------------------------------
status data_png_write(const char *path, const uint8_t *rgb, int rows, int columns);  // (rows, columns, 3)
// A picture in another size: each pixel is the mean of the area that it covers.  to (to_rows, to_columns, 3)
void data_picture_fit(uint8_t *to, int to_rows, int to_columns, const uint8_t *from, int rows, int columns);

// A film, as an animated PNG that is shown over and over; viewers without films show its first frame. Its frames share
// 255 colours: those that there are, or the nearest to them.
typedef struct data_film data_film;
data_film *data_film_open(int rows, int columns);
void data_film_add(data_film *f, const uint8_t *rgb, int milliseconds);  // (rows, columns, 3), copied
status data_film_write(const data_film *f, const char *path);            // one frame at least
void data_film_close(data_film *f);                                      // NULL is allowed

#endif
