/* SPDX-License-Identifier: MIT
 *
 * The start and the end of a connection, and what can be asked about one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client-lib/internal.h"
#include "client-lib/rings.h"
#include "proto/name.h"
#include "proto/settings/socket_path.h"

/* How long to pause between two attempts to reach a broker that is not there yet. */
enum { RETRY_MS = 20 };

int gj_fail(gaijin *g, enum gaijin_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(g->error, sizeof g->error, format, args);
  va_end(args);
  return (int)status;
}

int gj_fail_dead(gaijin *g, const gaijin_holding *h) {
  const char *name = h->host->name ? h->host->name : "?";
  if (gaijin_holding_standing(h) == GAIJIN_UNCONFIRMED)
    return gj_fail(g, GAIJIN_STATUS_AWAY,
                   "worker %s, whose object this is, has not come back yet after a restart of the "
                   "broker; nothing was done, try again",
                   name);
  return gj_fail(g, GAIJIN_STATUS_DEAD, "Gaijin tried accessing dead resource. (%s%s)", name,
                 gj_host_fate(h->host));
}

int gj_fail_lost(gaijin *g) { return gj_fail(g, GAIJIN_STATUS_LOST, "%s", g->loss); }

char *gaijin_default_socket(char *out, size_t n) { return socket_path_default(out, n); }

/* A connection that has no descriptor yet; NULL when memory is short. */
static gaijin *connection_new(const struct gaijin_options *options, uint64_t seed) {
  gaijin *g = calloc(1, sizeof *g);
  if (!g) return NULL;
  g->fd = -1;
  gj_rings_init(g, options->shared_memory && options->poll_us > 0 && !options->observer &&
                       !options->sandboxed);
  g->cycle_pause_ms = options->cycle_pause_ms;
  g->user = options->user;
  list_init(&g->releases);
  list_init(&g->reports);
  list_init(&g->unused_hosts);
  list_init(&g->open_calls);
  buffer_init(&g->out, OUT_QUEUE_MOST);
  g->seed = seed;
  gj_return_init(g);
  gj_fork_watch(g);
  if (gj_table_init(&g->tokens, seed) && gj_table_init(&g->holdings, seed) &&
      gj_table_init(&g->hosts, seed) && gj_table_init(&g->calls, seed))
    return g;
  gaijin_close(g);
  return NULL;
}

void gaijin_close(gaijin *g) {
  if (!g) return;
  if (g->fd >= 0 || g->ret.poll_fd >= 0)
    gj_io_lost(g, "%s", gj_is_fork(g) ? "a fork of the process that opened it has closed it"
                                      : "this program closed it");
  gaijin_body_free(g->await_keep);
  gj_return_deinit(g);
  if (g->calls.slots) gj_call_free_all(g);
  if (g->holdings.slots) gj_holding_free_all(g);
  if (g->tokens.slots) gj_token_free_all(g);
  if (g->hosts.slots) gj_host_free_all(g);
  gj_table_deinit(&g->calls);
  gj_table_deinit(&g->holdings);
  gj_table_deinit(&g->tokens);
  gj_table_deinit(&g->hosts);
  gj_values_deinit(g);
  frame_deinit(&g->in);
  buffer_deinit(&g->out);
  gj_rings_drop(g);
  if (g->fd >= 0) close(g->fd);
  gj_fork_unwatch(g);
  free(g);
}

/* Never one of the standard streams, which the program may have closed: what it prints would go to
 * the broker. */
static int open_socket(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  int higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), why = errno;
  close(fd);
  errno = why;
  return higher;
}

int gj_dial(const struct sockaddr_un *address) {
  int fd = open_socket();
  if (fd < 0) return -1;
  if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0) return fd;
  int why = errno;
  close(fd);
  errno = why;
  return -1;
}

/* The broker may come yet (no file, nobody listening), or is too busy to take one more right
 * now. */
static bool may_come(int why) {
  return why == ENOENT || why == ECONNREFUSED || why == EAGAIN || why == EINTR;
}

static int no_broker(const char *path, int why, double waited, char *error, size_t n) {
  char after[48] = "";
  if (waited > 0) snprintf(after, sizeof after, " after %g s", waited);
  if (why == EAGAIN)
    snprintf(error, n, "the broker at %s takes no connection%s; look whether it hangs", path,
             after);
  else if (may_come(why))
    snprintf(error, n, "no broker at %s%s; start one with gaijin-broker -s %s", path, after, path);
  else
    snprintf(error, n, "cannot connect to the broker at %s: %s", path, strerror(why));
  return GAIJIN_STATUS_LOST;
}

