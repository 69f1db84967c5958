/* SPDX-License-Identifier: MIT
 *
 * References against an oracle: a plain array of counts for a few hosts, ids and
 * clients, driven by the same random events.
 */
#define _GNU_SOURCE /* memfd_create */
#include "broker/books/refs.h"

#include <string.h>
#include <sys/mman.h>

#include "broker/books/carried.h"
#include "broker/books/refs_kept.h"

#include "tests/unit/random.h"
#include "tests/unit/run.h"

enum { HOSTS = 4, IDS = 12, CLIENTS = HOSTS, NOW = 77 };

static struct refs refs;
static uint32_t payer;

static void setup(void) { ck_assert(refs_init(&refs, NULL, 1)); }
static void teardown(void) { refs_deinit(&refs); }
/* The same in a pool. */
static struct pool pool;
static void setup_pooled(void) {
  ck_assert(pool_open(&pool));
  ck_assert(refs_init(&refs, &pool, 1));
}
static void teardown_pooled(void) {
  refs_deinit(&refs);
  pool_close(&pool);
}

/* They go over to another program, in this one: with what is in the pool, or as records into a new one. */
static struct hosts hosts;
static bool is_carried;
static void setup_carried(void) {
  setup_pooled();
  is_carried = true;
  ck_assert(hosts_init(&hosts, 1));
  for (uint32_t i = 0; i < HOSTS; i++) ck_assert_uint_eq(slab_add(&hosts.all), i);
}
static void teardown_carried(void) {
  teardown_pooled();
  hosts_deinit(&hosts);
}
static void carry(bool keeps) {
  struct pool next_pool = {-1};
  struct refs next = {0};
  struct sheet s;
  int fd = memfd_create("state", MFD_CLOEXEC);
  for (int reads = 0; reads < 2; reads++) {
    struct refs *r = reads ? &next : &refs;
    struct pool *p = reads ? &next_pool : &pool;
    if (reads) {
      ck_assert(pool_open(&next_pool));
      ck_assert(refs_init(&next, &next_pool, 2));
      sheet_open_to_read(&s, fd);
    } else {
      sheet_open_to_write(&s, fd);
    }
    if (keeps)
      refs_keep(r, p, &s);
    else
      refs_carry(r, &hosts, &s);
    ck_assert_msg(!s.fault, "%s", s.fault);
    ck_assert_uint_eq(reads ? sheet_left(&s) : 0, 0);
    sheet_close(&s);
  }
  close(fd);
  refs_deinit(&refs);
  if (!keeps) pool_close(&pool); /* else it is the same file */
  refs = next;
  refs.token_by_id.slab = &refs.tokens; /* it has moved */
  refs.held.slab = refs.hold_by_pair.slab = &refs.holds;
  pool = next_pool;
  refs.tokens.pieces.pool = refs.holds.pieces.pool = &pool;
  refs.token_by_id.array.pool = refs.hold_by_pair.array.pool = &pool;
  const char *fault = refs_check(&refs);
  ck_assert_msg(!fault, "%s", fault);
}

static struct pt pt_of(uint64_t id) {
  return (struct pt){.host = 1, .id = id, .stamp = id * 1000, .kind = PT_TABLE};
}

static uint32_t seen(uint32_t host, uint64_t id) {
  struct pt pt = pt_of(id);
  uint32_t token;
  ck_assert_int_eq(refs_see(&refs, host, &pt, 0, &token), REFS_OK);
  return token;
}

START_TEST(last_release_ends_a_token_with_what_was_seen) {
  uint32_t token = seen(0, 5);
  ck_assert_uint_eq(seen(0, 5), token);
  ck_assert_int_eq(refs_hold(&refs, token, 1, 1, NOW), REFS_FIRST);
  ck_assert_int_eq(refs_hold(&refs, token, 1, 1, NOW + 1), REFS_OK);
  ck_assert_uint_eq(refs_hold_at(&refs, refs_first_held(&refs, 1))->since, NOW);
  ck_assert_int_eq(refs_hold(&refs, token, 2, 2, NOW), REFS_FIRST);
  ck_assert_uint_eq(refs_export_count(&refs, 0), 1);
  ck_assert_uint_eq(refs_count(&refs, token, 1), 2);
  struct refs_drop drop;
  ck_assert(!refs_settle(&refs, token, &drop));
  ck_assert_int_eq(refs_release(&refs, token, 1, 2, &payer), REFS_LAST);
  ck_assert(!refs_settle(&refs, token, &drop));
  ck_assert_int_eq(refs_release(&refs, token, 2, 1, &payer), REFS_LAST);
  ck_assert(refs_settle(&refs, token, &drop));
  ck_assert_uint_eq(drop.id, 5);
  ck_assert_uint_eq(drop.seen, 2);
  ck_assert(!refs_settle(&refs, token, &drop));
  ck_assert_uint_eq(refs_export_count(&refs, 0), 0);
}
END_TEST

