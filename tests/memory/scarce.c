/* SPDX-License-Identifier: MIT
 *
 * Preloaded into a program, it lets allocations fail: of malloc, calloc, realloc and mmap together
 * the number $SCARCE_FROM (0 is the first) and $SCARCE_COUNT - 1 after it, or all after it if that
 * is 0. Without $SCARCE_FROM none fails. The file $SCARCE_OUT has how many there were and how many
 * failed so far, as two numbers of 64 bits, however the program ends.
 *
 * The counterpart of tests/unit/scarce.h for whole processes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static bool ready; /* the environment was read; nothing fails before */
static uint64_t from = UINT64_MAX, count;
static uint64_t own[2], *numbers = own; /* allocations, failed ones */

static uint64_t number(const char *name, uint64_t otherwise) {
  const char *text = getenv(name);
  return text ? strtoull(text, NULL, 10) : otherwise;
}

static void count_in_file(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof own) < 0) _exit(99);
  long at = syscall(SYS_mmap, NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == -1) _exit(99);
  numbers = (uint64_t *)at;
  close(fd);
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("SCARCE_OUT");
  from = number("SCARCE_FROM", from);
  count = number("SCARCE_COUNT", 1);
  if (path) count_in_file(path);
  ready = true;
}

static bool fails(void) {
  if (!ready) return false;
  uint64_t at = numbers[0]++;
  if (at < from || (count && at - from >= count)) return false;
  numbers[1]++;
  errno = ENOMEM;
  return true;
}

#pragma GCC visibility push(default)
void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }
void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset) {
  if (fails()) return MAP_FAILED;
  return (void *)syscall(SYS_mmap, at, n, protection, flags, fd, offset);
}
#pragma GCC visibility pop
