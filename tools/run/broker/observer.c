/* SPDX-License-Identifier: MIT
 *
 * Answers only set a mark at their worker; they are followed up when the connection's own work is
 * done, for that may start workers, which asks again. A worker that does not answer is told from a
 * broker that does not by who says so: the deadline is the broker's to watch. A broker may be there
 * and hang, so that to connect is another thread's (tools/ask/link.h): the loop never waits.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* struct ucred */
#endif
#include "tools/run/broker/observer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/clock.h"
#include "tools/ask/link.h"
#include "tools/base/text.h"
#include "tools/run/broker/broker.h"
#include "tools/run/core/log.h"

/* From then on it is said that to connect again takes long. */
#define SLOW_SECONDS 5.0

static void watch(struct run *r);

/* What was asked over a connection that is lost will not be answered. */
static void forget_all(struct run *r) {
  for (size_t i = 0; i < r->count; i++) {
    struct worker *w = r->workers[i];
    w->ready_id = w->whose_id = w->alive_id = 0;
  }
}

static void link_stop(struct run *r) {
  if (!r->link) return;
  uv_close((uv_handle_t *)&r->link_poll, NULL);
  link_end(r->link);
  r->link = NULL;
}

/* A broker that is not there yet is no news; one that does not let us in stays so until somebody
 * hears of it. */
static void say_slow(struct run *r, const char *why) {
  if (r->link_since == 0 || clock_seconds() - r->link_since < SLOW_SECONDS) return;
  tool_error("run: cannot connect to the broker again: %s; trying on", why);
  r->link_since = 0;
}

/* The broker has not been there yet. One that may not be there yet has its time. */
static void say_missing(struct run *r, int status, const char *why) {
  bool is_over = clock_seconds() - r->link_since >= OBSERVER_BROKER_SECONDS;
  if (r->stopping || !*why || (status == GAIJIN_STATUS_LOST && !is_over)) return;
  tool_error("run: %s", why);
  link_stop(r);
  run_fail(r);
}

static void go_on(struct run *r) {
  for (size_t i = 0; i < r->count; i++)
    if (r->workers[i]->life.state == LIFE_STARTING)
      observer_await_ready(r->workers[i]);
    else if (r->workers[i]->asked_name)
      observer_ask_alive(r->workers[i]);
}

/* The link tries again by itself when a try has failed. */
static void on_link(uv_poll_t *p, int status, int events) {
  (void)status;
  (void)events;
  struct run *r = p->data;
  char why[300];
  int fault;
  assert(!r->observer);
  r->observer = link_take(r->link, &fault, why, sizeof why);
  if (!r->observer && r->begun) say_slow(r, why);
  if (!r->observer && !r->begun) say_missing(r, fault, why);
  if (!r->observer) return;
  link_stop(r);
  r->broker_gone = false;
  watch(r);
  if (r->begun) {
    go_on(r);
  } else if (!r->stopping) {
    tool_say(LOG_INFO, "run: the socket is %s", r->plan->socket);
    r->begun = true;
    r->begin(r);
  }
}

void observer_begin(struct run *r) {
  r->link_since = clock_seconds();
  r->link = link_begin(r->plan->socket);
  if (!r->link) {
    tool_error("run: cannot connect to the broker: %s; stopping all", strerror(errno));
    run_fail(r);
    return;
  }
  uv_poll_init(&r->loop, &r->link_poll, link_fd(r->link));
  r->link_poll.data = r;
  uv_poll_start(&r->link_poll, UV_READABLE, on_link);
}

static void disconnect(struct run *r) {
  uv_close((uv_handle_t *)&r->observer_poll, NULL);
  forget_all(r);
  gaijin_close(r->observer);
  r->observer = NULL;
}

static void lost(struct run *r) {
  disconnect(r);
  if (r->ending) return;
  if (!r->plan->broker) run_broker_lost(r); /* else SIGCHLD says how it ended */
  observer_begin(r);
}

static void on_observer(uv_poll_t *p, int status, int events);

