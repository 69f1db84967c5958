/* SPDX-License-Identifier: MIT
 *
 * The keys that pairs lists for others (lua/ref/listed.h): who is charged, how much there may be, and when it ends.
 */
#define _GNU_SOURCE
#include "lua/ref/listed.h"

#include "tests/unit/vm.h"

enum { A = OTHER_HOST, B, C };
enum { PAGE = 1000 };

static struct vm v;
static const struct gaijin_pt F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};
static struct gaijin_pt table, cursor;

/* The table is what the code gives. */
static void open_host(const char *code) {
  char line[512];
  vm_connect(&v);
  vm_give(&v, "f", &F);
  snprintf(line, sizeof line, "big = (function() %s end)() gaijin.post(f, big)", code);
  vm_do(&v, line);
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &table));
}

static void open_with(int entries) {
  char code[128];
  snprintf(code, sizeof code, "local t = {} for i = 1, %d do t[i] = i end return t", entries);
  open_host(code);
}

static void ask(uint64_t asker, enum op op, const struct gaijin_pt *pt) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = op, .id = 42, .peer = asker, .depth = 1,
                      .target = OP_PT, .pt = gj_pt_wire(pt)};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 0);
  vm_deliver(&v);
  fake_next(&v.f);
  const char *fault = listed_check(&v.w);
  ck_assert_msg(!fault, "%s", fault);
}

/* Asks for the first page, for this one; the cursor is noted. */
static void pairs_for(uint64_t asker) {
  ask(asker, OP_pairs, &table);
  ck_assert_int_eq(v.f.m.kind, MESSAGE_REPLY);
  struct reader r = fake_values(&v.f.m);
  ck_assert(fake_read_pt(&r, &cursor));
}

/* Asks for a page that is refused: the text begins so. */
static void expect_refused(uint64_t asker, const char *expected) {
  const char *text;
  uint32_t size;
  ask(asker, OP_pairs, &table);
  ck_assert_int_eq(v.f.m.kind, MESSAGE_ERROR);
  struct reader r = fake_values(&v.f.m);
  struct value status;
  ck_assert(reader_next(&r, &status) && reader_string(&r, &text, &size));
  ck_assert_msg(size >= strlen(expected) && memcmp(text, expected, strlen(expected)) == 0, "%.*s", (int)size, text);
}

/* The next page is asked for by this one; whether there are more. */
static bool next_page(uint64_t asker) {
  bool more;
  ask(asker, OP_call, &cursor);
  ck_assert_int_eq(v.f.m.kind, MESSAGE_REPLY);
  struct reader r = fake_values(&v.f.m);
  struct value first;
  ck_assert(reader_next(&r, &first) && first.type == VALUE_BOOL);
  more = first.boolean;
  return more;
}

/* When what has ended is free. */
static size_t charged(uint64_t host) {
  lua_gc(v.w.L, LUA_GCCOLLECT, 0);
  return listed_charged(&v.w, host);
}

/* Nobody holds it any more. */
static void drop_cursor(void) {
  fake_drop(&v.f, cursor.id, 1);
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  const char *fault = listed_check(&v.w);
  ck_assert_msg(!fault, "%s", fault);
}

START_TEST(a_list_is_charged_to_who_asked_for_it) {
  open_with(2500);
  pairs_for(A);
  ck_assert_uint_eq(charged(A), LISTED_LIST + 1500 * LISTED_KEY);
  pairs_for(A);
  pairs_for(B);
  ck_assert_uint_eq(charged(A), 2 * (LISTED_LIST + 1500 * LISTED_KEY));
  ck_assert_uint_eq(charged(B), LISTED_LIST + 1500 * LISTED_KEY);
  ck_assert_uint_eq(charged(C), 0);
  vm_close(&v);
}
END_TEST

START_TEST(strings_weigh) {
  open_host("local t = {} for i = 1, 1010 do t[('k'):rep(96) .. 1000 + i] = 1 end return t");
  pairs_for(A);
  /* 64 KiB of keys, of 109 bytes with the value, are a page. */
  ck_assert_uint_eq(charged(A), LISTED_LIST + (1010 - (65536 + 108) / 109) * (LISTED_KEY + 100));
  vm_close(&v);
}
END_TEST