/* What another try may change: a broker that went while it was greeted, one that has no room, and a
 * name whose worker is about to end. */
static bool may_pass(int status) {
  return status == GAIJIN_STATUS_LOST || status == GAIJIN_STATUS_BUSY ||
         status == GAIJIN_STATUS_NAME_TAKEN;
}

/* Dials and greets until it works, is refused for good, or the time is up. */
static int reach(gaijin *g, const struct gaijin_options *options, const struct sockaddr_un *address,
                 char *error, size_t n) {
  double end = clock_seconds() + options->wait_seconds;
  for (;;) {
    int status, why = 0;
    g->fd = gj_dial(address);
    if (g->fd >= 0) {
      status = gj_hello_exchange(g, options, end, error, n);
      if (!may_pass(status)) return status;
      close(g->fd);
      g->fd = -1;
    } else {
      why = errno;
      status = no_broker(address->sun_path, why, options->wait_seconds, error, n);
      if (!may_come(why)) return status;
    }
    if (clock_seconds() >= end) return status;
    poll(NULL, 0, RETRY_MS);
  }
}

/* Checks what can be checked before anything is opened. */
static int check_options(const struct gaijin_options *options, const char *path, char *error,
                         size_t n) {
  size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path - 1, size = strlen(path);
  if (size > most) {
    snprintf(error, n,
             "the path of the socket has %zu bytes, more than the %zu the system allows: %s", size,
             most, path);
    return GAIJIN_STATUS_UNSUPPORTED;
  }
  const char *fault = options->name ? name_fault(options->name, strlen(options->name)) : NULL;
  if (!fault) return 0;
  snprintf(error, n, "a worker's name %s", fault);
  return GAIJIN_STATUS_UNSUPPORTED;
}

static int connect_with(gaijin **out, const struct gaijin_options *options,
                        const struct gaijin_events *events, char *error, size_t n) {
  char standard[4096];
  const char *path =
      options->socket ? options->socket : gaijin_default_socket(standard, sizeof standard);
  int status = check_options(options, path, error, n);
  if (status) return status;
  uint64_t seed;
  if (!gj_random(&seed, sizeof seed)) {
    snprintf(error, n, "the system gives no random numbers: %s", strerror(errno));
    return GAIJIN_STATUS_UNSUPPORTED;
  }
  gaijin *g = connection_new(options, seed);
  if (!g) {
    snprintf(error, n, "memory is too short to connect");
    return GAIJIN_STATUS_BUSY;
  }
  g->events = *events;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, path, strlen(path));
  status = reach(g, options, &address, error, n);
  if (status) {
    gaijin_close(g);
    return status;
  }
  frame_init(&g->in, g->max_message);
  g->ret.address = address;
  g->ret.limit_ms = options->observer ? 0 : options->reconnect_ms;
  g->ret.stood = clock_seconds();
  gj_poll_init(g, options->poll_us);
  *out = g;
  return 0;
}

int gaijin_connect_sized(gaijin **out, const struct gaijin_options *given, size_t options_size,
                         size_t events_size, char *error, size_t n) {
  struct gaijin_options options;
  struct gaijin_events events = {0};
  *out = NULL;
  if (gj_take_struct(&options, sizeof options, given, options_size) &&
      (!options.events ||
       gj_take_struct(&events, sizeof events, options.events, events_size)))
    return connect_with(out, &options, &events, error, n);
  snprintf(error, n, "this program sets an option or event that libgaijin %s does not know",
           gaijin_version());
  return GAIJIN_STATUS_UNSUPPORTED;
}

int gaijin_fd(const gaijin *g) { return g->ret.poll_fd >= 0 ? g->ret.poll_fd : g->fd; }
uint64_t gaijin_host(const gaijin *g) { return g->host; }
const char *gaijin_name(const gaijin *g) { return g->name; }
uint32_t gaijin_max_message(const gaijin *g) { return g->max_message; }
uint32_t gaijin_wire_version(const gaijin *g) { return g->version; }
const char *gaijin_broker_version(const gaijin *g) { return g->broker_version; }
const char *gaijin_status_name(enum gaijin_status status) { return status_name(status); }
const char *gaijin_kind_name(enum gaijin_kind kind) { return pt_kind_name(kind); }
const char *gaijin_op_name(enum gaijin_op op) { return op_name(op); }

bool gaijin_op_is_routed(enum gaijin_op op) {
  const struct op_info *info = op_info(op);
  return info && info->way == OP_ROUTED;
}
const char *gaijin_error(const gaijin *g) { return g->error; }
