// Episodes that others collected, or that were collected before, as one list: collect.from.
#ifndef APP_SOURCES_H
#define APP_SOURCES_H

#include "app.h"

typedef struct sources sources;
// By this rank alone. BAD_FILE, NO_IO; MISMATCH: not of what the environment shows and takes.
status sources_open(sources **s, const app *a);
void sources_close(sources *s);  // NULL is allowed
int sources_count(const sources *s);  // of episodes that are learnt from: collect.episodes at most
// As the environment would show it.  Memory of the sources' own, valid until the next call.
status sources_read(sources *s, int episode, data_episode *e);
void sources_words(const sources *s, char *words, size_t room);  // whose they are, for a provenance's policy
// Whose they were and what was done to them, into the episodes' folder.
status sources_write(const sources *s, const char *path);

#endif
