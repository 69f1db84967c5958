/* SPDX-License-Identifier: MIT
 *
 * A fork of the program (client-lib/fork.c): the child is refused everything, its end changes
 * nothing, and the parent's connection is as if there had been no child.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/fake_broker.h"

/* In the child, where Check's assertions would be a report of the parent's: the number of the line
 * ends it. */
#define CHILD(condition) \
  do { \
    if (!(condition)) _exit(__LINE__ % 200 + 1); \
  } while (0)
#define REFUSED(call) CHILD((call) == GAIJIN_STATUS_UNSUPPORTED)

static void run_child(struct fake *f, void (*body)(struct fake *f)) {
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    body(f);
    _exit(0);
  }
  int status;
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_msg(status == 0, "the child failed: status %d, or line %d or 200 more", status,
                WEXITSTATUS(status) - 1);
  ck_assert(!gaijin_forked(f->g));
}

/* What the child did not send the broker's end does not see, and the connection works. */
static void parent_goes_on(struct fake *f) {
  ck_assert(fake_idle(f));
  unsigned n = f->told.answers;
  uint64_t id = fake_ask(f, told_answer);
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 0);
  fake_deliver(f);
  ck_assert_uint_eq(f->told.answers, n + 1);
  ck_assert(f->told.answer[n].ok);
  gaijin_body_free(f->told.answer[n].body);
}

static int ask(gaijin *g, enum gaijin_op op, bool one_way, uint64_t *id) {
  gaijin_begin_request(g, &(struct gaijin_send){.op = op, .one_way = one_way}, 0);
  return gaijin_end_request(g, NULL, NULL, id);
}

static void try_everything(struct fake *f) {
  gaijin *g = f->g;
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 9);
  struct gaijin_answer answer;
  uint64_t id = 0;
  CHILD(gaijin_forked(g));
  REFUSED(ask(g, GAIJIN_OP_PING, false, &id));
  CHILD(id == 0);
  CHILD(strstr(gaijin_error(g), "fork of worker shop"));
  REFUSED(ask(g, GAIJIN_OP_PING, true, NULL));
  REFUSED(gaijin_await(g, 1, 10, &answer));
  gaijin_begin_reply(g, 5, GAIJIN_OP_GET, 0);
  REFUSED(gaijin_end_answer(g));
  REFUSED(gaijin_answer_error(g, 5, GAIJIN_OP_GET, GAIJIN_STATUS_BUSY, "no"));
  REFUSED(gaijin_answer_free(g, 5, 0, 0));
  REFUSED(gaijin_notice(g, GAIJIN_OP_READY));
  REFUSED(gaijin_claim(g, &pt, NULL, NULL, &id));
  REFUSED(gaijin_dispatch(g));
  REFUSED(gaijin_flush(g, true));
  CHILD(!gaijin_wants_write(g));
  gaijin_expire(g, -60); /* all that has a deadline is late by that */
  CHILD(f->told.answers == 0);
  gaijin_close(g);
}

START_TEST(a_child_is_refused_everything) {
  struct fake f;
  fake_open(&f);
  if (_i == 1) gj_fork_unwatch(f.g); /* a kernel without pages that children get empty */
  ck_assert(!gaijin_forked(f.g));
  gaijin_begin_request(
      f.g, &(struct gaijin_send){.op = GAIJIN_OP_LABELS, .name = "bank", .deadline_ms = 1000}, 0);
  ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, NULL), 0);
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  ck_assert_int_eq(fake_next(&f)->op, OP_labels);
  run_child(&f, try_everything);
  parent_goes_on(&f);
  fake_close(&f);
}
END_TEST

/* How the kernel takes advice: as this one does, not at all, or says yes to any and does nothing. */
static enum { KERNEL_AS_IT_IS, KERNEL_REFUSES, KERNEL_IGNORES } kernel;
static void *advised; /* the last page */

/* Stands before that of the C library. */
int madvise(void *start, size_t bytes, int advice) {
  advised = start;
  if (kernel == KERNEL_AS_IT_IS) return (int)syscall(SYS_madvise, start, bytes, advice);
  if (kernel == KERNEL_IGNORES) return 0;
  errno = EINVAL;
  return -1;
}

static bool marks_forks(void) {
  void *page = mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne(page, MAP_FAILED);
  bool marks = madvise(page, 1, -1) != 0 && madvise(page, 1, MADV_WIPEONFORK) == 0;
  munmap(page, 1);
  return marks;
}

/* Pages that children get empty are used where the kernel has them. */
START_TEST(the_kernel_marks_forks) {
  struct fake f;
  fake_open(&f);
  ck_assert_int_eq(f.g->fork_mark != NULL, marks_forks());
  fake_close(&f);
}
END_TEST

