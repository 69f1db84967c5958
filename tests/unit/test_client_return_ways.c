/* SPDX-License-Identifier: MIT
 *
 * The ways a return can go wrong or twice (client-lib/return.c, reset.c, owed.c): refused hellos, declared dead, cut again at each
 * message, many tokens, time that runs out, forks, and answers that no broker should give.
 */
#include <sys/wait.h>

#include "tests/unit/fake_return.h"

static gaijin_holding *held(struct returned *r, const struct gaijin_pt *pt) {
  unsigned n = fake_give(&r->f, pt);
  gaijin_holding *h = gaijin_holding_find(r->f.g, pt);
  gaijin_hold(r->f.g, h);
  gaijin_body_free(r->f.told.answer[n].body);
  return h;
}

static void open_with_one_of_each(struct returned *r, gaijin_token **t, gaijin_holding **h) {
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  return_open(r);
  *t = gaijin_token_new(r->f.g, GAIJIN_KIND_TABLE, t);
  fake_take(&r->f, *t);
  *h = held(r, &pt);
}

/* Turns until the connection is away no more; what dispatch gave last. */
static int turn_to_the_end(struct returned *r) {
  int status = 0;
  while (status == 0 && gaijin_link(r->f.g) == GAIJIN_AWAY) status = return_turn(r);
  return status;
}

/* ---- Cut again ---- */

/* The broker dies again: 0 before hello, 1 at hello, 2 after its answer, 3 after the words were read, 4 after the claim was granted,
 * 5 after it was refused. Each time all is owed again, but what is known. */
START_TEST(a_second_cut_at_each_message) {
  for (int at = 0; at < 6; at++) {
    struct returned r;
    gaijin_token *t;
    gaijin_holding *h;
    uint64_t host, one = 1;
    struct secret s;
    open_with_one_of_each(&r, &t, &h);
    return_cut(&r);
    if (at == 1) {
      ck_assert(return_meet(&r, &host, &s));
      return_kill(&r);
      ck_assert_int_eq(return_turn(&r), 0);
      ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_AWAY);
    } else if (at > 1) {
      return_back(&r);
      if (at > 2) {
        return_expect(&r, OP_announce, 1);
        return_expect(&r, OP_claim, 1);
        uint64_t id = r.f.m.id;
        return_expect(&r, OP_back, 0);
        if (at > 3) return_decide(&r, id, &one, at == 5);
        if (at > 3) ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
      }
      return_cut(&r);
      ck_assert_uint_eq(t->sent, 1);
      ck_assert_uint_eq(h->count, 0);
    }
    return_back_in(&r, GENERATION + 2);
    return_expect(&r, OP_announce, 1);
    if (at < 5) {
      return_expect(&r, OP_claim, 1);
      uint64_t id = r.f.m.id;
      return_decide(&r, id, NULL, 0);
      ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
      ck_assert_uint_eq(h->count, 1);
    } else {
      ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_GONE);
    }
    return_expect(&r, OP_back, 0);
    return_check(&r);
    ck_assert_uint_eq(h->pending, 0);
    fake_close(&r.f);
  }
}
END_TEST

