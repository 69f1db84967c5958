/* SPDX-License-Identifier: MIT
 *
 * A client whose broker offers rings (client-lib/rings.c), and one whose broker writes what it likes.
 */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "client-lib/rings.h"
#include "broker/net/lanes.h"
#include "tests/unit/fake_broker.h"

static struct fake f;
static struct lanes *l; /* the broker's end */

static void setup(void) {
  fake_open(&f);
  gj_rings_init(f.g, true); /* as if it had asked in hello */
  ck_assert_int_eq(lanes_new(&l, -1, NULL), 0);
}
static void teardown(void) {
  fake_close(&f);
  lanes_free(l);
}

static void begin_ring(uint64_t step, uint32_t count) {
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_RING, 0, count);
  pack_uint(&f.p, step);
}

/* What the client answers: RING_MOVED or RING_REFUSED. */
static uint64_t offer(uint64_t layout) {
  uint64_t step;
  begin_ring(RING_OFFERED, 2);
  pack_uint(&f.p, layout);
  fake_end(&f);
  ck_assert(lanes_offer(l, f.fd, f.out.bytes, f.out.size));
  f.out.size = 0;
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  ck_assert_int_eq(fake_next(&f)->op, OP_ring);
  struct reader r = fake_values(&f.m);
  ck_assert(reader_uint(&r, &step));
  return step;
}

static void move(void) {
  ck_assert_uint_eq(offer(RING_LAYOUT), RING_MOVED);
  l->in = l->out = true;
  begin_ring(RING_MOVED, 1);
  fake_deliver(&f);
  ck_assert(f.g->rings.in && f.g->rings.out);
}

static void put_free(uint64_t id) { fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, id, 0); }

/* The number that the next descriptor of this process gets: the same again, if none was left open. */
static int next_descriptor(void) {
  int fd = dup(f.fd);
  ck_assert(fd >= 0 && close(fd) == 0);
  return fd;
}

/* A broken broker sends two descriptors with a message. */
START_TEST(no_descriptor_that_comes_stays_open) {
  union {
    char bytes[CMSG_SPACE(2 * sizeof(int))];
    struct cmsghdr align;
  } control = {.bytes = {0}};
  int both[2] = {f.fd, f.fd}, before = next_descriptor();
  put_free(1);
  fake_end(&f);
  struct iovec v = {.iov_base = f.out.bytes, .iov_len = f.out.size};
  struct msghdr m = {.msg_iov = &v,
                     .msg_iovlen = 1,
                     .msg_control = &control,
                     .msg_controllen = sizeof control.bytes};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  *c = (struct cmsghdr){
      .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof both)};
  memcpy(CMSG_DATA(c), both, sizeof both);
  ck_assert_int_eq(sendmsg(f.fd, &m, 0), (ssize_t)f.out.size);
  f.out.size = 0;
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(offer(RING_LAYOUT), RING_MOVED);
  ck_assert_int_eq(next_descriptor(), before);
}
END_TEST

/* What is in f.out goes into the ring. False: it did not need a knock. */
static bool put_out(void) {
  fake_end(&f);
  ck_assert_uint_eq(ring_put(&l->pair, f.out.bytes, f.out.size), f.out.size);
  f.out.size = 0;
  bool is_due = ring_publish(&l->pair);
  if (is_due) lanes_knock(l, f.fd);
  return is_due;
}

static bool is_readable(void) {
  struct pollfd p = {.fd = gaijin_fd(f.g), .events = POLLIN};
  return poll(&p, 1, 0) == 1;
}

/* How many bytes of the client are in its ring. */
static uint32_t take_all(void) {
  uint8_t bytes[4096];
  uint32_t all = 0, n;
  while ((n = lanes_take(l, f.fd, bytes, sizeof bytes)) > 0) all += n;
  return all;
}

