// What bash completes after dreamfarm: verbs, their options, the words of options and knobs, from their tables.

#include <string.h>

#include "verbs.h"

static void completion_verbs(void) {
  printf("  local verbs='");
  for (int i = 0; i < VERBS; i++) printf("%s%s", i ? " " : "", verbs[i].name);
  printf("'\n");
}

static void completion_options_of(const verb *v, const char *subject) {
  printf("      %s%s%s)\n        options='", v->name, *subject ? "." : "", subject);
  for (int i = 0; option_at(i); i++) {
    const verb_option *o = option_at(i);
    bool same = !*subject || (o->subject && strcmp(o->subject, subject) == 0);
    if ((o->verbs & verb_bit(v)) && same) printf("%s ", o->name);
  }
  printf("--help --version' ;;\n");
}

static void completion_options(void) {
  printf("  case $verb in\n");
  for (int i = 0; i < VERBS; i++) {
    if (i == VERB_BENCH) continue;
    completion_options_of(&verbs[i], "");
  }

  // A subject's options stand together in the table.
  const char *subject = "";
  for (int i = 0; option_at(i); i++) {
    const char *next = option_at(i)->subject;
    if (next && strcmp(next, subject) != 0) completion_options_of(&verbs[VERB_BENCH], subject = next);
  }
  printf("  esac\n");
}

// What an option's value completes to: one of the words between bars, a directory, a file; anything else is free.
static void completion_value(const verb_option *o) {
  printf("    %s) COMPREPLY=($(compgen ", o->name);
  if (strcmp(o->value, "DIRECTORY") == 0) printf("-d");
  else if (strcmp(o->value, "FILE") == 0) printf("-f");
  else {
    printf("-W '");
    for (const char *at = o->value; *at; at++) putchar(*at == '|' ? ' ' : *at);
    printf("'");
  }
  printf(" -- \"$word\")); return ;;\n");
}

static bool completion_free(const verb_option *o) {
  return !strchr(o->value, '|') && strcmp(o->value, "DIRECTORY") != 0 && strcmp(o->value, "FILE") != 0;
}

static void completion_values(void) {
  int free_ones = 0;
  printf("  case $before in\n");

  // Verbs may share an option, whose value then is of the same kind.
  for (int i = 0; option_at(i); i++) {
    const verb_option *o = option_at(i);
    if (o->value && option_first(o->name) == o && !completion_free(o)) completion_value(o);
  }

  printf("    ");
  for (int i = 0; option_at(i); i++) {
    const verb_option *o = option_at(i);
    if (!o->value || option_first(o->name) != o || !completion_free(o) || strcmp(o->name, "--set") == 0) continue;
    printf("%s%s", free_ones++ ? "|" : "", o->name);
  }
  printf(") return ;;\n  esac\n");
}

// Bash takes the sign after a key for a word of its own.
static void completion_knobs(void) {
  const char *name;

  printf("  if [[ $before == = ]]; then before=${COMP_WORDS[at - 2]} set=${COMP_WORDS[at - 3]}\n"
         "  elif [[ $word == = ]]; then word='' set=${COMP_WORDS[at - 2]}\n"
         "  else set=''\n  fi\n"
         "  if [[ $set == --set ]]; then\n    case $before in\n");
  for (int i = 0; (name = settings_knob_name(i)); i++) {
    const char *const *words = settings_knob_words(i);
    if (!words) continue;
    printf("      %s) words='", name);
    for (int k = 0; words[k]; k++) printf("%s%s", k ? " " : "", words[k]);
    printf("' ;;\n");
  }
  printf("    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n    return\n  fi\n");

  printf("  if [[ $before == --set ]]; then\n    words='");
  for (int i = 0; (name = settings_knob_name(i)); i++) printf("%s%s=", i ? " " : "", name);
  printf("'\n    [[ $verb != control ]] || words+='");
  for (int i = 0; (name = control_knob_name(i)); i++) printf(" %s=", name);
  printf("'\n    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "    compopt -o nospace 2>/dev/null\n    return\n  fi\n");
}

// env takes the name of an environment, or a plug-in's file, where others take a configuration.
static void completion_environments(void) {
  int count;
  const char *const *names = env_names(&count);
  printf("  if [[ $verb == env && $word != -* ]]; then\n    COMPREPLY=($(compgen -W '");
  for (int i = 0; i < count; i++) printf("%s%s", i ? " " : "", names[i]);
  printf("' -- \"$word\") $(compgen -f -X '!*.@(so|yaml|yml)' -- \"$word\") $(compgen -d -- \"$word\"))\n"
         "    compopt -o filenames 2>/dev/null\n    return\n  fi\n");
}

void completion_print(void) {
  printf("# What bash completes after dreamfarm; made by: dreamfarm help --completion\n"
         "_dreamfarm() {\n"
         "  local at=$COMP_CWORD options='' words='' set i\n"
         "  local word=${COMP_WORDS[at]} before=${COMP_WORDS[at - 1]} verb=${COMP_WORDS[1]}\n"
         "  COMPREPLY=()\n");
  completion_verbs();

  // Behind launch's -- stands the verb that it starts; bench and help have a second word.
  printf("  if [[ $verb == launch ]]; then\n"
         "    for ((i = 2; i < at; i++)); do\n"
         "      [[ ${COMP_WORDS[i]} != -- ]] || { verb=${COMP_WORDS[i + 1]}; break; }\n"
         "    done\n"
         "    if [[ $before == -- ]]; then at=1; fi\n"
         "  fi\n"
         "  if [[ $at == 1 || ($verb == help && $at == 2 && $word != -*) ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$verbs --help --version\" -- \"$word\"))\n    return\n  fi\n"
         "  if [[ $verb == bench ]]; then\n"
         "    if [[ $at == 2 ]]; then COMPREPLY=($(compgen -W 'farm es' -- \"$word\")); return; fi\n"
         "    verb=bench.${COMP_WORDS[2]}\n"
         "  fi\n");
  completion_options();
  completion_values();
  completion_knobs();

  completion_environments();
  printf("  if [[ $word == -* ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$word\")); return; fi\n"
         "  COMPREPLY=($(compgen -f -X '!*.y*ml' -- \"$word\") $(compgen -d -- \"$word\"))\n"
         "  compopt -o filenames 2>/dev/null\n"
         "}\n"
         "complete -F _dreamfarm dreamfarm\n");
}