START_TEST(release_of_a_part_keeps_the_holder) {
  uint32_t token = seen(0, 5);
  refs_hold(&refs, token, 1, 1, NOW);
  refs_hold(&refs, token, 1, 1, NOW);
  ck_assert_int_eq(refs_release(&refs, token, 1, 1, &payer), REFS_OK);
  ck_assert_ptr_null(refs_check(&refs));
  ck_assert_uint_eq(refs_count(&refs, token, 1), 1);
}
END_TEST

START_TEST(strangers_and_excess_release_nothing) {
  uint32_t token = seen(0, 5);
  refs_hold(&refs, token, 1, 1, NOW);
  ck_assert_int_eq(refs_release(&refs, token, 2, 1, &payer), REFS_NO_HOLDER);
  ck_assert_int_eq(refs_release(&refs, token, 1, 2, &payer), REFS_NO_HOLDER);
  ck_assert_uint_eq(refs_count(&refs, token, 1), 1);
}
END_TEST

START_TEST(stamp_and_kind_must_match) {
  struct pt pt = pt_of(5), forged = pt;
  uint32_t token = seen(0, 5), found;
  refs_hold(&refs, token, 1, 1, NOW);
  ck_assert_int_eq(refs_find_held(&refs, 0, &pt, 1, &found), REFS_OK);
  ck_assert_uint_eq(found, token);
  ck_assert_int_eq(refs_find_held(&refs, 0, &pt, 2, &found), REFS_NO_HOLDER);
  ck_assert_int_eq(refs_find_held(&refs, 1, &pt, 1, &found), REFS_UNKNOWN);
  forged.stamp++;
  ck_assert_int_eq(refs_find_held(&refs, 0, &forged, 1, &found), REFS_MISMATCH);
  ck_assert_int_eq(refs_see(&refs, 0, &forged, 0, &found), REFS_MISMATCH);
  forged = pt;
  forged.kind = PT_FUNCTION;
  ck_assert_int_eq(refs_find(&refs, 0, &forged, &found), REFS_MISMATCH);
  ck_assert_uint_eq(refs_token(&refs, token)->seen, 1);
}
END_TEST

START_TEST(records_are_small) {
  /* One holder each: at most 128 bytes per token with chunks and hash tables. */
  enum { TOKENS = 100000 };
  for (uint64_t id = 1; id <= TOKENS; id++) refs_hold(&refs, seen(0, id), 1, 1, NOW);
  size_t bytes = 0;
  for (uint32_t i = 0; i < refs.tokens.entry_count; i++)
    bytes += sizeof(struct slab_entry) + sizeof(struct slab_chunk) +
             (size_t)SLAB_CHUNK * refs.tokens.item_size;
  for (uint32_t i = 0; i < refs.holds.entry_count; i++)
    bytes += sizeof(struct slab_entry) + sizeof(struct slab_chunk) +
             (size_t)SLAB_CHUNK * refs.holds.item_size;
  bytes += ((size_t)refs.token_by_id.capacity + refs.hold_by_pair.capacity) * sizeof(uint32_t);
  ck_assert_uint_le(bytes / TOKENS, 128);
  ck_assert_ptr_null(refs_check(&refs));
}
END_TEST

struct oracle {
  uint64_t seen[HOSTS][IDS], count[HOSTS][IDS][CLIENTS];
};

static bool anybody(const struct oracle *o, uint32_t host, uint32_t id) {
  for (uint32_t c = 0; c < CLIENTS; c++)
    if (o->count[host][id][c]) return true;
  return false;
}

