// dreamfarm.1, the man page, from the tables of verbs and options. Macros: man(7).

#include "verbs.h"

// A hyphen that a reader may want to copy, a backslash, and a dot or quote at a line's start are roff's own.
static void manual_text(const char *text) {
  for (const char *at = text; *at; at++) {
    if (at == text && (*at == '.' || *at == '\'')) printf("\\&");
    if (*at == '-') printf("\\-");
    else if (*at == '\\') printf("\\e");
    else putchar(*at);
  }
}

static void manual_paragraph(const char *text) {
  manual_text(text);
  putchar('\n');
}

static void manual_verbs(void) {
  printf(".SH VERBS\n");
  for (int i = 0; i < VERBS; i++) {
    printf(".TP\n\\fB");
    manual_text(verbs[i].name);
    printf("\\fR ");
    manual_paragraph(verbs[i].usage);
    manual_paragraph(verbs[i].words);
  }
}

static void manual_option(const verb_option *o) {
  printf(".TP\n\\fB");
  manual_text(o->name);
  printf("\\fR");
  if (o->value) {
    printf(" \\fI");
    manual_text(o->value);
    printf("\\fR");
  }
  putchar('\n');
  manual_paragraph(o->words);
}

static void manual_whose(const verb_option *o) {
  printf(".br\n(");
  for (int i = 0, some = 0; i < VERBS; i++) {
    if (!(o->verbs & VERB_BIT(i))) continue;
    printf("%s", some++ ? ", " : "");
    manual_text(verbs[i].name);
  }
  printf("%s%s)\n", o->subject ? " " : "", o->subject ? o->subject : "");
}

static void manual_options(void) {
  printf(".SH OPTIONS\nIn brackets: of which verbs.\n");
  for (int i = 0; option_at(i); i++) {
    manual_option(option_at(i));
    manual_whose(option_at(i));
  }
  printf(".TP\n\\fB\\-\\-help\\fR, \\fB\\-\\-version\\fR\n"
         "These options, of one verb where one is named; the version.\n");
}

static void manual_examples(void) {
  printf(".SH EXAMPLES\n.nf\n");
  for (int i = 0; i < VERBS; i++) {
    for (int k = 0; k < 2; k++) {
      printf("dreamfarm ");
      manual_paragraph(verbs[i].examples[k]);
    }
  }
  printf(".fi\n");
}

static void manual_exit_codes(void) {
  printf(".SH EXIT STATUS\n");
#define MANUAL_STATUS(name, code, words)  \
  printf(".TP\n%d\n", code);              \
  manual_paragraph(words);
  STATUS_LIST(MANUAL_STATUS)
#undef MANUAL_STATUS
}

void manual_print(void) {
  printf(".TH DREAMFARM 1 \"\" \"dreamfarm %s\" \"User Commands\"\n", DREAMFARM_VERSION);
  printf(".SH NAME\ndreamfarm \\- learn a world, evolve a controller inside it, judge it outside\n");
  printf(".SH SYNOPSIS\n\\fBdreamfarm\\fR \\fIVERB\\fR [\\fICONFIG.yaml\\fR] [\\fB\\-\\-set\\fR \\fIKEY=VALUE\\fR]... "
         "[\\fIoptions\\fR]\n");
  printf(".SH DESCRIPTION\nA world model is learned from real episodes, a controller is evolved inside it by an "
         "evolution strategy, on one core or many machines, and judged in the real environment. The configuration is "
         "a YAML file; \\fBdreamfarm config\\fR prints every knob with its default, its range and what it is for.\n");

  manual_verbs();
  manual_options();
  manual_examples();
  manual_exit_codes();
}
