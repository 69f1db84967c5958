/* SPDX-License-Identifier: MIT
 *
 * A whole broker and several clients. The input is a program of steps: who does what, with PTs that
 * clients were given, of their own, of others, or made up; a message may be damaged before it is
 * sent, bytes may come that are none, clients end at any point and others come, time passes, and
 * the broker is killed and started again: then some come back, with their secret or another, and
 * announce and claim whatever they like.
 *
 * After each turn all invariants of the broker hold. Whatever the others do, each message it sends
 * is well-formed, and a witness that keeps the rules is answered in the end. When all have gone,
 * the books are empty.
 */
#include <errno.h>
#include <unistd.h>

#include "proto/base.h"
#include "tests/fuzz/peer.h"
#include "tests/fuzz/steps.h"

enum { PEERS = 4, WITNESS = PEERS, STEPS_MOST = 300, UNREAD_MOST = 16 << 10, IDLE_TURNS = 8,
       GRACE_TURNS = 200 };

struct session {
  struct world world;
  struct peer peers[PEERS + 1];
  struct script script;
  struct peer *peer; /* who acts */
};

/* ---- What a step sends ---- */

/* PTs that the peer may send, and some that it may not. */
static struct pt choose_pt(void *user, uint8_t pick) {
  struct session *s = user;
  struct peer *p = s->peer, *other = &s->peers[pick % PEERS];
  unsigned which = pick >> 3;
  if ((pick & 7) < 2) return peer_token(p, ++p->last_token);
  if ((pick & 7) < 4) return peer_token(p, 1 + which % (p->last_token + 1));
  if ((pick & 7) < 6 && p->n_known) return p->known[which % p->n_known].pt;
  if ((pick & 7) < 7 && other->n_known) return other->known[which % other->n_known].pt;
  if (other->host) return peer_token(other, 1 + which);
  return (struct pt){.host = 1 + which, .id = 1 + which, .stamp = which, .kind = PT_FUNCTION};
}

static const char *choose_name(uint8_t pick) {
  static const char *const names[] = {"w0", "w1", "w2", "w3", "witness", "nobody"};
  return names[pick % ARRAY_SIZE(names)];
}

static void begin(struct session *s, const struct message *header, uint32_t count) {
  pack_begin(&s->peer->pack, &s->peer->out, UINT32_MAX - 16, header, count);
}

/* A request that is routed, to an object or a name. */
static void step_ask(struct session *s) {
  static const enum op ops[] = {OP_call, OP_get, OP_set,      OP_pairs, OP_ipairs, OP_next,
                                OP_len,  OP_str, OP_operator, OP_apply, OP_s2t,    OP_labels};
  struct script *in = &s->script;
  uint8_t b = script_byte(in);
  const struct op_info *info;
  struct message m = {.kind = MESSAGE_REQUEST, .op = ops[b % ARRAY_SIZE(ops)], .depth = 1,
                      .id = ++s->peer->last_id};
  info = op_info(m.op);
  m.target = info->target;
  if (m.target == OP_PT) m.pt = choose_pt(s, script_byte(in));
  if (m.target == OP_NAME) {
    m.name = choose_name(script_byte(in));
    m.name_size = (uint8_t)strlen(m.name);
  }
  if (b & 64) m.flags = MESSAGE_ONE_WAY;
  if (b & 128) m.deadline_ms = 1 + script_byte(in) * 10u;
  uint32_t more = info->most == OP_ANY ? 4 : info->most - info->least + 1;
  uint32_t count = info->least + script_byte(in) % more;
  begin(s, &m, count);
  steps_values(in, &s->peer->pack, count, choose_pt, s);
}

static void step_answer(struct session *s) {
  struct peer *p = s->peer;
  uint8_t b = script_byte(&s->script);
  struct message m = {.kind = b & 1 ? MESSAGE_ERROR : MESSAGE_REPLY, .op = OP_call, .id = b};
  if (p->n_asked) {
    unsigned i = (b >> 1) % p->n_asked;
    m.op = p->asked[i].op;
    m.id = p->asked[i].id;
    p->asked[i] = p->asked[--p->n_asked];
  }
  uint32_t count = script_below(&s->script, 4);
  begin(s, &m, count + (b & 1));
  if (b & 1) pack_uint(&p->pack, script_below(&s->script, 16));
  steps_values(&s->script, &p->pack, count, choose_pt, s);
}

/* Gives back what it was given, with the right count or another. */
static void step_unsub(struct session *s) {
  struct peer *p = s->peer;
  uint32_t pairs = 1 + script_below(&s->script, 3);
  begin(s, &(struct message){.kind = MESSAGE_NOTICE, .op = OP_unsub}, pairs * 2);
  while (pairs-- > 0) {
    uint8_t b = script_byte(&s->script);
    struct pt pt = choose_pt(s, (uint8_t)(b | 4));
    uint64_t count = peer_forget(p, &pt);
    pack_pt(&p->pack, &pt);
    pack_uint(&p->pack, b < 224 ? count : script_number(&s->script));
  }
}

