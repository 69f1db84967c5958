/* SPDX-License-Identifier: MIT
 *
 * A pair of rings in one thread, step by step; beside a process that is killed, and beside one that writes what it likes.
 */
#include "proto/ring/ring.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <uv.h>

#include "tests/unit/random.h"
#include "tests/unit/ring_pair.h"
#include "tests/unit/run.h"

static struct ring_pair p;
static uint8_t bytes[2 * RING_BYTES];

static void open_pair(void) { ring_pair_open(&p, 0); }
static void close_pair(void) {
  ck_assert_ptr_null(rings_check(&p.worker));
  ck_assert_ptr_null(rings_check(&p.broker));
  ring_pair_close(&p);
}

/* All that is there, and whether a knock is due. */
static uint32_t take_all(struct rings *r, bool *knock) { return ring_take(r, bytes, sizeof bytes, knock); }

START_TEST(bytes_come_when_they_are_published) {
  bool knock = false;
  ck_assert_uint_eq(ring_put(&p.worker, "abc", 3), 3);
  ck_assert_uint_eq(ring_put(&p.worker, "de", 2), 2);
  ck_assert(!ring_has(&p.broker));
  ck_assert_uint_eq(take_all(&p.broker, &knock), 0);
  ck_assert(!ring_publish(&p.worker));
  ck_assert(ring_has(&p.broker));
  ck_assert_uint_eq(ring_take(&p.broker, bytes, 2, &knock), 2);
  ck_assert_mem_eq(bytes, "ab", 2);
  ck_assert_uint_eq(take_all(&p.broker, &knock), 3);
  ck_assert_mem_eq(bytes, "cde", 3);
  ck_assert(!knock && !ring_has(&p.broker) && !ring_has(&p.worker));
  ck_assert_uint_eq(ring_put(&p.broker, "back", 4), 4);
  ck_assert(!ring_publish(&p.broker));
  ck_assert_uint_eq(take_all(&p.worker, &knock), 4);
  ck_assert_mem_eq(bytes, "back", 4);
}
END_TEST

START_TEST(who_sleeps_is_knocked_at_once) {
  bool knock = false;
  ck_assert(ring_sleep(&p.broker));
  ring_put(&p.worker, "a", 1);
  ck_assert(ring_publish(&p.worker));
  ck_assert(!ring_publish(&p.worker));
  ring_put(&p.worker, "b", 1);
  ck_assert(!ring_publish(&p.worker));
  ck_assert(!ring_sleep(&p.broker));
  ring_put(&p.worker, "c", 1);
  ck_assert_msg(!ring_publish(&p.worker), "it is awake, for something had come");
  ck_assert_uint_eq(take_all(&p.broker, &knock), 3);
  ck_assert(ring_sleep(&p.broker));
  ring_wake(&p.broker);
  ring_put(&p.worker, "d", 1);
  ck_assert(!ring_publish(&p.worker));
  ck_assert(!knock);
}
END_TEST

/* Of a full ring. */
static void fill(struct rings *r) {
  ring_fill(bytes, RING_BYTES, 0);
  ck_assert_uint_eq(ring_put(r, bytes, sizeof bytes), RING_BYTES);
  ck_assert_uint_eq(ring_put(r, bytes, 1), 0);
  ring_publish(r);
}

START_TEST(who_waits_for_room_is_knocked_at_once) {
  bool knock = false;
  fill(&p.worker);
  ck_assert(ring_await_room(&p.worker));
  ck_assert_uint_eq(ring_take(&p.broker, bytes, 1, &knock), 1);
  ck_assert(knock);
  ck_assert_uint_eq(ring_room(&p.worker), 1);
  ck_assert(!ring_await_room(&p.worker));
  knock = false;
  ck_assert_uint_eq(ring_take(&p.broker, bytes, 1, &knock), 1);
  ck_assert(!knock);
}
END_TEST

