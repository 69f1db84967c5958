/* SPDX-License-Identifier: MIT
 *
 * A worker whose window to another, which the test plays, is full.
 */
#ifndef GAIJIN_TESTS_ROOM_H
#define GAIJIN_TESTS_ROOM_H

#include "lua/ask/room.h"

#include "tests/unit/vm.h"

enum { POSTS = 4, BYTES = 4096 };
static struct vm v;
static const struct gaijin_pt F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};

static inline void setup(void) {
  vm_connect_window(&v, MAX_MESSAGE_DEFAULT, &(struct window){POSTS, BYTES});
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&v.f.p, OTHER_HOST);
  pack_text(&v.f.p, "bank");
  fake_deliver(&v.f);
  vm_give(&v, "f", &F);
  vm_do(&v, "for i = 1, 4 do gaijin.post(f, i) end"); /* the window is full */
  v.expected_error = true;
}
static inline void teardown(void) {
  ck_assert_ptr_null(gj_check(v.w.g));
  vm_close(&v);
}

/* The first argument of the next post that the broker's end reads; *size gets the message's. */
static inline unsigned next_post(uint32_t *size) {
  uint64_t n;
  ck_assert_int_eq(fake_next(&v.f)->op, OP_call);
  struct reader r = fake_values(&v.f.m);
  ck_assert(reader_uint(&r, &n));
  if (size) *size = v.f.m.size;
  return (unsigned)n;
}

static inline uint32_t read_full_window(void) {
  uint32_t size = 0;
  for (unsigned i = 1; i <= POSTS; i++) ck_assert_uint_eq(next_post(&size), i);
  ck_assert(fake_idle(&v.f));
  return size;
}

static inline void begin_grant(uint64_t posts, uint64_t bytes) {
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_GRANT, 0, 4);
  pack_uint(&v.f.p, OTHER_HOST);
  pack_uint(&v.f.p, posts);
  pack_uint(&v.f.p, bytes);
  pack_uint(&v.f.p, 0);
}
static inline void grant(uint64_t posts, uint64_t bytes) {
  begin_grant(posts, bytes);
  vm_deliver(&v);
}

static inline void say_dead(void) {
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, 1);
  pack_uint(&v.f.p, OTHER_HOST);
  vm_deliver(&v);
}

#endif
