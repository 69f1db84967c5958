/* SPDX-License-Identifier: MIT
 *
 * What the kernel tells is only that something happened in the folder; whether the script is
 * another one now, its file says. Of a folder that is another one itself, moved into the place of
 * the first, or behind a link that leads elsewhere now, the kernel says nothing: that is looked at
 * every SCRIPT_WATCH_LOOK_MS, and so is the script itself.
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

/* What happens from now on within a moment is one change. */
static void look_soon(struct script_watch *s) {
  uv_timer_start(&s->timer, on_time, SCRIPT_WATCH_MS, 0);
}

static void on_event(uv_fs_event_t *e, const char *file, int events, int status) {
  struct script_watch *s = e->data;
  const char *slash = strrchr(s->script, '/'), *own = slash ? slash + 1 : s->script;
  (void)events;
  (void)status;
  /* What happens to others in the folder is not to put ours off. */
  if (!file || strcmp(file, own) == 0) look_soon(s);
}

/* Watches the folder that is there now. 0 or one of libuv's errors. */
static int watch_folder(struct script_watch *s) {
  const char *slash = strrchr(s->script, '/');
  char *path = slash ? tool_copy(s->script, (size_t)(slash - s->script) + 1) : tool_copy(".", 1);
  struct stat now;
  int e = stat(path, &now) != 0 ? -errno : 0;
  if (e == 0 && !(now.st_dev == s->folder.st_dev && now.st_ino == s->folder.st_ino)) {
    uv_fs_event_stop(&s->event);
    e = uv_fs_event_start(&s->event, on_event, path, 0);
    if (e == 0) s->folder = now;
  }
  free(path);
  return e;
}

/* A folder that is not there, or not readable, for now is tried again the next time. */
static void on_look(uv_timer_t *t) {
  struct script_watch *s = t->data;
  struct stat now;
  watch_folder(s);
  if (!uv_is_active((uv_handle_t *)&s->timer) && stat(s->script, &now) == 0 &&
      !is_same(&s->seen, &now))
    look_soon(s);
}

struct script_watch *script_watch_begin(uv_loop_t *loop, const char *script,
                                        void (*changed)(void *user), void *user) {
  struct script_watch *s = tool_alloc(1, sizeof *s);
  *s = (struct script_watch){.handles = 3,
                             .script = tool_copy(script, strlen(script)),
                             .changed = changed,
                             .user = user};
  uv_fs_event_init(loop, &s->event);
  uv_timer_init(loop, &s->timer);
  uv_timer_init(loop, &s->look);
  s->event.data = s->timer.data = s->look.data = s;
  int e = stat(script, &s->seen) != 0 ? -errno : watch_folder(s);
  if (e) tool_error("run: cannot watch script %s: %s", script, uv_strerror(e));
  if (e) script_watch_end(s);
  if (e) return NULL;
  uv_timer_start(&s->look, on_look, SCRIPT_WATCH_LOOK_MS, SCRIPT_WATCH_LOOK_MS);
  return s;
}

static void on_closed(uv_handle_t *h) {
  struct script_watch *s = h->data;
  if (--s->handles) return;
  free(s->script);
  free(s);
}

void script_watch_end(struct script_watch *s) {
  if (!s) return;
  uv_close((uv_handle_t *)&s->event, on_closed);
  uv_close((uv_handle_t *)&s->timer, on_closed);
  uv_close((uv_handle_t *)&s->look, on_closed);
}
