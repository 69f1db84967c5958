/* SPDX-License-Identifier: MIT
 *
 * A call that is not on the list fails with EPERM: a later C library may try one that is new, and
 * then goes another way; if it killed, each upgrade could end workers. But what starts a program,
 * traces, or changes what the process is in, no library calls by itself: there it is broken-out
 * code that calls, and the process ends, so its holders are told.
 *
 * The list has what a worker does between its start and its end, found by tracing the tests,
 * and what a forked copy needs to walk the heap and tell what it found: clone as fork calls it,
 * wait, pipe, memfd, and what ends it. mmap and mprotect make nothing executable.
 */
#define _GNU_SOURCE
#include "lua/sandbox/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lua/sandbox/forks.h"
#include "proto/sanitizer.h"

bool kernel_can_filter(void) { return !WITH_ASAN; }

/* The limit is for cores that are files only. */
int kernel_shut_memory(void) {
  struct rlimit none = {0};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
      prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return -errno;
  return 0;
}

/* ---- Landlock ---- */

/* As <linux/landlock.h> has it in newer systems than those we are built on. */
struct ruleset {
  uint64_t files, network, scope;
};
enum { LANDLOCK_VERSION_FLAG = 1 };
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif

/* All that the version can refuse; a kernel refuses to hear of more. */
static size_t fill(struct ruleset *r, long version) {
  static const uint64_t files[] = {0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff}; /* of 1 to 5 */
  unsigned last = sizeof files / sizeof files[0];
  *r = (struct ruleset){.files = files[(version < last ? version : last) - 1]};
  if (version < 4) return sizeof r->files;
  r->network = 3; /* to bind and to connect TCP */
  if (version < 6) return sizeof r->files + sizeof r->network;
  r->scope = 3; /* abstract Unix sockets and signals */
  return sizeof *r;
}

int kernel_close_files(int *version) {
  struct ruleset r;
  long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_FLAG);
  *version = v > 0 ? (int)v : 0;
  if (v <= 0) return 0;
  long fd = syscall(SYS_landlock_create_ruleset, &r, fill(&r, v), 0);
  if (fd < 0) return -errno;
  int status = syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? 0 : -errno;
  close((int)fd);
  return status;
}

/* ---- seccomp ---- */

static const int allowed[] = {
    /* the connection, the loop, standard streams */
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(shutdown), SCMP_SYS(close),
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_ctl),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(fstat), SCMP_SYS(lseek), SCMP_SYS(fsync),
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    /* time, chance, signals to oneself, the end */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(setitimer), SCMP_SYS(alarm),
    SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(getpid), SCMP_SYS(gettid),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall), SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    /* a forked copy that walks the heap, and its parent */
    SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(pipe),
    SCMP_SYS(pipe2), SCMP_SYS(memfd_create), SCMP_SYS(ftruncate), SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq), SCMP_SYS(epoll_create1), SCMP_SYS(eventfd2),
};

static const int deadly[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(bpf), SCMP_SYS(unshare), SCMP_SYS(setns),
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(add_key),
    SCMP_SYS(keyctl), SCMP_SYS(request_key), SCMP_SYS(userfaultfd), SCMP_SYS(perf_event_open),
    SCMP_SYS(personality), SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setresuid),
    SCMP_SYS(setresgid), SCMP_SYS(setgroups), SCMP_SYS(reboot),
};

/* What the C library's fork may say besides SIGCHLD. */
static const scmp_datum_t with_fork = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;

static int allow(scmp_filter_ctx c, int call, unsigned n, struct scmp_arg_cmp a) {
  return seccomp_rule_add(c, SCMP_ACT_ALLOW, call, n, a);
}

/* Calls that are allowed with some arguments. ioctl could type into the terminal, fcntl have the
 * kernel signal others. clone is what fork calls and nothing else: no threads, no namespaces.
 * clone3, whose arguments a filter cannot see, is "not there", and the C library takes clone.
 * newfstatat, which newer C libraries call for fstat, would tell of any path: the C library does
 * without when it sets up a stream. */
static int add_narrow(scmp_filter_ctx c) {
  static const int descriptor_commands[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC};
  int r = allow(c, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  if (r == 0) r = allow(c, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  if (r == 0) r = allow(c, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, ~with_fork, SIGCHLD));
  if (r == 0) r = seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  if (r == 0) r = allow(c, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TCGETS));
  if (r == 0) r = allow(c, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, FIONBIO));
  if (r == 0)
    r = allow(c, SCMP_SYS(tgkill), 1,
              SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)getpid()));
  /* A copy of the worker is to give way to others. */
  if (r == 0)
    r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(sched_setscheduler), 2,
                         SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, 0),
                         SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, SCHED_BATCH));
  for (size_t i = 0; r == 0 && i < sizeof descriptor_commands / sizeof descriptor_commands[0]; i++)
    r = allow(c, SCMP_SYS(fcntl), 1,
              SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)descriptor_commands[i]));
  return r;
}

static int add_rules(scmp_filter_ctx c) {
  int r = seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  /* For threads too that a library has perhaps begun. */
  if (r == 0) r = seccomp_attr_set(c, SCMP_FLTATR_CTL_TSYNC, 1);
  for (size_t i = 0; r == 0 && i < sizeof allowed / sizeof allowed[0]; i++)
    r = seccomp_rule_add(c, SCMP_ACT_ALLOW, allowed[i], 0);
  for (size_t i = 0; r == 0 && i < sizeof deadly / sizeof deadly[0]; i++)
    r = seccomp_rule_add(c, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
  return r == 0 ? add_narrow(c) : r;
}

int kernel_filter_calls(void) {
  scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (!c) return -ENOMEM;
  int r = add_rules(c);
  if (r == 0) r = seccomp_load(c);
  seccomp_release(c);
  return r;
}

/* Filters add up, and the sternest answer counts: what is refused here is refused later, too. */
int kernel_refuse_rings(void) {
  if (!kernel_can_filter()) return 0;
  scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
  if (!c) return -ENOMEM;
  int r = seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup), 0);
  if (r == 0) r = seccomp_load(c);
  seccomp_release(c);
  return r;
}

/* ---- All ---- */

int kernel_confine(char *text, size_t n) {
  int version = 0;
  if (!kernel_can_filter()) {
    snprintf(text, n, "sandboxed; system calls are not filtered, because AddressSanitizer needs "
                      "them: not for scripts that are really untrusted");
    return 0;
  }
  bool bounded = forks_bound(); /* /proc is read before Landlock closes it */
  const char *forks = bounded ? "" : "; forks are not bounded";
  const char *what = "no_new_privs and no cores";
  int r = kernel_shut_memory();
  if (r == 0) {
    what = "Landlock";
    r = kernel_close_files(&version);
  }
  if (r == 0) {
    what = "the filter of system calls (seccomp)";
    r = kernel_filter_calls();
  }
  if (r < 0)
    snprintf(text, n, "--sandbox needs %s, and the kernel refuses: %s", what, strerror(-r));
  else if (version)
    snprintf(text, n, "sandboxed; system calls are filtered, Landlock %d is on%s", version, forks);
  else
    snprintf(text, n, "sandboxed; system calls are filtered; this kernel has no Landlock%s", forks);
  return r;
}
