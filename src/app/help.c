// What --help says, from the tables of verbs and options.

#include <string.h>

#include "verbs.h"

#define HELP_WORDS_COLUMNS 92

// Words, in lines as wide as a terminal likes, each below the first one.
static void help_words_print(const char *words, int indent) {
  while (strlen(words) > HELP_WORDS_COLUMNS) {
    int size = HELP_WORDS_COLUMNS;
    while (words[size] != ' ') size--;
    printf("%.*s\n%*s", size, words, indent, "");
    words += size + 1;
  }
  printf("%s\n", words);
}

static void help_option_print(const verb_option *o) {
  char head[32];
  snprintf(head, sizeof head, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
  printf("  %-22s ", head);
  help_words_print(o->words, 25);
}

static void help_options_print(unsigned of, unsigned not_of) {
  const char *subject = "";

  for (int i = 0; option_at(i); i++) {
    const verb_option *o = option_at(i);
    if (!(o->verbs & of) || (o->verbs & not_of)) continue;

    // Those of a subject stand together in the table.
    if (o->subject && strcmp(o->subject, subject) != 0) printf("bench %s\n", subject = o->subject);
    help_option_print(o);
  }
}

void help_print(void) {
  unsigned most = verb_bit(&verbs[VERB_RUN]);

  printf("usage: dreamfarm VERB [CONFIG.yaml] [--set KEY=VALUE]... [options]\n"
         "       dreamfarm VERB --help\n\nverbs\n");
  for (int i = 0; i < VERBS; i++) printf("  %-10s %s\n", verbs[i].name, verbs[i].words);

  printf("\noptions of most verbs\n");
  help_options_print(most, 0);
  printf("  --version, --help\n");

  printf("evaluate\n");
  help_options_print(VERB_BIT(VERB_EVALUATE), most);
  printf("report\n");
  help_options_print(VERB_BIT(VERB_REPORT), most);
  printf("env\n");
  help_options_print(VERB_BIT(VERB_ENV), most);
  printf("explain\n");
  help_options_print(VERB_BIT(VERB_EXPLAIN), most);
  help_options_print(VERB_BIT(VERB_BENCH), 0);
  printf("launch [options] -- VERB ...\n");
  help_options_print(VERB_BIT(VERB_LAUNCH), 0);
  printf("help\n");
  help_options_print(VERB_BIT(VERB_HELP), 0);

  printf("\nexit codes\n");
#define PRINT_STATUS(name, code, words) printf("  %3d  %s\n", code, words);
  STATUS_LIST(PRINT_STATUS)
#undef PRINT_STATUS
}

void help_print_verb(const verb *v) {
  printf("usage: dreamfarm %s %s\n\n%s\n\n", v->name, v->usage, v->words);

  if (v != &verbs[VERB_BENCH]) printf("options\n");
  help_options_print(verb_bit(v), 0);

  printf("\nexamples\n");
  for (int i = 0; i < 2; i++) printf("  dreamfarm %s\n", v->examples[i]);
}
