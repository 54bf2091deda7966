// Files that are never half-written, directories, paths, and the identity of bytes.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"

static char home[64];

static int home_make(void **state) {
  (void)state;
  snprintf(home, sizeof home, "/tmp/dreamfarm-base-XXXXXX");
  return mkdtemp(home) ? 0 : -1;
}

static int home_remove(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", home);
  return system(command);
}

static file_path in_home(const char *name) { return path_join(home, "%s", name); }

static int files_in(const char *directory) {
  DIR *d = opendir(directory);
  assert_non_null(d);
  int count = 0;
  for (struct dirent *e; (e = readdir(d));) count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
  closedir(d);
  return count;
}

static void assert_content(const char *name, const char *content) {
  char *bytes;
  size_t size;
  assert_int_equal(file_read(&bytes, &size, name), OK);
  assert_int_equal(size, strlen(content));
  assert_string_equal(bytes, content);
  mem_free(bytes);
}

static void assert_message_has(const char *one, const char *two) {
  if (!strstr(status_message(), one) || !strstr(status_message(), two)) fail_msg("message: %s", status_message());
}

static void what_a_killed_writer_left_is_swept(void **state) {
  (void)state;
  const char *const names[] = {"a.safetensors.7.tmp", "a.tmp", "a.safetensors", "b.7.tmp", ".tmp"};
  for (int i = 0; i < 5; i++) assert_int_equal(file_write(path_join(home, "%s", names[i]).text, "x", 1), OK);
  dir_sweep(home, "a.");
  for (int i = 0; i < 5; i++) {
    assert_int_equal(file_exists(path_join(home, "%s", names[i]).text), i >= 2);
    file_remove(path_join(home, "%s", names[i]).text);
  }
  dir_sweep("/no/such/directory", "a.");
}

// A mapping stays what it was when a new file takes the name: that is how weights are shared while a run goes on.
static void a_file_is_mapped(void **state) {
  (void)state;
  file_path name = path_join(home, "mapped");
  const void *bytes;
  size_t size;
  assert_int_equal(file_map(&bytes, &size, name.text), NO_IO);
  assert_non_null(strstr(status_message(), "mapped: cannot be opened: No such file"));
  assert_int_equal(file_write(name.text, "as it was", 9), OK);
  assert_int_equal(file_map(&bytes, &size, name.text), OK);
  assert_int_equal(size, 9);
  assert_int_equal(file_write(name.text, "as it is", 8), OK);
  assert_memory_equal(bytes, "as it was", 9);
  file_unmap(bytes, size);
  file_unmap(NULL, 0);
  assert_int_equal(file_write(name.text, "", 0), OK);
  assert_int_equal(file_map(&bytes, &size, name.text), NO_IO);
  assert_int_equal(file_remove(name.text), OK);
}

// --- whole files --------------------------------------------------------------------------------------------------

static void a_file_is_written_and_read(void **state) {
  (void)state;
  file_path d = in_home("whole"), name = path_join(d.text, "a.txt");
  assert_int_equal(dir_make(d.text), OK);
  assert_false(file_exists(name.text));
  assert_int_equal(file_write(name.text, "first", 5), OK);
  assert_content(name.text, "first");
  assert_int_equal(file_write(name.text, "the second", 10), OK);
  assert_content(name.text, "the second");
  assert_int_equal(file_write(name.text, "", 0), OK);
  assert_content(name.text, "");
  assert_true(file_exists(name.text));
  assert_int_equal(files_in(d.text), 1);
}

static void bytes_of_any_value_and_size_come_back(void **state) {
  (void)state;
  size_t size = 3000001, have;
  char *out = mem_take(size, 1), *back;
  for (size_t i = 0; i < size; i++) out[i] = (char)(i * 7 + i / 256);
  file_path name = in_home("big.bin");
  assert_int_equal(file_write(name.text, out, size), OK);
  assert_int_equal(file_read(&back, &have, name.text), OK);
  assert_int_equal(have, size);
  assert_memory_equal(back, out, size);
  assert_int_equal(back[size], 0);
  hash h;
  assert_int_equal(hash_file(&h, name.text), OK);
  assert_true(hash_equal(h, hash_bytes(out, size)));
  mem_free(out);
  mem_free(back);
}

