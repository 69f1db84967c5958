/* SPDX-License-Identifier: MIT
 *
 * The check is a child with files in memory as its input and output: nothing is read while it runs,
 * and it cannot write more than fits.
 */
#define _GNU_SOURCE /* memfd_create */
#include "broker/upgrade/upgrade.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/descriptor.h"
#include "broker/core/grace.h"
#include "broker/core/notify.h"
#include "broker/core/seen.h"
#include "broker/net/carried.h"
#include "broker/upgrade/spawned.h"
#include "broker/upgrade/stamp.h"
#include "proto/limits.h"

enum { OUTPUT_BYTES = 4096, SHOWN_BYTES = 150 };
enum { REST_NS = 500000 }; /* of a turn in which mappings are emptied */
static const char check_flag[] = "--check-upgrade";

struct upgrade {
  struct spawned child;
  uv_timer_t timer; /* the child's time is over */
  uv_idle_t turn;   /* runs once it is agreed, and keeps turns from waiting */
  uint32_t rested, parts; /* so much of the books' mappings was emptied, and is to be */
  unsigned turns;   /* that signals have waited for */
  unsigned open;    /* handles */
  struct broker *broker; /* NULL: given up */
  char path[PATH_MAX];
  char shown[SHOWN_BYTES + 4]; /* its end, if it is long */
  char stamp[STAMP_BYTES]; /* what it is asked for, with */
  uint32_t policy;         /* the policy of this generation */
  bool is_other; /* the path is another than this program's */
  bool is_late;  /* it has not answered in time, and is killed */
  bool is_due;
  bool keeps; /* the books stay in their file; else they are records */
  int output;
  uint64_t asker, request;
};

/* ---- Its end ---- */

static void on_closed(uv_handle_t *handle) {
  struct upgrade *u = handle->data;
  if (--u->open == 0) free(u);
}
static void on_child_closed(uv_handle_t *handle) {
  struct upgrade *u = ((struct spawned *)handle->data)->user;
  if (--u->open == 0) free(u);
}

/* No more of it: the child, if it still runs, is killed. Only the broker's own end comes before the
 * child's, and then nobody needs to wait for that. */
static void give_up(struct upgrade *u) {
  struct broker *b = u->broker;
  if (u->turns) upgrade_hold_signals(false);
  if (u->output >= 0) close(u->output);
  u->open = 3;
  spawned_close(&u->child, on_child_closed);
  uv_close((uv_handle_t *)&u->timer, on_closed);
  uv_close((uv_handle_t *)&u->turn, on_closed);
  u->broker = NULL;
  b->upgrade = NULL;
}

void upgrade_close(struct broker *b) {
  if (b->upgrade) give_up(b->upgrade);
}

static struct client *find_asker(const struct broker *b, uint64_t asker) {
  uint32_t host = asker ? hosts_find(&b->hosts, asker) : SLAB_NONE;
  return host == SLAB_NONE ? NULL : hosts_at(&b->hosts, host)->client;
}

/* It cannot be; the broker serves on. */
static void __attribute__((format(printf, 2, 3)))
refuse(struct upgrade *u, const char *format, ...) {
  struct broker *b = u->broker;
  struct client *asker = find_asker(b, u->asker);
  char text[UPGRADE_TEXT];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  log_asked(&b->log, CAUSE_UPGRADE, "no upgrade: %s; gaijin %s serves on", text, GAIJIN_VERSION);
  if (asker) notify_error(asker, OP_upgrade, u->request, STATUS_unsupported, "%s", text);
  give_up(u);
}

/* ---- Whether the other program can ---- */

/* Of what the child has written the line that counts, "": there is none. Others may have been
 * written by the loader, a sanitizer or a script around the program. If it has ended well the last
 * one is its answer; if not, the first of its own is the reason. `text` is cut into lines. */
