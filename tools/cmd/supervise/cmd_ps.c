/* SPDX-License-Identifier: MIT
 *
 * gaijinctl ps: what a supervisor says of its workers, a row each. The broker is not asked.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/run/control/ask.h"
#include "tools/table/redraw.h"
#include "tools/table/show.h"

struct picture {
  const struct invocation *in;
  struct view view;
};

static void put_cell(struct show *s, const char *cell, bool is_number) {
  if (!*cell)
    show_nil(s);
  else if (is_number)
    show_number(s, strtod(cell, NULL));
  else
    show_text(s, cell);
}

/* A cell more than the table has is of a later version, one less of an older one. */
static bool put_row(void *user, char *line, size_t size) {
  struct show *s = user;
  size_t columns;
  bool is_bad = false;
  (void)size;
  const struct column *c = command_columns(COMMAND_ps, &columns);
  for (size_t i = 0; i < columns; i++) {
    char *cell = strsep(&line, "\t");
    bool is_number = strcmp(c[i].name, "pid") == 0 || strcmp(c[i].name, "uptime_s") == 0 ||
                     strcmp(c[i].name, "restarts") == 0;
    put_cell(s, cell ? cell : "", is_number);
    is_bad = is_bad || (strcmp(c[i].name, "state") == 0 && cell && strcmp(cell, "failed") == 0);
  }
  if (is_bad) show_mark(s, SHOW_BAD);
  return true;
}

static int draw(void *user) {
  struct picture *p = user;
  p->view.terminal = terminal_look(stdout);
  struct show *s = show_new(&p->view);
  struct ask_request q = {.words = {"ps"}, .seconds = 5, .take = put_row, .user = s};
  int status = ask_status(p->in, ask_supervisor(p->in, &q), NULL);
  if (status == EXIT_GOOD) status = show_print(s);
  show_free(s);
  return status;
}

int cmd_ps(const struct invocation *in) {
  struct picture p = {.in = in};
  if (!view_read(&p.view, in)) return EXIT_USAGE;
  if (!settings_given(&in->settings, SETTING_watch)) return draw(&p);
  p.view.page = terminal_look(stdout).is_one;
  return redraw(&(struct redraw){.title = "ps",
                                 .seconds = settings_seconds(&in->settings, SETTING_watch),
                                 .draw = draw,
                                 .user = &p});
}
