/* SPDX-License-Identifier: MIT
 *
 * What gaijinctl's HTTP is made of, without HTTP: desks that answer, keys, and whose name a request has (tools/web/).
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base.h"
#include "tests/unit/run.h"
#include "tools/web/desk.h"
#include "tools/web/key.h"
#include "tools/web/listen.h"
#include "tools/web/visitors.h"

/* A desk whose answers wait until they may go. */
struct gate {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool open;
  unsigned asked, woken;
};

static struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void count(unsigned *what) {
  pthread_mutex_lock(&gate.lock);
  ++*what;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
}

static void open_gate(void) {
  pthread_mutex_lock(&gate.lock);
  gate.open = true;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
}

static void wait_until(const unsigned *what, unsigned is) {
  pthread_mutex_lock(&gate.lock);
  while (*what < is) pthread_cond_wait(&gate.changed, &gate.lock);
  pthread_mutex_unlock(&gate.lock);
}

static void answer(void *user, const char *question, struct desk_answer *a) {
  ck_assert_ptr_eq(user, &gate);
  count(&gate.asked);
  pthread_mutex_lock(&gate.lock);
  while (!gate.open) pthread_cond_wait(&gate.changed, &gate.lock);
  pthread_mutex_unlock(&gate.lock);
  a->status = 200;
  text_print(&a->body, "<%s>", question);
}

static void wake(struct desk_visit *v) {
  ck_assert_ptr_nonnull(v->answer);
  count(&gate.woken);
}

START_TEST(those_who_ask_the_same_share_an_answer) {
  struct desk *d = desk_new(answer, &gate);
  struct desk_visit visits[10];
  for (size_t i = 0; i < ARRAY_SIZE(visits); i++) {
    visits[i] = (struct desk_visit){.wake = wake};
    ck_assert(desk_ask(d, i % 2 ? "odd" : "even", &visits[i]));
  }
  wait_until(&gate.asked, 1); /* one is being answered, the other waits */
  open_gate();
  wait_until(&gate.woken, ARRAY_SIZE(visits));
  ck_assert_uint_eq(gate.asked, 2);
  for (size_t i = 0; i < ARRAY_SIZE(visits); i++) {
    ck_assert_str_eq(visits[i].answer->body.bytes, i % 2 ? "<odd>" : "<even>");
    ck_assert_ptr_eq(visits[i].answer, visits[i % 2].answer);
  }
  for (size_t i = 0; i < ARRAY_SIZE(visits); i++) desk_put_back(d, visits[i].answer);
  struct desk_visit later = {.wake = wake};
  ck_assert(desk_ask(d, "odd", &later));
  wait_until(&gate.woken, ARRAY_SIZE(visits) + 1);
  ck_assert_uint_eq(gate.asked, 3); /* who comes later asks anew */
  desk_put_back(d, later.answer);
  ck_assert(desk_end(d, 60));
  desk_free(d);
}
END_TEST

START_TEST(questions_that_wait_are_bounded_and_end_with_the_desk) {
  struct desk *d = desk_new(answer, &gate);
  struct desk_visit visits[100];
  char question[16];
  unsigned taken = 0;
  bool more = true;
  while (more && taken < ARRAY_SIZE(visits)) {
    snprintf(question, sizeof question, "%u", taken);
    visits[taken] = (struct desk_visit){.wake = wake};
    more = desk_ask(d, question, &visits[taken]);
    taken += more;
  }
  ck_assert_uint_gt(taken, 4);
  ck_assert_uint_lt(taken, ARRAY_SIZE(visits));
  wait_until(&gate.asked, 1);
  ck_assert(!desk_end(d, 0)); /* one is being answered, and it does not wait for that */
  open_gate();
  wait_until(&gate.woken, taken);
  ck_assert_uint_eq(gate.asked, 1);
  ck_assert_uint_eq(visits[0].answer->status, 200);
  for (unsigned i = 1; i < taken; i++) ck_assert_uint_eq(visits[i].answer->status, 503);
  for (unsigned i = 0; i < taken; i++) desk_put_back(d, visits[i].answer);
  ck_assert(desk_end(d, 60));
  desk_free(d);
}
END_TEST

