/* SPDX-License-Identifier: MIT
 *
 * gaijinctl upgrade: another program, or the broker's file as it is now, goes on in the broker's
 * place; no call fails. The answer is its text, or why the broker serves on as it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ask/observe.h"
#include "tools/base/text.h"

/* The broker takes 10 s at most to ask the other program, and then moves its books. */
#define UPGRADE_SECONDS 60.0

/* As it stands if it is whole: a link may point to another file next time. */
static char *whole_path(const char *path) {
  return *path == '/' ? strdup(path) : realpath(path, NULL);
}

static gaijin_body *ask(struct observer *o, const char *path) {
  uint64_t id;
  gaijin_begin_request(o->g, &(struct gaijin_send){.op = GAIJIN_OP_UPGRADE}, path ? 1 : 0);
  if (path) gaijin_put_text(o->g, path);
  if (!observe_send(o, "upgrade", &id)) return NULL;
  return observe_await_left(o, "upgrade", id, UPGRADE_SECONDS, UPGRADE_SECONDS);
}

int cmd_upgrade(const struct invocation *in) {
  struct gaijin_value v;
  char *path = NULL;
  if (in->count && !(path = whole_path(in->words[0]))) {
    tool_error("upgrade: there is no program %s here", in->words[0]);
    return EXIT_FAILED;
  }
  struct observer o;
  gaijin_body *b = NULL;
  if (observe_open(&o, in)) b = ask(&o, path);
  free(path);
  bool good = b && gaijin_body_next(b, &v) && v.type == GAIJIN_STRING;
  if (b && !good) observe_report_form(&o, "upgrade");
  if (good) {
    struct text t = {0};
    text_add_plain(&t, v.bytes, v.size);
    puts(t.bytes ? t.bytes : "");
    text_deinit(&t);
  }
  gaijin_body_free(b);
  return observe_close(&o, good);
}