/* With values they are copied first: what the asker may not read is left out. */
START_TEST(labels_are_charged_with_their_copy) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_labels, .id = 42, .peer = A, .depth = 1,
                      .target = OP_NAME, .name = "shop", .name_size = 4};
  open_host("for i = 1, 2500 do bakaGaijin[i] = i end return {}");
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 1);
  pack_bool(&v.f.p, true);
  vm_deliver(&v);
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
  ck_assert_uint_eq(charged(A), LISTED_LIST + 1500 * LISTED_KEY + 2500 * LISTED_COPY);
  vm_close(&v);
}
END_TEST

START_TEST(what_fits_into_a_page_costs_nothing) {
  open_with(PAGE);
  ask(A, OP_pairs, &table);
  ck_assert_int_eq(v.f.m.kind, MESSAGE_REPLY);
  ck_assert_uint_eq(charged(A), 0);
  ck_assert_ptr_null(v.w.listed);
  vm_close(&v);
}
END_TEST

START_TEST(it_ends_when_it_has_been_read) {
  open_with(3 * PAGE);
  pairs_for(A);
  ck_assert(next_page(A));
  ck_assert_uint_gt(charged(A), 0);
  ck_assert(!next_page(A));
  ck_assert_uint_eq(charged(A), 0);
  ck_assert(!next_page(A)); /* as ever */
  vm_close(&v);
}
END_TEST

/* So it is if the asker has ended: the broker tells it in the same way. */
START_TEST(it_costs_nothing_when_nobody_holds_the_cursor) {
  open_with(3 * PAGE);
  pairs_for(A);
  pairs_for(B);
  drop_cursor();
  ck_assert_uint_eq(charged(B), 0);
  ck_assert_uint_gt(charged(A), 0);
  vm_close(&v);
}
END_TEST

/* The worker's script has sent its table `kept`: A begins a traversal, puts the cursor there and lets go of it. */
static void list_and_keep(void) {
  struct gaijin_pt kept;
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &kept));
  pairs_for(A);
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_set, .id = 42, .peer = A, .depth = 1,
                      .target = OP_PT, .pt = gj_pt_wire(&kept)};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 2);
  pack_uint(&v.f.p, 1);
  fake_put_pt(&v.f, &cursor);
  vm_deliver(&v);
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
  drop_cursor();
}

/* Our own script got it, as an argument, and goes on with it. */
START_TEST(a_cursor_that_came_home_goes_on) {
  open_with(3 * PAGE);
  vm_do(&v, "kept = {} gaijin.post(f, kept)");
  list_and_keep();
  ck_assert_uint_eq(charged(A), LISTED_LIST + 2 * PAGE * LISTED_KEY); /* as it is there */
  vm_do(&v, "assert(kept[1]()) assert(not kept[1]()) assert(not kept[1]())");
  ck_assert_uint_eq(charged(A), 0);
  vm_close(&v);
}
END_TEST

START_TEST(one_alone_may_have_half) {
  open_with(PAGE + 100);
  v.w.max_decoded = 2 * (LISTED_LIST + 100 * LISTED_KEY);
  pairs_for(A);
  expect_refused(A, "gaijin: busy: pairs has listed as many keys for ");
  ck_assert_uint_eq(charged(A), LISTED_LIST + 100 * LISTED_KEY); /* what was refused is not */
  drop_cursor();
  expect_refused(A, "gaijin: busy: "); /* the heap is large: it is collected in slices */
  ck_assert_uint_gt(v.w.weights.rounds, 0);
  ck_assert_uint_eq(charged(A), 0);
  pairs_for(A);
  vm_close(&v);
}
END_TEST

START_TEST(each_may_have_as_much_as_is_left) {
  open_with(PAGE + 100);
  size_t one = LISTED_LIST + 100 * LISTED_KEY;
  v.w.max_decoded = (uint32_t)(16 * one);
  for (int i = 0; i < 8; i++) pairs_for(A);
  expect_refused(A, "gaijin: busy: ");
  for (int i = 0; i < 4; i++) pairs_for(B);
  expect_refused(B, "gaijin: busy: ");
  for (int i = 0; i < 2; i++) pairs_for(C);
  expect_refused(C, "gaijin: busy: ");
  ck_assert_uint_eq(charged(A), 8 * one);
  pairs_for(C + 1);
  vm_close(&v);
}
END_TEST

