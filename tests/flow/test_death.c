/* SPDX-License-Identifier: MIT
 *
 * At every point of death. The hand-off of handoff.h is a fixed sequence of events
 * (one client's bytes are written, the broker turns, one client handles its
 * input). Before each event, and after the last, each client is killed; then each pair of
 * clients, at every two points (DEATH_STRIDE=n: at every n-th pair of them). However it ends: those alive agree with the
 * broker, were told of the death if they waited for an answer, can use what they hold
 * or get `dead`, and when they have let go the broker has nothing left.
 */
#define _GNU_SOURCE
#include "proto/base.h"
#include "tests/flow/handoff.h"

enum event_kind { WRITE, TURN, HANDLE, LET_GO, ANSWER };
struct event {
  enum event_kind kind;
  unsigned party;
};

/* Comments: the messages that move. */
static const struct event events[] = {
    {WRITE, PARTY_A}, {TURN, 0}, {HANDLE, PARTY_H},  /* s2t to H */
    {WRITE, PARTY_H}, {TURN, 0}, {HANDLE, PARTY_A},  /* the object */
    {WRITE, PARTY_A}, {TURN, 0}, {HANDLE, PARTY_C},  /* s2t to C */
    {WRITE, PARTY_C}, {TURN, 0}, {HANDLE, PARTY_A},  /* the function */
    {WRITE, PARTY_A},                                /* call with the object, unsub, second s2t to H */
    {LET_GO, PARTY_A}, {WRITE, PARTY_A},             /* unsub, if it did not go with the call */
    {TURN, 0}, {HANDLE, PARTY_C}, {HANDLE, PARTY_H}, /* the call; the second s2t, which H puts off */
    {WRITE, PARTY_C}, {TURN, 0}, {HANDLE, PARTY_H},  /* get of the field */
    {WRITE, PARTY_H}, {TURN, 0}, {HANDLE, PARTY_C},  /* 42 */
    {WRITE, PARTY_C}, {TURN, 0},                     /* the call's reply, and unsub of both objects */
    {HANDLE, PARTY_A},                               /* the reply; drop of A's object */
    {ANSWER, PARTY_H}, {WRITE, PARTY_H},             /* the object again, while its drop is on the way */
    {HANDLE, PARTY_H}, {TURN, 0}, {HANDLE, PARTY_A}, /* the drop; the object */
    {WRITE, PARTY_A}, {TURN, 0}, {HANDLE, PARTY_C},  /* unsub of the function, its drop */
};
enum { POINTS = ARRAY_SIZE(events) + 1 };

struct death {
  unsigned party, point;
  bool writing; /* in the middle of what it was about to write */
};

static struct handoff h;
static bool separate;

static void happen(const struct event *e) {
  struct party *p = &h.p[e->party];
  switch (e->kind) {
    case WRITE: party_flush(p); break;
    case TURN:
      wire_turn(&h.w);
      h.cancel_due = h.cancel_due || (!h.p[PARTY_A].g && h.p[PARTY_H].g && h.p[PARTY_H].putting_off);
      break;
    case HANDLE: party_dispatch(p); break;
    case LET_GO:
      if (h.separate && p->g && p->n_kept == 2) party_drop_first(p);
      break;
    case ANSWER: party_answer_late(p); break;
  }
}

static void die(const struct death *d) {
  if (d->writing)
    party_kill_writing(&h.p[d->party]);
  else
    party_kill(&h.p[d->party]);
}