/* Settles a token and compares with what the oracle expects. */
static void settle(struct oracle *o, uint32_t host, uint32_t id, uint32_t token) {
  struct refs_drop drop;
  bool ended = refs_settle(&refs, token, &drop);
  ck_assert_int_eq(ended, !anybody(o, host, id));
  if (!ended) return;
  ck_assert_uint_eq(drop.host, host);
  ck_assert_uint_eq(drop.id, id + 1);
  ck_assert_uint_eq(drop.seen, o->seen[host][id]);
  o->seen[host][id] = 0;
}

static void deliver(struct oracle *o, uint32_t host, uint32_t id, uint32_t client) {
  uint32_t token = seen(host, id + 1);
  o->seen[host][id]++;
  if (client != host) {
    bool was_none = o->count[host][id][client]++ == 0;
    ck_assert_int_eq(refs_hold(&refs, token, client, client, NOW), was_none ? REFS_FIRST : REFS_OK);
  }
  settle(o, host, id, token);
}

static void give_back(struct oracle *o, uint32_t host, uint32_t id, uint32_t client, uint64_t n) {
  struct pt pt = pt_of(id + 1);
  uint32_t token;
  uint64_t *count = &o->count[host][id][client];
  if (refs_find(&refs, host, &pt, &token) != REFS_OK) {
    ck_assert(!anybody(o, host, id));
    return;
  }
  enum refs_outcome expected = *count < n || *count == 0 ? REFS_NO_HOLDER
                               : *count == n             ? REFS_LAST
                                                         : REFS_OK;
  ck_assert_int_eq(refs_release(&refs, token, client, n, &payer), expected);
  if (expected != REFS_NO_HOLDER) *count -= n;
  settle(o, host, id, token);
}

static void die(struct oracle *o, uint32_t client) {
  uint32_t held = 0;
  for (uint32_t h = 0; h < HOSTS; h++)
    for (uint32_t id = 0; id < IDS; id++) held += o->count[h][id][client] > 0;
  ck_assert_uint_eq(refs_held_count(&refs, client), held);
  for (uint32_t i; (i = refs_first_held(&refs, client)) != SLAB_NONE;) {
    struct hold h = *refs_hold_at(&refs, i);
    const struct token *t = refs_token(&refs, h.token);
    give_back(o, t->host, (uint32_t)t->id - 1, client, h.count);
  }
}

START_TEST(random_events_agree_with_the_oracle) {
  static struct oracle o;
  uint64_t random = random_seed("refs");
  memset(&o, 0, sizeof o);
  for (uint32_t step = 0; step < 100000; step++) {
    uint32_t host = random_below(&random, HOSTS), id = random_below(&random, IDS),
             client = random_below(&random, CLIENTS);
    uint32_t what = random_below(&random, 100);
    if (what < 50)
      deliver(&o, host, id, client);
    else if (what < 99)
      give_back(&o, host, id, client, 1 + random_below(&random, 3));
    else
      die(&o, client);
    if (is_carried && random_below(&random, 300) == 0) carry(random_below(&random, 2));
    const char *fault = step % 16 ? NULL : refs_check(&refs);
    ck_assert_msg(!fault, "%s", fault);
  }
  for (uint32_t c = 0; c < CLIENTS; c++) die(&o, c);
  ck_assert_uint_eq(refs.tokens.count, 0);
  ck_assert_uint_eq(refs.holds.count, 0);
}
END_TEST

/* Many, with numbers of chunks that are not used, with room in some, and with parts that have come to rest. */
START_TEST(large_books_go_over_as_they_are) {
  enum { TOKENS = 40 * SLAB_CHUNK };
  for (int round = 0; round < 3; round++) {
    for (uint64_t id = 1; id <= TOKENS; id++) refs_hold(&refs, seen(0, id), 1, 1, NOW);
    for (uint64_t id = 1; id <= TOKENS; id++) {
      bool stays = id / SLAB_CHUNK % 4 == 3 || id % 97 == 0;
      struct pt pt = pt_of(id);
      struct refs_drop drop;
      uint32_t token;
      if (stays && id / SLAB_CHUNK != 20) continue; /* this one is empty */
      ck_assert_int_eq(refs_find(&refs, 0, &pt, &token), REFS_OK);
      refs_release(&refs, token, 1, refs_count(&refs, token, 1), &payer);
      ck_assert(refs_settle(&refs, token, &drop));
    }
    for (uint32_t part = 0; refs_let_rest(&refs, part);) part++;
    carry(round != 1);
  }
}
END_TEST

