/* SPDX-License-Identifier: MIT
 *
 * The memory file of a pair of rings: what it is, which others are refused, who has it.
 */
#define _GNU_SOURCE /* memfd_create, seals */
#include "proto/ring/map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/run.h"

START_TEST(both_ends_see_the_same) {
  void *a, *b;
  int fd = ring_file();
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(ring_map(fd, &a), 0);
  ck_assert_int_eq(ring_map(fd, &b), 0);
  close(fd);
  ((uint8_t *)a)[RING_MAP_BYTES - 1] = 7;
  ck_assert_uint_eq(((uint8_t *)b)[RING_MAP_BYTES - 1], 7);
  ring_unmap(a);
  ring_unmap(b);
}
END_TEST

START_TEST(who_makes_one_has_not_mapped_it_yet) {
  char line[256];
  int fd = ring_file(), mapped = 0;
  FILE *maps = fopen("/proc/self/maps", "re");
  ck_assert(fd >= 0 && maps);
  while (fgets(line, sizeof line, maps)) mapped += strstr(line, "gaijin-ring") != NULL;
  fclose(maps);
  close(fd);
  ck_assert_int_eq(mapped, 0);
}
END_TEST

START_TEST(it_keeps_its_size_and_seals) {
  int fd = ring_file();
  ck_assert_int_eq(ftruncate(fd, RING_PAGE_BYTES), -1);
  ck_assert_int_eq(ftruncate(fd, 2 * RING_MAP_BYTES), -1);
  ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
  ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
  close(fd);
}
END_TEST

enum { UNSEALED, GROWS, SHORT, LONG, EMPTY, OTHER_LAYOUT };
static int strange_file(int kind) {
  int fd = memfd_create("strange", MFD_CLOEXEC | MFD_ALLOW_SEALING), seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  off_t size = kind == SHORT ? RING_MAP_BYTES - 1 : kind == LONG ? RING_MAP_BYTES + 1 : kind == EMPTY ? 0 : RING_MAP_BYTES;
  ck_assert_int_eq(ftruncate(fd, size), 0);
  if (kind == GROWS) seals = F_SEAL_SHRINK;
  if (kind != UNSEALED) ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
  return fd;
}

START_TEST(others_are_refused) {
  void *map;
  int fd = strange_file(_i);
  ck_assert_int_eq(ring_map(fd, &map), _i == OTHER_LAYOUT ? -EPROTONOSUPPORT : -EPROTO);
  close(fd);
}
END_TEST

START_TEST(what_is_no_memory_file_is_refused) {
  void *map;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  ck_assert_int_eq(ring_map(null, &map), -EPROTO);
  close(null);
  ck_assert_int_eq(ring_map(-1, &map), -EPROTO);
}
END_TEST

/* A forked child of a script is no end of the ring. */
START_TEST(a_child_has_it_not) {
  void *map;
  int fd = ring_file(), ends[2], status;
  ck_assert_int_eq(ring_map(fd, &map), 0);
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_eq(write(ends[1], map, 1), 1);
  pid_t pid = fork();
  if (pid == 0) _exit(write(ends[1], map, 1) == -1 && errno == EFAULT ? 0 : 1);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_int_eq(status, 0);
  ring_unmap(map);
  close(fd);
}
END_TEST

static void limit(__rlimit_resource_t what, rlim_t to) {
  struct rlimit l;
  ck_assert_int_eq(getrlimit(what, &l), 0);
  l.rlim_cur = to;
  ck_assert_int_eq(setrlimit(what, &l), 0);
}

START_TEST(a_limit_is_an_error) {
  int free_one = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(free_one);
  limit(RLIMIT_FSIZE, RING_MAP_BYTES - 1);
  ck_assert_int_eq(ring_file(), -EFBIG);
  limit(RLIMIT_FSIZE, RING_MAP_BYTES);
  limit(RLIMIT_NOFILE, (rlim_t)free_one);
  ck_assert_int_eq(ring_file(), -EMFILE);
  limit(RLIMIT_NOFILE, (rlim_t)free_one + 1);
  int fd = ring_file();
  ck_assert_int_eq(fd, free_one);
  close(fd);
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto/ring/map");
  TCase *c = tcase_create("map");
  tcase_add_test(c, both_ends_see_the_same);
  tcase_add_test(c, who_makes_one_has_not_mapped_it_yet);
  tcase_add_test(c, it_keeps_its_size_and_seals);
  tcase_add_loop_test(c, others_are_refused, UNSEALED, OTHER_LAYOUT + 1);
  tcase_add_test(c, what_is_no_memory_file_is_refused);
  tcase_add_test(c, a_child_has_it_not);
  tcase_add_test(c, a_limit_is_an_error);
  suite_add_tcase(s, c);
  return run_suite(s);
}