/* One life of the three: the deaths happen, everything else goes on. */
static void run(const struct death *deaths, unsigned n) {
  char story[160] = "nobody dies";
  for (unsigned i = 0, at = 0; i < n; i++)
    at += (unsigned)snprintf(story + at, sizeof story - at, "%s%c dies %s event %u", i ? ", " : "", "ACH"[deaths[i].party],
                             deaths[i].writing ? "writing at" : "before", deaths[i].point);
  h.story = story;
  h.separate = separate;
  handoff_join(&h);
  party_start(&h.p[PARTY_A]);
  for (unsigned point = 0; point < POINTS; point++) {
    for (unsigned i = 0; i < n; i++)
      if (deaths[i].point == point) die(&deaths[i]);
    if (point + 1 < POINTS) happen(&events[point]);
  }
  if (n == 0) { /* the events are the whole story: what is left is the object that A keeps */
    party_check(&h, h.w.broker.refs.tokens.count == 1 && h.p[PARTY_A].n_kept == 1 && gaijin_holding_count(h.p[PARTY_A].g) == 1);
    party_check(&h, gaijin_token_count(h.p[PARTY_C].g) == 0 && gaijin_holding_count(h.p[PARTY_C].g) == 0);
  }
  handoff_rest(&h);
  handoff_agree(&h);
  if (n == 0) party_check(&h, h.p[PARTY_A].done && h.p[PARTY_C].done && !h.p[PARTY_A].failed && !h.p[PARTY_C].failed);
  if (h.cancel_due && h.p[PARTY_H].g) party_check(&h, h.p[PARTY_H].cancelled);
  handoff_use(&h);
  handoff_clean(&h);
  handoff_leave(&h);
  h.story = "between two lives";
}

static void open_all(void) { handoff_open(&h); }
static void close_all(void) { wire_close(&h.w); }

/* Loop tests: _i says whether A lets go in a step of its own. */
START_TEST(nobody_dies) {
  separate = _i;
  open_all();
  run(NULL, 0);
  close_all();
}
END_TEST

START_TEST(one_dies) {
  separate = _i;
  open_all();
  for (unsigned party = 0; party < PARTIES; party++)
    for (unsigned point = 0; point < POINTS; point++)
      for (unsigned writing = 0; writing < 2; writing++) run(&(struct death){party, point, writing}, 1);
  close_all();
}
END_TEST

START_TEST(two_die) {
  separate = _i;
  unsigned step = handoff_stride(1), count = 0;
  open_all();
  for (unsigned first = 0; first < PARTIES; first++)
    for (unsigned second = 0; second < PARTIES; second++)
      for (unsigned point = 0; first != second && point < POINTS; point++)
        for (unsigned later = point; later < POINTS; later++)
          if (count++ % step == 0) run((const struct death[]){{first, point, false}, {second, later, false}}, 2);
  close_all();
}
END_TEST

START_TEST(all_die) {
  separate = _i;
  open_all();
  for (unsigned point = 0; point < POINTS; point++)
    run((const struct death[]){{PARTY_A, point, false}, {PARTY_C, point, false}, {PARTY_H, point, false}}, 3);
  close_all();
}
END_TEST

/* ---- Full sockets ---- */

enum { FLOOD = 64, FLOOD_BYTES = 60000, ROOM_BYTES = 4 << 20 };

/* `from` calls the function that it holds first, with a string and the token, if any. */
static void call_with(struct party *from, const char *bytes, size_t size, gaijin_token *token) {
  gaijin_begin_request(from->g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .holding = from->kept[0], .depth = 1}, token ? 2 : 1);
  gaijin_put_string(from->g, bytes, size);
  if (token) gaijin_put_token(from->g, token);
  party_ended(from, handoff_used);
}

/* `p` comes to keep what the worker exposes. */
static void get_label(struct party *p, const char *name) {
  party_ask_label(p, name, party_labelled);
  handoff_rest(&h);
  ck_assert_uint_gt(p->n_kept, 0);
}

static size_t waiting_for(const struct party *p) {
  const struct broker *b = &h.w.broker;
  return hosts_at(&b->hosts, hosts_find(&b->hosts, gaijin_host(p->g)))->client->outbox.bytes;
}

/* `from` calls `to`, which reads nothing, with fresh objects, until its socket is full and bytes wait in the broker. */
static void flood(struct party *from, struct party *to, const char *bytes) {
  for (int i = 0; i < FLOOD; i++) {
    gaijin_token *t = gaijin_token_new(from->g, GAIJIN_KIND_TABLE, NULL);
    call_with(from, bytes, FLOOD_BYTES, t);
    for (int n = 0; n < 4; n++) {
      party_flush(from);
      wire_turn(&h.w);
    }
  }
  ck_assert_uint_gt(waiting_for(to), FLOOD_BYTES);
  ck_assert(party_readable(to));
}

