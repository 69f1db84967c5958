/* SPDX-License-Identifier: MIT
 *
 * Real brokers, killed again and again, and two programs of the client library in this process: `shop` has objects, `till` holds
 * them. After each return the holder uses what it holds; in the end nothing is left anywhere.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <gaijin/gaijin.h>
#include "tests/bed/bed.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

enum { OBJECTS = 50, KILLS = 12, PROGRAMS = 2 };

struct program {
  gaijin *g;
  unsigned cuts, returns, reborns, deads, served, answers, lost, forgotten;
};

static struct bed *b;
static struct program shop, till;
static gaijin_token *object[OBJECTS]; /* of shop, while others have it */
static gaijin_holding *held[OBJECTS]; /* by till */

static void on_request(void *user, const struct gaijin_request *r, gaijin_body *body) {
  struct program *p = user;
  struct gaijin_value v;
  p->served++;
  if (r->op == GAIJIN_OP_S2T && gaijin_body_next(body, &v)) {
    size_t n = (size_t)strtoul(v.bytes, NULL, 10) % OBJECTS;
    if (!object[n]) object[n] = gaijin_token_new(p->g, GAIJIN_KIND_FUNCTION, &object[n]);
    gaijin_begin_reply(p->g, r->id, r->op, 1);
    gaijin_put_token(p->g, object[n]);
  } else {
    gaijin_begin_reply(p->g, r->id, r->op, 1);
    gaijin_put_number(p->g, r->target ? (double)((gaijin_token **)gaijin_token_tag(r->target) - object) : -1);
  }
  gaijin_end_answer(p->g);
  gaijin_body_free(body);
}
static void on_forget(void *user, gaijin_token *token, void *tag) {
  ((struct program *)user)->forgotten++;
  if (*(gaijin_token **)tag != token) bed_fail(b, "forgot another object");
  *(gaijin_token **)tag = NULL;
}
static void on_disconnected(void *user, int fd, const char *reason) {
  (void)fd;
  (void)reason;
  ((struct program *)user)->cuts++;
}
static void on_reconnected(void *user, int fd) {
  (void)fd;
  ((struct program *)user)->returns++;
}
static void on_reborn(void *user, uint64_t former) {
  (void)former;
  ((struct program *)user)->reborns++;
}
static void on_dead(void *user, uint64_t host) {
  (void)host;
  ((struct program *)user)->deads++;
}
static const struct gaijin_events events = {.request = on_request, .forget = on_forget, .dead = on_dead, .disconnected = on_disconnected,
                                            .reconnected = on_reconnected, .reborn = on_reborn};

static void open_program(struct program *p, const char *name) {
  char error[256];
  struct gaijin_options o = {
      .socket = bed_socket(b), .name = name, .events = &events, .user = p, .reconnect_ms = 60000, .wait_seconds = 60};
  *p = (struct program){0};
  if (gaijin_connect(&p->g, &o, error, sizeof error)) bed_fail(b, "%s", error);
}

/* One turn of the loop of each program that is given. */
static void turn(struct program *one, struct program *other) {
  struct program *all[PROGRAMS] = {one, other};
  struct pollfd p[PROGRAMS];
  for (int i = 0; i < PROGRAMS; i++) {
    p[i] = (struct pollfd){.fd = all[i] ? gaijin_fd(all[i]->g) : -1, .events = POLLIN};
    if (!all[i]) continue;
    gaijin_flush(all[i]->g, true);
    if (gaijin_wants_write(all[i]->g)) p[i].events |= POLLOUT;
  }
  if (poll(p, PROGRAMS, (int)(bed_limit(b) * 1000)) < 1) bed_fail(b, "nothing happens");
  for (int i = 0; i < PROGRAMS; i++)
    if (all[i] && p[i].revents && gaijin_dispatch(all[i]->g)) bed_fail(b, "%s", gaijin_error(all[i]->g));
}

struct wanted {
  bool done, lost;
  gaijin_holding *holding;
  double number;
};
static void on_answer(void *user, const struct gaijin_answer *a) {
  struct wanted *w = user;
  struct gaijin_value v;
  w->done = true;
  w->lost = !a->ok;
  if (!a->ok && a->status != GAIJIN_STATUS_LOST && a->status != GAIJIN_STATUS_AWAY) bed_fail(b, "%s", a->text);
  if (a->ok && gaijin_body_next(a->body, &v)) {
    w->number = v.number;
    w->holding = v.holding;
    if (v.holding) gaijin_hold(till.g, v.holding);
  }
  gaijin_body_free(a->body);
}

static bool ask(const struct gaijin_send *send, unsigned text, struct wanted *w) {
  char bytes[16];
  *w = (struct wanted){0};
  snprintf(bytes, sizeof bytes, "%u", text);
  gaijin_begin_request(till.g, send, 1);
  gaijin_put_text(till.g, bytes);
  return gaijin_end_request(till.g, on_answer, w, NULL) == 0;
}