START_TEST(a_key_opens_its_own_paths_only) {
  struct key k, other;
  char path[100];
  ck_assert(key_make(&k) && key_make(&other));
  ck_assert_str_ne(k.text, other.text);
  ck_assert_uint_eq(strlen(k.text), KEY_BYTES);
  snprintf(path, sizeof path, "/%s/look", k.text);
  ck_assert_str_eq(key_strip(&k, path), "look");
  ck_assert_ptr_null(key_strip(&other, path));
  path[KEY_BYTES + 2] = 0;
  ck_assert_str_eq(key_strip(&k, path), "");
  path[KEY_BYTES + 1] = 0; /* without the second '/' */
  ck_assert_ptr_null(key_strip(&k, path));
  for (size_t i = 1; i <= KEY_BYTES; i++) { /* each of its bytes counts */
    snprintf(path, sizeof path, "/%s/look", k.text);
    path[i] ^= 1;
    ck_assert_ptr_null(key_strip(&k, path));
    path[i] = 0;
    ck_assert_ptr_null(key_strip(&k, path));
  }
  ck_assert_ptr_null(key_strip(&k, ""));
  ck_assert_ptr_null(key_strip(&k, "/"));
}
END_TEST

START_TEST(a_request_names_us) {
  struct listening l = {.address = "127.0.0.1", .port = 80};
  ck_assert(listen_is_named(&l, "127.0.0.1"));
  ck_assert(listen_is_named(&l, "localhost:80"));
  ck_assert(!listen_is_named(&l, "127.0.0.1:8080"));
  ck_assert(!listen_is_named(&l, "127.0.0.1.example"));
  ck_assert(!listen_is_named(&l, ""));
  l = (struct listening){.address = "[::1]", .port = 9464};
  ck_assert(listen_is_named(&l, "[::1]:9464"));
  ck_assert(!listen_is_named(&l, "[::1]"));
  ck_assert(!listen_is_named(&l, "::1:9464"));
}
END_TEST

/* A visitor, and its other end. */
struct pair {
  int own, other;
};

static struct pair visit(struct visitors *v) {
  int fds[2];
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  ck_assert(visitors_add(v, fds[0]));
  return (struct pair){fds[0], fds[1]};
}

static bool is_cut_off(struct pair p) {
  char byte;
  return read(p.other, &byte, 1) == 0;
}

static void leave(struct visitors *v, struct pair p) {
  visitors_remove(v, p.own);
  close(p.own);
  close(p.other);
}

START_TEST(who_does_not_ask_keeps_nobody_out) {
  static const struct visitors_time most = {.all = 1000, .silent = 1000, .full = -1};
  struct visitors v;
  struct pair all[VISITORS_MOST];
  visitors_init(&v);
  for (size_t i = 0; i + 1 < VISITORS_MOST; i++) all[i] = visit(&v);
  visitors_cut_off(&v, &most);
  for (size_t i = 0; i + 1 < VISITORS_MOST; i++) ck_assert(!is_cut_off(all[i]));
  all[VISITORS_MOST - 1] = visit(&v);
  ck_assert(!visitors_add(&v, all[0].other));
  for (size_t i = 0; i < VISITORS_MOST; i += 2) visitors_ask(&v, all[i].own);
  visitors_cut_off(&v, &most);
  for (size_t i = 0; i < VISITORS_MOST; i++) ck_assert(is_cut_off(all[i]) == (i % 2 == 1));
  leave(&v, all[0]);
  all[0] = visit(&v); /* who asked before it does not matter */
  visitors_cut_off(&v, &most);
  ck_assert(is_cut_off(all[0]));
  for (size_t i = 0; i < VISITORS_MOST; i++) leave(&v, all[i]);
}
END_TEST

START_TEST(who_does_not_ask_has_less_time) {
  struct visitors v;
  visitors_init(&v);
  struct pair silent = visit(&v), asks = visit(&v);
  visitors_ask(&v, asks.own);
  visitors_cut_off(&v, &(struct visitors_time){.all = 1000, .silent = 1000, .full = -1});
  ck_assert(!is_cut_off(silent) && !is_cut_off(asks));
  visitors_cut_off(&v, &(struct visitors_time){.all = 1000, .silent = -1, .full = 1000});
  ck_assert(is_cut_off(silent) && !is_cut_off(asks));
  visitors_cut_off(&v, &(struct visitors_time){.all = -1, .silent = 1000, .full = 1000});
  ck_assert(is_cut_off(asks));
  leave(&v, silent);
  leave(&v, asks);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools web");
  TCase *t = tcase_create("web");
  suite_add_tcase(suite, t);
  tcase_add_test(t, those_who_ask_the_same_share_an_answer);
  tcase_add_test(t, questions_that_wait_are_bounded_and_end_with_the_desk);
  tcase_add_test(t, a_key_opens_its_own_paths_only);
  tcase_add_test(t, a_request_names_us);
  tcase_add_test(t, who_does_not_ask_keeps_nobody_out);
  tcase_add_test(t, who_does_not_ask_has_less_time);
  return run_suite(suite);
}