/* In `disconnected`, `reconnected` and the answers of lost calls the program may do what it may do anywhere. */
static void ask_again(void *user, const struct gaijin_answer *answer) {
  struct fake *f = user;
  told_answer(user, answer);
  gaijin_begin_request(f->g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  if (gaijin_end_request(f->g, ask_again, f, NULL) != GAIJIN_STATUS_LOST) ck_abort_msg("sent while away");
}
START_TEST(a_lost_call_is_not_sent_again_from_its_answer) {
  struct returned r;
  return_open(&r);
  fake_ask(&r.f, ask_again);
  return_cut(&r);
  ck_assert_uint_eq(r.f.told.answers, 1);
  return_back(&r);
  return_expect(&r, OP_back, 0);
  ck_assert(fake_idle(&r.f));
  fake_close(&r.f);
}
END_TEST

/* ---- Declared dead ---- */

START_TEST(who_was_declared_dead_comes_as_another) {
  struct returned r;
  gaijin_token *t;
  gaijin_holding *h;
  uint64_t host;
  struct secret s;
  open_with_one_of_each(&r, &t, &h);
  gaijin_token *pinned = gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, &r);
  fake_take(&r.f, pinned);
  struct gaijin_pt home = gaijin_token_pt(r.f.g, pinned), pt = fake_pt(OTHER_HOST, 1);
  fake_begin(&r.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&r.f.p, OTHER_HOST);
  pack_text(&r.f.p, "bank");
  fake_send(&r.f);
  fake_begin_to(&r.f, GAIJIN_OP_CALL, 41, &home, 1);
  fake_put_pt(&r.f, &home);
  fake_deliver(&r.f);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  return_refuse(&r, GAIJIN_STATUS_DEAD, "you were declared dead while you were away (time)");
  ck_assert_int_eq(return_turn(&r), 0);
  close(r.f.fd);
  ck_assert(!return_meet(&r, &host, &s)); /* without host and secret */
  return_welcome(&r.f, NEW_HOST, GENERATION + 1);
  ck_assert_int_eq(turn_to_the_end(&r), 0);
  ck_assert_str_eq(r.log, "dfxbr");
  ck_assert_uint_eq(r.former, FAKE_HOST);
  ck_assert_uint_eq(gaijin_host(r.f.g), NEW_HOST);
  return_check(&r);
  ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_GONE);
  ck_assert(gaijin_host_dead(r.f.g, OTHER_HOST));
  ck_assert_int_eq(gaijin_flush(r.f.g, true), 0);
  return_expect(&r, OP_back, 0);
  /* The body that had come is still read as it was. */
  struct gaijin_value v;
  ck_assert(gaijin_body_next(r.f.told.body[0], &v));
  ck_assert_int_eq(v.type, GAIJIN_HOME);
  gaijin_body_free(r.f.told.body[0]);
  ck_assert_uint_eq(r.f.told.forgets, 2);
  ck_assert_uint_eq(gaijin_token_count(r.f.g), 0);
  /* The other host lives: it is met again, and its object is the one that it was. */
  fake_begin(&r.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&r.f.p, OTHER_HOST);
  pack_text(&r.f.p, "bank");
  fake_send(&r.f);
  unsigned n = fake_give(&r.f, &pt);
  ck_assert(!gaijin_host_dead(r.f.g, OTHER_HOST));
  ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_HELD);
  gaijin_body_free(r.f.told.answer[n].body);
  return_check(&r);
  fake_close(&r.f);
}
END_TEST

START_TEST(a_name_taken_meanwhile_ends_it) {
  struct returned r;
  uint64_t host;
  struct secret s;
  return_open(&r);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  return_refuse(&r, GAIJIN_STATUS_DEAD, "you were declared dead");
  ck_assert_int_eq(return_turn(&r), 0);
  close(r.f.fd);
  ck_assert(!return_meet(&r, &host, &s));
  return_refuse(&r, GAIJIN_STATUS_NAME_TAKEN, "another worker is named shop");
  ck_assert_int_eq(turn_to_the_end(&r), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "another worker is named shop"));
  struct secret none = {{0}};
  ck_assert(secret_equal(&r.f.g->ret.secret, &none));
  fake_close(&r.f);
}
END_TEST

/* One that does not know what `host` means gives another host id: all is over, too, and the connection good. */
START_TEST(another_host_id_means_declared_dead) {
  struct returned r;
  gaijin_token *t;
  gaijin_holding *h;
  uint64_t host;
  struct secret s;
  open_with_one_of_each(&r, &t, &h);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  return_welcome(&r.f, NEW_HOST, GENERATION + 1);
  ck_assert_int_eq(turn_to_the_end(&r), 0);
  ck_assert_str_eq(r.log, "dfxbr");
  return_check(&r);
  gaijin_let_go(r.f.g, h);
  fake_close(&r.f);
}
END_TEST

/* ---- Hello goes wrong ---- */