static void fetch(unsigned n) {
  struct wanted w;
  for (;;) { /* until the worker is back, too */
    if (!ask(&(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "shop"}, n, &w)) bed_fail(b, "%s", gaijin_error(till.g));
    while (!w.done) turn(&shop, &till);
    if (!w.lost) break;
  }
  if (held[n]) {
    if (held[n] != w.holding) bed_fail(b, "object %u is another one", n);
    gaijin_let_go(till.g, w.holding);
  }
  held[n] = w.holding;
}

static void let_go(unsigned n) {
  if (held[n]) gaijin_let_go(till.g, held[n]);
  held[n] = NULL;
}

/* Whatever is held can be called, and is what it was. */
static void use_all(void) {
  struct wanted w;
  for (unsigned n = 0; n < OBJECTS; n++) {
    if (!held[n]) continue;
    while (gaijin_holding_standing(held[n]) == GAIJIN_UNCONFIRMED) turn(&shop, &till);
    if (gaijin_holding_standing(held[n]) != GAIJIN_HELD) bed_fail(b, "object %u is lost", n);
    if (!ask(&(struct gaijin_send){.op = GAIJIN_OP_CALL, .holding = held[n]}, 0, &w)) bed_fail(b, "%s", gaijin_error(till.g));
    while (!w.done) turn(&shop, &till);
    if (w.lost || w.number != (double)n) bed_fail(b, "object %u answers %g", n, w.number);
  }
}

static void kill_broker(void) {
  bed_kill(b, bed_broker(b));
  bed_restart(b);
}

static void wait_until_back(struct program *one, struct program *other, unsigned returns) {
  while (one->returns < returns || (other && other->returns < returns)) turn(one, other);
}

static void end_all(void) {
  for (unsigned n = 0; n < OBJECTS; n++) let_go(n);
  while (gaijin_token_count(shop.g)) turn(&shop, &till);
  ck_assert_uint_eq(gaijin_holding_count(till.g), 0);
  bed_no_tokens(b);
  gaijin_close(till.g);
  gaijin_close(shop.g);
  bed_close(b);
}

START_TEST(objects_outlive_brokers) {
  b = bed_open(NULL);
  memset(object, 0, sizeof object);
  memset(held, 0, sizeof held);
  open_program(&shop, "shop");
  open_program(&till, "till");
  srand(1);
  for (unsigned kill = 1; kill <= KILLS; kill++) {
    for (int i = 0; i < 20; i++) {
      unsigned n = (unsigned)rand() % OBJECTS;
      if (rand() % 3)
        fetch(n);
      else
        let_go(n);
    }
    struct wanted under_way;
    if (!ask(&(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "shop"}, 0, &under_way)) bed_fail(b, "%s", gaijin_error(till.g));
    gaijin_flush(till.g, kill % 2);
    if (kill % 3 == 0) turn(&shop, &till);
    kill_broker();
    if (kill % 5 == 0) kill_broker(); /* two in a row */
    while (till.cuts < kill || shop.cuts < kill) turn(&shop, &till);
    wait_until_back(&shop, &till, kill);
    if (!under_way.done) bed_fail(b, "a call has no end");
    if (under_way.holding) gaijin_let_go(till.g, under_way.holding);
    use_all();
  }
  ck_assert_uint_eq(shop.reborns + till.reborns + till.deads, 0);
  end_all();
}
END_TEST

/* Who comes when grace is over has been declared dead, and is another one from then on. */
START_TEST(the_late_one_is_another) {
  struct bed_text grace; /* in which till is to be back */
  const char *const flags[] = {"--return-grace", bed_seconds(&grace, 0.3), NULL};
  b = bed_open(&(struct bed_options){.broker_flags = flags});
  memset(object, 0, sizeof object);
  memset(held, 0, sizeof held);
  open_program(&shop, "shop");
  open_program(&till, "till");
  uint64_t before = gaijin_host(shop.g);
  for (unsigned n = 0; n < 5; n++) fetch(n);
  kill_broker();
  while (till.deads == 0) turn(&till, NULL); /* shop sleeps until grace is over */
  ck_assert_int_eq(gaijin_holding_standing(held[0]), GAIJIN_GONE);
  wait_until_back(&shop, NULL, 1);
  ck_assert_uint_eq(shop.reborns, 1);
  ck_assert_uint_eq(shop.forgotten, 5);
  ck_assert_uint_ne(gaijin_host(shop.g), before);
  for (unsigned n = 0; n < 5; n++) let_go(n);
  fetch(7);
  use_all();
  end_all();
}
END_TEST

int main(void) {
  Suite *s = suite_create("library_return");
  TCase *t = tcase_create("return");
  tcase_add_test(t, objects_outlive_brokers);
  tcase_add_test(t, the_late_one_is_another);
  tcase_set_timeout(t, 240);
  suite_add_tcase(s, t);
  return run_suite(s);
}
