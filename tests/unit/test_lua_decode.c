/* SPDX-License-Identifier: MIT
 *
 * Decoding is work like any other (lua/ref/decode.c, lua/fiber/slices.c): others are served
 * meanwhile, each worker's requests keep their order, and there is an end to it.
 */
#define _GNU_SOURCE
#include "lua/ref/decode.h"

#include <time.h>

#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};
static struct gaijin_pt ours; /* a function that notes its first argument */

enum { MANY = 10 * DECODE_SLICE }; /* entries, and so slices to wait for */

static void open_host(void) {
  vm_connect(&v);
  vm_give(&v, "f", &F);
  vm_do(&v, "gaijin.post(f, function(text) note(text, ' ') end)");
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &ours));
  v.expected_error = true;
}

static void begin_call(uint64_t peer, uint64_t id, uint8_t flags, uint32_t count) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = id, .peer = peer, .depth = 1,
                      .target = OP_PT, .pt = gj_pt_wire(&ours), .flags = flags};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, count);
}

/* A table by value of so many entries. */
static void put_entries(uint32_t n) {
  pack_array(&v.f.p, 1);
  pack_array(&v.f.p, 2 * n);
  for (uint32_t i = 1; i <= n; i++) {
    pack_uint(&v.f.p, i);
    pack_bool(&v.f.p, true);
  }
}
static void put_long(void) { put_entries(MANY); }

static void call_with(uint64_t peer, uint64_t id, const char *text, uint32_t entries) {
  begin_call(peer, id, 0, 2);
  pack_text(&v.f.p, text);
  put_entries(entries);
  fake_deliver(&v.f);
}
static void call_long(uint64_t peer, uint64_t id, const char *text) {
  call_with(peer, id, text, MANY);
}

static void call_short(uint64_t peer, uint64_t id, const char *text) {
  begin_call(peer, id, 0, 1);
  pack_text(&v.f.p, text);
  fake_deliver(&v.f);
}

static void cancel(uint64_t id) {
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_CANCEL, 0, 1);
  pack_uint(&v.f.p, id);
  fake_deliver(&v.f);
}

static void turns(int n) {
  while (n-- > 0) {
    begin_waiting(&v.w);
    slices_turn(&v.w);
    fiber_run_ready(&v.w);
  }
}

/* The next answer of the worker: its status, or -1 for a reply. The text is in m. */
static int next_answer(const char **text, uint32_t *size) {
  uint64_t status;
  while (fake_next(&v.f)->kind == MESSAGE_NOTICE) continue;
  struct reader r = fake_values(&v.f.m);
  if (v.f.m.kind == MESSAGE_REPLY) return -1;
  ck_assert(reader_uint(&r, &status) && reader_string(&r, text, size));
  return (int)status;
}

static void answer_starts(const char *begin) {
  const char *text = "";
  uint32_t size = 0;
  ck_assert_int_eq(next_answer(&text, &size), GAIJIN_STATUS_RAISED);
  ck_assert_msg(size >= strlen(begin) && memcmp(text, begin, strlen(begin)) == 0, "%.*s", (int)size,
                text);
}

START_TEST(others_are_served_meanwhile) {
  open_host();
  call_long(OTHER_HOST, 42, "long");
  turns(2);
  call_short(THIRD_HOST, 43, "short");
  turns(2);
  ck_assert_str_eq(v.log, "short ");
  vm_run(&v);
  ck_assert_str_eq(v.log, "short long ");
  ck_assert_ptr_null(v.w.sched.first_work);
  vm_close(&v);
}
END_TEST

/* Also one that a reader of fields would answer as it comes, and a post. */
START_TEST(requests_of_one_worker_keep_their_order) {
  open_host();
  call_long(OTHER_HOST, 42, "1");
  call_short(OTHER_HOST, 43, "2");
  turns(3);
  begin_call(OTHER_HOST, 44, MESSAGE_ONE_WAY, 1);
  pack_text(&v.f.p, "3");
  fake_deliver(&v.f);
  call_long(OTHER_HOST, 45, "4");
  call_short(OTHER_HOST, 46, "5");
  turns(1);
  ck_assert_str_eq(v.log, "");
  vm_run(&v);
  ck_assert_str_eq(v.log, "1 2 3 4 5 ");
  ck_assert_ptr_null(v.w.sched.first_work);
  vm_close(&v);
}
END_TEST