START_TEST(messages_pass_in_rings) {
  move();
  put_free(1);
  ck_assert(put_out());
  ck_assert(is_readable());
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.frees, 1);
  ck_assert(!is_readable());
  put_free(2);
  ck_assert_msg(put_out(), "whoever left gaijin_dispatch sleeps");
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.frees, 2);
  uint64_t id;
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, &id), 0);
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  ck_assert_uint_gt(take_all(), 0);
}
END_TEST

/* While it looks it needs no knock. */
START_TEST(looking_finds_them) {
  move();
  gj_poll_init(f.g, 1000);
  f.g->polling.share = 1;
  put_free(1);
  put_out();
  ck_assert(gaijin_poll(f.g));
  ck_assert_uint_eq(f.told.frees, 1);
  ck_assert(!gaijin_poll(f.g));
  put_free(2);
  ck_assert_msg(put_out(), "who has looked in vain sleeps");
}
END_TEST

START_TEST(what_is_no_ring_is_refused) {
  switch (_i) {
    case 0: ck_assert_uint_eq(offer(RING_LAYOUT + 1), RING_REFUSED); break;
    case 1: /* a file that could shrink */
      close(l->file);
      l->file = memfd_create("evil", MFD_CLOEXEC | MFD_ALLOW_SEALING);
      ck_assert_int_eq(ftruncate(l->file, RING_MAP_BYTES), 0);
      ck_assert_uint_eq(offer(RING_LAYOUT), RING_REFUSED);
      break;
    case 2: /* no descriptor is left for it */
    {
      struct rlimit before, few;
      ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
      few = before;
      few.rlim_cur = 3;
      ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
      ck_assert_uint_eq(offer(RING_LAYOUT), RING_REFUSED);
      ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    }
  }
  fake_ask(&f, told_answer); /* over the socket, as before */
}
END_TEST

START_TEST(one_that_was_not_asked_for_is_a_fault) {
  if (_i == 0) f.g->rings.wanted = false;
  begin_ring(_i == 0 ? RING_OFFERED : RING_MOVED, 2);
  pack_uint(&f.p, RING_LAYOUT);
  fake_send(&f);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
}
END_TEST

START_TEST(a_full_ring_waits_for_a_knock) {
  enum { BYTES = 600000 };
  static char text[BYTES];
  uint64_t id;
  move();
  memset(text, 'x', BYTES);
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 1);
  gaijin_put_string(f.g, text, BYTES);
  ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, &id), 0);
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  ck_assert(gaijin_awaits_room(f.g) && !gaijin_wants_write(f.g));
  uint32_t all = 0;
  for (int i = 0; i < 100 && all < BYTES; i++) {
    all += take_all();
    if (gaijin_queued_bytes(f.g)) ck_assert(is_readable());
    ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  }
  all += take_all();
  ck_assert_uint_gt(all, BYTES);
  ck_assert(!gaijin_awaits_room(f.g));
}
END_TEST

START_TEST(only_who_waits_for_room_is_knocked_at_and_a_knock_is_no_end) {
  char byte;
  move();
  put_free(1);
  put_out();
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.frees, 1);
  ck_assert_int_eq(recv(f.fd, &byte, 1, MSG_DONTWAIT), -1);
  ck_assert_int_eq(send(f.fd, "", 1, 0), 1);
  errno = EPERM; /* of whatever failed before: a knock is no end */
  ck_assert_int_eq(gj_rings_hear(f.g), RINGS_QUIET);
}
END_TEST

/* What the broker had put when it went is read first. */
START_TEST(the_ring_is_read_to_its_end) {
  move();
  for (uint64_t i = 1; i <= 5; i++) {
    put_free(i);
    fake_end(&f);
  }
  ck_assert_uint_eq(ring_put(&l->pair, f.out.bytes, f.out.size), f.out.size);
  ring_publish(&l->pair);
  close(f.fd);
  f.fd = -1;
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_uint_eq(f.told.frees, 5);
}
END_TEST

