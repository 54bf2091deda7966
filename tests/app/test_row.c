// run.csv's columns: the head that readers know, a row and its JSON line to the byte, what counts as a time, and the
// way back from a file.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define HEAD                                                                                                      \
  "generation,best,median,mean,held_out,real,ratio,real_steps,sigma,condition,episodes,steps,broken,descent,popsize," \
  "dreams,noise,seconds,busy,dream,controller,master,wait\n"

static char place[] = "/tmp/dreamfarm-row-XXXXXX";

// A generation that was not judged, in a job that went on.
static run_row plain(void) {
  run_row r;
  for (row_column c = 0; c < ROW_COLUMNS; c++) r.of[c] = (double)NAN;
  r.of[ROW_GENERATION] = 12;
  r.of[ROW_BEST] = 0.1;
  r.of[ROW_MEDIAN] = -2;
  r.of[ROW_MEAN] = 1.0 / 3;
  r.of[ROW_SIGMA] = 0.05;
  r.of[ROW_CONDITION] = INFINITY;
  r.of[ROW_EPISODES] = 1234567890123;
  r.of[ROW_STEPS] = 9007199254740991;
  r.of[ROW_BROKEN] = 0;
  r.of[ROW_DESCENT] = 1;
  r.of[ROW_POPSIZE] = 8;
  r.of[ROW_DREAMS] = 16;
  r.of[ROW_SECONDS] = 2.5;
  return r;
}

static run_row judged(void) {
  run_row r = plain();
  r.of[ROW_HELD_OUT] = 7;
  r.of[ROW_REAL] = 8;
  r.of[ROW_RATIO] = 1.25;
  r.of[ROW_REAL_STEPS] = 800;
  r.of[ROW_NOISE] = -0.25;
  r.of[ROW_BUSY] = 0.75;
  r.of[ROW_DREAM] = 0.5;
  r.of[ROW_CONTROLLER] = 0.25;
  r.of[ROW_MASTER] = 0.125;
  r.of[ROW_WAIT] = 0.125;
  r.of[ROW_SENT] = 128;
  r.of[ROW_REPEATED] = 3;
  return r;
}

static void is(void (*make)(const run_row *, text_buffer *), const run_row *r, const char *wanted) {
  text_buffer t = {0};
  make(r, &t);
  assert_string_equal(t.bytes, wanted);
  text_free(&t);
}

static void bytes(void **state) {
  (void)state;
  text_buffer head = {0};
  row_head(&head);
  assert_string_equal(head.bytes, HEAD);
  text_free(&head);

  const run_row bare = plain(), full = judged();
  is(row_csv, &bare, "12,0.1,-2,0.333333333,,,,,0.05,inf,1234567890123,9007199254740991,0,1,8,16,,2.500,,,,,\n");
  is(row_csv, &full,
     "12,0.1,-2,0.333333333,7,8,1.25,800,0.05,inf,1234567890123,9007199254740991,0,1,8,16,-0.25,2.500,0.750,0.5000,"
     "0.2500,0.1250,0.1250\n");
  is(row_json, &bare,
     "{\"generation\": 12, \"best\": 0.1, \"median\": -2, \"mean\": 0.3333333333333333, \"sigma\": 0.05, "
     "\"condition\": null, \"episodes\": 1234567890123, \"steps\": 9007199254740991, \"broken\": 0, \"descent\": 1, "
     "\"popsize\": 8, \"dreams\": 16, \"seconds\": 2.5}\n");
  is(row_json, &full,
     "{\"generation\": 12, \"best\": 0.1, \"median\": -2, \"mean\": 0.3333333333333333, \"held_out\": 7, \"real\": 8, "
     "\"ratio\": 1.25, \"real_steps\": 800, \"sigma\": 0.05, \"condition\": null, \"episodes\": 1234567890123, "
     "\"steps\": 9007199254740991, \"broken\": 0, \"descent\": 1, \"popsize\": 8, \"dreams\": 16, \"noise\": -0.25, \"seconds\": 2.5, \"busy\": 0.75, "
     "\"dream\": 0.5, \"controller\": 0.25, \"master\": 0.125, \"wait\": 0.125, \"sent\": 128, \"repeated\": 3}\n");
}

// Scripts leave the times aside by the name of the first.
static void times_aside(void **state) {
  (void)state;
  assert_string_equal(row_name(ROW_TIMES), "seconds");
  assert_int_equal(row_results_size(HEAD), strstr(HEAD, "seconds") - HEAD);
  const char *row = "12,0.1,-2,0.3,,,,,0.05,1,48,96,0,1,8,16,,2.500,,,,,\n";
  assert_int_equal(row_results_size(row), strstr(row, "2.500") - row);
  assert_int_equal(row_results_size("1,2\n3,4\n"), 3);  // not beyond its line
}

static void read_back(void **state) {
  (void)state;
  file_path path = path_join(place, "run.csv");
  const run_row r = judged();
  text_buffer t = {0};
  row_head(&t);
  row_csv(&r, &t);
  text_add(&t, "13,0.2,-");  // a row that is being written
  assert_int_equal(file_write(path.text, t.bytes, t.size), OK);
  text_free(&t);

  table file;
  assert_int_equal(table_read(&file, path.text), OK);
  assert_int_equal(file.rows, 1);
  const run_row back = row_read(&file, 0);
  table_free(&file);
  for (row_column c = 0; c < ROW_SENT; c++) {
    if (c == ROW_MEAN || c == ROW_CONDITION) continue;  // nine digits; infinity is no number
    assert_true(back.of[c] == r.of[c]);
  }
  assert_true(back.of[ROW_MEAN] == 0.333333333 && isnan(back.of[ROW_CONDITION]));
  assert_true(isnan(back.of[ROW_SENT]) && isnan(back.of[ROW_REPEATED]));
}

static int place_make(void **state) {
  (void)state;
  return mkdtemp(place) ? 0 : -1;
}

static int place_forget(void **state) {
  (void)state;
  unlink(path_join(place, "run.csv").text);
  return rmdir(place);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes),
      cmocka_unit_test(times_aside),
      cmocka_unit_test(read_back),
  };
  return cmocka_run_group_tests(tests, place_make, place_forget);
}
