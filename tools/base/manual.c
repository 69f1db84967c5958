/* SPDX-License-Identifier: MIT
 *
 * gaijinctl's own help shows the flags of every command and of every table; what one command alone
 * has stands in its help.
 */
#include "tools/base/manual.h"

#include <stdio.h>
#include <string.h>

void manual_of_all(struct help *h) {
  char typed[128], title[32];
  help_usage(h, SETTINGS_CTL);
  for (enum command_part part = 0; part < PARTS; part++) {
    snprintf(title, sizeof title, "\n%s:", command_part_title(part));
    help_paragraph(h, title);
    for (enum command_id id = 0; id < COMMANDS; id++) {
      const struct command *c = command_info(id);
      if (c->part != part) continue;
      snprintf(typed, sizeof typed, "  %s%s%s", c->name, *c->usage ? " " : "", c->usage);
      help_item(h, typed, c->what);
    }
  }
  help_flags(h, SETTINGS_CTL, "tables");
  help_statuses(h, SETTINGS_CTL);
  help_paragraph(h, "\n`gaijinctl help COMMAND` says more of one, its own flags too.");
}

static void add_columns(struct help *h, enum command_id id) {
  size_t count;
  const struct column *columns = command_columns(id, &count);
  char typed[64];
  if (count) help_paragraph(h, "\ncolumns:");
  for (size_t i = 0; i < count; i++) {
    snprintf(typed, sizeof typed, "  %s", columns[i].name);
    help_item(h, typed, columns[i].what);
  }
}

void manual_of_command(struct help *h, enum command_id id) {
  const struct command *c = command_info(id);
  char text[512];
  snprintf(text, sizeof text, "usage: gaijinctl %s [FLAG...]%s%s\n%s", c->name,
           *c->usage ? " " : "", c->usage, c->what);
  help_paragraph(h, text);
  if (c->details) help_paragraph(h, "\n");
  if (c->details) help_paragraph(h, c->details);
  help_flags(h, SETTINGS_CTL, command_groups(id));
  add_columns(h, id);
  snprintf(text, sizeof text, "\nexample: gaijinctl %s", c->example);
  help_paragraph(h, text);
  help_statuses(h, SETTINGS_CTL);
}

void manual_refuse_command(const char *name, char *out, size_t n) {
  enum command_id near = command_nearest(name);
  size_t at = (size_t)snprintf(out, n, "unknown command '%.80s'", name);
  if (near != COMMANDS && at < n)
    at += (size_t)snprintf(out + at, n - at, " (did you mean %s?)", command_info(near)->name);
  if (at < n) at += (size_t)snprintf(out + at, n - at, "; there are");
  for (enum command_id id = 0; id < COMMANDS && at < n; id++)
    at += (size_t)snprintf(out + at, n - at, "%s %s", id ? "," : "", command_info(id)->name);
}
