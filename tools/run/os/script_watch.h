/* SPDX-License-Identifier: MIT
 *
 * With --watch-files a worker is started again when its script has changed. Its folder is watched,
 * for editors put a new file in the old one's place, and so may be another folder in its own place;
 * what happens within SCRIPT_WATCH_MS is one change.
 */
#ifndef GAIJIN_TOOLS_RUN_SCRIPT_WATCH_H
#define GAIJIN_TOOLS_RUN_SCRIPT_WATCH_H

#include <sys/stat.h>
#include <uv.h>

enum { SCRIPT_WATCH_MS = 200, SCRIPT_WATCH_LOOK_MS = 1000 };

struct script_watch {
  uv_fs_event_t event;
  uv_timer_t timer; /* until a change is over */
  uv_timer_t look;  /* until it is looked at without an event */
  int handles; /* of these, not closed yet */
  char *script;
  struct stat seen;   /* the script */
  struct stat folder; /* the one that is watched; zeroed: none is */
  void (*changed)(void *user);
  void *user;
};

/* Watches a script. NULL after an error line. */
struct script_watch *script_watch_begin(uv_loop_t *loop, const char *script,
                                        void (*changed)(void *user), void *user);
/* NULL is fine. */
void script_watch_end(struct script_watch *s);

#endif