static void reading_says_what_is_wrong(void **state) {
  (void)state;
  char *bytes;
  size_t size;
  file_path missing = in_home("missing"), pipe_name = in_home("pipe");
  assert_int_equal(file_read(&bytes, &size, missing.text), NO_IO);
  assert_message_has(missing.text, "No such file");
  assert_int_equal(file_read(&bytes, &size, home), NO_IO);
  assert_message_has(home, "not a regular file");
  assert_int_equal(mkfifo(pipe_name.text, 0600), 0);
  assert_int_equal(file_read(&bytes, &size, pipe_name.text), NO_IO);  // and does not wait for a writer
  assert_message_has(pipe_name.text, "not a regular file");
  hash h;
  assert_int_equal(hash_file(&h, missing.text), NO_IO);
}

// --- nothing half-written -----------------------------------------------------------------------------------------

static void a_target_below_a_file_is_refused(void **state) {
  (void)state;
  file_path d = in_home("below"), plain = path_join(d.text, "plain"), name = path_join(plain.text, "x");
  assert_int_equal(dir_make(d.text), OK);
  assert_int_equal(file_write(plain.text, "kept", 4), OK);
  assert_int_equal(file_write(name.text, "new", 3), NO_IO);
  assert_message_has(name.text, "Not a directory");
  assert_content(plain.text, "kept");
  assert_int_equal(files_in(d.text), 1);
}

static void a_target_that_is_a_directory_stays(void **state) {
  (void)state;
  file_path d = in_home("stays"), inner = path_join(d.text, "inner");
  assert_int_equal(dir_make(inner.text), OK);
  assert_int_equal(file_write(inner.text, "new", 3), NO_IO);
  assert_message_has(inner.text, "directory");
  assert_int_equal(files_in(d.text), 1);
  assert_int_equal(files_in(inner.text), 0);
}

// In a child, since the limit on a file's size cannot be taken back.
static void a_full_disk_leaves_the_old_content(void **state) {
  (void)state;
  file_path d = in_home("full"), name = path_join(d.text, "a.txt");
  assert_int_equal(dir_make(d.text), OK);
  assert_int_equal(file_write(name.text, "old", 3), OK);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    struct rlimit limit = {4096, 4096};
    signal(SIGXFSZ, SIG_IGN);
    char *much = mem_take(100000, 1);
    bool ready = setrlimit(RLIMIT_FSIZE, &limit) == 0;
    status s = file_write(name.text, much, 100000);
    bool named = strstr(status_message(), name.text) && strstr(status_message(), "too large");
    _exit(ready && s == NO_IO && named ? 0 : 1);
  }
  int code;
  waitpid(child, &code, 0);
  assert_int_equal(code, 0);
  assert_content(name.text, "old");
  assert_int_equal(files_in(d.text), 1);
}

static void commit_renames_a_finished_file(void **state) {
  (void)state;
  file_path d = in_home("commit"), temporary = path_join(d.text, "t"), name = path_join(d.text, "n");
  assert_int_equal(dir_make(d.text), OK);
  assert_int_equal(file_write(temporary.text, "abc", 3), OK);
  assert_int_equal(file_write(name.text, "old", 3), OK);
  assert_int_equal(file_commit(temporary.text, name.text), OK);
  assert_content(name.text, "abc");
  assert_int_equal(files_in(d.text), 1);
  assert_int_equal(file_commit(temporary.text, name.text), NO_IO);
  assert_message_has(temporary.text, "No such file");
  assert_content(name.text, "abc");
}

static void a_name_without_a_directory_is_written_here(void **state) {
  (void)state;
  char before[PATH_MAX_LENGTH];
  assert_non_null(getcwd(before, sizeof before));
  assert_int_equal(chdir(home), 0);
  assert_int_equal(file_write("here.txt", "abc", 3), OK);
  assert_content("here.txt", "abc");
  assert_int_equal(chdir(before), 0);
}

static void remove_takes_a_missing_file_calmly(void **state) {
  (void)state;
  file_path name = in_home("gone");
  assert_int_equal(file_remove(name.text), OK);
  assert_int_equal(file_write(name.text, "x", 1), OK);
  assert_int_equal(file_remove(name.text), OK);
  assert_false(file_exists(name.text));
  assert_int_equal(file_remove(home), NO_IO);
  assert_message_has(home, "directory");
}

// --- directories and paths ----------------------------------------------------------------------------------------