START_TEST(both_may_be_full) {
  bool knock = false;
  fill(&p.worker);
  fill(&p.broker);
  ck_assert(ring_await_room(&p.worker) && ring_await_room(&p.broker));
  ck_assert(!ring_sleep(&p.worker) && !ring_sleep(&p.broker));
  ck_assert_uint_eq(take_all(&p.worker, &knock), RING_BYTES);
  ck_assert(knock && ring_is_right(bytes, RING_BYTES, 0));
  knock = false;
  ck_assert_uint_eq(take_all(&p.broker, &knock), RING_BYTES);
  ck_assert(knock && ring_is_right(bytes, RING_BYTES, 0));
}
END_TEST

/* A ring that is empty goes on at its begin, so that only what was ever under way at once takes memory. */
START_TEST(an_empty_one_rewinds) {
  bool knock = false;
  for (uint64_t sent = 0; sent < 4 * (uint64_t)RING_BYTES; sent += 1000) {
    ring_fill(bytes, 1000, sent);
    ck_assert_uint_eq(ring_put(&p.worker, bytes, 600), 600);
    ck_assert_uint_eq(ring_put(&p.worker, bytes + 600, 400), 400);
    ring_publish(&p.worker);
    memset(bytes, 0, 1000);
    ck_assert_uint_eq(take_all(&p.broker, &knock), 1000);
    ck_assert(ring_is_right(bytes, 1000, sent));
  }
  for (size_t i = 1000; i < RING_BYTES; i++) ck_assert_uint_eq(p.broker.in_bytes[i], 0);
}
END_TEST

/* Random pieces both ways, never empty for long, with counters that pass 2^32; now and then both ends are another program's. */
START_TEST(streams_go_round) {
  static const uint32_t begins[] = {0, UINT32_MAX - 100, UINT32_MAX - RING_BYTES - 7};
  ring_pair_close(&p);
  ring_pair_open(&p, begins[_i]);
  uint64_t seed = random_seed("streams_go_round"), sent[2] = {0}, taken[2] = {0};
  bool knock = false;
  for (int i = 0; i < 3000; i++) {
    int way = (int)random_below(&seed, 2);
    struct rings *from = way ? &p.worker : &p.broker, *to = way ? &p.broker : &p.worker;
    uint32_t n = 1 + random_below(&seed, i & 64 ? 40 : RING_BYTES);
    ring_fill(bytes, n, sent[way]);
    sent[way] += ring_put(from, bytes, n);
    ring_publish(from);
    uint32_t got = ring_take(to, bytes, 1 + random_below(&seed, RING_BYTES), &knock);
    ck_assert(ring_is_right(bytes, got, taken[way]));
    taken[way] += got;
    if (i % 100 == 0) {
      struct ring_place place = rings_place(from);
      rings_attach(from, p.page, way ? RING_WORKER : RING_BROKER, &place);
    }
    ck_assert(!from->is_broken && !to->is_broken);
  }
  ck_assert(!knock && taken[0] > 4 * RING_BYTES && taken[1] > 4 * RING_BYTES);
}
END_TEST

/* ---- Who writes what cannot be ---- */

static void put_some(void) {
  bool knock;
  ring_fill(bytes, 1000, 0);
  ring_put(&p.worker, bytes, 1000);
  ring_publish(&p.worker);
  ck_assert_uint_eq(ring_take(&p.broker, bytes, 300, &knock), 300);
  ring_put(&p.broker, bytes, 1000);
  ring_publish(&p.broker);
  ck_assert_uint_eq(ring_take(&p.worker, bytes, 300, &knock), 300);
  ck_assert_uint_eq(ring_room(&p.broker), RING_BYTES - 700);
}