START_TEST(a_list_that_never_fits_is_too_large) {
  open_with(3 * PAGE);
  v.w.max_decoded = 2 * (LISTED_LIST + 2 * PAGE * LISTED_KEY) - 1;
  expect_refused(A, "gaijin: too_large: the keys that pairs would list for ");
  ck_assert_uint_eq(charged(A), 0);
  v.w.max_decoded++;
  pairs_for(A);
  vm_do(&v, "local n = 0 for k in pairs(big) do n = n + 1 end assert(n == 3000)");
  vm_close(&v);
}
END_TEST

START_TEST(whose_asker_waits_no_more_is_not_listed) {
  open_with(5 * PAGE);
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_pairs, .id = 42, .peer = A, .depth = 1, .deadline_ms = 1,
                      .target = OP_PT, .pt = gj_pt_wire(&table)};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 0);
  fake_deliver(&v.f);
  for (double end = clock_seconds() + 0.002; clock_seconds() < end;) continue; /* the deadline */
  vm_run(&v);
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(charged(A), 0);
  vm_close(&v);
}
END_TEST

/* A finaliser that takes entries out and puts others in runs whenever Lua makes an object. */
START_TEST(finalisers_do_not_disturb_it) {
  open_host("local t = {} for i = 1, 3000 do t['k' .. i] = i end return t");
  vm_do(&v, "local n = 0 "
            "local function disturb() local p = newproxy(true) getmetatable(p).__gc = function() "
            "n = n + 1 for i = 1, 50 do big['new' .. n .. '.' .. i] = i end disturb() end end "
            "collectgarbage 'setpause' collectgarbage('setpause', 0) collectgarbage('setstepmul', 100000) disturb()");
  for (int i = 0; i < 20; i++) {
    pairs_for(A);
    while (next_page(A)) continue;
  }
  ck_assert_uint_eq(charged(A), 0);
  vm_close(&v);
}
END_TEST

/* The VM of a stock interpreter goes on when its worker has ended. */
START_TEST(a_list_may_survive_its_worker) {
  open_with(3 * PAGE);
  pairs_for(A);
  listed_deinit(&v.w);
  ck_assert_ptr_null(v.w.listed);
  vm_close(&v);
}
END_TEST

/* A list that nobody reads is there until the collector finds it: so long it is charged, and collected before it
 * stands in another's way. */
START_TEST(what_is_dropped_is_charged_until_it_is_free) {
  open_with(3 * PAGE);
  lua_gc(v.w.L, LUA_GCSTOP, 0);
  size_t one = LISTED_LIST + 2 * PAGE * LISTED_KEY;
  pairs_for(A);
  drop_cursor();
  ck_assert_uint_eq(listed_charged(&v.w, A), one);
  pairs_for(A);
  while (next_page(A)) continue;
  ck_assert_uint_eq(listed_charged(&v.w, A), 2 * one);
  ck_assert_uint_eq(charged(A), 0);
  vm_close(&v);
}
END_TEST

/* Of what may be listed: the collector is left alone before that. */
START_TEST(a_quarter_that_is_dropped_drives_the_collector) {
  open_with(3 * PAGE);
  lua_gc(v.w.L, LUA_GCSTOP, 0);
  v.w.max_decoded = 12 * (LISTED_LIST + 2 * PAGE * LISTED_KEY);
  for (int dropped = 0; dropped < 3; dropped++) {
    pairs_for(A);
    ck_assert_uint_eq(v.w.weights.rounds, 0);
    drop_cursor();
  }
  pairs_for(A);
  ck_assert_uint_eq(v.w.weights.rounds, 2);
  vm_close(&v);
}
END_TEST

/* It is not while the finaliser has run and the keys are there still, until the round after it. */
START_TEST(what_is_not_charged_any_more_is_free) {
  open_host("local t = {} for i = 1, 100000 do t['k' .. i] = 1 end return t");
  for (int i = 0; i < 2; i++) lua_gc(v.w.L, LUA_GCCOLLECT, 0);
  int before = lua_gc(v.w.L, LUA_GCCOUNT, 0);
  pairs_for(A);
  ck_assert_int_gt(lua_gc(v.w.L, LUA_GCCOUNT, 0) - before, 1000);
  drop_cursor();
  ck_assert_uint_eq(charged(A), 0);
  ck_assert_int_lt(lua_gc(v.w.L, LUA_GCCOUNT, 0) - before, 500);
  vm_close(&v);
}
END_TEST