/* Nor does one overtake those that wait which comes when the last slice is due. */
START_TEST(none_overtakes_those_that_wait_for_long_work) {
  char expected[512] = "1 2 ", name[16];
  open_host();
  call_long(OTHER_HOST, 42, "1");
  call_short(OTHER_HOST, 43, "2");
  turns(1);
  for (unsigned i = 3; v.w.sched.first_work; i++) {
    ck_assert_uint_lt(i, 100);
    begin_waiting(&v.w);
    slices_turn(&v.w);
    snprintf(name, sizeof name, "%u", i);
    call_short(OTHER_HOST, 41 + i, name);
    fiber_run_ready(&v.w);
    strcat(strcat(expected, name), " ");
  }
  vm_run(&v);
  ck_assert_str_eq(v.log, expected);
  vm_close(&v);
}
END_TEST

/* Who sends many keeps himself waiting, and not who sends one. */
START_TEST(workers_take_turns) {
  open_host();
  for (int i = 0; i < 3; i++) call_long(OTHER_HOST, 42 + (unsigned)i, "many");
  call_long(THIRD_HOST, 50, "one");
  vm_run(&v);
  ck_assert_ptr_nonnull(strstr(v.log, "one many many ")); /* the first may have ended before */
  ck_assert_ptr_null(v.w.sched.first_work);
  vm_close(&v);
}
END_TEST

START_TEST(who_sends_little_is_done_first) {
  open_host();
  call_long(OTHER_HOST, 42, "much");
  call_with(THIRD_HOST, 43, "little", MANY / 4);
  vm_run(&v);
  ck_assert_str_eq(v.log, "little much ");
  vm_close(&v);
}
END_TEST

START_TEST(several_may_be_given_up_at_once) {
  open_host();
  call_long(OTHER_HOST, 42, "1");
  call_long(THIRD_HOST, 43, "2");
  turns(2);
  cancel(42);
  cancel(43);
  vm_run(&v);
  ck_assert_str_eq(v.log, "");
  ck_assert_ptr_null(v.w.sched.first_work);
  ck_assert(!slices_wanted(&v.w));
  vm_close(&v);
}
END_TEST

START_TEST(one_given_up_is_decoded_no_further) {
  const char *text;
  uint32_t size;
  open_host();
  call_long(OTHER_HOST, 42, "first");
  call_long(OTHER_HOST, 43, "behind it");
  call_short(OTHER_HOST, 44, "last");
  turns(2);
  cancel(43);
  turns(1);
  cancel(42);
  turns(3);
  ck_assert_ptr_null(v.w.sched.first_work); /* MANY would take 10 turns */
  vm_run(&v);
  ck_assert_str_eq(v.log, "last ");
  for (int i = 0; i < 2; i++) ck_assert_int_eq(next_answer(&text, &size), GAIJIN_STATUS_CANCELLED);
  ck_assert_int_eq(next_answer(&text, &size), -1);
  vm_close(&v);
}
END_TEST

/* The one behind it is given the work, and given up before it runs. */
START_TEST(one_given_up_when_its_turn_has_come) {
  open_host();
  call_long(OTHER_HOST, 42, "first");
  call_long(OTHER_HOST, 43, "second");
  call_short(OTHER_HOST, 44, "last");
  turns(2);
  while (!v.log[0]) turns(1);
  cancel(43);
  vm_run(&v);
  ck_assert_str_eq(v.log, "first last ");
  ck_assert_ptr_null(v.w.sched.first_work);
  vm_close(&v);
}
END_TEST

static void put_tables(uint32_t n) {
  pack_array(&v.f.p, n);
  for (uint32_t i = 0; i < n; i++) pack_array(&v.f.p, 0);
}

