/* SPDX-License-Identifier: MIT
 *
 * In each program of a sanitised build: where LeakSanitizer begins its search at the end of the process.
 *
 * It would begin with all variables of all libraries, also with those of the sanitisers themselves: 12 MB, most of them
 * never touched, at the end of each of some thousand processes (every unit test is one). Nothing of ours can be reached from
 * them only, so they are left out; the rest is named here. What is still found is the same.
 *
 * For each region that is named, the search reads the list of the process's mappings anew. So one is named, which has a copy
 * of all variables, made when the search begins: every destructor has run then.
 */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* Of the library: its header does not come with every compiler. */
void __lsan_register_root_region(const void *begin, size_t size);

__attribute__((visibility("default"))) const char *__lsan_default_options(void);
const char *__lsan_default_options(void) { return "use_globals=0"; }

/* Mapped, and not of the allocator, whose memory is searched only as far as it is reached. */
static struct copy {
  uintptr_t *words;
  size_t room, used; /* in words */
} copy;

/* Told of the variables of a program or library. */
typedef void each_fn(const uintptr_t *words, size_t n);

static int each_segment(struct dl_phdr_info *library, size_t size, void *user) {
  (void)size;
  each_fn *const *each = user;
  if (strstr(library->dlpi_name, "/libasan.so") || strstr(library->dlpi_name, "/libubsan.so")) return 0;
  for (int i = 0; i < library->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &library->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_W)) continue;
    uintptr_t begin = library->dlpi_addr + segment->p_vaddr, end = begin + segment->p_memsz;
    /* Pointers lie at multiples of their size. */
    begin = (begin + sizeof(uintptr_t) - 1) / sizeof(uintptr_t) * sizeof(uintptr_t);
    if (begin < end) (*each)((const uintptr_t *)begin, (end - begin) / sizeof(uintptr_t));
  }
  return 0;
}
static void for_each_segment(each_fn *each) { dl_iterate_phdr(each_segment, &each); }

static void count(const uintptr_t *words, size_t n) {
  (void)words;
  copy.room += n;
}
/* Between variables are bytes that AddressSanitizer forbids to read, also to memcpy. */
__attribute__((no_sanitize("address", "undefined"))) static void take(const uintptr_t *words, size_t n) {
  for (size_t i = 0; i < n && copy.used < copy.room; i++)
    ((volatile uintptr_t *)copy.words)[copy.used++] = ((const volatile uintptr_t *)words)[i];
}

/* Late, so that libraries loaded meanwhile are there. Without room for a copy everything is reported. */
__attribute__((destructor)) static void name_the_copy(void) {
  for_each_segment(count);
  void *room = mmap(NULL, copy.room * sizeof(uintptr_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return;
  copy.words = room;
  __lsan_register_root_region(room, copy.room * sizeof(uintptr_t));
}

/* LeakSanitizer asks this before it begins. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) {
  if (!copy.words) return 0;
  copy.used = 0;
  for_each_segment(take);
  return 0;
}
