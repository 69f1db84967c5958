/* SPDX-License-Identifier: MIT
 *
 * Memory in a file: pieces and arrays against an oracle, what is given back, what another mapping of the file finds, and a
 * system that has none. This program's own fallocate stands for the system's, and fails when it is told to.
 */
#define _GNU_SOURCE
#include "broker/base/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "broker/base/chain.h"
#include "tests/unit/address_limit.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

static int fails_with, interrupts; /* errno of what fails; so many calls are interrupted first */
static int failing_mode = -1;      /* of fallocate: the mode that fails; -1: each */

int fallocate(int fd, int mode, off_t at, off_t size) {
  if (interrupts > 0) {
    interrupts--;
    errno = EINTR;
    return -1;
  }
  if (fails_with && (failing_mode < 0 || mode == failing_mode)) {
    errno = fails_with;
    return -1;
  }
  return (int)syscall(SYS_fallocate, fd, mode, at, size);
}

static struct pool pool;
static struct pool_pieces pieces;
static struct pool_array array;
enum { PIECE = 10000 };

static void setup(void) {
  ck_assert(pool_open(&pool));
  pool_pieces_init(&pieces, &pool, 1, PIECE);
  pool_array_init(&array, &pool, 2);
}
static void teardown(void) {
  pool_pieces_deinit(&pieces);
  pool_array_deinit(&array);
  pool_close(&pool);
}

/* The memory of the file, bytes. */
static size_t memory(void) {
  struct stat st;
  ck_assert_int_eq(fstat(pool.fd, &st), 0);
  return (size_t)st.st_blocks * 512;
}

static void fill(void *at, size_t n, unsigned value) { memset(at, (int)value, n); }
static bool is_full_of(const void *at, size_t n, unsigned value) {
  for (size_t i = 0; i < n; i++)
    if (((const uint8_t *)at)[i] != value) return false;
  return true;
}

START_TEST(pieces_are_distinct_zeroed_and_given_back) {
  enum { PIECES = 70, STEPS = 3000 };
  static uint8_t *at[PIECES];
  static uint8_t value[PIECES];
  uint64_t random = random_seed("pool");
  unsigned taken = 0;
  ck_assert_uint_ge(pieces.size, PIECE);
  ck_assert_uint_eq(memory(), 0);
  for (unsigned step = 0; step < STEPS; step++) {
    uint32_t i = (uint32_t)random_below(&random, PIECES);
    if (!at[i]) {
      ck_assert_ptr_nonnull(at[i] = pool_pieces_take(&pieces, i));
      ck_assert_ptr_eq(at[i], pool_piece(&pieces, i));
      ck_assert(is_full_of(at[i], pieces.size, 0));
      fill(at[i], pieces.size, value[i] = (uint8_t)(1 + step % 255));
      taken++;
    } else {
      ck_assert(is_full_of(at[i], pieces.size, value[i]));
      if (random_below(&random, 2)) continue;
      pool_pieces_give(&pieces, i);
      at[i] = NULL;
      taken--;
    }
    ck_assert_uint_eq(memory(), taken * pieces.size);
  }
  for (uint32_t i = 0; i < PIECES; i++)
    if (at[i]) pool_pieces_give(&pieces, i);
  ck_assert_uint_eq(memory(), 0);
}
END_TEST

START_TEST(an_array_keeps_what_it_has_while_it_grows_and_shrinks) {
  static uint8_t oracle[300000];
  uint64_t random = random_seed("pool array");
  size_t size = 0, page = (size_t)sysconf(_SC_PAGESIZE);
  for (unsigned step = 0; step < 400; step++) {
    size_t bytes = 1 + (size_t)random_below(&random, step % 50 < 25 ? sizeof oracle : 20000);
    ck_assert(pool_array_resize(&array, bytes));
    ck_assert_uint_ge(array.bytes, bytes);
    ck_assert_uint_lt(array.bytes, bytes + page);
    ck_assert_uint_eq(memory(), array.bytes);
    ck_assert_uint_le(array.bytes, array.mapped);
    ck_assert_uint_le(array.mapped, array.bytes * 4 + 4 * page);
    size_t kept = size < array.bytes ? size : array.bytes;
    if (kept > sizeof oracle) kept = sizeof oracle;
    ck_assert_int_eq(memcmp(array.at, oracle, kept), 0);
    if (size < array.bytes) ck_assert(is_full_of(array.at + size, array.bytes - size, 0));
    size = array.bytes;
    for (size_t i = 0; i < size && i < sizeof oracle; i++) array.at[i] = oracle[i] = (uint8_t)(1 + (step + i) % 255);
    for (size_t i = sizeof oracle; i < size; i++) array.at[i] = 0;
  }
}
END_TEST

