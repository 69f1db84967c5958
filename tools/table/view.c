/* SPDX-License-Identifier: MIT
 *
 * -o and --sort name columns; one that there is not is answered with those that there are.
 */
#include "tools/table/view.h"

#include <assert.h>
#include <string.h>

#include "proto/settings/nearest.h"
#include "tools/base/text.h"

/* One line: there is no such column, which one may have been meant, and which there are. */
static void refuse(const struct view *v, const char *command, const char *flag, const char *name,
                   size_t size) {
  struct nearest near;
  struct text t = {0};
  nearest_begin(&near, name, size);
  for (size_t i = 0; i < v->count; i++) nearest_try(&near, v->columns[i].name, i);
  text_print(&t, "%s: there is no column '%.*s'", flag, size > 80 ? 80 : (int)size, name);
  if (near.found) text_print(&t, " (did you mean %s?)", v->columns[near.which].name);
  text_print(&t, "; %s has", command);
  for (size_t i = 0; i < v->count; i++) text_print(&t, "%s %s", i ? "," : "", v->columns[i].name);
  tool_error("%s", t.bytes);
  text_deinit(&t);
}

static const struct column *find(const struct view *v, const char *name, size_t size) {
  for (size_t i = 0; i < v->count; i++)
    if (strlen(v->columns[i].name) == size && memcmp(v->columns[i].name, name, size) == 0)
      return &v->columns[i];
  return NULL;
}

bool view_wants(const struct view *v, const struct column *c) {
  for (size_t i = 0; i < v->n_picked; i++)
    if (v->picked[i] == c) return true;
  return false;
}

/* "worker,id" */
static bool pick(struct view *v, const char *command, const char *list) {
  for (const char *at = list;; at++) {
    size_t size = strcspn(at, ",");
    const struct column *c = find(v, at, size);
    if (!c) {
      refuse(v, command, "-o", at, size);
      return false;
    }
    /* Twice in one table would be twice the same key of an object. */
    if (!view_wants(v, c)) v->picked[v->n_picked++] = c;
    at += size;
    if (!*at) return true;
  }
}

static bool read_order(struct view *v, const char *command, const char *word,
                       struct view_order *order) {
  *order = (struct view_order){0};
  if (!word) return true;
  order->downwards = *word == '-';
  word += order->downwards;
  order->by = find(v, word, strlen(word));
  if (!order->by) refuse(v, command, "--sort", word, strlen(word));
  return order->by;
}

bool view_read(struct view *v, const struct invocation *in) {
  const struct settings *s = &in->settings;
  const struct command *c = command_info(in->command);
  *v = (struct view){.json = settings_flag(s, SETTING_json),
                     .wide = settings_flag(s, SETTING_wide),
                     .upright = c->upright,
                     .limit = settings_count(s, SETTING_limit)};
  v->columns = command_columns(in->command, &v->count);
  assert(v->count && v->count <= VIEW_COLUMNS_MOST);
  const char *list = settings_text(s, SETTING_columns);
  v->chosen = list;
  if (list && !pick(v, c->name, list)) return false;
  for (size_t i = 0; !list && i < v->count; i++)
    if (!v->columns[i].flag || settings_flag(s, v->columns[i].flag))
      v->picked[v->n_picked++] = &v->columns[i];
  if (!read_order(v, c->name, c->sort, &v->usual)) return false;
  if (!read_order(v, c->name, c->then, &v->then)) return false;
  return read_order(v, c->name, settings_text(s, SETTING_sort), &v->order);
}
