/* SPDX-License-Identifier: MIT
 *
 * A book is read as if its command had been called with flags.
 */
#include "tools/web/books.h"

#include <stdio.h>
#include <string.h>

#include "tools/base/said.h"

/* False after the error line that the command line would have had. */
static bool put(struct invocation *in, enum setting id, const char *text) {
  char name[40], line[300];
  if (!text || !*text || settings_parse(&in->settings, id, text)) return true;
  snprintf(name, sizeof name, "--%s", setting_info(id)->key);
  setting_refuse(id, name, text, line, sizeof line);
  tool_error("%s", line);
  return false;
}

static bool invoke(struct invocation *in, const struct book *b) {
  *in = (struct invocation){.command = b->command};
  settings_init(&in->settings, SETTINGS_CTL);
  settings_put_number(&in->settings, SETTING_json, 1);
  settings_put_number(&in->settings, SETTING_limit, (double)b->limit);
  return put(in, SETTING_columns, b->columns) && put(in, SETTING_sort, b->sort) &&
         put(in, SETTING_host, b->host) && put(in, SETTING_holder, b->holder) &&
         put(in, SETTING_kind, b->kind) && put(in, SETTING_min_age, b->least_age);
}

bool book_is_sound(const struct book *b) {
  struct invocation in;
  return invoke(&in, b);
}

bool book_add(struct observer *o, const struct book *b, struct text *out) {
  const struct invocation *own = o->in;
  struct invocation in;
  struct view view;
  if (!invoke(&in, b) || !view_read(&view, &in)) return false;
  view.enough = b->enough;
  struct show *s = show_new(&view);
  o->in = &in;
  bool good = b->fill(o, s) || (show_rows(s) > 0 && !o->no_broker);
  o->in = own;
  if (good) {
    text_print(out, "%s\"%s\":", out->size > 1 ? "," : "", b->name);
    show_add_json(s, out);
  }
  show_free(s);
  return good;
}

void books_end(struct text *out, const struct text *said) {
  const char *at = said->bytes, *line;
  size_t size;
  text_print(out, "%s\"said\":[", out->size > 1 ? "," : "");
  for (int n = 0; said_next(&at, &line, &size); n++) {
    if (n) text_add(out, ",", 1);
    text_add_json(out, line, size);
  }
  text_print(out, "]}\n");
}
