/* SPDX-License-Identifier: MIT
 *
 * Random steps. Clients that keep the rules of the reference protocol exchange tokens, give them
 * back, end and connect again; the broker must never take one of them for a forger, never drop a
 * token that somebody holds, and forget everything in the end. Then: clients that send damaged
 * messages, which must harm only themselves.
 */
#include "tests/unit/broker_wire.h"
#include "tests/unit/random.h"

/* The last model is an observer, that borrows. */
enum { ENDS = 4, OBSERVER = ENDS, MODELS, TOKENS = 8, HELD_KEPT = 48, HELD_MOST = 256 };

struct held {
  struct pt pt;
  uint64_t count;
};

/* A client and what it must keep by the rules: sent per own token, count per holding, requests to
 * answer. */
struct model {
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
static struct model models[MODELS];
static uint64_t random_state;

static uint32_t below(uint32_t n) { return random_below(&random_state, n); }

static void join(struct model *c, unsigned i) {
  memset(c, 0, sizeof *c);
  snprintf(c->name, sizeof c->name, "w%u", i);
  wire_join_as(&w, &c->e, c->name, i == OBSERVER);
}

static struct held *find_held(struct model *c, const struct pt *pt) {
  for (unsigned i = 0; i < c->n_held; i++)
    if (pt_equal(&c->held[i].pt, pt)) return &c->held[i];
  return NULL;
}

/* Any token the client may send: one of its own (counted as sent) or one it holds. */
static struct pt choose_pt(struct model *c) {
  if (c->n_held && below(2)) return c->held[below(c->n_held)].pt;
  unsigned slot = below(TOKENS);
  if (c->sent[slot] == 0) c->next_token[slot] = ++c->last_token;
  c->sent[slot]++;
  return wire_token(&c->e, c->next_token[slot]);
}

/* Rule 3: every PT that arrives is counted in, in order. */
static void count_in(void *user, const struct value *v) {
  struct model *c = user;
  const struct pt *pt = &v->pt;
  if (v->type != VALUE_PT || pt->host == c->e.host) return;
  struct held *h = find_held(c, pt);
  if (!h) {
    ck_assert_uint_lt(c->n_held, HELD_MOST);
    h = &c->held[c->n_held++];
    *h = (struct held){.pt = *pt};
  }
  h->count++;
}

static void on_drop(struct model *c) {
  for (uint32_t i = 0; i < c->e.m.body_count; i += 2) {
    uint64_t id = wire_uint(&c->e), seen = wire_uint(&c->e);
    unsigned slot = 0;
    while (slot < TOKENS && !(c->sent[slot] && c->next_token[slot] == id)) slot++;
    ck_assert_msg(slot < TOKENS, "dropped a token that is not kept");
    ck_assert_uint_le(seen, c->sent[slot]);
    c->sent[slot] -= seen;
    if (c->sent[slot]) continue; /* one is still under way */
    for (unsigned k = 0; k < MODELS; k++) {
      struct pt pt = wire_token(&c->e, id);
      ck_assert_msg(!find_held(&models[k], &pt), "dropped a token that is held");
    }
  }
}

static void handle(struct model *c) {
  const struct message *m = &c->e.m;
  const struct op_info *info = op_info(m->op);
  if (m->kind == MESSAGE_ERROR) {
    uint64_t status = wire_uint(&c->e);
    bool is_loan = m->op == OP_lend && status == STATUS_stale;
    ck_assert_msg(is_loan || status == STATUS_dead || status == STATUS_lost, "a client that keeps the rules got error %s",
                  status_name(status));
  } else if (m->kind == MESSAGE_REPLY || info->way == OP_ROUTED) {
    body_walk(m->body, m->body_size, count_in, c);
  }
  if (m->kind == MESSAGE_REQUEST && c->n_asked < 256) {
    c->asked[c->n_asked] = m->id;
    c->asked_op[c->n_asked++] = m->op;
  }
  if (m->op == OP_drop) on_drop(c);
}

static void read_some(struct model *c, unsigned most) {
  while (most-- > 0) {
    int r = wire_next(&w, &c->e);
    ck_assert_msg(r >= 0, "a client that keeps the rules was disconnected");
    if (r == 0) return;
    handle(c);
  }
}

static void ask(struct model *c) {
  struct pt target = c->n_held ? c->held[below(c->n_held)].pt : (struct pt){0};
  unsigned values = 1 + below(3);
  if (c->n_held && below(2))
    wire_ask(&c->e, OP_call, NULL, &target, values);
  else
    wire_ask(&c->e, OP_s2t, models[below(ENDS)].name, NULL, values = 1);
  while (values-- > 0) {
    struct pt pt = choose_pt(c);
    pack_pt(&c->e.p, &pt);
  }
  wire_send(&w, &c->e);
  if (below(8)) return;
  pack_uint(wire_begin(&c->e, MESSAGE_NOTICE, OP_cancel, 0, 1), c->e.last_id);
  wire_send(&w, &c->e);
}

static void answer(struct model *c) {
  if (!c->n_asked) return;
  unsigned i = below(c->n_asked);
  bool bare = c->asked_op[i] == OP_free;
  wire_begin(&c->e, MESSAGE_REPLY, c->asked_op[i], c->asked[i], bare ? 0 : 1);
  if (!bare) {
    struct pt pt = choose_pt(c);
    pack_pt(&c->e.p, &pt);
  }
  wire_send(&w, &c->e);
  c->n_asked--;
  c->asked[i] = c->asked[c->n_asked];
  c->asked_op[i] = c->asked_op[c->n_asked];
}

static void give_back(struct model *c) {
  if (!c->n_held) return;
  struct held *h = &c->held[below(c->n_held)];
  wire_unsub(&w, &c->e, &h->pt, h->count);
  *h = c->held[--c->n_held];
}

/* One of the youngest tokens of some worker, whether anybody holds it or not. */
static void borrow(struct model *c) {
  const struct model *host = &models[below(ENDS)];
  uint64_t youngest = host->last_token, back = below(2 * TOKENS);
  pack_text(wire_ask(&c->e, OP_lend, NULL, NULL, 2), host->name);
  pack_uint(&c->e.p, youngest > back ? youngest - back : 1);
  wire_send(&w, &c->e);
}

static void step(unsigned i) {
  struct model *c = &models[i];
  uint32_t what = below(1000);
  if (i == OBSERVER && what < 550)
    borrow(c);
  else if (what < 300)
    ask(c);
  else if (what < 550)
    answer(c);
  else if (what < 700)
    give_back(c);
  else if (what < 995)
    read_some(c, 1 + below(4));
  else {
    wire_leave(&c->e);
    wire_turn(&w);
    join(c, i);
  }
  while (c->n_held > HELD_KEPT) give_back(c);
}

START_TEST(clients_that_keep_the_rules_are_served_and_nothing_is_left) {
  struct broker_config config = wire_config();
  config.load_min = 5;
  random_state = random_seed("random");
  wire_open(&w, &config);
  for (unsigned i = 0; i < MODELS; i++) join(&models[i], i);
  for (int n = 0; n < 6000; n++) step(below(MODELS));
  /* Everybody reads up and gives everything back, until no token is left. */
  for (int round = 0; round < 100; round++) {
    for (unsigned i = 0; i < MODELS; i++) {
      read_some(&models[i], UINT32_MAX);
      while (models[i].n_held) give_back(&models[i]);
    }
  }
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
  for (unsigned i = 0; i < MODELS; i++) {
    for (unsigned slot = 0; slot < TOKENS; slot++) ck_assert_uint_eq(models[i].sent[slot], 0);
    wire_leave(&models[i].e);
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
  switch (below(8)) {
    case 0: pack_pt(wire_ask(e, OP_call, NULL, pt, 1), pt); break;
    case 1: pack_text(wire_ask(e, OP_s2t, "w0", NULL, 1), "label"); break;
    case 2: pack_pt(wire_begin(e, MESSAGE_NOTICE, OP_unsub, 0, 2), pt); pack_uint(&e->p, 1); break;
    case 3:
      pack_text(wire_ask(e, OP_inspect, NULL, NULL, 2), "tokens");
      pack_uint(&e->p, below(300));
      break;
    case 4: pack_text(wire_ask(e, OP_watch, NULL, NULL, 2), "w9"); pack_text(&e->p, "ready"); break;
    case 5: pack_text(wire_ask(e, OP_lend, NULL, NULL, 2), "w0"); pack_uint(&e->p, pt->id); break;
    case 6: pack_pt(wire_begin(e, MESSAGE_REPLY, OP_get, below(50), 1), pt); break;
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
  tcase_add_test(t, clients_that_keep_the_rules_are_served_and_nothing_is_left);
  tcase_add_test(t, damaged_messages_hurt_only_their_sender);
  return run_suite(s);
}