/* Sends what is queued; the rest when there is room. */
static void flush(struct run *r) {
  gaijin_flush(r->observer, false);
  int events = UV_READABLE | (gaijin_wants_write(r->observer) ? UV_WRITABLE : 0);
  uv_poll_start(&r->observer_poll, events, on_observer);
}

static void on_observer(uv_poll_t *p, int status, int events) {
  (void)status;
  (void)events;
  struct run *r = p->data;
  if (gaijin_dispatch(r->observer) != 0)
    lost(r);
  else
    flush(r);
  r->changed(r);
}

/* Not where it is in another container than we. (One in a container below is seen by us and has no
 * numbers for our processes: then its books say 0.) */
static bool sees_processes(int fd) {
  struct ucred broker;
  socklen_t n = sizeof broker;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &broker, &n) == 0 && broker.pid > 0;
}

static void watch(struct run *r) {
  r->sees_processes = sees_processes(gaijin_fd(r->observer));
  uv_poll_init(&r->loop, &r->observer_poll, gaijin_fd(r->observer));
  r->observer_poll.data = r;
  flush(r);
}

void observer_end(struct run *r) {
  if (r->observer) disconnect(r);
  link_stop(r);
}

static void hear_ready(struct worker *w, pid_t process) {
  w->heard_ready = w->asked_host;
  w->heard_process = process;
  w->said_busy = false;
}

/* A broker that has no room to tell may have some later. */
static void hear_busy(struct worker *w, const char *why) {
  w->heard_busy = true;
  if (!w->said_busy) run_log_event(w, "cannot be seen to serve yet: %s", why);
  w->said_busy = true;
}

static bool skip_values(gaijin_body *b, uint32_t count) {
  struct gaijin_value v;
  bool good = true;
  for (; good && count; count--)
    good = gaijin_body_next(b, &v) && (v.type != GAIJIN_ARRAY || skip_values(b, v.count));
  return good;
}

/* Whether a page of the book of clients has a host, and its process, 0 if the broker cannot tell;
 * *cursor is nil behind the last page. */
static bool find_process(gaijin_body *b, uint64_t wanted, pid_t *found,
                         struct gaijin_value *cursor) {
  struct gaijin_value row, name, host, process;
  *cursor = (struct gaijin_value){.type = GAIJIN_NIL};
  *found = 0;
  if (!gaijin_body_next(b, cursor)) return false;
  while (gaijin_body_next(b, &row) && row.type == GAIJIN_ARRAY && row.count >= 3 &&
         gaijin_body_next(b, &name) && gaijin_body_next(b, &host) &&
         gaijin_body_next(b, &process) && skip_values(b, row.count - 3))
    if (host.integer == wanted) {
      *found = (pid_t)process.integer;
      return true;
    }
  return false;
}

static void ask_whose(struct worker *w, double cursor);

/* Who may not look into the broker takes the host for its own. */
static void on_whose(void *user, const struct gaijin_answer *answer) {
  struct worker *w = user;
  struct gaijin_value cursor = {.type = GAIJIN_NIL};
  w->whose_id = 0;
  pid_t process = 0;
  bool is_there = answer->ok && find_process(answer->body, w->asked_host, &process, &cursor);
  gaijin_body_free(answer->body);
  if (is_there || answer->status == GAIJIN_STATUS_DENIED)
    hear_ready(w, process);
  else if (answer->status == GAIJIN_STATUS_LOST)
    return; /* it is asked again when there is a broker again */
  else if (!answer->ok)
    hear_busy(w, answer->text);
  else if (cursor.type == GAIJIN_NUMBER)
    ask_whose(w, cursor.number);
  else
    hear_ready(w, -1);
}

/* Within a dispatch, behind which what is queued leaves. */
static void ask_whose(struct worker *w, double cursor) {
  gaijin *g = w->run->observer;
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_INSPECT}, 2);
  gaijin_put_text(g, "clients");
  gaijin_put_number(g, cursor);
  if (gaijin_end_request(g, on_whose, w, &w->whose_id) != 0) w->whose_id = 0;
}

