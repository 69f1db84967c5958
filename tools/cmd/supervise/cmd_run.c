/* SPDX-License-Identifier: MIT
 *
 * gaijinctl run: finds the programs, and decides whether there is a broker already.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gaijin/gaijin.h>
#include "tools/base/command.h"
#include "tools/base/text.h"
#include "tools/run/run.h"

/* Path of a program that was built together with this one; NULL after an error line. The caller
 * frees it. */
static char *beside(const char *name) {
  char own[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
  if (n < 0) {
    tool_error("run: cannot tell where gaijinctl is: %s", strerror(errno));
    return NULL;
  }
  own[n] = 0;
  char *slash = strrchr(own, '/');
  struct text t = {0};
  text_print(&t, "%.*s/%s", (int)(slash ? slash - own : 0), own, name);
  if (access(t.bytes, X_OK) == 0) return t.bytes;
  tool_error("run: cannot execute %s: %s; it has to stand beside gaijinctl", t.bytes,
             strerror(errno));
  text_deinit(&t);
  return NULL;
}

static bool broker_lives(const char *socket) {
  char error[512];
  gaijin *g = NULL;
  bool lives = gaijin_connect(&g, &(struct gaijin_options){.socket = socket, .observer = true},
                              error, sizeof error) == 0;
  gaijin_close(g);
  return lives;
}

static int run_private(struct run_plan *plan) {
  struct run_directory directory;
  if (!run_directory_make(&directory)) return 1;
  struct text socket = {0};
  text_print(&socket, "%s/gaijin.sock", directory.path);
  plan->socket = socket.bytes;
  int status = run(plan);
  run_directory_remove(&directory);
  text_deinit(&socket);
  return status;
}

int cmd_run(const struct invocation *in) {
  struct run_plan plan = {.socket = settings_text(&in->settings, SETTING_socket),
                          .timestamps = settings_flag(&in->settings, SETTING_timestamps)};
  char *worker = NULL, *broker = NULL;
  int status = run_plan_make(&plan, in->words, in->count);
  if (status == 0) {
    status = 1;
    if ((worker = beside("gaijin-worker"))) {
      plan.worker = worker;
      if (plan.socket && broker_lives(plan.socket)) {
        status = run(&plan);
      } else if ((broker = beside("gaijin-broker"))) {
        plan.broker = broker;
        status = plan.socket ? run(&plan) : run_private(&plan);
      }
    }
  }
  free(worker);
  free(broker);
  run_plan_deinit(&plan);
  return status;
}