START_TEST(a_head_that_cannot_be_breaks_it) {
  static const uint32_t heads[] = {300 + RING_BYTES + 1, 299, 999, 0, 1u << 31, UINT32_MAX};
  bool knock = false;
  put_some();
  atomic_store(&p.page->up.head, heads[_i]);
  ck_assert(ring_has(&p.broker));
  ck_assert_uint_eq(take_all(&p.broker, &knock), 0);
  ck_assert(p.broker.is_broken && ring_has(&p.broker) && !ring_sleep(&p.broker));
  atomic_store(&p.page->up.head, 1000);
  ck_assert_uint_eq(take_all(&p.broker, &knock), 0);
  ck_assert_uint_eq(ring_put(&p.broker, bytes, 1), 0);
}
END_TEST

START_TEST(a_tail_that_cannot_be_breaks_it) {
  static const uint32_t tails[] = {1001, 299, 0, 300 - RING_BYTES, 1u << 31, UINT32_MAX};
  bool knock = false;
  put_some();
  atomic_store(&p.page->down.tail, tails[_i]);
  ck_assert_uint_eq(ring_put(&p.broker, bytes, 1), 0);
  ck_assert(p.broker.is_broken && !ring_await_room(&p.broker));
  atomic_store(&p.page->down.tail, 300);
  ck_assert_uint_eq(ring_put(&p.broker, bytes, 1), 0);
  ck_assert_uint_eq(take_all(&p.broker, &knock), 0);
}
END_TEST

START_TEST(what_was_not_told_is_not_taken) {
  put_some();
  ring_put(&p.broker, bytes, 10);
  atomic_store(&p.page->down.tail, 1005);
  ck_assert_uint_eq(ring_put(&p.broker, bytes, 1), 0);
  ck_assert(p.broker.is_broken);
}
END_TEST

/* Whatever is in the base, or in what this side itself has written, nothing is touched but the ring. */
START_TEST(nothing_that_it_has_written_is_read_back) {
  bool knock = false;
  put_some();
  atomic_store(&p.page->up.base, 77777);
  atomic_store(&p.page->up.tail, 12345);
  atomic_store(&p.page->down.head, 54321);
  atomic_store(&p.page->down.base, 5);
  ck_assert_uint_eq(take_all(&p.broker, &knock), 700);
  ck_assert_uint_eq(ring_put(&p.broker, bytes, RING_BYTES), RING_BYTES - 700);
  ck_assert(!p.broker.is_broken);
  ring_publish(&p.broker);
  ck_assert_uint_eq(atomic_load(&p.page->down.head), 300 + RING_BYTES);
  ck_assert_uint_eq(atomic_load(&p.page->up.tail), 1000);
}
END_TEST

static void scribble(void) {
  _Atomic uint32_t *all = (void *)p.page;
  struct ring_counters *both[] = {&p.page->up, &p.page->down};
  uint64_t seed = 5;
  for (;;) {
    uint32_t word = (uint32_t)random_next(&seed);
    struct ring_counters *c = both[word & 1];
    _Atomic uint32_t *counters[] = {&c->head, &c->base, &c->tail, &c->sleeping, &c->full};
    atomic_store(&all[random_below(&seed, RING_MAP_BYTES / 4)], word);
    atomic_store(counters[word % 5], word & 2 ? word >> 9 : word % (2 * RING_BYTES));
  }
}

