// rooms: base
// sources: src/launch/hosts.c src/launch/words.c
// seeds: tests/fuzz/hosts/*.txt
// Host files from any bytes: refused with a place, or read, and then every host has a name that no program takes for an
// option, and slots. No name is asked for on the net: the resolver here knows none.

#include <netdb.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/launch/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  (void)name, (void)service, (void)hints, (void)found;
  return EAI_NONAME;
}
void freeaddrinfo(struct addrinfo *found) { (void)found; }

// Of hosts_sweep, which is not called.
char *path_own(void) { return NULL; }

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
      const char *name = h.list[i].name;
      size_t good = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_");
      CHECK(good && !name[good] && good < sizeof h.list[i].name && !strchr("-._", name[0]), "'%s'", name);
      CHECK(h.list[i].slots >= 1, "%d slots", h.list[i].slots);
      slots += h.list[i].slots;
    }
    CHECK(hosts_slots(&h) == slots, "%d slots, %d were counted", slots, hosts_slots(&h));
  } else {
    bool placed = strncmp(status_message(), place.text, strlen(place.text)) == 0;
    CHECK(read == BAD_FILE && placed, "no place: %s", status_message());
  }
  hosts_free(&h);
  return 0;
}
