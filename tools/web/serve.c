/* SPDX-License-Identifier: MIT
 *
 * libmicrohttpd calls `handle` when the head of a request is there, and, if that set the request
 * aside, again when a desk has woken it. Every answer ends its connection.
 */
#include "tools/web/serve.h"

#include <assert.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "proto/base.h"
#include "tools/base/command.h"
#include "tools/web/visitors.h"

_Static_assert((int)SERVE_CONNECTIONS <= (int)VISITORS_MOST, "each has a place");

struct server {
  const struct serve *serve;
  const struct listening *listening;
  struct visitors visitors;
};

/* A request whose answer a desk has, or will have. */
struct aside {
  struct desk_visit visit; /* first: a visit is its request */
  struct MHD_Connection *connection;
  struct desk *desk;
};

struct serve_request {
  struct MHD_Connection *connection;
};

const char *serve_field(const struct serve_request *r, const char *name) {
  return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* ---- Answers ---- */

static void add_fields(struct MHD_Response *r, const char *type, const char *policy) {
  const char *const fields[][2] = {
      {MHD_HTTP_HEADER_CONTENT_TYPE, type},
      {MHD_HTTP_HEADER_CONNECTION, "close"},
      {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
      {"Content-Security-Policy", policy},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
  };
  for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
    MHD_add_response_header(r, fields[i][0], fields[i][1]);
}

static enum MHD_Result put(const struct server *s, struct MHD_Connection *c, unsigned status,
                           const char *type, struct MHD_Response *r) {
  if (!r) return MHD_NO;
  add_fields(r, type, s->serve->policy);
  if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
    MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  enum MHD_Result result = MHD_queue_response(c, status, r);
  MHD_destroy_response(r);
  return result;
}

/* Bytes that stay where they are. */
static enum MHD_Result put_static(const struct server *s, struct MHD_Connection *c, unsigned status,
                                  const char *type, const char *bytes, size_t size) {
  return put(s, c, status, type,
             MHD_create_response_from_buffer(size, (void *)bytes, MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result refuse(const struct server *s, struct MHD_Connection *c, unsigned status,
                              const char *line) {
  return put_static(s, c, status, "text/plain; charset=utf-8", line, strlen(line));
}

static enum MHD_Result put_desks(const struct server *s, struct aside *a) {
  const struct desk_answer *d = a->visit.answer;
  assert(d); /* nobody else wakes it */
  return put(s, a->connection, d->status, d->type,
             MHD_create_response_from_buffer(d->body.size, d->body.bytes, MHD_RESPMEM_MUST_COPY));
}

/* ---- Requests ---- */

/* The descriptor; -1 if libmicrohttpd does not say it, and so nobody's. */
static int fd_of(struct MHD_Connection *c) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info ? info->connect_fd : -1;
}

static enum MHD_Result count_hosts(void *user, enum MHD_ValueKind kind, const char *key,
                                   const char *value) {
  (void)kind;
  (void)value;
  *(int *)user += strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0;
  return MHD_YES;
}

/* Whether the request is for us, and names one host. */
static bool is_for_us(const struct server *s, struct MHD_Connection *c) {
  int hosts = 0;
  const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
  MHD_get_connection_values(c, MHD_HEADER_KIND, count_hosts, &hosts);
  return host && hosts == 1 && listen_is_named(s->listening, host);
}

static bool has_body(struct MHD_Connection *c) {
  const char *size = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");
  return (size && strcmp(size, "0") != 0) ||
         MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Transfer-Encoding");
}

static void wake(struct desk_visit *v) { MHD_resume_connection(((struct aside *)v)->connection); }

/* Sets the request aside until the desk has an answer. */
static enum MHD_Result ask(const struct server *s, struct MHD_Connection *c, struct desk *desk,
                           const char *question, void **state) {
  struct aside *a = tool_alloc(1, sizeof *a);
  *a = (struct aside){.visit.wake = wake, .connection = c, .desk = desk};
  *state = a;
  MHD_suspend_connection(c); /* before it can be woken */
  if (desk_ask(desk, question, &a->visit)) return MHD_YES;
  *state = NULL;
  free(a);
  MHD_resume_connection(c);
  return refuse(s, c, 429, "too many questions wait; ask again later\n");
}

static enum MHD_Result answer(const struct server *s, struct MHD_Connection *c, const char *path,
                              void **state) {
  struct serve_target t = {0};
  if (!s->serve->find(s->serve->user, path, &(struct serve_request){c}, &t))
    return refuse(s, c, MHD_HTTP_NOT_FOUND, "there is nothing here\n");
  if (t.file) return put_static(s, c, MHD_HTTP_OK, t.file->type, t.file->bytes, t.file->size);
  enum MHD_Result result = ask(s, c, t.desk, t.question.bytes, state);
  text_deinit(&t.question);
  return result;
}

static enum MHD_Result handle(void *user, struct MHD_Connection *c, const char *path,
                              const char *method, const char *version, const char *bytes,
                              size_t *size, void **state) {
  struct server *s = user;
  int fd = fd_of(c);
  (void)version;
  (void)bytes;
  (void)size;
  if (*state) return put_desks(s, *state);
  if (fd >= 0) visitors_ask(&s->visitors, fd);
  if (!is_for_us(s, c))
    return refuse(s, c, MHD_HTTP_FORBIDDEN, "this server has another name than the one asked\n");
  if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
    return refuse(s, c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are known here\n");
  if (has_body(c)) return refuse(s, c, 413, "a request has no body here\n");
  return answer(s, c, path, state);
}

/* A request is over, answered or not. */
static void forget(void *user, struct MHD_Connection *c, void **state,
                   enum MHD_RequestTerminationCode why) {
  struct aside *a = *state;
  (void)user;
  (void)c;
  (void)why;
  if (!a) return;
  if (a->visit.answer) desk_put_back(a->desk, a->visit.answer);
  free(a);
  *state = NULL;
}

/* ---- Connections ---- */

static void notice(void *user, struct MHD_Connection *c, void **state,
                   enum MHD_ConnectionNotificationCode what) {
  struct server *s = user;
  int fd = fd_of(c);
  (void)state;
  if (fd < 0) return;
  if (what == MHD_CONNECTION_NOTIFY_STARTED)
    visitors_add(&s->visitors, fd);
  else
    visitors_remove(&s->visitors, fd);
}

static void signals(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGINT);
  sigaddset(set, SIGTERM);
  sigaddset(set, SIGHUP);
}

void serve_begin(void) {
  sigset_t set;
  signals(&set);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
}

static void wait_for_signal(struct server *s) {
  static const struct visitors_time most = {
      .all = SERVE_SECONDS, .silent = SERVE_HEAD_SECONDS, .full = SERVE_FULL_SECONDS};
  sigset_t set;
  signals(&set);
  do visitors_cut_off(&s->visitors, &most);
  while (sigtimedwait(&set, NULL, &(struct timespec){.tv_sec = 1}) < 0);
}

static struct MHD_Daemon *start(struct server *s) {
  return MHD_start_daemon(
      MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
      handle, s, MHD_OPTION_LISTEN_SOCKET, (MHD_socket)s->listening->fd,
      MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVE_CONNECTIONS,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVE_REQUEST_BYTES,
      MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVE_IDLE_SECONDS,
      MHD_OPTION_NOTIFY_COMPLETED, forget, NULL, MHD_OPTION_NOTIFY_CONNECTION, notice, s,
      MHD_OPTION_END);
}

int serve_run(const struct serve *serve, const struct listening *l) {
  struct server s = {.serve = serve, .listening = l};
  visitors_init(&s.visitors);
  struct MHD_Daemon *daemon = start(&s);
  if (!daemon) {
    tool_error("cannot serve HTTP: libmicrohttpd gives no reason");
    return EXIT_FAILED;
  }
  wait_for_signal(&s);
  /* Before the daemon: it must have nobody who is set aside. */
  for (size_t i = 0; i < ARRAY_SIZE(serve->desks); i++)
    if (serve->desks[i] && !desk_end(serve->desks[i], 1)) _exit(EXIT_GOOD);
  MHD_stop_daemon(daemon);
  for (size_t i = 0; i < ARRAY_SIZE(serve->desks); i++) desk_free(serve->desks[i]);
  return EXIT_GOOD;
}
