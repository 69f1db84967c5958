/* SPDX-License-Identifier: MIT
 *
 * What a twin does to descriptors, limits and signals is its own; the broker, say, must see the
 * worker's end and not the twin's.
 */
#define _GNU_SOURCE
#include "lua/walk/twin.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS_MOST = 4096 };

/* ---- In the twin ---- */

static void close_others(int kept) {
#ifdef SYS_close_range
  if ((kept == 3 || syscall(SYS_close_range, 3, kept - 1, 0) == 0) &&
      syscall(SYS_close_range, kept + 1, ~0u, 0) == 0)
    return;
#endif
  for (int fd = 3; fd < DESCRIPTORS_MOST; fd++)
    if (fd != kept) close(fd);
}

static void forget_signals(void) {
  static const int signals[] = {SIGALRM, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD,
                                SIGPROF, SIGVTALRM};
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) signal(signals[i], SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A sandboxed worker may neither do what is refused here nor write the file; the alarm it may. */
static void become_twin(int fd, pid_t parent, enum twin_pace pace) {
  forget_signals();
  alarm(TWIN_SECONDS);
  struct rlimit seconds = {.rlim_cur = TWIN_SECONDS, .rlim_max = TWIN_SECONDS};
  struct rlimit no_core = {0};
  setrlimit(RLIMIT_CPU, &seconds);
  setrlimit(RLIMIT_CORE, &no_core);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() != parent) _exit(1);
  /* Not SCHED_IDLE: where others keep the processors busy it would not end in time. */
  if (pace == TWIN_LAST) sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
  if (pace != TWIN_HURRIES) setpriority(PRIO_PROCESS, 0, (int)pace);
  close_others(fd);
  int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score < 0) return;
  if (write(score, "1000", 4) != 4) { /* then it is as dear as the worker */
  }
  close(score);
}

struct task {
  struct worker *w;
  twin_job job;
  void *user;
  int fd;
};

static int run_job(lua_State *L) {
  struct task *t = lua_touserdata(L, 1);
  t->job(L, t->w, t->user, t->fd);
  return 0;
}

__attribute__((noreturn))
static void be_twin(lua_State *L, struct task *t, pid_t parent, enum twin_pace pace) {
  become_twin(t->fd, parent, pace);
  lua_sethook(L, NULL, 0, 0);
  lua_gc(L, LUA_GCSTOP, 0);
  if (t->w->heap.most) t->w->heap.most = SIZE_MAX / 4;
  _exit(lua_cpcall(L, run_job, t) == 0 ? 0 : 1);
}

void twin_write(int fd, const void *bytes, size_t n) {
  const char *at = bytes;
  while (n > 0) {
    ssize_t written = write(fd, at, n);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(1);
    at += written;
    n -= (size_t)written;
  }
}

/* ---- In the worker ---- */

pid_t twin_start(lua_State *L, struct worker *w, int fd, enum twin_pace pace, twin_job job,
                 void *user) {
  struct task t = {.w = w, .job = job, .user = user, .fd = fd};
  pid_t self = getpid(), pid = fork();
  if (pid == 0) be_twin(L, &t, self, pace);
  return pid;
}

double twin_own_seconds(void) {
  struct timespec t = {0};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds_of(const struct timeval *t) {
  return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

bool twin_has_ended(pid_t pid, bool *good, double *took) {
  int status = 0;
  struct rusage used;
  pid_t r = wait4(pid, &status, WNOHANG, &used);
  if (r == 0 || (r < 0 && errno == EINTR)) return false;
  *took = r < 0 ? -1 : seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime);
  /* In a stock interpreter the script may have waited for it, or ignore the ends of children: then
   * a result is one if all of it is there. */
  *good = r < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return true;
}

/* Whether it is still our child is asked first: the script may have waited for it, or this process
 * be a fork. */
bool twin_end(pid_t pid) {
  bool good;
  double took;
  if (twin_has_ended(pid, &good, &took)) return true;
  if (kill(pid, SIGKILL) != 0) return false;
  twin_reap(pid);
  return true;
}

double twin_reap(pid_t pid) {
  struct rusage used = {0};
  pid_t r;
  do r = wait4(pid, NULL, 0, &used);
  while (r < 0 && errno == EINTR);
  return r < 0 ? 0 : seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime);
}