static const char *find_line(char *text, bool is_well) {
  static const char own[] = "gaijin-broker: ";
  const char *found = NULL;
  char *rest;
  bool is_own = false;
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    bool begins = strncmp(line, own, sizeof own - 1) == 0;
    if (is_well || !found || (begins && !is_own)) found = begins ? line + sizeof own - 1 : line;
    is_own |= begins;
  }
  return found ? found : "";
}

/* Exec would take the mappings of the books away at once, which takes long when they are large:
 * before it they are emptied, a part of them in each turn, while everybody is served. Those that
 * come meanwhile are not waited for. */
static bool lets_rest(struct upgrade *u) {
  uint64_t begin = uv_hrtime();
  while (u->rested < u->parts && uv_hrtime() - begin < REST_NS)
    refs_let_rest(&u->broker->refs, u->rested++);
  return u->rested < u->parts;
}

/* Before the loop looks at its sockets. What was caught of signals until they were held is in the
 * loop's own pipe: it looks there once more, and the next turn is the last. */
static void on_turn(uv_idle_t *turn) {
  struct upgrade *u = turn->data;
  if (!u->turns && lets_rest(u)) return;
  if (!u->turns) upgrade_hold_signals(true);
  u->is_due = ++u->turns >= 2;
}

/* What it says is never more than a refusal has room for. */
static void judge(struct upgrade *u, bool is_well) {
  char text[OUTPUT_BYTES + 1];
  ssize_t size = pread(u->output, text, OUTPUT_BYTES, 0);
  text[size > 0 ? size : 0] = '\0';
  const char *line = find_line(text, is_well);
  u->keeps = strcmp(line, STAMP_SAME) == 0 && u->broker->pool.fd >= 0;
  if (!is_well || (!u->keeps && strcmp(line, STAMP_RECORDS) != 0)) {
    refuse(u, "%s cannot take over: %.200s", u->shown, *line ? line : "it does not say why");
    return;
  }
  u->parts = u->keeps ? refs_parts(&u->broker->refs) : 0;
  uv_timer_stop(&u->timer);
  uv_idle_start(&u->turn, on_turn);
}

static void on_checked(struct spawned *child, int status) {
  struct upgrade *u = child->user;
  if (u->is_late)
    refuse(u, "%s has not said within %d s whether it can take over", u->shown,
           UPGRADE_CHECK_MS / 1000);
  else if (WIFSIGNALED(status))
    refuse(u, "%s was killed by signal %d when it was asked whether it can", u->shown,
           WTERMSIG(status));
  else
    judge(u, status == 0);
}

/* Its end is waited for. */
static void on_late(uv_timer_t *timer) {
  struct upgrade *u = timer->data;
  u->is_late = true;
  spawned_kill(&u->child);
}

