/* SPDX-License-Identifier: MIT
 *
 * Preloaded into a worker of make bench-cycles: what each fork took of a processor, and what the copy that was waited for did,
 * as lines of the file GAIJIN_STOPS, `fork MS` and `child MS`. For the worker alone: the programs it starts are not preloaded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static double used_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void tell(const char *what, double ms) {
  char line[64];
  const char *path = getenv("GAIJIN_STOPS");
  int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
  int n = snprintf(line, sizeof line, "%s %.3f\n", what, ms);
  if (fd < 0) return;
  if (write(fd, line, (size_t)n) != n) perror(path);
  close(fd);
}

__attribute__((constructor)) static void begin(void) { unsetenv("LD_PRELOAD"); }

EXPORT pid_t fork(void) {
  pid_t (*real)(void);
  *(void **)&real = dlsym(RTLD_NEXT, "fork");
  double before = used_ms();
  pid_t pid = real();
  if (pid > 0) tell("fork", used_ms() - before);
  return pid;
}

static double ms_of(const struct timeval *t) { return (double)t->tv_sec * 1e3 + (double)t->tv_usec / 1e3; }

EXPORT pid_t wait4(pid_t pid, int *status, int options, struct rusage *used) {
  pid_t (*real)(pid_t, int *, int, struct rusage *);
  *(void **)&real = dlsym(RTLD_NEXT, "wait4");
  struct rusage own = {0}, *told = used ? used : &own;
  pid_t ended = real(pid, status, options, told);
  if (ended > 0) tell("child", ms_of(&told->ru_utime) + ms_of(&told->ru_stime));
  return ended;
}