/* Another that maps the file has everything at its place, and goes on with it. */
START_TEST(what_is_there_is_taken_over) {
  struct pool next;
  struct pool_pieces p;
  struct pool_array a;
  static const uint32_t numbers[] = {0, 5, 15, 16, 47, 200};
  for (unsigned i = 0; i < 6; i++) fill(pool_pieces_take(&pieces, numbers[i]), PIECE, 10 + i);
  pool_pieces_give(&pieces, 16);
  ck_assert(pool_array_resize(&array, 30000));
  fill(array.at, array.bytes, 77);
  size_t before = memory();
  ck_assert(pool_take_over(&next, dup(pool.fd)));
  pool_pieces_init(&p, &next, 1, PIECE);
  pool_array_init(&a, &next, 2);
  ck_assert(pool_pieces_take_over(&p, 201));
  ck_assert(pool_array_take_over(&a, array.bytes));
  ck_assert_uint_eq(a.bytes, array.bytes);
  for (unsigned i = 0; i < 6; i++)
    ck_assert(is_full_of(pool_piece(&p, numbers[i]), PIECE, numbers[i] == 16 ? 0 : 10 + i));
  ck_assert(is_full_of(a.at, a.bytes, 77));
  ck_assert(pool_array_resize(&a, 100000));
  ck_assert(is_full_of(a.at, array.bytes, 77) && is_full_of(a.at + array.bytes, a.bytes - array.bytes, 0));
  ck_assert(is_full_of(pool_pieces_take(&p, 16), PIECE, 0));
  ck_assert(is_full_of(pool_pieces_take(&p, 300), PIECE, 0));
  ck_assert(pool_array_resize(&a, 30000));
  pool_pieces_give(&p, 300);
  pool_pieces_give(&p, 16);
  ck_assert_uint_le(memory(), before + p.size); /* pages that were read where there was none may have come */
  pool_pieces_deinit(&p);
  pool_array_deinit(&a);
  pool_close(&next);
  ck_assert(is_full_of(pool_piece(&pieces, 5), PIECE, 11));
}
END_TEST

/* The pages of this process's mapping that are there. */
static size_t mapped_pages(const void *at, size_t n) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), there = 0;
  int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  for (size_t i = 0; i < n; i += page) {
    uint64_t entry = 0;
    ck_assert_int_eq(pread(fd, &entry, sizeof entry, (off_t)(((uintptr_t)at + i) / page * sizeof entry)), sizeof entry);
    there += entry >> 63;
  }
  close(fd);
  return there;
}

/* What rests is not mapped, and is as before. */
START_TEST(what_rests_comes_back) {
  static const uint32_t numbers[] = {0, 5, 47, 200};
  unsigned parts = 0;
  for (unsigned i = 0; i < 4; i++) fill(pool_pieces_take(&pieces, numbers[i]), PIECE, 10 + i);
  ck_assert(pool_array_resize(&array, 1300000));
  fill(array.at, array.bytes, 77);
  ck_assert_uint_eq(mapped_pages(array.at, array.bytes), array.bytes / (size_t)sysconf(_SC_PAGESIZE));
  size_t before = memory();
  while (pool_pieces_let_rest(&pieces, parts)) parts++;
  ck_assert_uint_gt(parts, 200 / POOL_WINDOW);
  for (unsigned i = 0; i < 4; i++) ck_assert_uint_eq(mapped_pages(pool_piece(&pieces, numbers[i]), pieces.size), 0);
  for (parts = 0; pool_array_let_rest(&array, parts);) parts++;
  ck_assert_uint_eq(parts, 3);
  ck_assert_uint_eq(mapped_pages(array.at, array.bytes), 0);
  ck_assert_uint_eq(memory(), before);
  for (unsigned i = 0; i < 4; i++) ck_assert(is_full_of(pool_piece(&pieces, numbers[i]), PIECE, 10 + i));
  ck_assert(is_full_of(array.at, array.bytes, 77));
}
END_TEST

/* A slab or table that is in none has no parts. */
START_TEST(ordinary_memory_does_not_rest) {
  struct pool_pieces none = {0};
  struct pool_array empty = {0};
  ck_assert(!pool_pieces_let_rest(&none, 0) && !pool_array_let_rest(&empty, 0));
}
END_TEST

