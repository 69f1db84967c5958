/* SPDX-License-Identifier: MIT
 *
 * Random lives. Clients that keep the rules of the reference protocol exchange
 * tokens, give them back, die and come again; the broker must never accuse one of
 * them, never let a token be dropped that somebody holds, and forget everything in
 * the end. Then: clients that send damaged messages, which only they may suffer from.
 */
#include "tests/unit/broker_wire.h"
#include "tests/unit/random.h"

enum { ENDS = 4, TOKENS = 8, HELD_MOST = 64 };

struct held {
  struct pt pt;
  uint64_t count;
};

/* What a client keeps by the rules: sent per own token, count per holding, requests to answer. */
struct life {
  struct end e;
  char name[8];
  uint64_t sent[TOKENS + 1], next_token[TOKENS + 1]; /* per slot; ids are never used twice */
  uint64_t last_token;
  struct held held[HELD_MOST];
  unsigned n_held;
  uint64_t asked[256];
  enum op asked_op[256];
  unsigned n_asked;
};

static struct wire w;
static struct life lives[ENDS];
static uint64_t random_state;

static uint32_t below(uint32_t n) { return random_below(&random_state, n); }

static void be_born(struct life *l, unsigned i) {
  memset(l, 0, sizeof *l);
  snprintf(l->name, sizeof l->name, "w%u", i);
  wire_join(&w, &l->e, l->name);
}

static struct held *find_held(struct life *l, const struct pt *pt) {
  for (unsigned i = 0; i < l->n_held; i++)
    if (pt_equal(&l->held[i].pt, pt)) return &l->held[i];
  return NULL;
}

/* Any token the client may send: one of its own (counted as sent) or one it holds. */
static struct pt choose_pt(struct life *l) {
  if (l->n_held && below(2)) return l->held[below(l->n_held)].pt;
  unsigned slot = below(TOKENS);
  if (l->sent[slot] == 0) l->next_token[slot] = ++l->last_token;
  l->sent[slot]++;
  return wire_token(&l->e, l->next_token[slot]);
}

/* Rule 3: every PT that arrives is counted in, in order. */
static void count_in(void *user, const struct pt *pt) {
  struct life *l = user;
  if (pt->host == l->e.host) return;
  struct held *h = find_held(l, pt);
  if (!h) {
    ck_assert_uint_lt(l->n_held, HELD_MOST);
    h = &l->held[l->n_held++];
    *h = (struct held){.pt = *pt};
  }
  h->count++;
}

static void on_drop(struct life *l) {
  for (uint32_t i = 0; i < l->e.m.body_count; i += 2) {
    uint64_t id = wire_uint(&l->e), seen = wire_uint(&l->e);
    unsigned slot = 0;
    while (slot < TOKENS && !(l->sent[slot] && l->next_token[slot] == id)) slot++;
    ck_assert_msg(slot < TOKENS, "dropped a token that is not kept");
    ck_assert_uint_le(seen, l->sent[slot]);
    l->sent[slot] -= seen;
    if (l->sent[slot]) continue; /* one is still under way */
    for (unsigned k = 0; k < ENDS; k++) {
      struct pt pt = wire_token(&l->e, id);
      ck_assert_msg(!find_held(&lives[k], &pt), "dropped a token that is held");
    }
  }
}

static void handle(struct life *l) {
  const struct message *m = &l->e.m;
  const struct op_info *info = op_info(m->op);
  if (m->kind == MESSAGE_ERROR) {
    uint64_t status = wire_uint(&l->e);
    ck_assert_msg(status == STATUS_dead, "an honest client got error %s", status_name(status));
  } else if (m->kind == MESSAGE_REPLY || info->way == OP_ROUTED) {
    body_walk(m->body, m->body_size, count_in, l);
  }
  if (m->kind == MESSAGE_REQUEST && l->n_asked < 256) {
    l->asked[l->n_asked] = m->id;
    l->asked_op[l->n_asked++] = m->op;
  }
  if (m->op == OP_drop) on_drop(l);
}

static void read_some(struct life *l, unsigned most) {
  while (most-- > 0) {
    int r = wire_next(&w, &l->e);
    ck_assert_msg(r >= 0, "an honest client was disconnected");
    if (r == 0) return;
    handle(l);
  }
}

static void ask(struct life *l) {
  struct pt target = l->n_held ? l->held[below(l->n_held)].pt : (struct pt){0};
  unsigned values = 1 + below(3);
  if (l->n_held && below(2))
    wire_ask(&l->e, OP_call, NULL, &target, values);
  else
    wire_ask(&l->e, OP_s2t, lives[below(ENDS)].name, NULL, values = 1);
  while (values-- > 0) {
    struct pt pt = choose_pt(l);
    pack_pt(&l->e.p, &pt);
  }
  wire_send(&w, &l->e);
  if (below(8)) return;
  pack_uint(wire_begin(&l->e, MESSAGE_NOTICE, OP_cancel, 0, 1), l->e.last_id);
  wire_send(&w, &l->e);
}