START_TEST(a_broker_without_room_is_asked_again) {
  struct returned r;
  uint64_t host;
  struct secret s;
  return_open(&r);
  return_cut(&r);
  for (int i = 0; i < 3; i++) {
    ck_assert(return_meet(&r, &host, &s));
    return_refuse(&r, GAIJIN_STATUS_BUSY, "no room");
    ck_assert_int_eq(return_turn(&r), 0);
    close(r.f.fd);
  }
  return_back(&r);
  ck_assert_str_eq(r.log, "dr");
  fake_close(&r.f);
}
END_TEST

START_TEST(other_refusals_end_it) {
  struct returned r;
  uint64_t host;
  struct secret s;
  return_open(&r);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  return_refuse(&r, GAIJIN_STATUS_DENIED, "the policy does not let you in");
  ck_assert_int_eq(turn_to_the_end(&r), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "the policy does not let you in"));
  return_check(&r);
  fake_close(&r.f);
}
END_TEST

START_TEST(what_is_no_broker_ends_it) {
  struct returned r;
  uint64_t host;
  struct secret s;
  return_open(&r);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  fake_bytes(&r.f, "HTTP/1.1 400 Bad Request\r\n", 26);
  ck_assert_int_eq(turn_to_the_end(&r), GAIJIN_STATUS_LOST);
  fake_close(&r.f);
}
END_TEST

/* The answer may come a byte at a time, and with the next messages at its heels. */
START_TEST(the_answer_to_hello_in_pieces_and_with_more_behind) {
  struct returned r;
  uint64_t host;
  struct secret s;
  gaijin_token *t;
  gaijin_holding *h;
  open_with_one_of_each(&r, &t, &h);
  struct gaijin_pt pt = gaijin_token_pt(r.f.g, t);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  int kept = r.f.fd, ends[2];
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  r.f.fd = ends[0]; /* what return_welcome writes is caught, and sent in pieces */
  return_welcome(&r.f, FAKE_HOST, GENERATION + 1);
  fake_begin_to(&r.f, GAIJIN_OP_CALL, ((uint64_t)(GENERATION + 1) << CALL_ID_BITS) + 1, &pt, 0);
  fake_send(&r.f);
  r.f.fd = kept;
  uint8_t bytes[4096];
  ssize_t n = recv(ends[1], bytes, sizeof bytes, 0);
  ck_assert_int_gt(n, 80);
  for (int i = 0; i < 80; i++) {
    fake_bytes(&r.f, bytes + i, 1);
    ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  }
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_AWAY);
  fake_bytes(&r.f, bytes + 80, (size_t)n - 80);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  ck_assert_str_eq(r.log, "dr");
  ck_assert_uint_eq(r.f.told.requests, 1);
  gaijin_body_free(r.f.told.body[0]);
  close(ends[0]);
  close(ends[1]);
  fake_close(&r.f);
}
END_TEST

START_TEST(time_runs_out) {
  struct returned r;
  return_open_with(&r, 100, false, MAX_MESSAGE_DEFAULT);
  close(r.f.listener);
  unlink(r.f.path);
  return_cut(&r);
  ck_assert_int_eq(turn_to_the_end(&r), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "could not be taken up again in 0.1 s"));
  ck_assert_int_eq(gaijin_dispatch(r.f.g), GAIJIN_STATUS_LOST);
  return_check(&r);
  r.f.listener = dup(0);
  fake_close(&r.f);
}
END_TEST

/* A broker that accepts and says nothing, at the end of the time. */
START_TEST(time_runs_out_in_hello) {
  struct returned r;
  uint64_t host;
  struct secret s;
  return_open_with(&r, 100, false, MAX_MESSAGE_DEFAULT);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  ck_assert_int_eq(turn_to_the_end(&r), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "look whether it hangs"));
  fake_close(&r.f);
}
END_TEST

START_TEST(it_can_be_closed_in_each_state) {
  for (int at = 0; at < 3; at++) {
    struct returned r;
    gaijin_token *t;
    gaijin_holding *h;
    uint64_t host;
    struct secret s;
    open_with_one_of_each(&r, &t, &h);
    return_cut(&r);
    if (at == 1) ck_assert(return_meet(&r, &host, &s));
    if (at == 2) return_back(&r);
    fake_close(&r.f);
  }
}
END_TEST

