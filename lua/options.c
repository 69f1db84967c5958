/* SPDX-License-Identifier: MIT
 *
 * From settings to a worker.
 */
#include "lua/options.h"

#include <stdio.h>
#include <string.h>

#include "lua/fiber/fiber.h"
#include "proto/settings/arguments.h"
#include "proto/settings/help.h"

/* The script's base name without ".lua"; its size. */
static size_t script_name(const char *script, const char **name) {
  const char *slash = strrchr(script, '/');
  *name = slash ? slash + 1 : script;
  size_t size = strlen(*name);
  return size > 4 && strcmp(*name + size - 4, ".lua") == 0 ? size - 4 : size;
}

/* False if the script is called so that its worker cannot be. */
static bool choose_name(struct options *o) {
  const char *name = settings_text(&o->values, SETTING_name);
  size_t size = name        ? strlen(name)
                : o->script ? script_name(o->script, &name)
                            : strlen(name = "worker");
  if (size < 1 || size > NAME_MAX_BYTES) return false;
  memcpy(o->name, name, size);
  o->name[size] = '\0';
  return true;
}

/* The words are script and arguments, or arguments alone when there is code. */
static enum options_outcome choose_script(struct options *o, const struct arguments *a, char **argv,
                                          char *error, size_t n) {
  o->script_index = (int)(a->words - argv);
  if (settings_text(&o->values, SETTING_code)) {
    o->script_index--; /* as if the code stood before its arguments */
  } else if (a->count == 0) {
    arguments_wrong(&o->values, error, n, "no script given");
    return OPTIONS_BAD;
  } else {
    o->script = a->words[0];
  }
  if (choose_name(o)) return OPTIONS_RUN;
  arguments_wrong(&o->values, error, n,
                  "a worker's name has 1 to %d bytes, '%.80s' gives none; choose one with -n NAME",
                  NAME_MAX_BYTES, o->script);
  return OPTIONS_BAD;
}

enum options_outcome options_parse(struct options *o, int argc, char **argv, char *error,
                                   size_t n) {
  struct arguments a;
  struct help help = {0};
  *o = (struct options){0};
  settings_init(&o->values, SETTINGS_WORKER);
  switch (arguments_read(&o->values, ARGUMENTS_SCRIPT, argc, argv, &a, error, n)) {
    case ARGUMENTS_HELP: help_program(&help, SETTINGS_WORKER); break;
    case ARGUMENTS_VERSION: help_version(&help, SETTINGS_WORKER); break;
    case ARGUMENTS_BAD: return OPTIONS_BAD;
    case ARGUMENTS_RUN: return choose_script(o, &a, argv, error, n);
  }
  fputs(help.text, stdout);
  return OPTIONS_SHOWN;
}

void options_configure(const struct settings *s, struct worker *w) {
  fiber_set_most(w, settings_count(s, SETTING_max_fibers));
  w->max_depth = settings_count(s, SETTING_max_depth);
  w->grace = settings_seconds(s, SETTING_grace);
  w->call_timeout = settings_seconds(s, SETTING_call_timeout);
  w->atc_time = settings_seconds(s, SETTING_atc_time);
  w->collector_waits = settings_count(s, SETTING_collector_waits);
}