/* A child that runs this until it is killed. */
static pid_t child(void (*f)(void)) {
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  f();
  _exit(0);
}
static void end_child(pid_t pid) {
  ck_assert_int_eq(kill(pid, SIGKILL), 0);
  ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(one_that_scribbles_reaches_nothing_else) {
  enum { EXACT = 5000, ROUNDS = 50000, SECONDS_MOST = 20 };
  uint8_t *exact = malloc(EXACT);
  pid_t pid = child(scribble);
  unsigned broken = 0;
  memset(exact, 1, EXACT);
  uint64_t end = uv_hrtime() + SECONDS_MOST * 1000000000ull;
  /* Where it gets no processor meanwhile, it has not scribbled yet. */
  for (int i = 0; i < ROUNDS || (broken == 0 && uv_hrtime() < end); i++) {
    bool knock = false;
    uint32_t got = ring_take(&p.broker, exact, EXACT, &knock), put = ring_put(&p.broker, exact, EXACT);
    ring_publish(&p.broker);
    ck_assert_uint_le(got, EXACT);
    ck_assert_uint_le(put, EXACT);
    if (ring_sleep(&p.broker)) ring_wake(&p.broker);
    ring_await_room(&p.broker);
    ck_assert_ptr_null(rings_check(&p.broker));
    if (!p.broker.is_broken) continue;
    broken++;
    struct ring_place at = {.tail = atomic_load(&p.page->up.head), .head = atomic_load(&p.page->down.tail)};
    rings_attach(&p.broker, p.page, RING_BROKER, &at);
  }
  end_child(pid);
  free(exact);
  ck_assert_uint_gt(broken, 0);
}
END_TEST

/* ---- Who is killed ---- */

static uint32_t killed_seed;

/* Frames of a length and so many bytes that follow from it. */
static void write_frames(void) {
  uint64_t seed = killed_seed;
  for (;;) {
    uint32_t n = random_below(&seed, 3000), done = 0;
    memcpy(bytes, &n, sizeof n);
    memset(bytes + sizeof n, (int)(n & 255), n);
    while (done < n + sizeof n) {
      done += ring_put(&p.worker, bytes + done, n + sizeof n - done);
      ring_publish(&p.worker);
    }
  }
}

static unsigned whole_frames(const uint8_t *from, size_t size) {
  unsigned whole = 0;
  uint32_t n;
  for (size_t at = 0; at + sizeof n <= size; at += sizeof n + n, whole++) {
    memcpy(&n, from + at, sizeof n);
    ck_assert_uint_lt(n, 3000);
    if (size - at - sizeof n < n) break;
    for (uint32_t i = 0; i < n; i++) ck_assert_uint_eq(from[at + sizeof n + i], n & 255);
  }
  return whole;
}

/* What it had published is there to the last byte, and nothing else. */
START_TEST(what_a_killed_one_has_published_is_read) {
  enum { MOST = 4 << 20, KILLS = 30 };
  uint8_t *in = malloc(MOST);
  uint64_t seed = random_seed("killed");
  for (int i = 0; i < KILLS; i++) {
    ring_pair_close(&p);
    ring_pair_open(&p, 0);
    size_t got = 0, enough = 1 + random_below(&seed, 1 << 20);
    bool knock = false;
    killed_seed = (uint32_t)random_next(&seed);
    pid_t pid = child(write_frames);
    while (got < enough) got += ring_take(&p.broker, in + got, 5000, &knock);
    end_child(pid);
    for (uint32_t n; (n = ring_take(&p.broker, in + got, MOST - got, &knock)) > 0;) got += n;
    ck_assert(!p.broker.is_broken);
    if (got > 8000) ck_assert_uint_gt(whole_frames(in, got), 0);
  }
  free(in);
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto/ring");
  TCase *c = tcase_create("ring");
  tcase_add_checked_fixture(c, open_pair, close_pair);
  tcase_add_test(c, bytes_come_when_they_are_published);
  tcase_add_test(c, who_sleeps_is_knocked_at_once);
  tcase_add_test(c, who_waits_for_room_is_knocked_at_once);
  tcase_add_test(c, both_may_be_full);
  tcase_add_test(c, an_empty_one_rewinds);
  tcase_add_loop_test(c, streams_go_round, 0, 3);
  tcase_add_loop_test(c, a_head_that_cannot_be_breaks_it, 0, 6);
  tcase_add_loop_test(c, a_tail_that_cannot_be_breaks_it, 0, 6);
  tcase_add_test(c, what_was_not_told_is_not_taken);
  tcase_add_test(c, nothing_that_it_has_written_is_read_back);
  tcase_add_test(c, one_that_scribbles_reaches_nothing_else);
  tcase_add_test(c, what_a_killed_one_has_published_is_read);
  suite_add_tcase(s, c);
  return run_suite(s);
}