START_TEST(memory_has_a_limit) {
  open_host();
  v.w.max_decoded = 1 << 20;
  static const uint32_t most = (1 << 20) / DECODE_TABLE;
  for (uint32_t n = most; n <= most + 1; n++) {
    begin_call(OTHER_HOST, 42, 0, 1);
    put_tables(n);
    vm_deliver(&v);
    if (n == most) {
      const char *text;
      uint32_t size;
      ck_assert_int_eq(next_answer(&text, &size), -1);
    } else {
      answer_starts("gaijin: too_large: the request would become more than 1048576 bytes of Lua "
                    "values; the limit of shop is --max-decoded");
    }
    v.log[0] = '\0';
    uint64_t id = vm_ask(&v, "f() note('decoded')", GAIJIN_OP_CALL);
    fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_CALL, id, 1);
    put_tables(n);
    vm_deliver(&v);
    ck_assert_str_eq(v.log, n == most ? "decoded"
                                      : "gaijin: too_large: the answer would become more than "
                                        "1048576 bytes of Lua values; the limit of shop is "
                                        "--max-decoded");
    ck_assert_uint_eq(v.running, 0);
  }
  vm_close(&v);
}
END_TEST

/* Entries: of numbers, which are read many at a time; the same behind others; and of other values. */
static const struct {
  unsigned others; /* entries with a boolean, at the begin */
} entries[] = {{0}, {1}, {UINT32_MAX}};

START_TEST(entries_are_memory_whatever_they_are) {
  open_host();
  v.w.max_decoded = 1 << 20;
  uint32_t most = (v.w.max_decoded - DECODE_TABLE) / DECODE_ENTRY;
  for (uint32_t n = most; n <= most + 1; n++) {
    begin_call(OTHER_HOST, 42, 0, 1);
    pack_array(&v.f.p, 1);
    pack_array(&v.f.p, 2 * n);
    for (uint32_t i = 0; i < n; i++) {
      pack_uint(&v.f.p, i + 1);
      if (i < entries[_i].others)
        pack_bool(&v.f.p, true);
      else
        pack_uint(&v.f.p, 7);
    }
    vm_deliver(&v);
    const char *text;
    uint32_t size;
    ck_assert_int_eq(next_answer(&text, &size), n == most ? -1 : GAIJIN_STATUS_RAISED);
  }
  vm_close(&v);
}
END_TEST

/* ---- Room ---- */

static lua_Alloc allocate;
static unsigned large; /* blocks of the size of a large table that Lua has taken */

static void *count_large(void *user, void *old, size_t old_size, size_t size) {
  if (size > old_size && size >= 300000) large++;
  return allocate(user, old, old_size, size);
}

/* A table that grows inserts all its keys anew, again and again, and each time in one go. */
START_TEST(a_table_is_made_as_large_as_it_will_be) {
  char key[16];
  void *user;
  open_host();
  begin_call(OTHER_HOST, 42, 0, 2);
  pack_text(&v.f.p, "decoded");
  pack_array(&v.f.p, 2);
  pack_array(&v.f.p, 4); /* the other, as value and key */
  for (int i = 0; i < 4; i++) {
    pack_array(&v.f.p, 1);
    pack_uint(&v.f.p, i == 1 || i == 2 ? 2 : 1);
  }
  pack_array(&v.f.p, 2 * MANY);
  for (unsigned i = 0; i < MANY; i++) {
    snprintf(key, sizeof key, "%x", i);
    pack_text(&v.f.p, key);
    pack_bool(&v.f.p, true);
  }
  allocate = lua_getallocf(v.w.L, &user);
  lua_setallocf(v.w.L, count_large, user);
  vm_deliver(&v);
  lua_setallocf(v.w.L, allocate, user);
  ck_assert_str_eq(v.log, "decoded ");
  ck_assert_uint_eq(large, 1);
  vm_close(&v);
}
END_TEST

static void *allocate_slowly(void *user, void *old, size_t old_size, size_t size) {
  nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
  return allocate(user, old, old_size, size);
}