static void answer(struct life *l) {
  if (!l->n_asked) return;
  unsigned i = below(l->n_asked);
  bool bare = l->asked_op[i] == OP_free;
  wire_begin(&l->e, MESSAGE_REPLY, l->asked_op[i], l->asked[i], bare ? 0 : 1);
  if (!bare) {
    struct pt pt = choose_pt(l);
    pack_pt(&l->e.p, &pt);
  }
  wire_send(&w, &l->e);
  l->n_asked--;
  l->asked[i] = l->asked[l->n_asked];
  l->asked_op[i] = l->asked_op[l->n_asked];
}

static void give_back(struct life *l) {
  if (!l->n_held) return;
  struct held *h = &l->held[below(l->n_held)];
  wire_unsub(&w, &l->e, &h->pt, h->count);
  *h = l->held[--l->n_held];
}

static void step(unsigned i) {
  struct life *l = &lives[i];
  uint32_t what = below(1000);
  if (what < 300)
    ask(l);
  else if (what < 550)
    answer(l);
  else if (what < 700)
    give_back(l);
  else if (what < 995)
    read_some(l, 1 + below(4));
  else {
    wire_leave(&l->e);
    wire_turn(&w);
    be_born(l, i);
  }
  while (l->n_held > HELD_MOST - 16) give_back(l);
}

START_TEST(honest_clients_are_never_accused_and_nothing_is_left) {
  struct broker_config config = {
      .load_min = 5, .load_gain = 1.4, .max_message = 1 << 20, .log_level = LOG_ERROR};
  random_state = random_seed("random");
  wire_open(&w, &config);
  for (unsigned i = 0; i < ENDS; i++) be_born(&lives[i], i);
  for (int n = 0; n < 6000; n++) step(below(ENDS));
  /* Everybody reads up and gives everything back, until no token is left. */
  for (int round = 0; round < 100; round++) {
    for (unsigned i = 0; i < ENDS; i++) {
      read_some(&lives[i], UINT32_MAX);
      while (lives[i].n_held) give_back(&lives[i]);
    }
  }
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
  for (unsigned i = 0; i < ENDS; i++) {
    for (unsigned slot = 0; slot < TOKENS; slot++) ck_assert_uint_eq(lives[i].sent[slot], 0);
    wire_leave(&lives[i].e);
  }
  wire_turn(&w);
  wire_turn(&w);
  ck_assert_uint_eq(w.broker.hosts.all.count, 0);
  ck_assert_uint_eq(w.broker.calls.all.count, 0);
  ck_assert_uint_eq(w.broker.loads.all.count, 0);
  wire_close(&w);
}
END_TEST

/* Some valid message, for damaging. */
static void any_message(struct end *e, const struct pt *pt) {
  switch (below(7)) {
    case 0: pack_pt(wire_ask(e, OP_call, NULL, pt, 1), pt); break;
    case 1: pack_text(wire_ask(e, OP_s2t, "w0", NULL, 1), "label"); break;
    case 2: pack_pt(wire_begin(e, MESSAGE_NOTICE, OP_unsub, 0, 2), pt); pack_uint(&e->p, 1); break;
    case 3:
      pack_text(wire_ask(e, OP_inspect, NULL, NULL, 2), "tokens");
      pack_uint(&e->p, below(300));
      break;
    case 4: pack_text(wire_ask(e, OP_watch, NULL, NULL, 2), "w9"); pack_text(&e->p, "ready"); break;
    case 5: pack_pt(wire_begin(e, MESSAGE_REPLY, OP_get, below(50), 1), pt); break;
    default: pack_pt(wire_ask(e, OP_sub, NULL, NULL, 1), pt); break;
  }
  wire_end(e);
}

START_TEST(damaged_messages_hurt_only_their_sender) {
  random_state = random_seed("damage");
  wire_open(&w, NULL);
  static struct end good, other;
  wire_join(&w, &good, "w0");
  wire_join(&w, &other, "w1");
  struct pt x = wire_token(&good, 1);
  wire_fetch(&w, &other, &good, "w0", &x);
  for (int n = 0; n < 1500; n++) {
    struct end bad = {0};
    wire_connect(&w, &bad);
    wire_hello(&w, &bad, "bad", below(2));
    uint32_t messages = 1 + below(5);
    while (messages-- > 0) {
      struct pt pt = x;
      if (below(2)) pt.id = below(3) + 1, pt.stamp = below(3);
      uint32_t start = bad.out.size;
      any_message(&bad, &pt);
      for (uint32_t hits = below(4); hits > 0; hits--)
        bad.out.bytes[start + below(bad.out.size - start)] = (uint8_t)below(256);
    }
    uint32_t cut = below(4) ? 0 : below(bad.out.size);
    ssize_t sent = send(bad.fd, bad.out.bytes, bad.out.size - cut, MSG_NOSIGNAL);
    ck_assert(sent >= 0 || errno == EPIPE);
    wire_turn(&w);
    wire_leave(&bad);
    wire_turn(&w);
    wire_turn(&w);
  }
  wire_unsub(&w, &other, &x, 1);
  int dropped = 0;
  while (wire_next(&w, &good) == 1) dropped += good.m.op == OP_drop;
  ck_assert_int_eq(dropped, 1);
  wire_leave(&good);
  wire_leave(&other);
  wire_close(&w);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker random");
  TCase *t = tcase_create("random");
  suite_add_tcase(s, t);
  tcase_add_test(t, honest_clients_are_never_accused_and_nothing_is_left);
  tcase_add_test(t, damaged_messages_hurt_only_their_sender);
  return run_suite(s);
}