START_TEST(evil_brokers_are_left) {
  move();
  struct ring_page *page = l->pair.page;
  switch (_i) {
    case 0: atomic_store(&page->down.head, 1u << 30); break;
    case 1: atomic_store(&page->down.head, UINT32_MAX - 3); break;
    case 2:
      memset((uint8_t *)page + RING_PAGE_BYTES + RING_BYTES, 0x5a, RING_BYTES);
      atomic_store(&page->down.head, 1000);
      break;
    case 3: ck_assert_int_eq(send(f.fd, "\0x", 2, 0), 2); break;
  }
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
}
END_TEST

/* ---- The way back ---- */

static void be_left(void) {
  begin_ring(RING_LEFT, 1);
  put_out();
  l->out = false;
}

/* What the client has put into its ring ends with its last message there: how many messages came before. */
static unsigned take_the_end(void) {
  static uint8_t bytes[RING_BYTES];
  struct frame ring;
  struct message m;
  uint8_t *message;
  uint32_t size, room;
  unsigned before = 0;
  uint64_t step = RING_REFUSED;
  uint32_t n = lanes_take(l, f.fd, bytes, sizeof bytes);
  ck_assert_uint_gt(n, 0);
  frame_init(&ring, MAX_MESSAGE_LEAST);
  memcpy(frame_room(&ring, n, &room), bytes, n);
  frame_filled(&ring, n);
  for (; frame_next(&ring, &message, &size) == FRAME_MESSAGE; before++) {
    ck_assert_ptr_null(message_parse(message, size, &m));
    if (m.op != OP_ring) continue;
    struct reader r = fake_values(&m);
    ck_assert(reader_uint(&r, &step) && step == RING_LEFT && ring.start == ring.in.size);
  }
  ck_assert_uint_eq(step, RING_LEFT);
  frame_deinit(&ring);
  return before - 1;
}

/* The broker's end has new rings. */
static void renew(void) {
  lanes_free(l);
  ck_assert_int_eq(lanes_new(&l, -1, NULL), 0);
}

/* Each time some come in the ring before its end, and some on the socket before that is read, with knocks before and between. */
START_TEST(it_goes_back_and_comes_again) {
  int before = next_descriptor();
  uint64_t id = 0;
  for (unsigned i = 0; i < 60; i++) { /* so many answers can be told */
    move();
    ck_assert_int_eq(next_descriptor(), before);
    put_free(++id);
    put_out();
    be_left();
    ck_assert_int_eq(send(f.fd, "\0\0", 2, 0), 2);
    for (unsigned k = 0; k < i % 9; k++) { /* up to more than is heard at once */
      put_free(++id);
      fake_send(&f);
      ck_assert_int_eq(send(f.fd, "", 1, 0), 1);
    }
    gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
    ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, NULL), 0);
    ck_assert_int_eq(gaijin_dispatch(f.g), 0);
    ck_assert_uint_eq(f.told.frees, id);
    ck_assert_msg(!f.g->rings.in && !f.g->rings.out && !f.g->rings.pair.page,
                  "who is idle keeps them until it has something to flush");
    ck_assert_uint_ge(take_the_end(), 1);
    char knock;
    while (recv(f.fd, &knock, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && !knock) recv(f.fd, &knock, 1, 0);
    put_free(++id);
    fake_deliver(&f);
    ck_assert_uint_eq(f.told.frees, id);
    renew();
  }
}
END_TEST