/* Keys can be chosen so that each takes long: then a slice has few. */
START_TEST(slices_are_short_in_time_too) {
  enum { FEW = DECODE_SLICE / 2 };
  char key[16];
  void *user;
  open_host();
  begin_call(OTHER_HOST, 42, 0, 2);
  pack_text(&v.f.p, "decoded");
  pack_array(&v.f.p, 1);
  pack_array(&v.f.p, 2 * FEW);
  for (unsigned i = 0; i < FEW; i++) {
    snprintf(key, sizeof key, "%x", i);
    pack_text(&v.f.p, key);
    pack_bool(&v.f.p, true);
  }
  fake_deliver(&v.f);
  allocate = lua_getallocf(v.w.L, &user);
  lua_setallocf(v.w.L, allocate_slowly, user);
  turns(3);
  lua_setallocf(v.w.L, allocate, user);
  ck_assert_str_eq(v.log, "");
  vm_run(&v);
  ck_assert_str_eq(v.log, "decoded ");
  vm_close(&v);
}
END_TEST

/* ---- Answers ---- */

static void put_reply(void) {
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_CALL, v.f.m.id, 1);
  put_long();
}

START_TEST(an_answer_sees_limits_of_time) {
  open_host();
  vm_ask(&v, "f()", GAIJIN_OP_CALL);
  v.w.call_timeout = 1e-9;
  put_reply();
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "gaijin: timeout: decoding: it has taken too long");
  v.log[0] = '\0';
  v.w.call_timeout = 25;
  vm_ask(&v, "f() note('no')", GAIJIN_OP_CALL);
  put_reply();
  fake_deliver(&v.f);
  turns(2);
  struct fiber *f = v.w.sched.all;
  ck_assert_ptr_nonnull(f->work);
  fiber_cancel(f, "the test says so");
  vm_run(&v);
  ck_assert_str_eq(v.log, "gaijin: cancelled: decoding: the test says so");
  ck_assert_uint_eq(v.running, 0);
  ck_assert_ptr_null(v.w.sched.first_work);
  vm_close(&v);
}
END_TEST

START_TEST(a_future_is_read_in_slices) {
  open_host();
  uint64_t id = vm_ask(&v, "u = gaijin.async(f) note(#u:get(), ' ')", GAIJIN_OP_CALL);
  (void)id;
  put_reply();
  fake_deliver(&v.f);
  turns(2);
  vm_start(&v, "note('others ')");
  vm_start(&v, "note(#u:get())"); /* waits for the one that decodes */
  turns(2);
  ck_assert_str_eq(v.log, "others ");
  vm_run(&v);
  ck_assert_str_eq(v.log, "others 20000 20000");
  vm_close(&v);
}
END_TEST

/* Nothing is left of what was amid decoding, waited for its turn or behind. */
START_TEST(a_worker_may_end_amid_it) {
  open_host();
  for (int i = 0; i < 3; i++) call_long(OTHER_HOST, 42 + (unsigned)i, "1");
  call_long(THIRD_HOST, 50, "2");
  turns(3);
  ck_assert_ptr_nonnull(v.w.sched.first_work);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_decode");
  TCase *c = tcase_create("decode");
  tcase_add_test(c, others_are_served_meanwhile);
  tcase_add_test(c, requests_of_one_worker_keep_their_order);
  tcase_add_test(c, none_overtakes_those_that_wait_for_long_work);
  tcase_add_test(c, workers_take_turns);
  tcase_add_test(c, who_sends_little_is_done_first);
  tcase_add_test(c, several_may_be_given_up_at_once);
  tcase_add_test(c, one_given_up_is_decoded_no_further);
  tcase_add_test(c, one_given_up_when_its_turn_has_come);
  tcase_add_test(c, memory_has_a_limit);
  tcase_add_loop_test(c, entries_are_memory_whatever_they_are, 0, (int)ARRAY_SIZE(entries));
  tcase_add_test(c, slices_are_short_in_time_too);
  tcase_add_test(c, a_table_is_made_as_large_as_it_will_be);
  tcase_add_test(c, an_answer_sees_limits_of_time);
  tcase_add_test(c, a_future_is_read_in_slices);
  tcase_add_test(c, a_worker_may_end_amid_it);
  suite_add_tcase(s, c);
  return run_suite(s);
}
