// The strategies by number: ES_KIND_LIST (es.h) says which there are, each stands in a file of its own with its table.

#include "parts.h"

static const es_strategy *const strategies[ES_KINDS] = {
#define KIND_TABLE(name, table, word) [ES_##name] = &es_##table,
    ES_KIND_LIST(KIND_TABLE)
#undef KIND_TABLE
};

static const char *const kind_words[ES_KINDS] = {
#define KIND_WORD(name, table, word) [ES_##name] = word,
    ES_KIND_LIST(KIND_WORD)
#undef KIND_WORD
};

const es_strategy *es_strategy_of(int kind) { return kind >= 0 && kind < ES_KINDS ? strategies[kind] : NULL; }

const char *es_kind_name(es_kind kind) { return es_strategy_of((int)kind) ? strategies[kind]->name : "no strategy"; }

const char *es_kind_word(es_kind kind) { return es_strategy_of((int)kind) ? kind_words[kind] : NULL; }
