/* SPDX-License-Identifier: MIT
 *
 * The rows of commands.def as data. Nothing here calls a command, so that what makes documents of
 * the list needs none of their code.
 */
#include <assert.h>
#include <limits.h>
#include <string.h>

#include "proto/base.h"
#include "proto/settings/nearest.h"
#include "tools/base/command.h"

/* A row may say another name. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const struct command commands[COMMANDS] = {
#define COMMAND(id, how, ...) \
  [COMMAND_##id] = {.name = #id, .kind = COMMAND_IS_##how, __VA_ARGS__},
#define COLUMN(...)
#include "tools/base/commands.def"
#undef COMMAND
#undef COLUMN
};
#pragma GCC diagnostic pop

static const struct column columns[] = {
#define COMMAND(...)
#define COLUMN(of, id, weight, ...) \
  {.command = COMMAND_##of, .name = #id, .importance = (weight), __VA_ARGS__},
#include "tools/base/commands.def"
#undef COMMAND
#undef COLUMN
};

static const char *const groups[COMMANDS] = {
#define COMMAND(id, how, ...) [COMMAND_##id] = GROUPS_##how(id),
#define COLUMN(...)
#define GROUPS_run(id) #id
#define GROUPS_list(id) #id " tables"
#define GROUPS_own(id) #id " tables"
#include "tools/base/commands.def"
#undef COMMAND
#undef COLUMN
#undef GROUPS_run
#undef GROUPS_list
#undef GROUPS_own
};

const struct command *command_info(enum command_id id) {
  assert(id < COMMANDS);
  return &commands[id];
}

const struct column *command_columns(enum command_id id, size_t *count) {
  const struct column *first = NULL;
  *count = 0;
  for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
    if (columns[i].command != id) continue;
    if (!first) first = &columns[i];
    ++*count;
  }
  assert(!first || first + *count <= columns + ARRAY_SIZE(columns));
  return first;
}

const char *command_groups(enum command_id id) {
  assert(id < COMMANDS);
  return groups[id];
}

const char *command_part_title(enum command_part part) {
  static const char *const titles[PARTS] = {
      [PART_START] = "start", [PART_LOOK] = "look", [PART_TOUCH] = "touch",
      [PART_ACT] = "act", [PART_HELP] = "help"};
  assert(part < PARTS);
  return titles[part];
}

enum command_id command_find(const char *name) {
  enum command_id id = 0;
  while (id < COMMANDS && strcmp(commands[id].name, name) != 0) id++;
  return id;
}

enum command_id command_nearest(const char *name) {
  struct nearest n;
  nearest_begin(&n, name, strlen(name));
  for (enum command_id id = 0; id < COMMANDS; id++) nearest_try(&n, commands[id].name, id);
  return n.found ? (enum command_id)n.which : COMMANDS;
}