/* ---- For programs without a loop ---- */

static void *next_broker(void *user) {
  struct fake *f = user;
  f->fd = accept(f->listener, NULL, NULL);
  if (f->fd < 0) return NULL;
  fake_next(f);
  return_welcome(f, FAKE_HOST, GENERATION + 1);
  return NULL;
}

START_TEST(await_goes_through_an_outage) {
  struct returned r;
  struct gaijin_answer a;
  pthread_t broker;
  return_open(&r);
  uint64_t id = fake_ask(&r.f, NULL);
  return_kill(&r);
  ck_assert_int_eq(pthread_create(&broker, NULL, next_broker, &r.f), 0);
  ck_assert_int_eq(gaijin_await(r.f.g, id, 10, &a), GAIJIN_STATUS_LOST);
  ck_assert(!a.ok);
  ck_assert_int_eq(a.status, GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_await_link(r.f.g, NULL, 10), 0);
  pthread_join(broker, NULL);
  ck_assert_str_eq(r.log, "dr");
  fake_close(&r.f);
}
END_TEST

START_TEST(await_link_tells_the_time) {
  struct returned r;
  return_open(&r);
  close(r.f.listener);
  unlink(r.f.path);
  return_cut(&r);
  ck_assert_int_eq(gaijin_await_link(r.f.g, NULL, 0.05), GAIJIN_STATUS_TIMEOUT);
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_AWAY);
  r.f.listener = dup(0);
  fake_close(&r.f);
}
END_TEST

/* ---- Forks ---- */

START_TEST(a_fork_does_not_come_back_in_its_parent_s_name) {
  struct returned r;
  return_open(&r);
  return_cut(&r);
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 20; i++) {
      if (gaijin_dispatch(r.f.g) != GAIJIN_STATUS_UNSUPPORTED) _exit(1);
      poll(NULL, 0, 5);
    }
    if (gaijin_await_link(r.f.g, NULL, 1) != GAIJIN_STATUS_UNSUPPORTED) _exit(2);
    gaijin_close(r.f.g);
    _exit(0);
  }
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  struct pollfd p = {.fd = r.f.listener, .events = POLLIN};
  ck_assert_int_eq(poll(&p, 1, 0), 0); /* nobody has come */
  return_back(&r);                     /* and the parent is none the worse */
  fake_close(&r.f);
}
END_TEST

/* ---- Many ---- */

enum { MANY_TOKENS = 25000, MANY_HOLDINGS = 2500, SMALL_MESSAGE = 8192 };