/* What the broker itself answers or notes. */
static void step_own(struct session *s) {
  static const enum op ops[] = {OP_ping, OP_ready, OP_retire, OP_leave, OP_watch,  OP_inspect,
                                OP_gc,   OP_weigh, OP_taken,  OP_sub,   OP_cancel, OP_hello,
                                OP_free, OP_drop,  OP_dead,   OP_peer,  OP_grant,
                                OP_announce, OP_claim, OP_back, OP_upgrade, OP_bye, OP_lend, OP_act};
  static const char *const books[] = {"clients", "tokens", "loads", "status"};
  struct script *in = &s->script;
  struct peer *p = s->peer;
  uint8_t b = script_byte(in);
  struct message m = {.op = ops[(b & 31) % ARRAY_SIZE(ops)], .id = ++p->last_id};
  const struct op_info *info = op_info(m.op);
  m.kind = info->kind == OP_REQUEST ? MESSAGE_REQUEST : MESSAGE_NOTICE;
  if (m.kind == MESSAGE_NOTICE) m.id = 0;
  if (info->target == OP_NAME) {
    m.target = OP_NAME;
    m.name = choose_name(b >> 5);
    m.name_size = (uint8_t)strlen(m.name);
  }
  uint32_t count = info->least + (info->most > info->least ? script_below(in, 4) : 0);
  if (count > info->most) count = info->most;
  if (m.op == OP_announce || m.op == OP_claim) count += b >> 6;
  begin(s, &m, count);
  struct pt pt;
  switch (m.op) {
    case OP_inspect: pack_text(&p->pack, books[(b >> 5) % 4]); count--; break;
    case OP_act:
      pack_text(&p->pack, b & 32 ? "kill" : "log-level");
      pack_text(&p->pack, b & 64 ? choose_name(b >> 5) : "error");
      count = 0;
      break;
    case OP_lend:
      pack_text(&p->pack, choose_name(b >> 5));
      pack_uint(&p->pack, script_byte(in));
      count = 0;
      break;
    case OP_watch:
      pack_text(&p->pack, choose_name(script_byte(in)));
      pack_text(&p->pack, b & 32 ? "present" : "ready");
      count = 0;
      break;
    case OP_taken:
      pack_uint(&p->pack, s->peers[(b >> 5) % PEERS].host);
      for (count = 3; count > 0; count--) pack_uint(&p->pack, script_number(in));
      break;
    case OP_sub: case OP_weigh:
      pt = choose_pt(s, script_byte(in));
      pack_pt(&p->pack, &pt);
      if (--count) pack_uint(&p->pack, script_number(in));
      count = count ? count - 1 : 0;
      break;
    case OP_announce: case OP_claim:
      for (; count > 0; count--) {
        uint8_t pick = script_byte(in);
        pt = m.op == OP_announce ? peer_token(p, 1 + pick % (p->last_token + 1)) : choose_pt(s, (uint8_t)(pick | 4));
        pack_pt(&p->pack, &pt);
      }
      break;
    case OP_cancel: pack_uint(&p->pack, p->last_id - (b >> 5)); count = 0; break;
    default: break;
  }
  steps_values(in, &p->pack, count, choose_pt, s);
}

/* Any kind, op and values. */
static void step_wild(struct session *s) {
  struct script *in = &s->script;
  uint32_t count = script_below(in, 6);
  struct message m = {.kind = 1 + script_below(in, 4), .op = 1 + script_below(in, OP_COUNT),
                      .id = script_number(in), .flags = script_byte(in) & 1};
  m.target = script_below(in, 3);
  m.pt = choose_pt(s, script_byte(in));
  m.name = choose_name(m.pt.kind);
  m.name_size = (uint8_t)strlen(m.name);
  begin(s, &m, count);
  steps_values(in, &s->peer->pack, count, choose_pt, s);
}

/* ---- Steps ---- */

static void turn(struct session *s) {
  world_turn(&s->world);
  for (unsigned i = 0; i <= PEERS; i++) peer_read(&s->peers[i]);
}

static void step_connect(struct session *s, unsigned i) {
  struct script *in = &s->script;
  uint8_t b = script_byte(in);
  static const char *const names[] = {"w0", "w1", "w2", "w3"};
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST, .observer = (b & 48) == 48};
  if (b & 1) h.highest = h.lowest = 1 + (b >> 1) % WIRE_VERSION_MOST;
  h.name = b & 8 ? choose_name(script_byte(in)) : names[i];
  if ((b & 12) == 12) h.name = NULL;
  bool succeeds = (b & 3) == 2;
  h.name_size = h.name ? (uint32_t)strlen(h.name) : 0;
  if (s->peer->may_return && !(b & 64)) {
    struct secret secret = s->peer->secret;
    if (b & 128) secret.bytes[b % SECRET_BYTES] ^= 1;
    peer_connect_again(s->peer, &s->world);
    peer_hello(s->peer, &h, s->peer->host, &secret, succeeds);
    return;
  }
  peer_connect(s->peer, &s->world);
  if (b < 250) peer_hello(s->peer, &h, 0, NULL, succeeds);
}

