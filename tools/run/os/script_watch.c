/* SPDX-License-Identifier: MIT
 *
 * What the kernel tells is only that something happened in the folder; whether the script is
 * another one now, its file says.
 */
#include "tools/run/os/script_watch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

static bool is_same(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* One that is not there for a moment is about to come. */
static void on_time(uv_timer_t *t) {
  struct script_watch *s = t->data;
  struct stat now;
  if (stat(s->script, &now) != 0 || is_same(&s->seen, &now)) return;
  s->seen = now;
  s->changed(s->user);
}

static void on_event(uv_fs_event_t *e, const char *file, int events, int status) {
  struct script_watch *s = e->data;
  const char *slash = strrchr(s->script, '/'), *own = slash ? slash + 1 : s->script;
  (void)events;
  (void)status;
  /* What happens to others in the folder is not to put ours off. */
  if (!file || strcmp(file, own) == 0) uv_timer_start(&s->timer, on_time, SCRIPT_WATCH_MS, 0);
}

struct script_watch *script_watch_begin(uv_loop_t *loop, const char *script,
                                        void (*changed)(void *user), void *user) {
  struct script_watch *s = tool_alloc(1, sizeof *s);
  const char *slash = strrchr(script, '/');
  char *folder = slash ? tool_copy(script, (size_t)(slash - script) + 1) : tool_copy(".", 1);
  *s = (struct script_watch){.handles = 2, .script = script, .changed = changed, .user = user};
  uv_fs_event_init(loop, &s->event);
  uv_timer_init(loop, &s->timer);
  s->event.data = s->timer.data = s;
  int e = stat(script, &s->seen) != 0 ? -errno : uv_fs_event_start(&s->event, on_event, folder, 0);
  if (e) tool_error("run: cannot watch script %s: %s", script, uv_strerror(e));
  if (e) script_watch_end(s);
  free(folder);
  return e ? NULL : s;
}

static void on_closed(uv_handle_t *h) {
  struct script_watch *s = h->data;
  if (--s->handles == 0) free(s);
}

void script_watch_end(struct script_watch *s) {
  if (!s) return;
  uv_close((uv_handle_t *)&s->event, on_closed);
  uv_close((uv_handle_t *)&s->timer, on_closed);
}