enum { ROUNDS = 20, MIB = 1 << 20 };

static size_t heap(void) { return (size_t)lua_gc(v.w.L, LUA_GCCOUNT, 0) << 10; }

/* Of hash tables: the number of their keys is not known before. All that is listed meanwhile is 3 MiB in each round. */
static void open_large(size_t most) {
  open_host("local t = {} for i = 1, 100000 do t['k' .. i] = 1 end return t");
  lua_gc(v.w.L, LUA_GCCOLLECT, 0);
  v.w.max_decoded = (uint32_t)most;
}

START_TEST(who_opens_and_drops_has_no_more_than_is_listed_at_most) {
  open_large(16 * MIB);
  size_t before = heap();
  for (int i = 0; i < ROUNDS; i++) {
    pairs_for(A);
    if (i % 2) drop_cursor();
    else while (next_page(A)) continue;
    ck_assert_uint_lt(heap() - before, 20 * MIB);
  }
  vm_close(&v);
}
END_TEST

START_TEST(who_is_refused_has_no_more_than_is_listed_at_most) {
  open_large(4 * MIB);
  size_t before = heap();
  for (int i = 0; i < ROUNDS; i++) {
    expect_refused(A, "gaijin: too_large: ");
    ck_assert_uint_lt(heap() - before, 8 * MIB);
  }
  vm_close(&v);
}
END_TEST

/* A script keeps what was dropped: to collect for each request would be in vain. The heap is so large that the lists of
 * those that are refused are no good part of it. */
START_TEST(what_a_script_keeps_is_collected_for_once) {
  open_with(3 * PAGE);
  vm_do(&v, "ballast = ('x'):rep(2^21)");
  vm_do(&v, "kept = {} gaijin.post(f, kept) rounds = 0 "
            "local function sentinel() getmetatable(newproxy(true)).__gc = function() rounds = rounds + 1 sentinel() end end "
            "sentinel()");
  v.w.max_decoded = 3 * (LISTED_LIST + 2 * PAGE * LISTED_KEY);
  list_and_keep();
  lua_gc(v.w.L, LUA_GCCOLLECT, 0);
  lua_gc(v.w.L, LUA_GCSTOP, 0);
  vm_do(&v, "rounds = 0");
  for (int i = 0; i < 20; i++) expect_refused(A, "gaijin: busy: ");
  vm_do(&v, "assert(rounds <= 4, rounds)");
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_listed");
  TCase *c = tcase_create("listed");
  run_long(c);
  tcase_add_test(c, a_list_is_charged_to_who_asked_for_it);
  tcase_add_test(c, strings_weigh);
  tcase_add_test(c, labels_are_charged_with_their_copy);
  tcase_add_test(c, what_fits_into_a_page_costs_nothing);
  tcase_add_test(c, it_ends_when_it_has_been_read);
  tcase_add_test(c, it_costs_nothing_when_nobody_holds_the_cursor);
  tcase_add_test(c, a_cursor_that_came_home_goes_on);
  tcase_add_test(c, one_alone_may_have_half);
  tcase_add_test(c, each_may_have_as_much_as_is_left);
  tcase_add_test(c, a_list_that_never_fits_is_too_large);
  tcase_add_test(c, whose_asker_waits_no_more_is_not_listed);
  tcase_add_test(c, finalisers_do_not_disturb_it);
  tcase_add_test(c, a_list_may_survive_its_worker);
  tcase_add_test(c, what_is_dropped_is_charged_until_it_is_free);
  tcase_add_test(c, a_quarter_that_is_dropped_drives_the_collector);
  tcase_add_test(c, what_is_not_charged_any_more_is_free);
  tcase_add_test(c, who_opens_and_drops_has_no_more_than_is_listed_at_most);
  tcase_add_test(c, who_is_refused_has_no_more_than_is_listed_at_most);
  tcase_add_test(c, what_a_script_keeps_is_collected_for_once);
  suite_add_tcase(s, c);
  return run_suite(s);
}
