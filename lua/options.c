/* SPDX-License-Identifier: MIT
 *
 * From settings to a worker.
 */
#include "lua/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lua/fiber/fiber.h"
#include "proto/name.h"
#include "proto/settings/arguments.h"
#include "proto/settings/help.h"

/* NULL, or what is wrong with the name, given or the script's. */
static const char *choose_name(struct options *o) {
  const char *name = settings_text(&o->values, SETTING_name);
  if (!name && o->script)
    return name_of_script(o->name, o->script, &o->name_changed) ? NULL : name_fault("", 0);
  if (!name) name = "worker";
  const char *fault = name_fault(name, strlen(name));
  if (!fault) memcpy(o->name, name, strlen(name) + 1);
  return fault;
}

/* Whether the word is a flag that holds the script to something. */
static bool is_restriction(const char *word) {
  static const enum setting restrictions[] = {SETTING_sandbox, SETTING_memory_limit,
                                              SETTING_cpu_limit};
  if (strncmp(word, "--", 2) != 0) return false;
  enum setting id = settings_find(SETTINGS_WORKER, word + 2, strcspn(word + 2, "="));
  for (size_t i = 0; i < sizeof restrictions / sizeof restrictions[0]; i++)
    if (id == restrictions[i]) return true;
  return false;
}

/* Behind the script flags are its own arguments. That must not make a sandbox which somebody wanted
 * disappear without a word: who means it that way writes `--` before the script. */
static bool check_script_arguments(const struct options *o, const struct arguments *a, char *error,
                                   size_t n) {
  for (int i = 0; i < a->count && !a->ended; i++) {
    if (!is_restriction(a->words[i])) continue;
    arguments_wrong(&o->values, error, n,
                    "%.40s stands behind the script, where flags are the script's own; put it "
                    "before, or put -- before the script",
                    a->words[i]);
    return false;
  }
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
  if (!check_script_arguments(o, a, error, n)) return OPTIONS_BAD;
  const char *fault = choose_name(o), *name = settings_text(&o->values, SETTING_name);
  if (!fault) return OPTIONS_RUN;
  if (name)
    arguments_wrong(&o->values, error, n, "a worker's name %s; choose another one than '%.80s'",
                    fault, name);
  else
    arguments_wrong(&o->values, error, n,
                    "a worker's name %s, '%.80s' gives none; choose one with -n NAME", fault,
                    o->script);
  return OPTIONS_BAD;
}

/* `help` alone, unless a script is called so. */
static bool asks_for_help(const struct options *o, const struct arguments *a) {
  return arguments_ask_help(a) && !settings_text(&o->values, SETTING_code) &&
         access(a->words[0], F_OK) != 0;
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
    case ARGUMENTS_RUN:
      if (!asks_for_help(o, &a)) return choose_script(o, &a, argv, error, n);
      help_program(&help, SETTINGS_WORKER);
  }
  fputs(help.text, stdout);
  return OPTIONS_SHOWN;
}

void options_configure(const struct settings *s, struct worker *w) {
  /* First: what follows may log. */
  w->log_format = (enum log_format)settings_choice(s, SETTING_log_format);
  fiber_set_most(w, settings_count(s, SETTING_max_fibers));
  w->max_depth = settings_count(s, SETTING_max_depth);
  w->max_decoded = settings_size(s, SETTING_max_decoded);
  w->grace = settings_seconds(s, SETTING_grace);
  w->linger = settings_seconds(s, SETTING_linger);
  w->call_timeout = settings_seconds(s, SETTING_call_timeout);
  w->poll_us = settings_count(s, SETTING_poll_us);
  w->shared_memory = settings_choice(s, SETTING_transport) > 0; /* not "socket" */
  w->atc_time = settings_seconds(s, SETTING_atc_time);
  w->reconnect = settings_seconds(s, SETTING_reconnect);
  w->collector_waits = settings_count(s, SETTING_collector_waits);
  w->traces_tokens = settings_flag(s, SETTING_trace_tokens);
  w->allows_eval = settings_flag(s, SETTING_allow_eval);
  w->no_cycles = settings_flag(s, SETTING_no_cycles);
  w->cycle_pause = settings_seconds(s, SETTING_cycle_pause);
  w->sandboxed = s->program == SETTINGS_WORKER && settings_flag(s, SETTING_sandbox);
}

uint32_t options_reconnect_ms(const struct settings *s) {
  /* In a sandbox the kernel opens no more sockets. */
  if (s->program == SETTINGS_WORKER && settings_flag(s, SETTING_sandbox)) return 0;
  return (uint32_t)ceil(settings_seconds(s, SETTING_reconnect) * 1e3);
}

/* As the rows of these settings say. */
static const size_t sandbox_memory = 256u << 20;
static const double sandbox_seconds = 5;

static bool in_sandbox(const struct settings *s, enum setting id) {
  return settings_flag(s, SETTING_sandbox) && !settings_given(s, id);
}

size_t options_memory_limit(const struct settings *s) {
  return in_sandbox(s, SETTING_memory_limit) ? sandbox_memory
                                             : settings_size(s, SETTING_memory_limit);
}

double options_cpu_limit(const struct settings *s) {
  return in_sandbox(s, SETTING_cpu_limit) ? sandbox_seconds
                                          : settings_seconds(s, SETTING_cpu_limit);
}
