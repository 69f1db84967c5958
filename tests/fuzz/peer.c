/* SPDX-License-Identifier: MIT
 *
 * The broker listens at a path in the temporary directory, but peers come through pairs of sockets.
 */
#include "tests/fuzz/peer.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/check.h"
#include "broker/net/connections.h"
#include "proto/body.h"
#include "proto/name.h"
#include "tests/unit/broker_wire.h"

/* ---- The broker ---- */

/* One directory for all runs of the program. */
static char directory[RUN_PATH];

/* The room of the broker's inbox, which says nothing of what was in it: it takes long to make. */
static struct buffer inbox;

static void remove_directory(void) { rmdir(directory); }

static void start(struct world *w, size_t unread_most) {
  char error[512], path[RUN_PATH + 8];
  struct broker_config c = wire_config();
  snprintf(path, sizeof path, "%s/s", directory);
  c.socket = path;
  c.load_min = 2;
  c.window = (struct window){4, 8 << 10};
  c.weight_min = 1 << 20;
  c.max_message = 64 << 10;
  c.return_grace_ms = 10000;
  FUZZ_REQUIRE(uv_loop_init(&w->loop) == 0, "no loop");
  int status = broker_start(&w->broker, &w->loop, &c, error, sizeof error);
  FUZZ_REQUIRE(status == 0, "%s", error);
  w->broker.connections.inbox.in.bytes = inbox.bytes;
  w->broker.connections.inbox.in.capacity = inbox.capacity;
  w->broker.log.level = LOG_ERROR;
  w->broker.connections.queue_most = unread_most;
}

void world_open(struct world *w, size_t unread_most) {
  if (!*directory) {
    FUZZ_REQUIRE(run_directory(directory), "no temporary directory");
    atexit(remove_directory);
  }
  start(w, unread_most);
}

void world_close(struct world *w) {
  broker_stop(&w->broker);
  uv_run(&w->loop, UV_RUN_DEFAULT);
  inbox = w->broker.connections.inbox.in;
  w->broker.connections.inbox.in = (struct buffer){.bytes = NULL};
  broker_deinit(&w->broker);
  FUZZ_REQUIRE(uv_loop_close(&w->loop) == 0, "something is left in the loop");
}

void world_kill(struct world *w, size_t unread_most) {
  char roster[RUN_PATH + 24], kept[RUN_PATH + 24];
  snprintf(roster, sizeof roster, "%s/s.roster", directory);
  snprintf(kept, sizeof kept, "%s/kept", directory);
  FUZZ_REQUIRE(rename(roster, kept) == 0, "no roster");
  w->broker.listens = false; /* it has no time to remove it */
  world_close(w);
  FUZZ_REQUIRE(rename(kept, roster) == 0, "no roster");
  start(w, unread_most);
}

void world_turn(struct world *w) {
  uv_run(&w->loop, UV_RUN_NOWAIT);
  broker_end_turn(&w->broker);
  const char *fault = broker_check(&w->broker);
  FUZZ_REQUIRE(!fault, "%s", fault);
}

void world_require_empty(const struct world *w) {
  const struct broker *b = &w->broker;
  FUZZ_REQUIRE(!b->connections.all, "a connection is left");
  FUZZ_REQUIRE(b->hosts.all.count == 0, "a host is left");
  FUZZ_REQUIRE(b->refs.tokens.count == 0 && b->refs.holds.count == 0, "a reference is left");
  FUZZ_REQUIRE(b->loads.all.count == 0, "a load is left");
  FUZZ_REQUIRE(b->calls.all.count == 0, "a call is left");
  for (uint32_t i = slab_next(&b->loads.all, 0); i != SLAB_NONE;
       i = slab_next(&b->loads.all, i + 1))
    FUZZ_REQUIRE(loads_at(&b->loads, i)->outstanding.requests == 0, "a request is outstanding");
  FUZZ_REQUIRE(b->collecting.all.count == 0 && b->names.watches.all.count == 0, "a wait is left");
  FUZZ_REQUIRE(b->names.all.count == 0, "a name is left");
  FUZZ_REQUIRE(!b->grace.is_on && b->grace.absents.all.count == 0, "somebody is awaited");
  FUZZ_REQUIRE(b->roster.used == 0, "a slot of the roster is left");
}

/* ---- Peers ---- */

void peer_connect(struct peer *p, struct world *w) {
  int ends[2];
  memset(p, 0, sizeof *p);
  pairs_make(ends);
  p->fd = ends[0];
  frame_init(&p->in, MAX_MESSAGE_MOST);
  buffer_init(&p->out, UINT32_MAX);
  FUZZ_REQUIRE(client_new(&w->broker.connections, ends[1]) == 0, "no memory");
}

void peer_connect_again(struct peer *p, struct world *w) {
  struct peer was = *p;
  peer_connect(p, w);
  memcpy(p->known, was.known, sizeof p->known);
  p->n_known = was.n_known;
  p->host = was.host;
  p->last_token = was.last_token;
  p->may_return = was.may_return;
  p->secret = was.secret;
}

