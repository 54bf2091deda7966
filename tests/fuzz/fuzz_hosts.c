// rooms: base
// sources: src/app/hosts.c
// seeds: tests/fuzz/hosts/*.txt
// Host files from any bytes: refused with a place, or read, and then every host has a name and slots. No name is asked for on
// the net: the resolver here knows none.

#include <netdb.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/app/launch.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  (void)name, (void)service, (void)hints, (void)found;
  return EAI_NONAME;
}
void freeaddrinfo(struct addrinfo *found) { (void)found; }

// Of hosts_sweep, which is not called.
char *path_own(void) { return NULL; }
int words_split(char **words, int max, char *text) { return (void)words, (void)max, (void)text, 0; }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static int file = -1;
  if (file < 0) file = memfd_create("hosts", 0);
  file_path place = path_join("/proc/self/fd", "%d", file);
  CHECK(ftruncate(file, 0) == 0 && pwrite(file, bytes, size, 0) == (ssize_t)size, "cannot be filled");
  hosts h = {0};
  status read = hosts_read(&h, place.text);
  if (read == OK) {
    int slots = 0;
    CHECK(h.count >= 1, "read, but names no host");
    for (int i = 0; i < h.count; i++) {
      CHECK(h.list[i].name[0] && strlen(h.list[i].name) < sizeof h.list[i].name && !strpbrk(h.list[i].name, " \t\r\n#:"), "'%s'", h.list[i].name);
      CHECK(h.list[i].slots >= 1, "%d slots", h.list[i].slots);
      slots += h.list[i].slots;
    }
    CHECK(hosts_slots(&h) == slots, "%d slots, %d were counted", slots, hosts_slots(&h));
  } else {
    CHECK(read == BAD_FILE && strncmp(status_message(), place.text, strlen(place.text)) == 0, "no place: %s", status_message());
  }
  mem_free(h.list);
  return 0;
}