/* The victim writes calls of one size until the kernel takes no more, the broker not turning; the whole ones written. */
static unsigned fill(struct party *p, const char *bytes) {
  size_t start = gaijin_queued_bytes(p->g), one;
  call_with(p, bytes, FLOOD_BYTES, NULL);
  one = gaijin_queued_bytes(p->g) - start;
  unsigned written = 1;
  for (; gaijin_queued_bytes(p->g) < ROOM_BYTES; written++) call_with(p, bytes, FLOOD_BYTES, NULL);
  party_flush(p);
  size_t left = gaijin_queued_bytes(p->g);
  ck_assert_uint_gt(left, 0);
  return written - (unsigned)((left + one - 1) / one);
}

/* What the broker may have done when the client dies: nothing; read a part of what it wrote; failed to write to it. */
enum { FULL_UNTOUCHED, FULL_PARTLY_READ, FULL_DEAF, FULL_CASES };

static void before_death(struct party *dying, struct party *caller, int which) {
  if (which == FULL_DEAF) {
    ck_assert_int_eq(shutdown(gaijin_fd(dying->g), SHUT_RD), 0);
    call_with(caller, "", 0, NULL);
    party_flush(caller);
  }
  if (which != FULL_UNTOUCHED) wire_turn(&h.w);
}

START_TEST(full_sockets) {
  char *bytes = malloc(FLOOD_BYTES);
  ck_assert_ptr_nonnull(bytes);
  memset(bytes, 'x', FLOOD_BYTES);
  open_all();
  h.story = "full sockets";
  handoff_join(&h);
  h.late = true;
  struct party *a = &h.p[PARTY_A], *c = &h.p[PARTY_C], *host = &h.p[PARTY_H];
  get_label(host, "C");
  get_label(c, "A");
  get_label(c, "H");
  flood(host, c, bytes);
  unsigned whole = fill(c, bytes);
  before_death(c, host, _i);
  party_kill(c);
  handoff_rest(&h);
  ck_assert_msg(a->served == whole, "case %d: %u calls were written, %u arrived", _i, whole, a->served);
  party_check(&h, host->failed == GAIJIN_STATUS_DEAD || host->failed == GAIJIN_STATUS_LOST);
  handoff_agree(&h);
  handoff_use(&h);
  handoff_clean(&h);
  handoff_leave(&h);
  close_all();
  free(bytes);
}
END_TEST

/* The name of a worker that was killed, however much it had written, is free for the next one at once. _i: the next
 * one had connected before the death, so that the broker learns of both in one turn. */
START_TEST(name_is_free) {
  char *bytes = malloc(FLOOD_BYTES);
  struct end next = {.fd = -1};
  ck_assert_ptr_nonnull(bytes);
  memset(bytes, 'x', FLOOD_BYTES);
  open_all();
  h.story = "a name is used again";
  handoff_join(&h);
  get_label(&h.p[PARTY_C], "A");
  if (_i) wire_connect(&h.w, &next);
  wire_turn(&h.w);
  unsigned whole = fill(&h.p[PARTY_C], bytes);
  party_kill(&h.p[PARTY_C]);
  if (_i) {
    wire_hello(&h.w, &next, "C", false);
    wire_expect(&h.w, &next, MESSAGE_REPLY, OP_hello);
    wire_leave(&next);
  } else {
    party_join(&h, PARTY_C);
  }
  handoff_rest(&h);
  party_check(&h, h.p[PARTY_A].served == whole);
  handoff_agree(&h);
  handoff_clean(&h);
  handoff_leave(&h);
  close_all();
  free(bytes);
}
END_TEST

int main(void) {
  Suite *s = suite_create("death");
  TCase *t = tcase_create("death");
  tcase_set_timeout(t, 600);
  tcase_add_loop_test(t, nobody_dies, 0, 2);
  tcase_add_loop_test(t, one_dies, 0, 2);
  tcase_add_loop_test(t, two_die, 0, 2);
  tcase_add_loop_test(t, all_die, 0, 2);
  tcase_add_loop_test(t, full_sockets, 0, FULL_CASES);
  tcase_add_loop_test(t, name_is_free, 0, 2);
  suite_add_tcase(s, t);
  return run_suite(s);
}
