/* SPDX-License-Identifier: MIT
 *
 * A client gets a host id that nobody had before. Workers have a name of their
 * own among the living; observers may share one and cannot be found by it.
 */
#include "broker/ops/coming/greet.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/late.h"
#include "broker/core/grace.h"
#include "broker/core/notify.h"
#include "broker/core/permissions.h"
#include "broker/core/state.h"
#include "broker/core/succession.h"
#include "broker/net/limits.h"
#include "broker/ops/coming/readmit.h"
#include "broker/ops/route/ring.h"
#include "broker/ops/watch/watch.h"
#include "proto/closed.h"
#include "proto/hello.h"
#include "proto/name.h"
#include "proto/returning.h"

struct hello {
  uint32_t version; /* the one to speak with it */
  char name[NAME_MAX_BYTES + 1];
  uint32_t name_size; /* 0: the broker is to make one up */
  bool observer, sandboxed;
  bool rings; /* it asks for some */
  bool may_succeed; /* it may wait for a name that another has, ... */
  bool waits;       /* ... and does */
  uint32_t cycle_pause_ms;
  struct returning returning;
  uint32_t absent; /* whose return it is; SLAB_NONE: a new host */
};

__attribute__((format(printf, 4, 5)))
static void refuse(struct client *from, const struct message *m, enum status status,
                   const char *format, ...) {
  char text[400];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  notify_error(from, OP_hello, m->id, status, "%s", text);
  log_peer(&from->broker->log, LOG_INFO, CAUSE_HELLO, client_about_why(from, text),
           "refused a client (process %ld)", (long)from->pid);
  client_condemn(from, "%s", "");
}

static void refuse_versions(struct client *from, const struct message *m,
                            const struct hello_request *r) {
  char ours[HELLO_RANGE_BYTES], theirs[HELLO_RANGE_BYTES];
  refuse(from, m, STATUS_protocol,
         "this broker (gaijin %s) speaks %s of the wire, you speak %s; update %s, so that both are "
         "of the same release",
         GAIJIN_VERSION, hello_range(ours, WIRE_VERSION_LEAST, WIRE_VERSION_MOST),
         hello_range(theirs, r->lowest, r->highest),
         r->lowest > WIRE_VERSION_MOST ? "the broker" : "your program");
}

/* False without the option. Not true: it is no boolean, and the client is at fault. */
static bool read_bool(struct client *from, const struct hello_options *o, const char *key,
                      bool *value) {
  struct reader r;
  *value = false;
  if (!hello_option(o, key, &r) || reader_bool(&r, value)) return true;
  client_fault(from, "hello: '%s' is neither true nor false", key);
  return false;
}

