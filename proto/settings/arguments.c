/* SPDX-License-Identifier: MIT
 *
 * Not getopt_long: it takes abbreviations, reorders by an environment variable and keeps its place
 * in globals.
 */
#include "proto/settings/arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/printable.h"

struct reader {
  struct settings *s;
  int argc, at; /* argv[at] is read next */
  char **argv;
  char *error;
  size_t n;
};

/* One flag of the command line, taken apart. */
struct flag {
  enum setting id;   /* SETTINGS: unknown */
  char name[64];     /* as the user typed it: "--wait", "-n" */
  const char *value; /* what stands in the same argument; NULL: nothing */
};

enum arguments_outcome arguments_wrong(const struct settings *s, char *error, size_t n,
                                       const char *format, ...) {
  char text[512], shown[470];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  printable_escape(shown, sizeof shown, text, strlen(text), "");
  snprintf(error, n, "%s; see %s --help", shown, settings_program_name(s->program));
  return ARGUMENTS_BAD;
}

static enum setting find_letter(enum settings_program program, char letter) {
  for (enum setting id = 0; id < SETTINGS; id++)
    if (setting_belongs(id, program, NULL) && setting_info(id)->letter == letter) return id;
  return SETTINGS;
}

/* "--key", "--key=value", "-k" or "-kvalue". */
static struct flag take_apart(enum settings_program program, const char *word) {
  struct flag f = {0};
  if (word[1] == '-') {
    const char *key = word + 2;
    size_t size = strcspn(key, "=");
    f.id = settings_find(program, key, size);
    f.value = key[size] ? key + size + 1 : NULL;
    snprintf(f.name, sizeof f.name, "%.*s", (int)size + 2, word);
  } else {
    f.id = find_letter(program, word[1]);
    f.value = word[2] ? word + 2 : NULL;
    snprintf(f.name, sizeof f.name, "%.2s", word);
  }
  return f;
}

static enum arguments_outcome unknown(const struct reader *r, const struct flag *f) {
  enum settings_program program = r->s->program;
  bool is_long = f->name[1] == '-';
  enum setting near =
      is_long ? settings_nearest(program, f->name + 2, strlen(f->name + 2)) : SETTINGS;
  if (near == SETTINGS) return arguments_wrong(r->s, r->error, r->n, "unknown flag '%s'", f->name);
  return arguments_wrong(r->s, r->error, r->n, "unknown flag '%s' (did you mean --%s?)", f->name,
                         setting_name(near, program));
}

/* A flag whose value may be left out: takes the next argument if it is one. */
static enum arguments_outcome read_optional(struct reader *r, enum setting id) {
  if (r->at < r->argc && settings_parse(r->s, id, r->argv[r->at]))
    r->at++;
  else
    settings_put_number(r->s, id, setting_info(id)->standard);
  return ARGUMENTS_RUN;
}

/* ARGUMENTS_RUN to go on. */
static enum arguments_outcome read_flag(struct reader *r) {
  struct flag f = take_apart(r->s->program, r->argv[r->at++]);
  if (f.id == SETTINGS) return unknown(r, &f);
  if (setting_info(f.id)->type == SETTING_FLAG) {
    if (f.value) return arguments_wrong(r->s, r->error, r->n, "%s takes no value", f.name);
    settings_put_number(r->s, f.id, 1);
    if (f.id == SETTING_help) return ARGUMENTS_HELP;
    return f.id == SETTING_version ? ARGUMENTS_VERSION : ARGUMENTS_RUN;
  }
  if (!f.value && setting_info(f.id)->optional) return read_optional(r, f.id);
  if (!f.value && r->at == r->argc)
    return arguments_wrong(r->s, r->error, r->n, "%s needs a value", f.name);
  if (!f.value) f.value = r->argv[r->at++];
  if (settings_parse(r->s, f.id, f.value)) return ARGUMENTS_RUN;
  char text[384];
  setting_refuse(f.id, f.name, f.value, text, sizeof text);
  return arguments_wrong(r->s, r->error, r->n, "%s", text);
}

/* A number is none: -5, -.5. */
static bool is_flag(const char *word) {
  return word[0] == '-' && word[1] && !strchr("0123456789.", word[1]);
}

enum arguments_outcome arguments_read(struct settings *s, enum arguments_style style, int argc,
                                      char **argv, struct arguments *a, char *error, size_t n) {
  struct reader r = {.s = s, .argc = argc, .at = 1, .argv = argv, .error = error, .n = n};
  *a = (struct arguments){.words = argv + 1};
  while (r.at < argc) {
    if (!a->ended && strcmp(argv[r.at], "--") == 0) {
      a->ended = true;
      r.at++;
    } else if (!a->ended && is_flag(argv[r.at])) {
      enum arguments_outcome outcome = read_flag(&r);
      if (outcome != ARGUMENTS_RUN) return outcome;
    } else if (style == ARGUMENTS_SCRIPT) {
      break;
    } else {
      a->words[a->count++] = argv[r.at++];
    }
  }
  if (style == ARGUMENTS_SCRIPT)
    *a = (struct arguments){.words = argv + r.at, .count = argc - r.at, .ended = a->ended};
  return ARGUMENTS_RUN;
}

bool arguments_ask_help(const struct arguments *a) {
  return a->count == 1 && !a->ended && strcmp(a->words[0], "help") == 0;
}