/* Files in memory with the text of the policy in force, and for what the child says. */
static bool make_files(struct upgrade *u, int *policy) {
  const struct permissions *p = &u->broker->permissions;
  errno = 0;
  u->output = memfd_create("gaijin-check", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  *policy = memfd_create("gaijin-policy", MFD_CLOEXEC);
  bool good = u->output >= 0 && ftruncate(u->output, OUTPUT_BYTES) == 0 &&
              fcntl(u->output, F_ADD_SEALS, F_SEAL_GROW) == 0 && *policy >= 0 &&
              (!p->text || write(*policy, p->text, p->text_size) == (ssize_t)p->text_size) &&
              (!p->text || p->text_size || write(*policy, "\n", 1) == 1); /* empty: there is none */
  if (good) lseek(*policy, 0, SEEK_SET);
  return good;
}

/* The command line of this program with another first word and, unless NULL, a flag and its value
 * before the others. To be freed; NULL when memory is short. */
static char **make_words(const struct upgrade *u, char *flag, char *value) {
  char **argv = u->broker->call.argv;
  size_t n = 0, at = 0;
  while (argv[n]) n++;
  char **words = malloc((n + 4) * sizeof *words);
  if (!words) return NULL;
  words[at++] = u->is_other || !n ? (char *)(uintptr_t)u->path : argv[0];
  if (flag) words[at++] = flag;
  if (flag) words[at++] = value;
  for (size_t i = 1; i < n; i++) words[at++] = argv[i];
  words[at] = NULL;
  return words;
}

/* 0, or libuv's error. */
static int spawn(struct upgrade *u) {
  char flag[sizeof check_flag];
  int policy = -1, r = UV_ENOMEM;
  stamp_write(u->broker, u->stamp);
  u->policy = u->broker->permissions.generation;
  memcpy(flag, check_flag, sizeof flag);
  char **words = make_words(u, flag, u->stamp);
  if (words && make_files(u, &policy))
    r = spawned_start(&u->child, u->path, words, policy, u->output, on_checked);
  else if (words && errno)
    r = uv_translate_sys_error(errno);
  free(words);
  if (policy >= 0) close(policy);
  return r;
}

/* ---- Begin ---- */

static bool choose_path(const struct broker *b, struct upgrade *u, const char *path, char *error) {
  u->is_other = path != NULL;
  if (!path) path = b->call.path;
  if (!path || !b->call.argv)
    snprintf(error, UPGRADE_TEXT, "the broker does not know its own file; name a program");
  else if (*path != '/')
    snprintf(error, UPGRADE_TEXT, "name the program with its whole path, not %.100s", path);
  else if (strlen(path) >= sizeof u->path)
    snprintf(error, UPGRADE_TEXT, "the path of the program is too long");
  else {
    size_t cut = strlen(path) > SHOWN_BYTES ? strlen(path) - SHOWN_BYTES : 0;
    snprintf(u->path, sizeof u->path, "%s", path);
    snprintf(u->shown, sizeof u->shown, "%s%s", cut ? "..." : "", path + cut);
    return true;
  }
  return false;
}

bool upgrade_begin(struct broker *b, const char *path, const struct upgrade_asker *asker,
                   char *error) {
  if (b->upgrade) {
    snprintf(error, UPGRADE_TEXT, "an upgrade is under way");
    return false;
  }
  if (state_is_unsettled(b)) {
    snprintf(error, UPGRADE_TEXT,
             "workers of the broker before this one may still come back, for %u s at most; try "
             "again then", (unsigned)grace_left(b));
    return false;
  }
  struct upgrade *u = calloc(1, sizeof *u);
  if (!u) {
    snprintf(error, UPGRADE_TEXT, "memory is too short");
    return false;
  }
  *u = (struct upgrade){
      .broker = b, .asker = asker->host, .request = asker->request, .output = -1};
  if (!choose_path(b, u, path, error)) {
    free(u);
    return false;
  }
  uv_timer_init(b->loop, &u->timer);
  uv_idle_init(b->loop, &u->turn);
  spawned_init(&u->child, b->loop);
  u->timer.data = u->turn.data = u->child.user = u;
  b->upgrade = u;
  int r = spawn(u);
  if (r == 0) {
    log_told(&b->log, "%s has the broker go on as %s", asker->text, u->shown);
    uv_timer_start(&u->timer, on_late, UPGRADE_CHECK_MS, 0);
    return true;
  }
  snprintf(error, UPGRADE_TEXT, "cannot run %s: %s", u->shown, uv_strerror(r));
  give_up(u);
  return false;
}

/* ---- Exec ---- */

void upgrade_hold_signals(bool held) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(held ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void keep_all(const struct broker *b, int state, bool kept) {
  connections_keep(&b->connections, kept);
  listener_keep(&b->listener, kept);
  descriptor_keep(b->roster.fd, kept);
  if (b->upgrade->keeps) descriptor_keep(b->pool.fd, kept);
  descriptor_keep(state, kept);
}

/* This environment, the variable, and what was taken out of it. To be freed; NULL when memory is
 * short. */
static char **make_environment(const struct program_call *call, char *variable) {
  size_t n = 0, more = 0;
  while (environ[n]) n++;
  while (call->variables && call->variables[more]) more++;
  char **all = malloc((n + more + 2) * sizeof *all);
  if (!all) return NULL;
  memcpy(all, environ, n * sizeof *all);
  if (more) memcpy(all + n, call->variables, more * sizeof *all);
  all[n + more] = variable;
  all[n + more + 1] = NULL;
  return all;
}

/* Returns if it has failed, with errno. */
static void execute(const struct upgrade *u, int state) {
  char variable[sizeof UPGRADE_VARIABLE + 16];
  snprintf(variable, sizeof variable, "%s=%d", UPGRADE_VARIABLE, state);
  char **words = make_words(u, NULL, NULL);
  char **environment = make_environment(&u->broker->call, variable);
  if (words && environment) {
    keep_all(u->broker, state, true);
    execve(u->path, words, environment);
    int why = errno;
    keep_all(u->broker, state, false);
    errno = why;
  } else {
    errno = ENOMEM;
  }
  free(words);
  free(environment);
}

/* What the program was not asked for, because it came after: NULL, or a text. */
static const char *find_change(const struct upgrade *u) {
  if (!stamp_covers(u->stamp, u->broker))
    return "meanwhile clients have come that speak another version of the wire";
  if (u->policy != u->broker->permissions.generation) return "meanwhile the policy was replaced";
  return NULL;
}

void upgrade_go(struct broker *b) {
  struct upgrade *u = b->upgrade;
  struct state_head head = {.stopped_ns = uv_hrtime(), .asker = u->asker, .request = u->request,
                            .keeps = u->keeps};
  if (!u->is_due) return;
  const char *fault = find_change(u);
  if (fault) {
    refuse(u, "%s; try again", fault);
    return;
  }
  snprintf(head.version, sizeof head.version, "%s", GAIJIN_VERSION);
  seen_end_all(u->broker);
  int state = memfd_create("gaijin-state", MFD_CLOEXEC);
  if (state < 0) {
    refuse(u, "there is no file in memory for the state: %s", strerror(errno));
  } else if (!state_write(b, state, &head, &fault)) {
    refuse(u, "the state cannot be written: %s", fault);
  } else {
    execute(u, state);
    refuse(u, "cannot execute %s: %s", u->shown, strerror(errno));
  }
  if (state >= 0) close(state);
}

/* ---- After it ---- */

int upgrade_descriptor(void) {
  const char *text = getenv(UPGRADE_VARIABLE);
  char *end = NULL;
  long fd = text && isdigit((unsigned char)*text) ? strtol(text, &end, 10) : -1;
  if (fd < 3 || fd > INT_MAX || *end) fd = -1;
  unsetenv(UPGRADE_VARIABLE);
  return descriptor_keep((int)fd, false) ? (int)fd : -1;
}

void upgrade_tell(struct broker *b, const struct state_head *head) {
  struct client *asker = find_asker(b, head->asker);
  char text[UPGRADE_TEXT];
  unsigned clients = 0;
  for (const struct client *c = b->connections.all; c; c = c->next) clients++;
  snprintf(text, sizeof text,
           "gaijin %s goes on in the place of gaijin %s, with %u clients, %u tokens and %u calls, "
           "%.1f ms after it%s",
           GAIJIN_VERSION, head->version, clients, (unsigned)b->refs.tokens.count,
           (unsigned)b->calls.all.count, (double)(uv_hrtime() - head->stopped_ns) / 1e6,
           head->keeps ? "" : "; every token was entered anew, for it has another form of them, or "
                              "they are in no file");
  log_told(&b->log, "%s", text);
  if (!asker) return;
  pack_text(notify_begin(b, MESSAGE_REPLY, OP_upgrade, head->request, 1), text);
  notify_send(b, asker);
}