static void on_ready(void *user, const struct gaijin_answer *answer) {
  struct worker *w = user;
  w->ready_id = 0;
  struct gaijin_value host;
  if (answer->ok && gaijin_body_next(answer->body, &host) && host.is_uint) {
    w->asked_host = host.integer;
    /* Of the one that served last it is known, and it may be asked for many times a second. */
    if (w->run->sees_processes && w->asked_host != w->host)
      ask_whose(w, 0);
    else
      hear_ready(w, 0);
  } else if (answer->status == GAIJIN_STATUS_BUSY) {
    hear_busy(w, answer->text);
  } else if (answer->status == GAIJIN_STATUS_DENIED) {
    run_log_event(w, "cannot be seen to serve: %s", answer->text);
  }
  gaijin_body_free(answer->body);
}

void observer_await_ready(struct worker *w) {
  gaijin *g = w->run->observer;
  if (!g || w->ready_id || w->whose_id) return;
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_WATCH}, 2);
  gaijin_put_text(g, w->plan->name);
  gaijin_put_text(g, "ready");
  if (gaijin_end_request(g, on_ready, w, &w->ready_id) == 0) flush(w->run);
}

static void ask_alive(struct worker *w);

/* One that is not there now is not silent: its process tells what has become of it. Whether the
 * name is still its is asked twice: the broker may have answered the first time before it read what
 * the successor had sent before its end, and has a turn between the two in which it does. */
static void on_alive(void *user, const struct gaijin_answer *answer) {
  struct worker *w = user;
  w->alive_id = 0;
  w->heard_silent = !answer->ok && answer->status == GAIJIN_STATUS_TIMEOUT;
  w->heard_nameless = w->asked_name && !answer->ok && answer->status == GAIJIN_STATUS_DEAD;
  bool again = w->asked_name && answer->ok && !w->asked_again;
  w->asked_again = again;
  /* That is still to be asked when the broker has gone. */
  w->asked_name =
      again || (w->asked_name && !answer->ok && answer->status == GAIJIN_STATUS_LOST);
  gaijin_body_free(answer->body);
  if (again) ask_alive(w);
}

/* Within a dispatch, as ask_whose. */
static void ask_alive(struct worker *w) {
  gaijin *g = w->run->observer;
  struct gaijin_send send = {.op = GAIJIN_OP_ALIVE,
                             .name = w->plan->name,
                             .deadline_ms = (uint32_t)(w->plan->health_limit * 1000)};
  gaijin_begin_request(g, &send, 0);
  if (gaijin_end_request(g, on_alive, w, &w->alive_id) != 0) w->alive_id = 0;
}

void observer_ask_alive(struct worker *w) {
  if (!w->run->observer || w->alive_id) return;
  ask_alive(w);
  if (w->alive_id) flush(w->run);
}

/* What was asked before this may have been answered before it mattered. */
void observer_ask_name(struct worker *w) {
  gaijin *g = w->run->observer;
  if (g && w->alive_id) gaijin_cancel(g, w->alive_id);
  w->alive_id = 0;
  w->asked_name = true;
  w->asked_again = false;
  observer_ask_alive(w);
}

void observer_forget(struct worker *w) {
  gaijin *g = w->run->observer;
  if (g && w->ready_id) gaijin_cancel(g, w->ready_id);
  if (g && w->whose_id) gaijin_cancel(g, w->whose_id);
  if (g && w->alive_id) gaijin_cancel(g, w->alive_id);
  w->ready_id = w->whose_id = w->alive_id = 0;
  w->asked_name = w->asked_again = w->heard_nameless = false;
  w->heard_ready = 0;
  w->heard_process = 0;
  w->heard_silent = w->heard_busy = false;
}

bool observer_broker_answers(struct run *r) {
  uint64_t id = 0;
  if (!r->observer) return true; /* what is to be said of that has been */
  gaijin_begin_request(r->observer, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  struct gaijin_answer answer = {0};
  int e = gaijin_end_request(r->observer, NULL, NULL, &id);
  if (e == 0) e = gaijin_await(r->observer, id, 1, &answer);
  gaijin_body_free(answer.body);
  if (e == GAIJIN_STATUS_LOST) lost(r);
  return e != GAIJIN_STATUS_LOST;
}
