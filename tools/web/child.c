/* SPDX-License-Identifier: MIT
 *
 * Both pipes are read until both have ended: a child that has closed them ends soon, or is killed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2 */
#endif
#include "tools/web/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/clock.h"

extern char **environ;

/* Starts it with its output in the two pipes, and without what this program blocks; its errno. */
static int start(pid_t *pid, char *const argv[], const int out, const int err) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, pipe;
  sigemptyset(&none);
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &pipe);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int error = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

enum taken { TAKEN, TAKEN_ALL, TAKEN_TOO_MUCH };

static enum taken take(int fd, struct text *to, size_t most) {
  char piece[4096];
  ssize_t n = read(fd, piece, sizeof piece);
  if (n < 0 && errno == EINTR) return TAKEN;
  if (n <= 0) return TAKEN_ALL;
  if (to->size + (size_t)n > most) return TAKEN_TOO_MUCH;
  text_add(to, piece, (size_t)n);
  return TAKEN;
}

/* Reads both until both have ended; NULL, or why not. */
static const char *take_all(const int fds[2], struct text *const to[2], double end, size_t most) {
  struct pollfd polled[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    double left = end - clock_seconds();
    if (left <= 0) return "no answer in time";
    if (poll(polled, 2, (int)(left * 1000) + 1) < 0 && errno != EINTR) return strerror(errno);
    for (int i = 0; i < 2; i++) {
      if (polled[i].fd < 0 || !polled[i].revents) continue;
      enum taken taken = take(fds[i], to[i], most);
      if (taken == TAKEN_TOO_MUCH) return "the answer is too large";
      if (taken == TAKEN_ALL) polled[i].fd = -1;
    }
  }
  return NULL;
}

/* Its status, or -1. By force at once, or when `end` has come and it has not ended by itself. */
static int end_of(pid_t pid, bool by_force, double end) {
  int status = 0;
  pid_t ended = 0;
  while (!by_force && ended == 0) {
    ended = waitpid(pid, &status, WNOHANG);
    by_force = ended == 0 && clock_seconds() > end;
    if (ended == 0) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  if (by_force) kill(pid, SIGKILL);
  if (by_force) ended = waitpid(pid, &status, 0);
  return ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int child_command(char *const argv[], double seconds, size_t most, struct text *out,
                  struct text *err) {
  int pipes[2][2] = {{-1, -1}, {-1, -1}}, status = -1;
  pid_t pid = 0;
  double end = clock_seconds() + seconds;
  int error = pipe2(pipes[0], O_CLOEXEC) || pipe2(pipes[1], O_CLOEXEC) ? errno : 0;
  if (!error) error = start(&pid, argv, pipes[0][1], pipes[1][1]);
  for (int i = 0; i < 2; i++)
    if (pipes[i][1] >= 0) close(pipes[i][1]);
  if (error) {
    text_print(err, "cannot start a process: %s\n", strerror(error));
  } else {
    const int fds[2] = {pipes[0][0], pipes[1][0]};
    const char *fault = take_all(fds, (struct text *const[2]){out, err}, end, most);
    if (fault) text_print(err, "%s\n", fault);
    status = end_of(pid, fault, end);
  }
  for (int i = 0; i < 2; i++)
    if (pipes[i][0] >= 0) close(pipes[i][0]);
  return status;
}