/* 0: it does not tell. */
static uint32_t read_cycle_pause(const struct hello_options *o) {
  struct reader r;
  uint64_t ms;
  if (!hello_option(o, CYCLE_PAUSE_KEY, &r) || !reader_uint(&r, &ms)) return 0;
  return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* Reads the body; false: refused. */
static bool read_hello(struct client *from, const struct message *m, struct hello *h) {
  struct hello_request r;
  const char *fault = hello_read_request(m, &r);
  if (fault) {
    client_fault(from, "%s", fault);
    return false;
  }
  if (!r.version) {
    refuse_versions(from, m, &r);
    return false;
  }
  *h = (struct hello){.version = r.version, .observer = r.observer, .absent = SLAB_NONE};
  h->rings = ring_read(&r.options);
  h->cycle_pause_ms = read_cycle_pause(&r.options);
  if (!read_bool(from, &r.options, SANDBOXED_KEY, &h->sandboxed) ||
      !read_bool(from, &r.options, SUCCEED_KEY, &h->may_succeed))
    return false;
  if ((fault = readmit_read(&r.options, h->version, &h->returning))) {
    client_fault(from, "%s", fault);
    return false;
  }
  if (!r.name) return true;
  if ((fault = name_fault(r.name, r.name_size))) {
    refuse(from, m, STATUS_unsupported, "a worker's name %s", fault);
    return false;
  }
  h->name_size = r.name_size;
  memcpy(h->name, r.name, r.name_size);
  return true;
}

static void generate_name(struct broker *b, struct hello *h) {
  do
    h->name_size = (uint32_t)snprintf(h->name, sizeof h->name, "client-%llu",
                                      (unsigned long long)++b->last_generated);
  while (names_host(&b->names, h->name, h->name_size) != SLAB_NONE ||
         absents_find_name(&b->grace.absents, h->name, h->name_size) != SLAB_NONE);
}

/* Random bits that are nobody's host id; 0 when the kernel has none. */
static uint64_t new_host_id(const struct broker *b) {
  uint64_t id;
  do
    if (getrandom(&id, sizeof id, 0) != sizeof id) return 0;
  while (id == 0 || hosts_find(&b->hosts, id) != SLAB_NONE ||
         absents_find(&b->grace.absents, id) != SLAB_NONE);
  return id;
}

static bool is_ending(const struct broker *b, uint32_t host) {
  const struct client *c = host == SLAB_NONE ? NULL : hosts_at(&b->hosts, host)->client;
  return c && client_is_ending(c);
}

/* Whether the worker of this name has ended, or the one that waits for it as this one would, but
 * what follows from that is not done yet: the place will be free when it is. */
static bool is_being_freed(const struct broker *b, const struct hello *h) {
  uint32_t name = names_find(&b->names, h->name, h->name_size);
  if (name == SLAB_NONE) return false;
  const struct name *k = names_at(&b->names, name);
  return is_ending(b, k->host) || (h->may_succeed && is_ending(b, k->successor));
}

/* It comes back, and has no name to come back to. */
static bool has_retired(const struct broker *b, const struct hello *h) {
  const struct absent *k = absents_at(&b->grace.absents, h->absent);
  return k->retired && !roster_at(&b->roster, k->slot)->succeeds;
}

/* Enters the client into hosts and names; false: refused. */
static bool admit(struct client *from, const struct message *m, const struct hello *h) {
  struct broker *b = from->broker;
  bool returns = h->absent != SLAB_NONE;
  uint64_t id = returns ? h->returning.host : new_host_id(b);
  from->host = id ? hosts_add(&b->hosts, id, h->name, from, h->observer) : SLAB_NONE;
  if (from->host != SLAB_NONE &&
      !accounts_bind(&b->connections.accounts, from->host, from->account)) {
    hosts_remove(&b->hosts, from->host);
    from->host = SLAB_NONE;
  }
  if (from->host == SLAB_NONE) {
    refuse(from, m, STATUS_busy, "the broker's memory is too short for another client");
    return false;
  }
  if (h->observer || (returns && has_retired(b, h))) return true;
  enum names_outcome o = (h->waits ? names_succeed : names_take)(
      &b->names, h->name, h->name_size, from->host, &from->name_record);
  if (o == NAMES_OK) return true;
  accounts_unbind(&b->connections.accounts, from->host);
  hosts_remove(&b->hosts, from->host);
  from->host = from->name_record = SLAB_NONE;
  if (o == NAMES_TAKEN)
    refuse(from, m, STATUS_name_taken,
           h->waits ? "worker %s has a successor already, which is not ready yet"
                    : "another living worker is named %s; choose another name or end that one",
           h->name);
  else
    refuse(from, m, STATUS_busy, "the broker's memory is too short for another client");
  return false;
}

/* Notes that the worker may come back to a later broker; without a slot it is told no secret. One
 * that has come back keeps both. */
static void enroll(struct client *c, const struct hello *h, struct secret *secret) {
  struct broker *b = c->broker;
  if (h->absent != SLAB_NONE) {
    c->retired = has_retired(b, h);
    grace_came(c, h->absent);
    if (c->name_record != SLAB_NONE && !h->waits) roster_succeed(&b->roster, c->slot);
    *secret = h->returning.secret;
    return;
  }
  if (h->observer || h->version < WIRE_VERSION_RETURN || !b->roster.header) return;
  if (getrandom(secret, sizeof *secret, 0) != sizeof *secret) return;
  c->slot = roster_add(&b->roster, &(struct rostered){.host = hosts_at(&b->hosts, c->host)->id,
                                                      .start = c->born,
                                                      .secret = *secret,
                                                      .pid = c->pid,
                                                      .uid = c->uid,
                                                      .sandboxed = h->sandboxed,
                                                      .succeeds = h->waits,
                                                      .name = h->name,
                                                      .name_size = h->name_size});
  if (c->slot == SLAB_NONE)
    log_peer(&b->log, LOG_WARN, CAUSE_ROSTER, client_about_why(c, strerror(errno)),
             "the roster %s cannot grow, so %s will not come back if this broker is killed",
             b->roster.path, h->name);
}

/* ---- Connections that are refused unheard ---- */

static bool write_parting(struct buffer *out, enum status status, const char *text) {
  struct message m = {.kind = MESSAGE_ERROR, .op = OP_hello, .target = OP_NONE};
  struct pack p;
  buffer_init(out, MAX_MESSAGE_LEAST);
  pack_begin(&p, out, MAX_MESSAGE_LEAST, &m, 2);
  pack_uint(&p, status);
  pack_text(&p, text);
  return pack_end(&p) == BUFFER_OK;
}

bool greet_prepare_parting(struct broker *b) {
  return write_parting(&b->parting, STATUS_busy,
                       "the broker has no descriptor left for another client; try again later, or "
                       "raise its limit of open files (ulimit -n)");
}

void greet_refuse_stranger(struct broker *b, int fd, uid_t uid) {
  char text[160];
  struct buffer out;
  snprintf(text, sizeof text,
           "this broker does not serve user %u; it would if its setting allow-uid named %u",
           (unsigned)uid, (unsigned)uid);
  /* A socket that has just come has room for it. */
  if (write_parting(&out, STATUS_denied, text)) send(fd, out.bytes, out.size, MSG_NOSIGNAL);
  buffer_deinit(&out);
  close(fd);
  log_peer(&b->log, LOG_WARN, CAUSE_STRANGER, log_user(uid),
           "refused a client of user %u, who is not served (allow-uid, allow-gid)",
           (unsigned)uid);
}

/* ---- Connections that never say hello ---- */

static void on_greeting_timeout(uv_timer_t *timer);

/* Not more often than ten times within hello_ms, however many connections come and say nothing. */
static void arm_greeting_timer(struct broker *b, uint64_t due_in) {
  uint64_t least = b->hello_ms / 10, in = due_in > least ? due_in : least;
  b->greeting_due_ms = uv_now(b->loop) + in;
  uv_timer_start(&b->greeting, on_greeting_timeout, in, 0);
}

static void on_greeting_timeout(uv_timer_t *timer) {
  struct broker *b = timer->data;
  uint64_t now = uv_now(b->loop), next = UINT64_MAX;
  if (is_late(now, b->greeting_due_ms)) {
    arm_greeting_timer(b, 0);
    return;
  }
  for (struct client *c = b->connections.all; c; c = c->next) {
    /* One whose hello waits for its turn has said it. */
    if (c->state != CLIENT_GREETING || c->is_postponed) continue;
    uint64_t waited = now - c->since_ms;
    if (waited >= b->hello_ms)
      client_fault(c, "it did not say 'hello' within %g s", b->hello_ms / 1e3);
    else if (b->hello_ms - waited < next)
      next = b->hello_ms - waited;
  }
  if (next != UINT64_MAX) arm_greeting_timer(b, next);
}

void greet_go_on(struct broker *b) {
  b->greeting_due_ms = uv_now(b->loop);
  on_greeting_timeout(&b->greeting);
}

void greet_expect(struct client *c) {
  struct broker *b = c->broker;
  char full[LIMITS_TEXT];
  if (!limits_allow(c, ACCOUNT_CONNECTIONS, 0, full)) {
    notify_error(c, OP_hello, 0, STATUS_busy, "%s", full);
    client_condemn(c, "%s", "");
    return;
  }
  if (!uv_is_active((uv_handle_t *)&b->greeting)) arm_greeting_timer(b, b->hello_ms);
}

/* ---- hello ---- */

static void send_reply(struct client *to, const struct message *m, const struct hello *h,
                       const struct secret *secret) {
  struct broker *b = to->broker;
  struct hello_reply r = {.version = h->version,
                          .host = hosts_at(&b->hosts, to->host)->id,
                          .name = h->name,
                          .name_size = h->name_size,
                          .max_message = b->connections.max_message,
                          .broker_version = GAIJIN_VERSION,
                          .broker_version_size = sizeof GAIJIN_VERSION - 1};
  bool has_windows = h->version >= op_info(OP_grant)->since;
  bool tells_sandboxed = h->sandboxed && h->version > 1; /* version 1 has no options */
  bool may_return = to->slot != SLAB_NONE;
  uint32_t options = (has_windows ? 3u : 0) + (tells_sandboxed ? 1 : 0) + (may_return ? 2 : 0) +
                     (h->waits ? 1 : 0);
  uint32_t values = hello_reply_values(h->version, options);
  struct pack *p = notify_begin(b, MESSAGE_REPLY, OP_hello, m->id, values);
  hello_put_reply(p, &r, options);
  if (tells_sandboxed) {
    pack_text(p, SANDBOXED_KEY);
    pack_bool(p, true);
  }
  if (h->waits) {
    pack_text(p, SUCCEED_KEY);
    pack_bool(p, true);
  }
  if (has_windows) {
    pack_text(p, REFS_MOST_KEY);
    pack_uint(p, REFS_MOST);
    pack_text(p, WINDOW_POSTS_KEY);
    pack_uint(p, b->flows.window.requests);
    pack_text(p, WINDOW_BYTES_KEY);
    pack_uint(p, b->flows.window.bytes);
  }
  if (may_return) {
    pack_text(p, RETURN_SECRET_KEY);
    pack_string(p, (const char *)secret->bytes, SECRET_BYTES);
    pack_text(p, RETURN_GENERATION_KEY);
    pack_uint(p, b->roster.generation);
  }
  notify_send(b, to);
}

/* Finds out whose return it is, or whose name it must not have; false: refused. */
static bool look_for_absent(struct client *from, const struct message *m, struct hello *h) {
  struct broker *b = from->broker;
  enum status status;
  char text[200];
  uint32_t absent = absents_find_name(&b->grace.absents, h->name, h->name_size);
  if (!h->returning.is) {
    if (h->observer || absent == SLAB_NONE || grace_has_ended(b, absent)) return true;
    refuse(from, m, STATUS_name_taken,
           "worker %s has not come back yet after a restart of the broker; its name is free when "
           "it has ended, or in %u s at most",
           h->name, grace_left(b));
    return false;
  }
  h->absent = readmit_judge(from, &h->returning, h->observer, h->name, h->name_size, &status, text,
                            sizeof text);
  if (h->absent == SLAB_NONE) {
    refuse(from, m, status, "%s", text);
    return false;
  }
  const struct absent *k = absents_at(&b->grace.absents, h->absent);
  if (roster_at(&b->roster, k->slot)->sandboxed) h->sandboxed = true;
  h->name_size = k->name_size;
  memcpy(h->name, k->name, sizeof h->name);
  return true;
}

/* Finds out whether it waits to succeed another worker; false: refused. */
static bool look_for_predecessor(struct client *from, const struct message *m, struct hello *h) {
  struct broker *b = from->broker;
  enum status status;
  char text[200];
  if (h->observer) return true;
  if (h->absent != SLAB_NONE) {
    h->waits = succession_goes_on(from, h->absent, h->version, h->sandboxed);
    return true;
  }
  uint32_t host = names_host(&b->names, h->name, h->name_size);
  if (!h->may_succeed || host == SLAB_NONE) return true;
  h->waits = succession_allowed(from, hosts_at(&b->hosts, host), h->version, h->sandboxed, &status,
                                text, sizeof text);
  if (!h->waits) refuse(from, m, status, "%s", text);
  return h->waits;
}

void greet_on_hello(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  struct hello h;
  struct secret secret;
  char full[LIMITS_TEXT];
  if (!read_hello(from, m, &h) || !look_for_absent(from, m, &h)) return;
  if (!h.name_size) generate_name(b, &h);
  if (!h.observer && !permission_to_take(from, h.name, h.name_size)) {
    refuse(from, m, STATUS_denied, "this broker's policy does not let user %u be worker %s",
           (unsigned)from->uid, h.name);
    return;
  }
  if (!h.observer && is_being_freed(b, &h)) {
    client_postpone(from);
    return;
  }
  if (!look_for_predecessor(from, m, &h)) return;
  if (!h.observer && !limits_allow(from, ACCOUNT_NAMES, 1, full)) {
    refuse(from, m, STATUS_busy, "%s", full);
    return;
  }
  if (!admit(from, m, &h)) return;
  from->observer = h.observer;
  from->sandboxed = h.sandboxed;
  from->cycle_pause_ms = h.cycle_pause_ms;
  from->name = hosts_at(&b->hosts, from->host)->name;
  from->id = hosts_at(&b->hosts, from->host)->id;
  from->version = h.version;
  /* Who is not trusted shares no memory. */
  from->wants_lanes = h.rings && !h.observer && !h.sandboxed &&
                      h.version >= op_info(OP_ring)->since;
  client_ready(from);
  permissions_note(from);
  enroll(from, &h, &secret);
  send_reply(from, m, &h, &secret);
  secret_wipe(&secret);
  secret_wipe(&h.returning.secret);
  log_peer(&b->log, h.observer ? LOG_DEBUG : LOG_INFO, CAUSE_COMING, client_about(from),
           "%s %s %s (user %u, process %ld%s%s)", h.observer ? "observer" : "worker", from->name,
           h.absent == SLAB_NONE ? "connected" : "came back", (unsigned)from->uid, (long)from->pid,
           h.sandboxed ? ", sandboxed" : "", h.waits ? ", waits to succeed the one there is" : "");
  if (succession_has_name(from)) watch_answer(from);
  /* The broker before may not have told it. */
  if (from->retired) succession_tell(from);
}