START_TEST(none_taken_over_is_none) {
  struct pool_pieces p;
  pool_pieces_init(&p, &pool, 0, PIECE);
  ck_assert(pool_pieces_take_over(&p, 0));
  ck_assert(is_full_of(pool_pieces_take(&p, 0), PIECE, 0));
  pool_pieces_deinit(&p);
}
END_TEST

START_TEST(other_files_are_no_pools) {
  struct pool p;
  int fds[2], other = memfd_create("other", MFD_CLOEXEC);
  ck_assert_int_eq(pipe(fds), 0);
  ck_assert(!pool_take_over(&p, other));
  ck_assert_int_eq(p.fd, -1);
  ck_assert(!pool_take_over(&p, fds[0]));
  ck_assert(!pool_take_over(&p, -1));
  ck_assert(!pool_take_over(&p, 1000));
  close(fds[0]);
  close(fds[1]);
  close(other);
}
END_TEST

/* A child would see what the broker writes later, or worse. */
START_TEST(a_forked_child_has_nothing_of_it) {
  uint8_t *at = pool_pieces_take(&pieces, 3);
  ck_assert(pool_array_resize(&array, 1) && pool_array_resize(&array, 5000000));
  uint8_t *all[] = {at, array.at, array.at + array.bytes - 1};
  for (int i = 0; i < 3; i++) {
    int status;
    pid_t child = fork();
    if (child == 0) {
      signal(SIGSEGV, SIG_DFL);
      const struct rlimit none = {0, 0};
      setrlimit(RLIMIT_CORE, &none);
      _exit(*(volatile uint8_t *)all[i] ? 1 : 2);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) > 2); /* a sanitizer ends it with a status */
  }
  ck_assert_int_eq(fcntl(pool.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}
END_TEST

/* Without memory nothing has changed, and with it again all is as ever. */
START_TEST(no_memory_is_told) {
  uint8_t *at = pool_pieces_take(&pieces, 3);
  fill(at, PIECE, 9);
  ck_assert(pool_array_resize(&array, 5000));
  fill(array.at, array.bytes, 8);
  size_t bytes = array.bytes, before = memory();
  fails_with = ENOSPC;
  ck_assert_ptr_null(pool_pieces_take(&pieces, 4));
  ck_assert_ptr_null(pool_pieces_take(&pieces, 400));
  ck_assert(!pool_array_resize(&array, 50000));
  ck_assert_uint_eq(array.bytes, bytes);
  ck_assert_uint_eq(memory(), before);
  ck_assert(is_full_of(at, PIECE, 9) && is_full_of(array.at, bytes, 8));
  fails_with = 0;
  interrupts = 3; /* by signals */
  ck_assert(is_full_of(pool_pieces_take(&pieces, 4), PIECE, 0));
  ck_assert_int_eq(interrupts, 0);
  interrupts = 2;
  pool_pieces_give(&pieces, 4);
  ck_assert_int_eq(interrupts, 0);
  ck_assert_uint_eq(memory(), before);
  ck_assert(pool_array_resize(&array, 50000));
  ck_assert(is_full_of(array.at, bytes, 8) && is_full_of(array.at + bytes, array.bytes - bytes, 0));
}
END_TEST

/* What is behind the addresses of an array is somebody else's: to grow, it has to move. */
static void stand_behind(const struct pool_array *a) {
  void *want = a->at + a->mapped;
  void *got = mmap(want, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  ck_assert(got == want || (got == MAP_FAILED && errno == EEXIST));
}

/* Also not where it is, for its user may still have the address. */
START_TEST(an_array_without_memory_has_not_moved) {
  ck_assert(pool_array_resize(&array, 5000));
  const uint8_t *at = array.at;
  size_t bytes = array.bytes;
  fill(array.at, bytes, 8);
  stand_behind(&array);
  fails_with = ENOSPC;
  ck_assert(!pool_array_resize(&array, 500000));
  ck_assert_ptr_eq(array.at, at);
  ck_assert(is_full_of(at, bytes, 8));
}
END_TEST

struct item { uint32_t key, link; };
static uint64_t hash_of_item(const void *item, uint64_t seed) {
  return (((const struct item *)item)->key + seed) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Then it has the buckets it had, and as many items as come. */
START_TEST(a_table_without_memory_for_more_heads_goes_on) {
  enum { BEFORE = 1000, ITEMS = 4000 };
  struct slab slab;
  struct chain t;
  slab_init(&slab, sizeof(struct item));
  chain_prepare(&t, &slab, offsetof(struct item, link), hash_of_item, 1);
  ck_assert(chain_open(&t, &pool, 3));
  for (uint32_t i = 0; i < ITEMS; i++) {
    if (i == BEFORE) stand_behind(&t.array), fails_with = ENOSPC;
    ck_assert_uint_eq(slab_add(&slab), i);
    ((struct item *)slab_at(&slab, i))->key = i;
    chain_add(&t, i);
  }
  uint32_t size = t.size, found = 0;
  for (uint32_t i = 0; i < ITEMS; i++)
    for (uint32_t at = chain_first(&t, hash_of_item(slab_at(&slab, i), 1)); at != SLAB_NONE; at = chain_next(&t, at))
      found += at == i;
  ck_assert_uint_eq(found, ITEMS);
  fails_with = 0;
  ck_assert_uint_eq(slab_add(&slab), ITEMS);
  chain_add(&t, ITEMS);
  ck_assert_uint_gt(t.size, size);
  chain_deinit(&t);
  slab_deinit(&slab);
}
END_TEST

/* What the system does not take back is zeroed all the same. */
START_TEST(what_cannot_be_given_back_is_zeroed) {
  fill(pool_pieces_take(&pieces, 3), PIECE, 9);
  ck_assert(pool_array_resize(&array, 50000));
  fill(array.at, array.bytes, 8);
  fails_with = EPERM;
  failing_mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  pool_pieces_give(&pieces, 3);
  size_t before = array.bytes;
  ck_assert(pool_array_resize(&array, 5000));
  size_t bytes = array.bytes;
  ck_assert(is_full_of(pool_pieces_take(&pieces, 3), PIECE, 0));
  ck_assert(pool_array_resize(&array, 50000));
  ck_assert(is_full_of(array.at, bytes, 8) && is_full_of(array.at + bytes, before - bytes, 0));
}
END_TEST

START_TEST(no_addresses_are_told) {
  struct rlimit old;
  if (!address_limit_holds()) return;
  ck_assert_ptr_nonnull(pool_pieces_take(&pieces, 0));
  ck_assert(pool_array_resize(&array, 5000));
  size_t bytes = array.bytes;
  address_limit_begin(&old);
  void *more = pool_pieces_take(&pieces, 1), *beyond = pool_pieces_take(&pieces, 1 << 10);
  bool grown = pool_array_resize(&array, 1 << 22);
  address_limit_end(&old);
  ck_assert_ptr_nonnull(more); /* in the same window */
  ck_assert_ptr_null(beyond);
  ck_assert(!grown);
  ck_assert_uint_eq(array.bytes, bytes);
  ck_assert_uint_eq(memory(), 2 * pieces.size + bytes); /* what was taken before went back */
  ck_assert_ptr_nonnull(pool_pieces_take(&pieces, 1 << 10));
}
END_TEST

/* No descriptor, or no file of that size: there is no pool, and a reason. */
START_TEST(a_system_without_one_says_why) {
  struct pool p;
  struct rlimit old, none;
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
  none = (struct rlimit){3, old.rlim_max};
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
  ck_assert(!pool_open(&p));
  ck_assert_int_eq(errno, EMFILE);
  ck_assert_int_eq(p.fd, -1);
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
  none = (struct rlimit){1 << 20, old.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
  ck_assert(!pool_open(&p));
  ck_assert_int_eq(errno, EFBIG);
  ck_assert_int_eq(p.fd, -1);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker pool");
  TCase *t = tcase_create("pool");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, pieces_are_distinct_zeroed_and_given_back);
  tcase_add_test(t, an_array_keeps_what_it_has_while_it_grows_and_shrinks);
  tcase_add_test(t, what_is_there_is_taken_over);
  tcase_add_test(t, what_rests_comes_back);
  tcase_add_test(t, ordinary_memory_does_not_rest);
  tcase_add_test(t, none_taken_over_is_none);
  tcase_add_test(t, other_files_are_no_pools);
  tcase_add_test(t, a_forked_child_has_nothing_of_it);
  tcase_add_test(t, no_memory_is_told);
  tcase_add_test(t, an_array_without_memory_has_not_moved);
  tcase_add_test(t, a_table_without_memory_for_more_heads_goes_on);
  tcase_add_test(t, what_cannot_be_given_back_is_zeroed);
  tcase_add_test(t, no_addresses_are_told);
  tcase_add_test(t, a_system_without_one_says_why);
  return run_suite(s);
}