/* A file that is not the pool's, and counts that are not those of what is there. */
START_TEST(what_is_not_as_it_was_told_is_refused) {
  static const char *const faults[] = {"the file of the books is not there", "what was kept is not as it was told",
                                       "a token that was kept is not as it was told"};
  for (uint64_t id = 1; id <= 3000; id++) refs_hold(&refs, seen(0, id), 1, 1, NOW);
  for (int i = 0; i < 5; i++) {
    struct pool next_pool;
    struct refs next = {0}, lying = refs;
    struct sheet s;
    int fd = memfd_create("state", MFD_CLOEXEC), other = i ? -1 : memfd_create("other", MFD_CLOEXEC);
    struct pool p = {i ? pool.fd : other};
    if (i == 1) lying.tokens.chunks++;
    if (i == 2) lying.token_by_id.count++;
    if (i == 3) lying.holds.open = 700;
    if (i == 4) lying.token_by_id.seed++;
    sheet_open_to_write(&s, fd);
    refs_keep(&lying, &p, &s);
    sheet_close(&s);
    ck_assert(pool_open(&next_pool));
    ck_assert(refs_init(&next, &next_pool, 2));
    sheet_open_to_read(&s, fd);
    refs_keep(&next, &next_pool, &s);
    ck_assert_str_eq(s.fault, faults[i == 0 ? 0 : i == 4 ? 2 : 1]);
    sheet_close(&s);
    refs_deinit(&next);
    if (next_pool.fd != pool.fd) pool_close(&next_pool);
    if (other >= 0) close(other);
    close(fd);
  }
  ck_assert_ptr_null(refs_check(&refs));
}
END_TEST

/* A program may have been replaced since it was asked: that its layout is the same must be in the state, too. */
START_TEST(another_layout_is_refused) {
  struct pool next_pool;
  struct refs next = {0};
  struct sheet s, other;
  uint64_t here[2] = {'r', refs_layout()};
  int fd = memfd_create("state", MFD_CLOEXEC), own = memfd_create("other", MFD_CLOEXEC);
  static uint8_t all[1 << 16];
  refs_hold(&refs, seen(0, 1), 1, 1, NOW);
  sheet_open_to_write(&s, fd);
  refs_keep(&refs, &pool, &s);
  sheet_close(&s);
  sheet_open_to_write(&other, own); /* how the state begins, byte for byte */
  for (int i = 0; i < 2; i++) sheet_uint(&other, &here[i]);
  size_t begin = other.at;
  ssize_t size = pread(fd, all, sizeof all, 0);
  ck_assert_int_gt(size, (ssize_t)begin);
  ck_assert_mem_eq(all, other.bytes, begin);
  sheet_close(&other);
  all[1] ^= 1; /* the lowest byte of the layout */
  ck_assert_int_eq(pwrite(fd, all, (size_t)size, 0), size);
  ck_assert(pool_open(&next_pool));
  ck_assert(refs_init(&next, &next_pool, 2));
  sheet_open_to_read(&s, fd);
  refs_keep(&next, &next_pool, &s);
  ck_assert_str_eq(s.fault, "the state has another form");
  ck_assert_int_ne(next_pool.fd, pool.fd); /* not touched */
  sheet_close(&s);
  refs_deinit(&next);
  pool_close(&next_pool);
  close(own);
  close(fd);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker refs");
  TCase *t = tcase_create("refs");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, last_release_ends_a_token_with_what_was_seen);
  tcase_add_test(t, release_of_a_part_keeps_the_holder);
  tcase_add_test(t, strangers_and_excess_release_nothing);
  tcase_add_test(t, stamp_and_kind_must_match);
  tcase_add_test(t, records_are_small);
  tcase_add_test(t, random_events_agree_with_the_oracle);
  t = tcase_create("pooled");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup_pooled, teardown_pooled);
  tcase_add_test(t, last_release_ends_a_token_with_what_was_seen);
  tcase_add_test(t, random_events_agree_with_the_oracle);
  t = tcase_create("carried");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup_carried, teardown_carried);
  tcase_add_test(t, random_events_agree_with_the_oracle);
  tcase_add_test(t, large_books_go_over_as_they_are);
  tcase_add_test(t, what_is_not_as_it_was_told_is_refused);
  tcase_add_test(t, another_layout_is_refused);
  return run_suite(s);
}
