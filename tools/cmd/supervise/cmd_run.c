/* SPDX-License-Identifier: MIT
 *
 * gaijinctl run: finds the programs, and decides whether there is a broker already.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gaijin/gaijin.h>
#include "tools/base/command.h"
#include "tools/base/text.h"
#include "tools/run/control/control.h"
#include "tools/run/os/run_directory.h"
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
  struct gaijin_options options = {.socket = socket, .observer = true, .name = "gaijinctl"};
  bool lives = gaijin_connect(&g, &options, error, sizeof error) == 0;
  gaijin_close(g);
  return lives;
}

static int run_private(struct run_plan *plan) {
  struct run_directory directory;
  struct text socket = {0};
  if (!run_directory_make(&directory)) return 1;
  text_print(&socket, "%s/gaijin.sock", directory.path);
  plan->socket = socket.bytes; /* the plan's from here on */
  int status = run(plan);
  run_directory_remove(&directory);
  return status;
}

/* Where a system's broker is: if nobody has said that, where all commands look for it; and for
 * workers wherever they work. False after an error line. */
static bool place_socket(struct run_plan *plan) {
  char usual[256], here[PATH_MAX];
  size_t most = (size_t)setting_info(SETTING_socket)->most;
  if (!plan->socket) {
    gaijin_default_socket(usual, sizeof usual);
    plan->socket = tool_copy(usual, strlen(usual));
  }
  if (*plan->socket != '/' && getcwd(here, sizeof here)) {
    struct text full = {0};
    text_print(&full, "%s/%s", here, plan->socket);
    free(plan->socket);
    plan->socket = full.bytes;
  }
  if (strlen(plan->socket) <= most) return true;
  tool_error("run: the path of the socket, %s, has more than %zu bytes", plan->socket, most);
  return false;
}

static int run_plan(struct run_plan *plan) {
  char *worker = beside("gaijin-worker"), *broker = NULL;
  int status = 1;
  plan->worker = worker;
  if (worker && plan->socket) control_await_orphan(plan->socket);
  if (worker && plan->socket && broker_lives(plan->socket)) {
    status = run(plan);
  } else if (worker && (broker = beside("gaijin-broker"))) {
    plan->broker = broker;
    status = plan->socket ? run(plan) : run_private(plan);
  }
  free(worker);
  free(broker);
  return status;
}

int cmd_run(const struct invocation *in) {
  const char *socket = settings_text(&in->settings, SETTING_socket);
  struct run_plan plan = {.timestamps = settings_flag(&in->settings, SETTING_timestamps)};
  if (socket) plan.socket = tool_copy(socket, strlen(socket));
  int status = plan_from_words(&plan, in->words, in->count);
  if (status == PLAN_EXAMPLE) {
    plan_print_example();
    status = EXIT_GOOD;
  } else if (status == 0 && plan.stays && !place_socket(&plan)) {
    status = EXIT_USAGE;
  } else if (status == 0) {
    status = run_plan(&plan);
  }
  plan_deinit(&plan);
  return status;
}
