/* SPDX-License-Identifier: MIT
 *
 * Layout of help texts.
 */
#include "proto/settings/help.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/limits.h"

enum { COLUMN = 31 }; /* where the right column begins */

static const struct help_words programs[] = {
    [SETTINGS_BROKER] = {.usage = "[FLAG...]",
                         .what = "Routes messages between the workers of one user and keeps their "
                                 "references alive.",
                         .statuses = "0 ended by SIGTERM or SIGINT, 1 cannot run, 2 bad usage"},
    [SETTINGS_WORKER] = {.usage = "[FLAG...] SCRIPT [ARGUMENT...]",
                         .usage_too = "[FLAG...] -e CODE [ARGUMENT...]",
                         .what = "Runs SCRIPT in a Lua VM of its own, then serves other workers "
                                 "until told to stop.",
                         .statuses = "0 done, 1 failed, 2 bad usage, or the status given to "
                                     "gaijin.stop"},
    [SETTINGS_CTL] = {.usage = "[FLAG...] COMMAND [ARGUMENT...]",
                      .what = "Looks at a running gaijin system and acts on it.",
                      .statuses = "0 done, 1 failed, 2 bad usage, 3 no broker, not answering, or "
                                  "of another version"},
};

const struct help_words *help_words(enum settings_program program) { return &programs[program]; }

__attribute__((format(printf, 2, 3))) static void add(struct help *h, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int more = vsnprintf(h->text + h->size, sizeof h->text - h->size, format, args);
  va_end(args);
  assert(more >= 0 && (size_t)more < sizeof h->text - h->size);
  h->size += (size_t)more;
}

/* Adds words of `text` up to its end or a newline, from column `at` on; further lines begin at
 * `indent`. Gives what follows the newline. */
static const char *add_line(struct help *h, const char *text, size_t at, size_t indent) {
  for (bool first = true; *text && *text != '\n'; first = false) {
    size_t size = strcspn(text, " \n");
    if (!first && at + 1 + size > HELP_WIDTH) {
      add(h, "\n%*s", (int)indent, "");
      at = indent;
      first = true;
    }
    add(h, "%s%.*s", first ? "" : " ", (int)size, text);
    at += size + !first;
    text += size;
    text += strspn(text, " ");
  }
  add(h, "\n");
  return *text ? text + 1 : text;
}

void help_paragraph(struct help *h, const char *text) {
  while (*text) text = add_line(h, text, 0, 0);
}

void help_item(struct help *h, const char *typed, const char *text) {
  size_t size = strlen(typed);
  add(h, "%s", typed);
  if (size + 2 > COLUMN) {
    add(h, "\n");
    size = 0;
  }
  add(h, "%*s", (int)(COLUMN - size), "");
  add_line(h, text, COLUMN, COLUMN);
}

void help_usage(struct help *h, enum settings_program program) {
  const struct help_words *p = help_words(program);
  const char *name = settings_program_name(program);
  add(h, "usage: %s %s\n", name, p->usage);
  if (p->usage_too) add(h, "       %s %s\n", name, p->usage_too);
  help_paragraph(h, p->what);
}

void help_flag_typed(enum setting id, char *out, size_t n) {
  const struct setting_info *i = setting_info(id);
  size_t at = i->letter ? (size_t)snprintf(out, n, "-%c, ", i->letter) : 0;
  snprintf(out + at, n - at, "--%s%s%s", i->key, i->argument ? " " : "",
           i->argument ? i->argument : "");
}

void help_flag_text(enum setting id, const char *command, char *out, size_t n) {
  const struct setting_info *i = setting_info(id);
  char bounds[128] = "", standard[128];
  if (i->type != SETTING_TEXT) setting_bounds(id, bounds, sizeof bounds);
  setting_standard(id, standard, sizeof standard);
  size_t at = (size_t)snprintf(out, n, "%s", i->help);
  if (i->type != SETTING_FLAG)
    at += (size_t)snprintf(out + at, n - at, " (%s%sdefault: %s)", bounds, *bounds ? "; " : "",
                           standard);
  if (i->commands && !command) snprintf(out + at, n - at, "; with: %s", i->commands);
}

static void add_flag(struct help *h, enum setting id, const char *command) {
  char flag[64], typed[80], text[512];
  help_flag_typed(id, flag, sizeof flag);
  snprintf(typed, sizeof typed, setting_info(id)->letter ? "  %s" : "      %s", flag);
  help_flag_text(id, command, text, sizeof text);
  help_item(h, typed, text);
}

void help_flags(struct help *h, enum settings_program program, const char *command) {
  add(h, "\nflags:\n");
  for (enum setting id = 0; id < SETTINGS; id++)
    if (setting_belongs(id, program, command)) add_flag(h, id, command);
}

void help_statuses(struct help *h, enum settings_program program) {
  char text[256];
  snprintf(text, sizeof text, "\nexit status: %s", programs[program].statuses);
  help_paragraph(h, text);
}

void help_program(struct help *h, enum settings_program program) {
  help_usage(h, program);
  help_flags(h, program, NULL);
  help_statuses(h, program);
}

void help_version(struct help *h, enum settings_program program) {
  add(h, "%s %s, wire versions %d to %d\n", settings_program_name(program), GAIJIN_VERSION,
      WIRE_VERSION_LEAST, WIRE_VERSION_MOST);
}
