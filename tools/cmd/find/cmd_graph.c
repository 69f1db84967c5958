/* SPDX-License-Identifier: MIT
 *
 * gaijinctl graph: who holds what, as a graph: Graphviz's language, a picture, or JSON. Nothing is
 * written before all of it is there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/object.h"
#include "tools/graph/dot.h"
#include "tools/graph/picture.h"

enum format { FORMAT_DOT, FORMAT_SVG, FORMAT_PNG, FORMAT_JSON };
/* Large pictures take their time. */
static const double standard_seconds = 60;

struct order {
  const struct settings *flags;
  enum format format;
  const char *output; /* NULL: standard output */
};

/* The format that is asked for, by --format or by the name of the file. */
static enum format format_of(const struct settings *flags, const char *output) {
  static const char *const ends[] = {".dot", ".svg", ".png", ".json"};
  if (settings_flag(flags, SETTING_json)) return FORMAT_JSON;
  if (settings_given(flags, SETTING_format)) return settings_choice(flags, SETTING_format);
  for (size_t i = 0; output && i < sizeof ends / sizeof *ends; i++) {
    size_t size = strlen(output), end = strlen(ends[i]);
    if (size > end && strcmp(output + size - end, ends[i]) == 0) return (enum format)i;
  }
  return FORMAT_DOT;
}

/* Reads the command line. False after an error line. */
static bool read_order(struct order *r, struct graph *g) {
  const struct settings *s = r->flags;
  struct graph_scope *scope = &g->scope;
  r->output = settings_text(s, SETTING_output);
  r->format = format_of(s, r->output);
  scope->host = settings_text(s, SETTING_host);
  scope->holder = settings_text(s, SETTING_holder);
  scope->least_age = settings_count(s, SETTING_min_age);
  if (settings_choice(s, SETTING_kind) > 0)
    scope->kind = setting_info(SETTING_kind)->words[settings_choice(s, SETTING_kind)];
  scope->focus = settings_text(s, SETTING_focus);
  scope->depth = settings_count(s, SETTING_depth);
  scope->describe = settings_flag(s, SETTING_describe);
  struct object_name focus = {0};
  bool good = !scope->focus || object_read(scope->focus, &focus);
  scope->focus_size = focus.size;
  scope->focus_id = focus.id;
  if (!good)
    tool_error("graph: --focus takes WORKER:ID, as `gaijinctl tokens` shows them, not '%.80s'",
               scope->focus);
  else if (settings_given(s, SETTING_json) && settings_given(s, SETTING_format))
    tool_error("graph: --json or --format, not both");
  else if (settings_given(s, SETTING_depth) && !scope->focus)
    tool_error("graph: --depth is about --focus WORKER:ID, which is missing");
  else if (r->format == FORMAT_PNG && !r->output && isatty(STDOUT_FILENO))
    tool_error("graph: a PNG is nothing for a terminal; name a file: --output graph.png");
  else
    return true;
  return false;
}

/* False after an error line. */
static bool write_out(const struct order *r, const struct text *t) {
  FILE *f = r->output ? fopen(r->output, "we") : stdout;
  if (!f) {
    tool_error("graph: cannot open %s: %s", r->output, strerror(errno));
    return false;
  }
  bool good = fwrite(t->bytes, 1, t->size, f) == t->size && fflush(f) == 0;
  if (!good)
    tool_error("graph: cannot write to %s: %s", r->output ? r->output : "standard output",
               strerror(errno));
  if (r->output && fclose(f) != 0 && good) {
    tool_error("graph: cannot write to %s: %s", r->output, strerror(errno));
    good = false;
  }
  return good;
}

static bool show(const struct order *r, struct graph *g) {
  struct text text = {0}, picture = {0};
  const struct text *result = &text;
  bool good = true;
  if (r->format == FORMAT_JSON)
    graph_add_json(&text, g);
  else
    graph_add_dot(&text, g);
  if (r->format == FORMAT_SVG || r->format == FORMAT_PNG) {
    double seconds = settings_seconds(r->flags, SETTING_timeout);
    if (!settings_given(r->flags, SETTING_timeout)) seconds = standard_seconds;
    good = picture_draw(&text, r->format == FORMAT_SVG ? "svg" : "png",
                        seconds > 0 ? seconds : OBSERVE_EVER, &picture);
    result = &picture;
  }
  good = good && write_out(r, result);
  text_deinit(&text);
  text_deinit(&picture);
  return good;
}

int cmd_graph(const struct invocation *in) {
  struct order r = {.flags = &in->settings};
  struct graph g = {.waiting_more = 0};
  struct observer o = {0};
  if (!read_order(&r, &g)) return EXIT_USAGE;
  g.scope.seconds = observe_timeout(in);
  fold_init(&g.fold, settings_count(&in->settings, SETTING_fold));
  bool good = observe_open(&o, in) && graph_read(&g, &o);
  int status = observe_close(&o, good);
  if (status == EXIT_GOOD && (!show(&r, &g) || g.untold)) status = EXIT_FAILED;
  fold_deinit(&g.fold);
  return status;
}