/* Its last message waits for room there, which the broker, that is on the socket, tells between its own. */
START_TEST(its_last_message_waits_for_room) {
  enum { BYTES = 600000 };
  static char text[BYTES];
  uint64_t id;
  move();
  memset(text, 'x', BYTES);
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 1);
  gaijin_put_string(f.g, text, BYTES);
  ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, &id), 0);
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  be_left();
  l->has_left = true;
  for (int i = 0; i < 100 && f.g->rings.out; i++) {
    ck_assert_int_eq(gaijin_dispatch(f.g), 0);
    ck_assert_int_eq(gaijin_flush(f.g, false), 0);
    if (!f.g->rings.out) break;
    ck_assert(gaijin_awaits_room(f.g) && !is_readable());
    take_all();
    ck_assert_msg(l->is_knock_due, "it did not say that it waits");
    lanes_knock_later(l, f.fd);
    ck_assert(is_readable());
  }
  ck_assert(!f.g->rings.out && !gaijin_awaits_room(f.g));
}
END_TEST

/* The broker goes meanwhile: what it had put into the ring and on the socket is read first. */
START_TEST(the_end_comes_behind_both) {
  move();
  put_free(1);
  put_out();
  be_left();
  put_free(2);
  fake_send(&f);
  close(f.fd);
  f.fd = -1;
  for (int i = 0; i < 3 && gaijin_dispatch(f.g) == 0; i++) continue;
  ck_assert_uint_eq(f.told.frees, 2);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
}
END_TEST

START_TEST(what_is_out_of_order_is_a_fault) {
  if (_i != 0) move();
  switch (_i) {
    case 0: /* it has no rings */
      begin_ring(RING_LEFT, 1), fake_send(&f);
      break;
    case 1: /* messages on the socket, and the ring has not ended */
      put_free(1), fake_send(&f);
      break;
    case 2: /* more behind its end */
      be_left(), put_free(1), put_out();
      break;
    case 3: /* twice */
      be_left(), begin_ring(RING_LEFT, 1), fake_send(&f);
      break;
    case 4: /* others, before we have left those */
      be_left();
      begin_ring(RING_OFFERED, 2);
      pack_uint(&f.p, RING_LAYOUT);
      fake_send(&f);
      break;
    case 5: /* no knock */
      be_left();
      ck_assert_int_eq(send(f.fd, "\0x", 2, 0), 2);
      break;
  }
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
}
END_TEST

/* It has no such memory: nothing of it is touched there. */
START_TEST(a_fork_leaves_it_alone) {
  int status;
  move();
  pid_t pid = fork();
  if (pid == 0) {
    bool is_refused = gaijin_dispatch(f.g) != 0 && gaijin_flush(f.g, false) != 0 && !gaijin_poll(f.g);
    uint8_t *other = mmap(f.g->rings.pair.page, 4096, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    bool is_there = other == (void *)f.g->rings.pair.page;
    gaijin_close(f.g);
    if (is_there) *other = 1; /* what the child has at the place is its own */
    _exit(is_refused && is_there ? 0 : 1);
  }
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_int_eq(status, 0);
  put_free(1);
  put_out();
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.frees, 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client-lib/rings");
  TCase *c = tcase_create("rings");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, no_descriptor_that_comes_stays_open);
  tcase_add_test(c, messages_pass_in_rings);
  tcase_add_test(c, looking_finds_them);
  tcase_add_loop_test(c, what_is_no_ring_is_refused, 0, 3);
  tcase_add_loop_test(c, one_that_was_not_asked_for_is_a_fault, 0, 2);
  tcase_add_test(c, a_full_ring_waits_for_a_knock);
  tcase_add_test(c, only_who_waits_for_room_is_knocked_at_and_a_knock_is_no_end);
  tcase_add_test(c, the_ring_is_read_to_its_end);
  tcase_add_loop_test(c, evil_brokers_are_left, 0, 4);
  tcase_add_test(c, it_goes_back_and_comes_again);
  tcase_add_test(c, its_last_message_waits_for_room);
  tcase_add_test(c, the_end_comes_behind_both);
  tcase_add_loop_test(c, what_is_out_of_order_is_a_fault, 0, 6);
  tcase_add_test(c, a_fork_leaves_it_alone);
  suite_add_tcase(s, c);
  return run_suite(s);
}