/* The witness keeps the rules here, too: it comes back, and has nothing. */
static void witness_hello(struct session *s, uint64_t host) {
  struct peer *w = s->peer = &s->peers[WITNESS];
  struct secret secret = w->secret;
  peer_hello(w, &(struct hello_request){.lowest = 1, .highest = WIRE_VERSION_MOST,
                                        .name = "witness", .name_size = 7}, host, &secret,
             false);
  if (host) {
    begin(s, &(struct message){.kind = MESSAGE_NOTICE, .op = OP_back}, 0);
    FUZZ_REQUIRE(pack_end(&w->pack) == BUFFER_OK, "no memory");
  }
  peer_flush(w);
}

/* The broker is killed and started again. */
static void step_kill(struct session *s) {
  for (unsigned i = 0; i <= PEERS; i++)
    if (s->peers[i].fd >= 0) peer_leave(&s->peers[i], false);
  world_kill(&s->world, UNREAD_MOST);
  peer_connect_again(&s->peers[WITNESS], &s->world);
  witness_hello(s, s->peers[WITNESS].host);
}

static void step_bytes(struct session *s) {
  uint32_t size;
  const uint8_t *bytes = script_bytes(&s->script, script_byte(&s->script), &size);
  buffer_append(&s->peer->out, bytes, size);
}

/* Ends the message that a step has begun, damaged or not. */
static void finish(struct session *s, bool damage) {
  struct peer *p = s->peer;
  uint32_t start = p->pack.start;
  FUZZ_REQUIRE(pack_end(&p->pack) == BUFFER_OK, "no memory");
  if (damage) steps_damage(&s->script, &p->out, p->out.size - start);
}

static void step(struct session *s) {
  uint8_t b = script_byte(&s->script);
  unsigned i = b % PEERS, what = b >> 4;
  struct peer *p = s->peer = &s->peers[i];
  bool damage = (b & 12) == 12, later = (b & 12) == 8;
  if (p->fd < 0) {
    step_connect(s, i);
  } else if (what < 11) {
    if (what < 4) step_ask(s);
    else if (what < 7) step_answer(s);
    else if (what < 8) step_unsub(s);
    else if (what < 10) step_own(s);
    else step_wild(s);
    finish(s, damage);
  } else {
    switch (what) {
      case 11: peer_leave(p, script_byte(&s->script) & 1); break;
      case 12: p->deaf = !p->deaf; break;
      case 13: {
        uint32_t word = script_word(&s->script);
        if ((word & 7) == 7)
          step_kill(s);
        else
          steady_advance(word);
        break;
      }
      case 14: step_bytes(s); break;
      default: step_unsub(s); finish(s, damage); break;
    }
  }
  if (later && p->out.size < UNREAD_MOST / 4) return;
  peer_flush(p);
  turn(s);
}

/* The witness has kept the rules, so it is there yet and is answered. */
static void ask_witness(struct session *s) {
  struct peer *w = s->peer = &s->peers[WITNESS];
  FUZZ_REQUIRE(w->fd >= 0, "one that kept the rules has lost its connection");
  w->pong = false;
  begin(s, &(struct message){.kind = MESSAGE_REQUEST, .op = OP_ping, .id = ++w->last_id}, 0);
  finish(s, false);
  peer_flush(w);
  for (unsigned i = 0; i < IDLE_TURNS && !w->pong; i++) turn(s);
  FUZZ_REQUIRE(w->fd >= 0 && w->pong, "one that kept the rules is not answered");
}

static void leave_all(struct session *s) {
  for (unsigned i = 0; i <= PEERS; i++)
    if (s->peers[i].fd >= 0) peer_leave(&s->peers[i], false);
  for (unsigned i = 0; i < IDLE_TURNS; i++) {
    steady_advance(WORK_REST_MS); /* who rests is heard again */
    turn(s);
  }
  for (unsigned i = 0; i < GRACE_TURNS && s->world.broker.grace.is_on; i++) {
    steady_advance(1000);
    turn(s);
  }
  for (unsigned i = 0; i < IDLE_TURNS; i++) turn(s);
  world_require_empty(&s->world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct session s;
  memset(&s, 0, sizeof s);
  s.script = (struct script){data, data + size};
  steady_begin();
  world_open(&s.world, UNREAD_MOST);
  for (unsigned i = 0; i <= PEERS; i++) s.peers[i].fd = -1;
  peer_connect(&s.peers[WITNESS], &s.world);
  witness_hello(&s, 0);
  turn(&s);
  for (unsigned i = 0; i < STEPS_MOST && s.script.at < s.script.end; i++) step(&s);
  for (unsigned i = 0; i < PEERS; i++) peer_flush(&s.peers[i]);
  ask_witness(&s);
  leave_all(&s);
  world_close(&s.world);
  return 0;
}
