// rooms: base config
// seeds: configs/*.yaml
// The configuration from any bytes: refused with a sentence and unchanged settings, or read, and then what is printed
// reads back equal.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/config/yaml.h"
#include "base.h"
#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void refused(const settings *s, const settings *before) {
  CHECK(memcmp(s, before, sizeof *s) == 0, "changed by what was refused: %s", status_message());
  CHECK(strncmp(status_message(), "fuzz:", 5) == 0 || strncmp(status_message(), "--set ", 6) == 0, "no place: %s",
        status_message());
}

static void print_back(const settings *s, bool words) {
  text_buffer t = {0};
  settings back;
  settings_default(&back);
  settings_print(s, &t, words);
  status read = config_yaml_read(&back, "printed", t.bytes, t.size);
  CHECK(read == OK, "%s in\n%s", status_message(), t.bytes);
  CHECK(memcmp(s, &back, sizeof *s) == 0, "came back different:\n%s", t.bytes);
  text_free(&t);
}

static void read_file(const char *bytes, size_t size) {
  settings s, before;
  settings_default(&s);
  before = s;
  status result = config_yaml_read(&s, "fuzz", bytes, size);
  if (result == OK) print_back(&s, size % 2);
  else refused(&s, &before);
}

static void read_line(const char *bytes, size_t size) {
  settings s, before;
  settings_default(&s);
  before = s;
  char *line = mem_take(size + 1, 1);
  memcpy(line, bytes, size);
  if (settings_set(&s, line) == OK) print_back(&s, false);
  else refused(&s, &before);
  mem_free(line);
}

static void read_control(const char *bytes, size_t size) {
  control c = {.generations = 3};
  if (control_read(&c, "fuzz", bytes, size, 7) == OK)
    CHECK(c.generations == 0 || c.generations > 7, "%d", c.generations);
  else CHECK(c.generations == 3 && !c.stop && !c.state, "changed");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  read_control((const char *)bytes, size);
  read_file((const char *)bytes, size);
  if (size < 400) read_line((const char *)bytes, size);
  return 0;
}
