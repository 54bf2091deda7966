// Private to config: the one door to libyaml.
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "base.h"
#include "config.h"
#include "knobs.h"

#define CONFIG_BYTES_MAX ((size_t)1 << 20)

// Reads YAML from memory over what is in *s; `name` stands in messages. BAD_CONFIG; *s is unchanged then.
status config_yaml_read(settings *s, const char *name, const char *bytes, size_t size);
// The same for a file without sections: the keys are those of the table (count), the values go into `fields`, of which
// some may be written where it fails.
status config_yaml_keys(const knob *table, int count, void *fields, const char *name, const char *bytes, size_t size);

#endif