static void directories_are_made_with_parents(void **state) {
  (void)state;
  struct stat facts;
  file_path deep = in_home("a/b/c"), slash = in_home("a/d/"), doubled = in_home("a//e");
  assert_int_equal(dir_make(deep.text), OK);
  assert_int_equal(dir_make(deep.text), OK);
  assert_int_equal(dir_make(slash.text), OK);
  assert_int_equal(dir_make(doubled.text), OK);
  assert_int_equal(dir_make("/"), OK);
  assert_int_equal(dir_make("."), OK);
  assert_int_equal(stat(deep.text, &facts), 0);
  assert_true(S_ISDIR(facts.st_mode));
}

static void a_directory_in_a_files_place_is_refused(void **state) {
  (void)state;
  file_path name = in_home("plain"), below = in_home("plain/x/y");
  assert_int_equal(file_write(name.text, "kept", 4), OK);
  assert_int_equal(dir_make(name.text), NO_IO);
  assert_message_has(name.text, "not a directory");
  assert_int_equal(dir_make(below.text), NO_IO);
  assert_message_has("plain", "Not a directory");
  assert_int_equal(dir_make(""), NO_IO);
  assert_content(name.text, "kept");
}

static void paths_are_joined(void **state) {
  (void)state;
  assert_string_equal(path_join("runs", "gen-%03d.%s", 7, "bin").text, "runs/gen-007.bin");
  assert_string_equal(path_join("", "%s", "x").text, "x");
  assert_string_equal(path_join("/a/b", "c").text, "/a/b/c");
}

static void a_path_that_is_too_long_ends_the_job(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
      int nowhere = open("/dev/null", O_WRONLY);
      dup2(nowhere, STDERR_FILENO);
      char name[PATH_MAX_LENGTH + 1] = {0};
      memset(name, 'a', sizeof name - 1);
      if (i == 0) path_join("x", "%s", name);
      else path_join(name, "x");
      _exit(0);
    }
    int code;
    waitpid(child, &code, 0);
    assert_true(WIFSIGNALED(code) && WTERMSIG(code) == SIGABRT);
  }
}

// --- hashes -------------------------------------------------------------------------------------------------------

// XXH3, 128 bits, seed 0, in its canonical order: identities in old files must stay what they are.
static void hashes_are_xxh3(void **state) {
  (void)state;
  assert_string_equal(hash_bytes("", 0).hex, "99aa06d3014798d86001c324468d497f");
  assert_string_equal(hash_bytes("abc", 3).hex, "06b05ab6733a618578af5f94892f3950");
}

static void hashes_join_in_order(void **state) {
  (void)state;
  hash a = hash_bytes("a", 1), b = hash_bytes("b", 1);
  hash ab = hash_join((hash[]){a, b}, 2), ba = hash_join((hash[]){b, a}, 2), one = hash_join(&a, 1);
  assert_true(hash_equal(a, a));
  assert_false(hash_equal(a, b));
  assert_false(hash_equal(ab, ba));
  assert_false(hash_equal(one, a));
  assert_true(hash_equal(ab, hash_join((hash[]){a, b}, 2)));
  assert_int_equal(strlen(ab.hex), 32);
}

static void one_bit_changes_a_hash(void **state) {
  (void)state;
  char bytes[1000] = {0};
  hash first = hash_bytes(bytes, sizeof bytes);
  for (size_t i = 0; i < sizeof bytes; i += 37) {
    bytes[i] ^= 1;
    assert_false(hash_equal(first, hash_bytes(bytes, sizeof bytes)));
    bytes[i] ^= 1;
  }
  assert_true(hash_equal(first, hash_bytes(bytes, sizeof bytes)));
  assert_false(hash_equal(first, hash_bytes(bytes, sizeof bytes - 1)));
}

// What stands in a file's place may be a trap: a pipe, a device, a directory, a symbolic link.
static void only_regular_files_are_opened(void **state) {
  (void)state;
  int fd;
  file_path pipe = in_home("trap.pipe"), link = in_home("trap.link"), target = in_home("trap.target");
  assert_int_equal(mkfifo(pipe.text, 0600), 0);
  assert_int_equal(file_write(target.text, "x", 1), OK);
  assert_int_equal(symlink(target.text, link.text), 0);
  const char *const traps[] = {pipe.text, "/dev/zero", "/tmp"};
  for (int i = 0; i < 3; i++) {
    assert_int_equal(file_open(&fd, traps[i], O_RDONLY), NO_IO);
    assert_non_null(strstr(status_message(), "is not a regular file"));
    assert_int_equal(file_open(&fd, traps[i], O_RDWR), NO_IO);
  }

  assert_int_equal(file_open(&fd, link.text, O_WRONLY | O_NOFOLLOW), NO_IO);
  assert_non_null(strstr(status_message(), "trap.link: is a symbolic link"));
  assert_int_equal(file_open(&fd, link.text, O_RDONLY), OK);
  close(fd);
}

