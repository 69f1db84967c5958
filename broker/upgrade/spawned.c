/* SPDX-License-Identifier: MIT
 *
 * posix_spawn, which libuv's uv_spawn does not use here.
 */
#include "broker/upgrade/spawned.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

void spawned_init(struct spawned *s, uv_loop_t *loop) {
  s->pid = 0;
  uv_signal_init(loop, &s->ends);
  s->ends.data = s;
}

/* Some child has ended. */
static void on_child(uv_signal_t *handle, int number) {
  struct spawned *s = handle->data;
  int status;
  (void)number;
  if (!s->pid || waitpid(s->pid, &status, WNOHANG) != s->pid) return;
  s->pid = 0;
  uv_signal_stop(&s->ends);
  s->ended(s, status);
}

/* As a shell would have it: nothing is ignored, nothing held. */
static bool set_signals(posix_spawnattr_t *attributes) {
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  return posix_spawnattr_setsigdefault(attributes, &all) == 0 &&
         posix_spawnattr_setsigmask(attributes, &none) == 0 &&
         posix_spawnattr_setflags(attributes,
                                  POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK) == 0;
}

static bool set_streams(posix_spawn_file_actions_t *actions, int input, int output) {
  return posix_spawn_file_actions_adddup2(actions, input, 0) == 0 &&
         posix_spawn_file_actions_adddup2(actions, output, 1) == 0 &&
         posix_spawn_file_actions_adddup2(actions, output, 2) == 0;
}

/* 0, or an errno. */
static int spawn(struct spawned *s, const char *path, char **words, int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int r = posix_spawn_file_actions_init(&actions);
  if (r != 0) return r;
  r = posix_spawnattr_init(&attributes);
  if (r == 0) {
    r = set_signals(&attributes) && set_streams(&actions, input, output)
            ? posix_spawn(&s->pid, path, &actions, &attributes, words, environ)
            : ENOMEM;
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  return r;
}

int spawned_start(struct spawned *s, const char *path, char **words, int input, int output,
                  spawned_ended_fn ended) {
  s->ended = ended;
  int r = uv_signal_start(&s->ends, on_child, SIGCHLD); /* first, or its end might be missed */
  if (r < 0) return r;
  r = spawn(s, path, words, input, output);
  if (r == 0) return 0;
  s->pid = 0;
  uv_signal_stop(&s->ends);
  return uv_translate_sys_error(r);
}

void spawned_kill(struct spawned *s) {
  if (s->pid) kill(s->pid, SIGKILL);
}

void spawned_close(struct spawned *s, uv_close_cb closed) {
  spawned_kill(s);
  s->pid = 0;
  uv_close((uv_handle_t *)&s->ends, closed);
}