void peer_hello(struct peer *p, const struct hello_request *h, uint64_t host,
                const struct secret *secret, bool succeeds) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_hello, .id = ++p->last_id};
  uint32_t options = (host ? 2u : 0) + (succeeds ? 1 : 0);
  p->returns = host && h->highest >= WIRE_VERSION_RETURN && !h->observer;
  p->lies = p->returns && !secret_equal(secret, &p->secret);
  pack_begin(&p->pack, &p->out, MAX_MESSAGE_MOST, &m, hello_request_values(options));
  hello_put_request(&p->pack, h, options);
  if (host) {
    pack_text(&p->pack, RETURN_HOST_KEY);
    pack_uint(&p->pack, host);
    pack_text(&p->pack, RETURN_SECRET_KEY);
    pack_string(&p->pack, (const char *)secret->bytes, SECRET_BYTES);
  }
  if (succeeds) {
    pack_text(&p->pack, SUCCEED_KEY);
    pack_bool(&p->pack, true);
  }
  p->succeeds = succeeds;
  FUZZ_REQUIRE(pack_end(&p->pack) == BUFFER_OK, "no memory");
}

static void end(struct peer *p) {
  close(p->fd);
  p->fd = -1;
  frame_deinit(&p->in);
  buffer_deinit(&p->out);
}

/* What the socket does not take is lost: then the broker has ended, or will end, the connection. */
void peer_flush(struct peer *p) {
  if (p->fd < 0) return;
  if (p->out.size > 0 && send(p->fd, p->out.bytes, p->out.size, MSG_NOSIGNAL) < 0 &&
      errno != EAGAIN)
    p->deaf = false; /* its end is to be read */
  p->out.size = 0;
}

void peer_leave(struct peer *p, bool sent) {
  if (sent) peer_flush(p);
  end(p);
}

struct pt peer_token(const struct peer *p, uint64_t id) {
  return (struct pt){.host = p->host ? p->host : 1, .id = id, .stamp = id ^ 0x5a5a5a5a,
                     .kind = PT_TABLE};
}

static void count_in(void *user, const struct value *v) {
  struct peer *p = user;
  if (v->type != VALUE_PT || v->pt.host == p->host) return;
  unsigned i = 0;
  while (i < p->n_known && !pt_equal(&p->known[i].pt, &v->pt)) i++;
  if (i == KNOWN_MOST) return;
  if (i == p->n_known) {
    p->known[i].pt = v->pt;
    p->known[i].count = 0;
    p->n_known++;
  }
  p->known[i].count++;
}

uint64_t peer_forget(struct peer *p, const struct pt *pt) {
  for (unsigned i = 0; i < p->n_known; i++)
    if (pt_equal(&p->known[i].pt, pt)) {
      uint64_t count = p->known[i].count;
      p->known[i] = p->known[--p->n_known];
      return count;
    }
  return 1;
}

static void handle(struct peer *p, const uint8_t *bytes, uint32_t size) {
  struct message m;
  struct hello_reply r;
  const char *fault = message_parse(bytes, size, &m);
  FUZZ_REQUIRE(!fault, "the broker sent a message that is none: %s", fault);
  bool carries = m.kind == MESSAGE_REPLY || m.kind == MESSAGE_ERROR || m.info->way == OP_ROUTED;
  fault = body_walk(m.body, m.body_size, carries ? count_in : NULL, p);
  FUZZ_REQUIRE(!fault, "the broker sent a body that is none: %s", fault);
  if (m.op == OP_hello && m.kind == MESSAGE_REPLY) {
    fault = hello_read_reply(&m, &r);
    FUZZ_REQUIRE(!fault, "the broker greets wrongly: %s", fault);
    struct reader v;
    FUZZ_REQUIRE(!p->lies, "one came back with another secret");
    FUZZ_REQUIRE(!p->returns || p->host == r.host, "one came back as another");
    FUZZ_REQUIRE(p->succeeds || p->returns || !hello_option(&r.options, SUCCEED_KEY, &v),
                 "one waits to succeed another and has not asked for it");
    p->host = r.host;
    p->may_return = hello_option(&r.options, RETURN_SECRET_KEY, &v);
    FUZZ_REQUIRE(!p->may_return || secret_read(&v, &p->secret), "a secret that is none");
  }
  if (m.op == OP_bye) p->may_return = false;
  if (m.op == OP_ping && m.kind == MESSAGE_REPLY) p->pong = true;
  if (m.kind == MESSAGE_REQUEST && !(m.flags & MESSAGE_ONE_WAY) && p->n_asked < ASKED_MOST) {
    p->asked[p->n_asked].id = m.id;
    p->asked[p->n_asked++].op = m.op;
  }
}

void peer_read(struct peer *p) {
  while (p->fd >= 0 && !p->deaf) {
    uint8_t *bytes;
    uint32_t size, room;
    uint8_t *to = frame_room(&p->in, 4096, &room);
    FUZZ_REQUIRE(to, "no memory");
    ssize_t n = recv(p->fd, to, room, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      end(p);
      return;
    }
    frame_filled(&p->in, (uint32_t)n);
    enum frame_outcome o;
    while ((o = frame_next(&p->in, &bytes, &size)) == FRAME_MESSAGE) handle(p, bytes, size);
    FUZZ_REQUIRE(o == FRAME_MORE, "the broker sent bytes that are no message");
  }
}