/* Words and claims of any number: in batches, and never more of them in the out-queue than a few. */
START_TEST(batches_are_bounded_by_the_queue) {
  struct returned r;
  return_open_with(&r, RETURN_MS, false, SMALL_MESSAGE);
  for (uint32_t i = 0; i < MANY_TOKENS; i += 100) {
    gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 100);
    gaijin_abort(r.f.g);
    gaijin_begin_reply(r.f.g, 1, GAIJIN_OP_CALL, 100);
    for (int k = 0; k < 100; k++) gaijin_put_token(r.f.g, gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, &r));
    ck_assert_int_eq(gaijin_end_answer(r.f.g), 0);
    ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
    while (fake_next(&r.f)->op != OP_call) continue;
  }
  for (uint32_t i = 0; i < MANY_HOLDINGS; i += 100) {
    uint64_t id = fake_ask(&r.f, told_answer);
    fake_begin(&r.f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 100);
    for (uint32_t k = 0; k < 100; k++) {
      struct gaijin_pt pt = fake_pt(OTHER_HOST, i + k + 1);
      fake_put_pt(&r.f, &pt);
    }
    fake_deliver(&r.f); /* the bodies hold them */
  }
  return_cut(&r);
  return_back(&r);
  uint32_t tokens = 0, claims = 0, batches = 0;
  size_t most = 0;
  uint64_t ids[64];
  for (;;) {
    ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
    if (gaijin_queued_bytes(r.f.g) > most) most = gaijin_queued_bytes(r.f.g);
    fake_next(&r.f);
    struct reader in;
    uint32_t count;
    ck_assert(reader_open(&in, r.f.m.body, r.f.m.body_size, &count));
    ck_assert_uint_le(count, RETURNED_MOST);
    if (r.f.m.op == OP_back) break;
    if (r.f.m.op == OP_announce) {
      ck_assert_uint_eq(claims, 0);
      tokens += count;
    } else {
      ck_assert_int_eq(r.f.m.op, OP_claim);
      ids[batches++] = r.f.m.id;
      claims += count;
    }
  }
  ck_assert_uint_eq(tokens, MANY_TOKENS);
  ck_assert_uint_eq(claims, MANY_HOLDINGS);
  ck_assert_uint_lt(most, 128 * 1024 + SMALL_MESSAGE);
  ck_assert_uint_gt(most, 0); /* the socket did not take all at once: else this shows nothing */
  return_check(&r);
  while (batches--) return_decide(&r, ids[batches], NULL, 0); /* in any order */
  ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  return_check(&r);
  for (unsigned i = 0; i < r.f.told.answers; i++) gaijin_body_free(r.f.told.answer[i].body);
  ck_assert_uint_eq(gaijin_releases(r.f.g), MANY_HOLDINGS);
  fake_close(&r.f);
}
END_TEST

/* New messages go while words are owed, and their tokens add up. */
START_TEST(new_messages_go_at_once) {
  struct returned r;
  gaijin_token *t;
  gaijin_holding *h;
  open_with_one_of_each(&r, &t, &h);
  return_cut(&r);
  return_back(&r);
  gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 1);
  gaijin_put_token(r.f.g, t);
  ck_assert_int_eq(gaijin_end_request(r.f.g, told_answer, &r.f, NULL), 0);
  ck_assert_uint_eq(t->sent, 2);
  fake_close(&r.f);
}
END_TEST

/* ---- What no broker does ---- */

static void breaks_it(int what) {
  struct returned r;
  return_open(&r);
  struct gaijin_pt pts[] = {fake_pt(OTHER_HOST, 1), fake_pt(OTHER_HOST, 2)};
  for (int i = 0; i < 2; i++) held(&r, &pts[i]);
  gaijin_token *t = gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, &r);
  fake_take(&r.f, t);
  struct gaijin_pt own = gaijin_token_pt(r.f.g, t);
  return_cut(&r);
  return_back(&r);
  return_expect(&r, OP_announce, 1);
  return_expect(&r, OP_claim, 2);
  uint64_t id = r.f.m.id, zero = 0, three = 3, twice[] = {2, 2};
  switch (what) {
    case 0: return_decide(&r, id, &zero, 1); break;
    case 1: return_decide(&r, id, &three, 1); break;
    case 2: return_decide(&r, id, twice, 2); break;
    case 3:
    case 4:
      fake_begin(&r.f, what == 3 ? MESSAGE_REPLY : MESSAGE_ERROR, GAIJIN_OP_CLAIM, id, 1);
      if (what == 3)
        fake_put_pt(&r.f, &pts[0]);
      else
        pack_uint(&r.f.p, GAIJIN_STATUS_BUSY);
      fake_send(&r.f);
      break;
    case 5: fake_begin_to(&r.f, GAIJIN_OP_CALL, 41, &own, 0); fake_send(&r.f); break; /* an id of another generation */
    case 6: fake_drop(&r.f, own.id, 2); break;
    default: break;
  }
  ck_assert_int_eq(gaijin_dispatch(r.f.g), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "broke the protocol"));
  return_check(&r);
  fake_close(&r.f);
}
START_TEST(a_broker_that_breaks_the_protocol_is_left_for_good) { breaks_it(_i); }
END_TEST

/* A word that is still owed was read by nobody: no drop can speak of it. */
START_TEST(a_drop_of_what_is_not_yet_announced) {
  struct returned r;
  return_open(&r);
  gaijin_token *t = gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, &r);
  fake_take(&r.f, t);
  return_cut(&r);
  ck_assert(t->owed && t->sent == 1);
  ck_assert(!gj_token_drop(r.f.g, 1, 1));
  fake_close(&r.f);
}
END_TEST

