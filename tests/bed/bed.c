/* SPDX-License-Identifier: MIT
 *
 * The life of a bed: opening, failing, and closing with the checks that
 * nothing was left behind.
 */
#define _GNU_SOURCE
#include "tests/bed/bed.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base.h"
#include "proto/clock.h"
#include "tests/bed/inside.h"

#define LIMIT_DEFAULT 20.0

double bed_now(void) {
  return clock_seconds();
}

void bed_pause(void) {
  nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static double slower(void) {
  const char *given = getenv("GAIJIN_TEST_SLOWER");
  double factor = given ? atof(given) : 1;
  return factor > 0 ? factor : 1;
}

double bed_limit(const struct bed *b) {
  return (b->options.limit > 0 ? b->options.limit : LIMIT_DEFAULT) * slower();
}

const char *bed_seconds(struct bed_text *out, double seconds) {
  snprintf(out->bytes, sizeof out->bytes, "%g", seconds * slower());
  return out->bytes;
}

void bed_check_time(struct bed *b, double end, const char *text) {
  if (b->while_waiting) b->while_waiting(b->while_waiting_user);
  if (bed_now() > end) bed_fail(b, "timeout: %s", text);
}

void bed_until(struct bed *b, bool (*condition)(void *user), void *user, const char *text) {
  double end = bed_now() + bed_limit(b);
  while (!condition(user)) {
    bed_check_time(b, end, text);
    bed_pause();
  }
}

const char *bed_socket(const struct bed *b) { return b->socket; }
const char *bed_dir(const struct bed *b) { return b->dir; }
struct child *bed_broker(struct bed *b) { return &b->broker->child; }

const char *bed_program(struct bed *b, const char *name) {
  const char *build = getenv("GAIJIN_BUILD");
  snprintf(b->program, sizeof b->program, "%s/%s", build ? build : GAIJIN_BUILD_DIR, name);
  return b->program;
}

/* ---- Failing ---- */

/* What every process wrote, to stderr: Check cuts its messages at 8 KiB. */
static void report(struct bed *b, const char *text) {
  fprintf(stderr, "%s\n", text);
  for (struct bed_process *p = b->processes; p; p = p->next) {
    char state[80];
    child_ended(&p->child);
    char *output = child_output(&p->child);
    bool silent = !output || !*output;
    fprintf(stderr, "-- %s %s%s\n%s", p->child.name, child_describe(&p->child, state, sizeof state),
            silent ? "" : "; its output:", silent ? "" : output);
    free(output);
  }
  fprintf(stderr, "--\n");
}

/* Removes the directory and what is in it; it holds no directories of ours. */
static void remove_dir(const char *path) {
  DIR *d = opendir(path);
  if (!d) return;
  for (struct dirent *e; (e = readdir(d));) unlinkat(dirfd(d), e->d_name, 0);
  closedir(d);
  rmdir(path);
}

void bed_destroy(struct bed *b) {
  gaijin_close(b->observer);
  b->observer = NULL;
  while (b->processes) {
    struct bed_process *p = b->processes;
    b->processes = p->next;
    child_free(&p->child);
    free(p);
  }
  if (b->dir[0]) remove_dir(b->dir);
}

_Noreturn void bed_fail(struct bed *b, const char *format, ...) {
  char text[4096];
  va_list args;
  const char *title = b->options.title;
  int n = title ? snprintf(text, sizeof text / 2, "%.500s: ", title) : 0;
  va_start(args, format);
  vsnprintf(text + n, sizeof text - (size_t)n, format, args);
  va_end(args);
  report(b, text);
  bed_destroy(b);
  struct bed_options options = b->options;
  free(b);
  if (options.on_failure) options.on_failure(options.user, text);
  ck_abort_msg("%s", text);
  abort();
}

/* ---- Opening ---- */

static bool accepts(void *user) {
  struct bed *b = user;
  if (child_ended(&b->broker->child)) bed_fail(b, "the broker ended before it accepted");
  if (access(b->socket, F_OK) != 0) return false;
  char error[256];
  struct gaijin_options options = {.socket = b->socket, .observer = true};
  return gaijin_connect(&b->observer, &options, error, sizeof error) == 0;
}

const char *bed_transport(void) {
  const char *given = getenv("GAIJIN_TEST_TRANSPORT");
  return given && *given ? given : NULL;
}

static void start_broker(struct bed *b) {
  const char *argv[32];
  size_t n = 0;
  char *path = strdup(bed_program(b, "gaijin-broker"));
  argv[n++] = path ? path : "";
  argv[n++] = "-s";
  argv[n++] = b->socket;
  const char *transport = bed_transport();
  if (transport) {
    argv[n++] = "--transport";
    argv[n++] = transport;
  }
  const char *idle = getenv("GAIJIN_TEST_RINGS_IDLE");
  if (idle && *idle) {
    argv[n++] = "--rings-idle";
    argv[n++] = idle;
  }
  for (const char *const *flag = b->options.broker_flags; flag && *flag && n < 31; flag++) argv[n++] = *flag;
  argv[n] = NULL;
  struct child *c = bed_spawn(b, "broker", argv);
  free(path);
  b->broker = container_of(c, struct bed_process, child);
  bed_until(b, accepts, b, "the broker does not accept connections");
}

void bed_restart(struct bed *b) {
  if (!b->broker->waited) bed_fail(b, "bed_restart: the broker still runs");
  gaijin_close(b->observer);
  b->observer = NULL;
  start_broker(b);
}

struct bed *bed_open(const struct bed_options *options) {
  struct bed *b = calloc(1, sizeof *b);
  if (!b) { /* Check's assertions would need a test of Check's around them */
    fprintf(stderr, "bed_open: no memory\n");
    abort();
  }
  if (options) b->options = *options;
  for (int fd = 0; fd < BED_DESCRIPTORS; fd++) b->open_before[fd] = fcntl(fd, F_GETFD) >= 0;
  const char *tmp = getenv("TMPDIR");
  /* A socket's path has 107 bytes; a long TMPDIR is not used. */
  snprintf(b->dir, sizeof b->dir, "%s/gaijin-bed-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
  if (!mkdtemp(b->dir)) {
    int e = errno;
    b->dir[0] = '\0';
    bed_fail(b, "mkdtemp: %s", strerror(e));
  }
  snprintf(b->socket, sizeof b->socket, "%s/socket", b->dir);
  start_broker(b);
  return b;
}

/* ---- Closing ---- */

static void check_unexpected_ends(struct bed *b) {
  char state[80];
  for (struct bed_process *p = b->processes; p; p = p->next) {
    if (!p->waited && child_ended(&p->child)) {
      bed_fail(b, "%s %s, which the test did not expect", p->child.name, child_describe(&p->child, state, sizeof state));
    }
  }
}

static void stop_workers(struct bed *b) {
  for (struct bed_process *p = b->processes; p; p = p->next) {
    if (!p->waited && p != b->broker) child_signal(&p->child, SIGTERM);
  }
  for (struct bed_process *p = b->processes; p; p = p->next) {
    if (!p->waited && p != b->broker) bed_exit(b, &p->child, 0);
  }
}

static void check_dir(struct bed *b) {
  DIR *d = opendir(b->dir);
  if (!d) bed_fail(b, "the bed's directory is gone");
  char left[512] = "";
  for (struct dirent *e; (e = readdir(d));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    size_t n = strlen(left);
    snprintf(left + n, sizeof left - n, " %s", e->d_name);
  }
  closedir(d);
  if (left[0]) bed_fail(b, "left in the bed's directory:%s", left);
  rmdir(b->dir);
  b->dir[0] = '\0';
}

static void check_descriptors(struct bed *b) {
  char left[1024] = "";
  for (int fd = 0; fd < BED_DESCRIPTORS; fd++) {
    if (b->open_before[fd] || fcntl(fd, F_GETFD) < 0) continue;
    char link[64], what[128] = "?";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t got = readlink(link, what, sizeof what - 1);
    if (got > 0) what[got] = '\0';
    size_t n = strlen(left);
    snprintf(left + n, sizeof left - n, " %d (%s)", fd, what);
  }
  if (left[0]) bed_fail(b, "descriptors left open by the test:%s", left);
}

void bed_close(struct bed *b) {
  check_unexpected_ends(b);
  if (!b->broker->waited && !b->options.tokens_may_stay) bed_no_tokens(b);
  check_unexpected_ends(b);
  stop_workers(b);
  if (!b->broker->waited) {
    child_signal(&b->broker->child, SIGTERM);
    bed_exit(b, &b->broker->child, 0);
    if (access(b->socket, F_OK) == 0) bed_fail(b, "the broker ended and left its socket");
  } else {
    unlink(b->socket); /* a broker that was killed leaves it */
  }
  /* The processes' output files and the observer are descriptors of the bed's own: the rest is checked without them,
   * but their texts are still wanted if the directory is not empty. */
  check_dir(b);
  bed_destroy(b);
  check_descriptors(b);
  free(b);
}
