/* SPDX-License-Identifier: MIT
 *
 * Each stack keeps a context that loops "run entry, leave", so it is
 * made once per mapping, not once per fiber. Lua 5.1 nests up to 200 C calls, of
 * which string.gsub's take 9 KiB each: 2 MiB is the least that holds them.
 *
 * LuaJIT nests C calls as long as the slots of one lua_State last (65,500, of which
 * each call takes several). All functions of its library that call back fit the least
 * size then, so that much is kept in reserve wherever a new row of calls may begin:
 * in another coroutine, or in a function with a buffer on the stack.
 */
#define _GNU_SOURCE
#include "lua/vm/stack.h"

#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lua/vm/context.h"
#include "proto/sanitizer.h"

#if WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
enum { LEAST_BYTES = 8 << 20 }; /* instrumented frames are several times larger */
#else
enum { LEAST_BYTES = (2 << 20) + (256 << 10) };
#endif
enum { GUARD_BYTES = 1 << 20 }; /* costs addresses only; no frame but a giant's steps over it */
enum { SMALL_RESERVE = 64 << 10 };
enum { MAPS_LEFT = 2000 };       /* for libraries and memory */

struct stack {
  struct stack *next, *prev; /* all */
  struct stack *next_idle;
  struct stacks *owner;
  uint8_t *map;
  struct context context, scheduler;
  void *user;
  void *fake; /* AddressSanitizer's fake stack while switched away */
};

static size_t map_bytes(const struct stacks *s) { return GUARD_BYTES + s->usable; }

void stacks_init(struct stacks *s, void (*entry)(void *user), bool unlimited) {
  *s = (struct stacks){.entry = entry, .usable = LEAST_BYTES, .reserve = SMALL_RESERVE};
  s->page = (size_t)sysconf(_SC_PAGESIZE);
  assert((s->page & (s->page - 1)) == 0 && GUARD_BYTES % s->page == 0);
  if (!unlimited) return;
  s->usable = 2 * (size_t)LEAST_BYTES;
  s->reserve = LEAST_BYTES;
}

/* AddressSanitizer's notes of frames that were never left go, because the addresses may become
 * another stack's: of the part that was in use, for to write the notes of all of it takes longer
 * than most fibers do. */
static void wipe_notes(const struct stacks *s, const struct stack *k) {
#if WITH_ASAN
  const uint8_t *bottom = k->map + GUARD_BYTES;
  size_t pages = s->usable / s->page, unused = 0;
  unsigned char *resident = calloc(pages, 1);
  if (resident && mincore(k->map + GUARD_BYTES, s->usable, resident) == 0)
    while (unused < pages && !(resident[unused] & 1)) unused++;
  free(resident);
  __asan_unpoison_memory_region(bottom + unused * s->page, s->usable - unused * s->page);
#else
  (void)s, (void)k;
#endif
}

static void unlink_and_free(struct stacks *s, struct stack *k) {
  if (k->prev) k->prev->next = k->next;
  if (k->next) k->next->prev = k->prev;
  if (s->all == k) s->all = k->next;
  s->n_all--;
  wipe_notes(s, k);
  munmap(k->map, map_bytes(s));
  free(k);
}

/* Those of every VM in the process: a signal handler has no argument of ours. */
static struct stacks *first_guarded;

static void unguard(struct stacks *s) {
  if (!s->guarded) return;
  struct stacks **p = &first_guarded;
  while (*p != s) p = &(*p)->next_guarded;
  *p = s->next_guarded;
  s->guarded = false;
}

void stacks_deinit(struct stacks *s) {
  unguard(s);
  while (s->all) unlink_and_free(s, s->all);
  assert(s->n_all == 0);
  s->idle = NULL;
  s->n_idle = 0;
}

static void arrive_on_stack(struct stack *k) {
#if WITH_ASAN
  __sanitizer_finish_switch_fiber(k->fake, &k->owner->main_bottom, &k->owner->main_size);
#else
  (void)k;
#endif
}

static void run(void *stack) {
  struct stack *k = stack;
  arrive_on_stack(k);
  for (;;) k->owner->entry(k->user);
}