/* Where it has none, or only says so, children are told by their numbers. */
START_TEST(children_are_known_without_the_kernel) {
  struct fake f;
  kernel = _i == 0 ? KERNEL_REFUSES : KERNEL_IGNORES;
  fake_open(&f);
  ck_assert(!f.g->fork_mark);
  run_child(&f, try_everything);
  parent_goes_on(&f);
  fake_close(&f);
}
END_TEST

/* A page that cannot be marked is given back. */
START_TEST(a_page_without_a_mark_is_unmapped) {
  gaijin g = {0};
  unsigned char resident;
  kernel = _i == 0 ? KERNEL_REFUSES : KERNEL_IGNORES;
  gj_fork_watch(&g);
  ck_assert_ptr_nonnull(advised);
  ck_assert_int_eq(mincore(advised, 1, &resident), -1);
  ck_assert_int_eq(errno, ENOMEM);
}
END_TEST

START_TEST(children_are_known_without_a_page) {
  gaijin g = {0};
  struct rlimit before, none;
  ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
  none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
  void *page = mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  gj_fork_watch(&g);
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
  /* An emulator may need memory itself, and let it be had. */
  ck_assert_int_eq(!g.fork_mark, page == MAP_FAILED || !marks_forks());
  ck_assert(!gaijin_forked(&g));
  gj_fork_unwatch(&g);
}
END_TEST

static void let_go_and_answer(struct fake *f) {
  gaijin *g = f->g;
  struct gaijin_value v;
  CHILD(gaijin_body_next(f->told.answer[0].body, &v) && v.type == GAIJIN_FOREIGN);
  gaijin_body_free(f->told.answer[0].body); /* queues the release */
  CHILD(gaijin_releases(g) == 1);
  gaijin_flush(g, true);
  CHILD(!gaijin_wants_write(g) && gaijin_queued_bytes(g) > 0);
  CHILD(f->told.answers == 1);
  gaijin_close(g); /* answers what was under way, for the child */
  CHILD(f->told.answers == 2 && !f->told.answer[1].ok);
  CHILD(f->told.answer[1].status == GAIJIN_STATUS_LOST);
}

/* What is held, queued and under way when the program forks is the parent's. */
START_TEST(what_was_under_way_is_the_parents) {
  struct fake f;
  fake_open(&f);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  fake_give(&f, &pt);
  uint64_t id = 0, asked = fake_ask(&f, told_answer);
  ck_assert_int_eq(ask(f.g, GAIJIN_OP_PING, false, &id), 0); /* not flushed */
  run_child(&f, let_go_and_answer);
  ck_assert(fake_idle(&f));
  ck_assert_int_eq(gaijin_flush(f.g, true), 0);
  ck_assert_uint_eq(fake_next(&f)->id, id);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, asked, 0);
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.answers, 2);
  ck_assert(f.told.answer[1].ok);
  ck_assert_ptr_nonnull(gaijin_holding_find(f.g, &pt));
  for (int i = 0; i < 2; i++) gaijin_body_free(f.told.answer[i].body);
  ck_assert_int_eq(gaijin_flush(f.g, true), 0);
  ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_UNSUB);
  fake_close(&f);
}
END_TEST

/* The child reads nothing of what comes for its parent. */
static void read_nothing(struct fake *f) {
  REFUSED(gaijin_dispatch(f->g));
  CHILD(f->told.frees == 0);
}

START_TEST(what_comes_is_the_parents) {
  struct fake f;
  fake_open(&f);
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 1, 0);
  fake_send(&f);
  run_child(&f, read_nothing);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.frees, 1);
  fake_close(&f);
}
END_TEST

/* A connection of the child's own is none of a fork's. */
static void connect_anew(struct fake *f) {
  struct fake own;
  gaijin_close(f->g);
  fake_open(&own);
  CHILD(!gaijin_forked(own.g));
  CHILD(ask(own.g, GAIJIN_OP_PING, true, NULL) == 0 && gaijin_flush(own.g, true) == 0);
  fake_close(&own);
}

START_TEST(a_child_may_connect_anew) {
  struct fake f;
  fake_open(&f);
  run_child(&f, connect_anew);
  parent_goes_on(&f);
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_fork");
  TCase *c = tcase_create("fork");
  tcase_add_loop_test(c, a_child_is_refused_everything, 0, 2);
  tcase_add_test(c, the_kernel_marks_forks);
  tcase_add_loop_test(c, children_are_known_without_the_kernel, 0, 2);
  tcase_add_loop_test(c, a_page_without_a_mark_is_unmapped, 0, 2);
  tcase_add_test(c, children_are_known_without_a_page);
  tcase_add_test(c, what_was_under_way_is_the_parents);
  tcase_add_test(c, what_comes_is_the_parents);
  tcase_add_test(c, a_child_may_connect_anew);
  suite_add_tcase(s, c);
  return run_suite(s);
}
