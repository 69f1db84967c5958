/* SPDX-License-Identifier: MIT
 *
 * gaijinctl run: everything that can be wrong with the command line is found
 * before anything starts. Makes the plan and, for a private broker, a directory
 * of its own that is removed at the end.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gaijin/gaijin.h>
#include "proto/limits.h"
#include "tools/cmd/run.h"
#include "tools/command.h"
#include "tools/text.h"

/* The worker's name: what stands before '=', or the script's base name without .lua. '=' behind a
 * '/' is part of a path. */
static struct run_worker parse_worker(const char *word) {
  const char *equal = strchr(word, '='), *slash = strchr(word, '/');
  if (equal && (!slash || equal < slash))
    return (struct run_worker){.name = tool_copy(word, (size_t)(equal - word)),
                               .script = equal + 1};
  slash = strrchr(word, '/');
  const char *base = slash ? slash + 1 : word;
  size_t n = strlen(base);
  if (n > 4 && strcmp(base + n - 4, ".lua") == 0) n -= 4;
  return (struct run_worker){.name = tool_copy(base, n), .script = word};
}

static bool check_name(const struct run_worker *w) {
  size_t n = strlen(w->name);
  bool good = n >= 1 && n <= NAME_MAX_BYTES;
  for (size_t i = 0; i < n; i++)
    good = good && (unsigned char)w->name[i] >= 0x20 && w->name[i] != 0x7f;
  if (!good)
    tool_error("run: a worker's name has 1 to %d bytes and no control characters; name this one "
               "with NAME=%s",
               NAME_MAX_BYTES, w->script);
  return good;
}

static bool check_script(const struct run_worker *w) {
  struct stat st;
  if (!*w->script)
    tool_error("run: no script behind '%s='", w->name);
  else if (stat(w->script, &st) != 0 || access(w->script, R_OK) != 0)
    tool_error("run: cannot read script '%s': %s", w->script, strerror(errno));
  else if (S_ISDIR(st.st_mode))
    tool_error("run: script '%s' is a directory", w->script);
  else
    return true;
  return false;
}

/* True when all words are usable. */
static bool parse_workers(const struct invocation *in, struct run_plan *plan) {
  plan->workers = tool_alloc((size_t)in->count, sizeof *plan->workers);
  for (; plan->count < (size_t)in->count; plan->count++) {
    struct run_worker *w = &plan->workers[plan->count];
    *w = parse_worker(in->words[plan->count]);
    bool good = check_script(w) && check_name(w);
    for (size_t i = 0; good && i < plan->count; i++) {
      if (strcmp(plan->workers[i].name, w->name) != 0) continue;
      tool_error("run: two workers would be called '%s' ('%s' and '%s'); name one with NAME=SCRIPT",
                 w->name, plan->workers[i].script, w->script);
      good = false;
    }
    if (!good) {
      plan->count++; /* its name is to be freed too */
      return false;
    }
  }
  return true;
}

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

/* A new directory that only we can enter; NULL after an error line. The caller frees it. */
static char *make_directory(void) {
  const char *base = getenv("TMPDIR");
  struct text t = {0};
  text_print(&t, "%s/gaijin-XXXXXX", base && *base ? base : "/tmp");
  if (mkdtemp(t.bytes)) return t.bytes;
  tool_error("run: cannot make the directory %s: %s", t.bytes, strerror(errno));
  text_deinit(&t);
  return NULL;
}

/* The broker's socket is gone already if it ended well; its lock, or a killed broker's socket, is
 * not. */
static void remove_directory(const char *path) {
  DIR *d = opendir(path);
  for (struct dirent *e; d && (e = readdir(d));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    unlinkat(dirfd(d), e->d_name, 0);
  }
  if (d) closedir(d);
  if (rmdir(path) != 0)
    tool_error("run: cannot remove the directory %s: %s", path, strerror(errno));
}

static int run_private(struct run_plan *plan) {
  char *directory = make_directory();
  if (!directory) return 1;
  struct text socket = {0};
  text_print(&socket, "%s/gaijin.sock", directory);
  plan->socket = socket.bytes;
  int status = run(plan);
  remove_directory(directory);
  text_deinit(&socket);
  free(directory);
  return status;
}

int cmd_run(const struct invocation *in) {
  const char *socket = settings_text(&in->settings, SETTING_socket);
  struct run_plan plan = {.socket = socket};
  char *worker = NULL, *broker = NULL;
  int status = 1;
  if (!parse_workers(in, &plan)) {
    status = 2;
  } else if ((worker = beside("gaijin-worker"))) {
    plan.worker = worker;
    if (socket && broker_lives(socket)) {
      status = run(&plan);
    } else if ((broker = beside("gaijin-broker"))) {
      plan.broker = broker;
      status = socket ? run(&plan) : run_private(&plan);
    }
  }
  free(worker);
  free(broker);
  for (size_t i = 0; i < plan.count; i++) free(plan.workers[i].name);
  free(plan.workers);
  return status;
}