// What is only ours to read and write does not lead elsewhere, its temporary name neither.
static void links_in_the_way_are_not_followed(void **state) {
  (void)state;
  char *bytes;
  size_t size;
  file_path name = in_home("own"), kept = in_home("own.kept"),
            temporary = path_join(home, "own.%ld.tmp", (long)getpid());
  assert_int_equal(file_write(kept.text, "kept", 4), OK);
  assert_int_equal(symlink(kept.text, temporary.text), 0);
  assert_int_equal(file_write(name.text, "new", 3), OK);
  assert_content(kept.text, "kept");
  assert_content(name.text, "new");

  assert_int_equal(file_read_own(&bytes, &size, name.text), OK);
  mem_free(bytes);
  assert_int_equal(file_remove(name.text), OK);
  assert_int_equal(symlink(kept.text, name.text), 0);
  assert_int_equal(file_read_own(&bytes, &size, name.text), NO_IO);
  assert_message_has(name.text, "is a symbolic link");
  assert_int_equal(file_remove(name.text), OK);
}

// With holes, as any size costs nothing to claim.
static void a_file_larger_than_memory_is_refused(void **state) {
  (void)state;
  char *bytes;
  size_t size;
  hash h;
  file_path name = in_home("sparse");
  assert_int_equal(file_write(name.text, "x", 1), OK);
  if (truncate(name.text, (off_t)1 << 43) != 0) skip();
  assert_int_equal(file_read(&bytes, &size, name.text), NO_IO);
  assert_message_has(name.text, "8796093022208 bytes, but this machine has");
  assert_int_equal(hash_file(&h, name.text), NO_IO);
  assert_int_equal(file_remove(name.text), OK);
}

static void test_files_of_a_kind_are_numbered(void **state) {
  (void)state;
  assert_string_equal(path_numbered("a.b/rnn.safetensors", 1).text, "a.b/rnn.safetensors");
  assert_string_equal(path_numbered("a.b/rnn.safetensors", 2).text, "a.b/rnn-2.safetensors");
  assert_string_equal(path_numbered("rnn.checkpoint.safetensors", 12).text, "rnn.checkpoint-12.safetensors");
  assert_string_equal(path_numbered("a.b/rnn", 3).text, "a.b/rnn-3");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_files_of_a_kind_are_numbered),
      cmocka_unit_test(only_regular_files_are_opened),
      cmocka_unit_test(links_in_the_way_are_not_followed),
      cmocka_unit_test(a_file_larger_than_memory_is_refused),
      cmocka_unit_test(a_file_is_written_and_read),
      cmocka_unit_test(bytes_of_any_value_and_size_come_back),
      cmocka_unit_test(reading_says_what_is_wrong),
      cmocka_unit_test(a_file_is_mapped),
      cmocka_unit_test(what_a_killed_writer_left_is_swept),
      cmocka_unit_test(a_target_below_a_file_is_refused),
      cmocka_unit_test(a_target_that_is_a_directory_stays),
      cmocka_unit_test(a_full_disk_leaves_the_old_content),
      cmocka_unit_test(commit_renames_a_finished_file),
      cmocka_unit_test(a_name_without_a_directory_is_written_here),
      cmocka_unit_test(remove_takes_a_missing_file_calmly),
      cmocka_unit_test(directories_are_made_with_parents),
      cmocka_unit_test(a_directory_in_a_files_place_is_refused),
      cmocka_unit_test(paths_are_joined),
      cmocka_unit_test(a_path_that_is_too_long_ends_the_job),
      cmocka_unit_test(hashes_are_xxh3),
      cmocka_unit_test(hashes_join_in_order),
      cmocka_unit_test(one_bit_changes_a_hash),
  };
  return cmocka_run_group_tests(tests, home_make, home_remove);
}
