/* SPDX-License-Identifier: MIT
 *
 * Once, or again and again (redraw.h).
 */
#include "tools/ask/list.h"

#include "tools/table/redraw.h"

/* Fills a table, and prints it unless there is nothing to be shown; the exit status. */
static int fill_and_print(struct observer *o, const struct view *v, list_fn fill) {
  struct show *s = show_new(v);
  bool good = fill(o, s);
  int printed = EXIT_GOOD;
  if (!o->no_broker && (good || show_rows(s) > 0)) printed = show_print(s);
  show_free(s);
  return o->no_broker ? EXIT_NO_BROKER : good && printed == EXIT_GOOD ? EXIT_GOOD : EXIT_FAILED;
}

static int run_once(const struct invocation *in, const struct view *v, list_fn fill) {
  struct observer o;
  int status = EXIT_FAILED;
  if (observe_open(&o, in)) status = fill_and_print(&o, v, fill);
  return observe_close(&o, status == EXIT_GOOD);
}

/* One picture of many. The connection stays as long as it can be used. */
struct pictures {
  const struct invocation *in;
  struct view view;
  list_fn fill;
  struct observer observer;
  bool follows; /* another one */
};

static int draw(void *user) {
  struct pictures *p = user;
  struct observer *o = &p->observer;
  p->view.terminal = terminal_look(stdout);
  int status = EXIT_FAILED;
  if (p->follows && !p->view.terminal.is_one && !p->view.json) putchar('\n');
  p->follows = true;
  if (o->g || observe_open(o, p->in)) status = fill_and_print(o, &p->view, p->fill);
  if (o->no_broker) status = observe_close(o, false);
  return status;
}

int list_run(const struct invocation *in, list_fn fill) {
  struct pictures p = {.in = in, .fill = fill};
  if (!view_read(&p.view, in)) return EXIT_USAGE;
  p.view.terminal = terminal_look(stdout);
  if (!settings_given(&in->settings, SETTING_watch)) return run_once(in, &p.view, fill);
  p.view.page = p.view.terminal.is_one;
  return redraw(&(struct redraw){.title = command_info(in->command)->name,
                                 .seconds = settings_seconds(&in->settings, SETTING_watch),
                                 .draw = draw,
                                 .user = &p});
}

/* ---- Books ---- */

struct filling {
  struct show *show;
  const char *what;
  uint32_t columns;
};

static bool put_row(struct observer *o, gaijin_body *b, void *user) {
  const struct filling *f = user;
  return observe_show(o, b, f->what, f->columns, f->show);
}

bool list_book(struct observer *o, struct show *s, const char *what) {
  size_t columns;
  command_columns(o->in->command, &columns);
  struct filling f = {s, what, (uint32_t)columns};
  return observe_read(o, &(struct observe_book){
                             .what = what, .columns = f.columns, .row = put_row, .user = &f});
}