struct stack *stack_get(struct stacks *s) {
  struct stack *k = s->idle;
  assert(!k == (s->n_idle == 0));
  if (k) {
    s->idle = k->next_idle;
    if (--s->n_idle < s->least_idle) s->least_idle = s->n_idle;
    return k;
  }
  k = calloc(1, sizeof *k);
  if (!k) return NULL;
  k->map = mmap(NULL, map_bytes(s), PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (k->map == MAP_FAILED) {
    free(k);
    return NULL;
  }
  if (mprotect(k->map, GUARD_BYTES, PROT_NONE) != 0) {
    munmap(k->map, map_bytes(s));
    free(k);
    return NULL;
  }
  k->owner = s;
  context_make(&k->context, k->map + GUARD_BYTES, s->usable, run, k);
  k->next = s->all;
  if (s->all) s->all->prev = k;
  s->all = k;
  s->n_all++;
  return k;
}

void stack_put(struct stacks *s, struct stack *k) {
  assert(k->owner == s && s->n_idle < s->n_all);
  if (!s->keeps_all && s->n_idle >= STACKS_KEPT) {
    unlink_and_free(s, k);
    return;
  }
  k->next_idle = s->idle;
  s->idle = k;
  s->n_idle++;
}

void stacks_watch_idle(struct stacks *s) { s->least_idle = s->n_idle; }

bool stacks_give_back(struct stacks *s, size_t most) {
  assert(s->least_idle <= s->n_idle);
  for (; s->least_idle > STACKS_KEPT; most--, s->least_idle--) {
    if (most == 0) return true;
    struct stack *k = s->idle;
    s->idle = k->next_idle;
    s->n_idle--;
    unlink_and_free(s, k);
  }
  return false;
}

void stack_resume(struct stacks *s, struct stack *k, void *user) {
  assert(k->owner == s);
  k->user = user;
#if WITH_ASAN
  void *fake = NULL;
  __sanitizer_start_switch_fiber(&fake, k->map + GUARD_BYTES, s->usable);
#endif
  context_switch(&k->scheduler, &k->context);
#if WITH_ASAN
  __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

void stack_leave(struct stacks *s, struct stack *k) {
  (void)s;
#if WITH_ASAN
  __sanitizer_start_switch_fiber(&k->fake, s->main_bottom, s->main_size);
#endif
  context_switch(&k->context, &k->scheduler);
  arrive_on_stack(k);
}

bool stack_is_short(const struct stack *k, size_t more) {
  const uint8_t *here = __builtin_frame_address(0), *least = k->map + GUARD_BYTES;
  assert(here > least && here < least + k->owner->usable);
  return (size_t)(here - least) < k->owner->reserve + more;
}

/* What the frames below take that are there until the stack is left. */
enum { FRAMES_BELOW = 2 << 10 };

size_t stack_used(const struct stack *k) {
  const uint8_t *here = __builtin_frame_address(0), *top = k->map + GUARD_BYTES + k->owner->usable;
  assert(here < top && here > k->map + GUARD_BYTES);
  size_t page = k->owner->page;
  return ((size_t)(top - here) + FRAMES_BELOW + page - 1) & ~(page - 1);
}

void stack_trim(const struct stack *k) {
  size_t used = stack_used(k);
  if (used >= k->owner->usable) return;
  /* If it fails, memory stays in use that is not needed: no harm. */
  madvise(k->map + GUARD_BYTES, k->owner->usable - used, MADV_DONTNEED);
}

/* A stack is two mappings. What cannot be read is no limit. */
unsigned stacks_most(void) {
  unsigned maps = 0;
  FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
  if (!f) return UINT_MAX;
  bool known = fscanf(f, "%u", &maps) == 1;
  fclose(f);
  return !known ? UINT_MAX : maps > 2 * MAPS_LEFT ? (maps - MAPS_LEFT) / 2 : MAPS_LEFT / 2;
}

/* ---- Overflow ---- */

static bool is_in_guard(const uint8_t *at) {
  for (const struct stacks *s = first_guarded; s; s = s->next_guarded)
    for (const struct stack *k = s->all; k; k = k->next)
      if (at >= k->map && at < k->map + GUARD_BYTES) return true;
  return false;
}

static void on_segv(int sig, siginfo_t *info, void *context) {
  (void)context;
  if (is_in_guard(info->si_addr)) {
    static const char text[] = "gaijin: the C stack of a fiber overflowed; aborting\n";
    ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
    (void)n;
    abort();
  }
  signal(sig, SIG_DFL); /* some other fault: let it happen again, unhandled */
  if (info->si_code <= 0) raise(sig); /* one that was sent would not */
}

/* The stack that is left for a handler when the one it interrupts has overflowed. */
static bool use_alternate_stack(void) {
  stack_t old;
  if (sigaltstack(NULL, &old) == 0 && !(old.ss_flags & SS_DISABLE)) return true;
  size_t size = 64 << 10;
  /* Kept for the life of the process. */
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return false;
  stack_t alternate = {.ss_sp = p, .ss_size = size};
  return sigaltstack(&alternate, NULL) == 0;
}

static bool handle(int sig, bool is_guest) {
  struct sigaction old, action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  if (sigaction(sig, NULL, &old) != 0) return false;
  if (is_guest && ((old.sa_flags & SA_SIGINFO) || old.sa_handler != SIG_DFL)) return true;
  return sigaction(sig, &action, NULL) == 0;
}

bool stacks_guard_overflow(struct stacks *s, bool is_guest) {
  if (!use_alternate_stack() || !handle(SIGSEGV, is_guest) || !handle(SIGBUS, is_guest))
    return false;
  s->guarded = true;
  s->next_guarded = first_guarded;
  first_guarded = s;
  return true;
}