/* The same answer twice, and one for a claim of an earlier connection, find nothing, as any late answer. */
START_TEST(answers_to_no_claim_are_late) {
  struct returned r;
  gaijin_token *t;
  gaijin_holding *h;
  open_with_one_of_each(&r, &t, &h);
  return_cut(&r);
  return_back(&r);
  return_expect(&r, OP_announce, 1);
  return_expect(&r, OP_claim, 1);
  uint64_t first = r.f.m.id, one = 1;
  return_cut(&r);
  return_back_in(&r, GENERATION + 2);
  return_expect(&r, OP_announce, 1);
  return_expect(&r, OP_claim, 1);
  uint64_t second = r.f.m.id;
  ck_assert_uint_ne(first, second);
  return_decide(&r, first, &one, 1);
  return_decide(&r, second, NULL, 0);
  return_decide(&r, second, &one, 1);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  ck_assert_uint_eq(h->count, 1);
  ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_HELD);
  return_check(&r);
  fake_close(&r.f);
}
END_TEST

/* Who is held by nothing and met by no broker any more is forgotten, so that hosts of many outages do not add up. */
START_TEST(hosts_of_former_brokers_are_forgotten) {
  struct returned r;
  return_open(&r);
  for (uint64_t i = 0; i < 10; i++) {
    fake_begin(&r.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
    pack_uint(&r.f.p, 1000 + i);
    pack_text(&r.f.p, "passer-by");
    fake_deliver(&r.f);
  }
  return_cut(&r);
  ck_assert_str_eq(gaijin_host_name(r.f.g, 1005), "passer-by"); /* its request may still be served */
  return_back(&r);
  return_cut(&r);
  ck_assert_ptr_null(gaijin_host_name(r.f.g, 1005));
  fake_close(&r.f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_return_ways");
  TCase *again = tcase_create("again"), *dead = tcase_create("dead"), *hello = tcase_create("hello"), *alone = tcase_create("alone"),
        *many = tcase_create("many"), *hostile = tcase_create("hostile");
  tcase_add_test(again, a_second_cut_at_each_message);
  tcase_add_test(again, a_lost_call_is_not_sent_again_from_its_answer);
  tcase_add_test(again, hosts_of_former_brokers_are_forgotten);
  tcase_add_test(dead, who_was_declared_dead_comes_as_another);
  tcase_add_test(dead, a_name_taken_meanwhile_ends_it);
  tcase_add_test(dead, another_host_id_means_declared_dead);
  tcase_add_test(hello, a_broker_without_room_is_asked_again);
  tcase_add_test(hello, other_refusals_end_it);
  tcase_add_test(hello, what_is_no_broker_ends_it);
  tcase_add_test(hello, the_answer_to_hello_in_pieces_and_with_more_behind);
  tcase_add_test(hello, time_runs_out);
  tcase_add_test(hello, time_runs_out_in_hello);
  tcase_add_test(hello, it_can_be_closed_in_each_state);
  tcase_add_test(alone, await_goes_through_an_outage);
  tcase_add_test(alone, await_link_tells_the_time);
  tcase_add_test(alone, a_fork_does_not_come_back_in_its_parent_s_name);
  tcase_add_test(many, batches_are_bounded_by_the_queue);
  tcase_add_test(many, new_messages_go_at_once);
  tcase_add_loop_test(hostile, a_broker_that_breaks_the_protocol_is_left_for_good, 0, 7);
  tcase_add_test(hostile, a_drop_of_what_is_not_yet_announced);
  tcase_add_test(hostile, answers_to_no_claim_are_late);
  suite_add_tcase(s, again);
  suite_add_tcase(s, dead);
  suite_add_tcase(s, hello);
  suite_add_tcase(s, alone);
  suite_add_tcase(s, many);
  suite_add_tcase(s, hostile);
  return run_suite(s);
}
