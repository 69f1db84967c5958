/* SPDX-License-Identifier: MIT
 *
 * gaijin-worker: one Lua VM. Reads its command line, loads the script, connects,
 * runs the script on the first fiber, then serves.
 *
 * Exit status: 0, the code given to gaijin.stop, 1 for a failure, 2 for bad usage; SIGXCPU ends
 * a worker that is stuck past --cpu-limit.
 */
#include <errno.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lua/api/library.h"
#include "lua/api/showing.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/fiber.h"
#include "lua/instance.h"
#include "lua/options.h"
#include "lua/sandbox/inherited.h"
#include "lua/sandbox/kernel.h"
#include "lua/sandbox/quota.h"
#include "lua/sandbox/untrusted.h"
#include "lua/vm/thread.h"
#include "proto/settings/manager.h"
#include "proto/settings/memory.h"
#include "proto/settings/streams.h"

struct program {
  struct worker w;
  struct options o;
  struct manager manager;
  int argc;
  char **argv;
  int chunk, arguments; /* registry: the loaded script, the table `arg` */
  bool failed;
};

static int complain(const struct program *p, const char *text) {
  worker_say(&p->w, LOG_ERROR, text, "");
  return 1;
}

/* The same with a script's error, which may have lines: a traceback. */
static int complain_of_script(const struct program *p, const char *text) {
  worker_say(&p->w, LOG_ERROR, text, "\n\t");
  return 1;
}

/* ---- The script ---- */

/* The global `arg` as stock Lua makes it: the script at 0, its arguments after it, what stood
 * before it below. */
static void push_arguments(lua_State *L, struct program *p) {
  lua_newtable(L);
  for (int i = 0; i < p->argc; i++) {
    lua_pushstring(L, p->argv[i]);
    lua_rawseti(L, -2, i - p->o.script_index);
  }
  lua_pushvalue(L, -1);
  lua_setglobal(L, "arg");
  p->arguments = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Pushes the function of the script. Raises. */
static void push_script(lua_State *L, const struct program *p) {
  const char *code = settings_text(&p->o.values, SETTING_code), *name = "=(command line)";
  if (p->w.sandboxed && code) {
    untrusted_load_text(L, code, strlen(code), name);
  } else if (p->w.sandboxed) {
    untrusted_load_file(L, p->o.script);
  } else if ((code ? luaL_loadbuffer(L, code, strlen(code), name)
                   : luaL_loadfile(L, p->o.script)) != 0) {
    lua_error(L);
  }
}

/* Loads the script, so that a missing or malformed one is told before anything else. Protected;
 * argument: the program. */
static int load_script(lua_State *L) {
  struct program *p = lua_touserdata(L, 1);
  if (p->w.sandboxed)
    untrusted_open_libraries(L);
  else
    luaL_openlibs(L);
  push_arguments(L, p);
  push_script(L, p);
  p->chunk = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

/* Pushes the message handler, the script and its arguments, and returns their number; -1: told why
 * it cannot be called. Not protected, so all exists already. */
static int push_call(lua_State *L, struct program *p) {
  int n = p->argc - 1 - p->o.script_index;
  const char *why_not = thread_make_room(L, n + 8);
  if (why_not) {
    complain(p, why_not);
    ending_stop(&p->w, 1);
    return -1;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, p->w.anchors.trace_function);
  lua_rawgeti(L, LUA_REGISTRYINDEX, p->chunk);
  lua_rawgeti(L, LUA_REGISTRYINDEX, p->arguments);
  for (int i = 1; i <= n; i++) lua_rawgeti(L, 3, i);
  lua_remove(L, 3);
  return n;
}

static void script_job(struct worker *w, struct fiber *f) {
  struct program *p = (struct program *)(void *)w; /* its first member */
  lua_State *L = f->L;
  int n = push_call(L, p);
  if (n < 0) return;
  bool ok = lua_pcall(L, n, 0, 1) == 0;
  const char *text = ok                    ? NULL
                     : lua_isstring(L, -1) ? lua_tostring(L, -1)
                                           : "error in error handling";
  if (!ok && !worker_is_stop_error(w, text)) {
    complain_of_script(p, text);
    ending_stop(w, 1);
    if (!w->exit_code) w->exit_code = 1; /* also of what followed gaijin.run */
  } else if (!ok) {
    return;
  } else if (settings_flag(&p->o.values, SETTING_once)) {
    ending_stop(w, 0);
  } else {
    worker_tell_ready(w);
  }
}

/* ---- The program ---- */

static int open_worker(lua_State *L) {
  struct program *p = lua_touserdata(L, 1);
  library_open(L, &p->w);
  showing_open(L, &p->w);
  return 0;
}

/* All is open that the worker will need, and the script has not run. */
static bool confine(struct program *p) {
  char text[256];
  if (!p->w.sandboxed) return true;
  tzset(); /* os.date reads the file of the time zone the first time */
  int r = inherited_forget();
  if (r < 0) {
    complain(p, uv_strerror(r));
    return false;
  }
  r = kernel_confine(text, sizeof text);
  worker_say(&p->w, r == 0 ? LOG_INFO : LOG_ERROR, text, "");
  return r == 0;
}

static int run(struct program *p) {
  struct worker *w = &p->w;
  if (lua_cpcall(w->L, open_worker, p) != 0) return complain_of_script(p, lua_tostring(w->L, -1));
  int r = instance_start(w, true, true);
  if (r < 0) return complain(p, uv_strerror(r));
  struct fiber *f = fiber_new(w, script_job);
  if (!f) return complain(p, "no memory to start the script");
  if (!confine(p)) return 1;
  fiber_wake(f);
  loop_run(w);
  if (!w->lost) {
    ending_leave(w);
    return w->exit_code;
  }
  if (w->stopping) return w->exit_code;
  return complain(p, gaijin_error(w->g));
}

static int connect_and_run(struct program *p) {
  struct worker *w = &p->w;
  char error[512];
  struct gaijin_options options = {.socket = settings_text(&p->o.values, SETTING_socket),
                                   .name = p->o.name,
                                   .wait_seconds = settings_seconds(&p->o.values, SETTING_wait),
                                   .events = &library_events,
                                   .user = w,
                                   .sandboxed = w->sandboxed,
                                   .reconnect_ms = options_reconnect_ms(&p->o.values),
                                   .poll_us = w->poll_us,
                                   .shared_memory = w->shared_memory,
                                   .succeed = settings_flag(&p->o.values, SETTING_succeed),
                                   .cycle_pause_ms = (uint32_t)(w->cycle_pause * 1e3)};
  int refused = gaijin_connect(&w->g, &options, error, sizeof error);
  if (refused) {
    char text[600];
    snprintf(text, sizeof text, "%s: %s", gaijin_status_name((enum gaijin_status)refused), error);
    return complain(p, text);
  }
  w->name = gaijin_name(w->g);
  return run(p);
}

/* What was set for it is taken out of the environment: it is not for what a script starts. */
static void meet_manager(struct program *p) {
  char error[256];
  if (!manager_open(&p->manager, error, sizeof error)) worker_say(&p->w, LOG_WARN, error, "");
  p->w.manager = &p->manager;
}

static int run_program(struct program *p) {
  struct worker *w = &p->w;
  int r = w->sandboxed ? inherited_close() : 0;
  if (r < 0) return complain(p, uv_strerror(r));
  meet_manager(p);
  w->L = quota_new_state(w, options_memory_limit(&p->o.values));
  if (!w->L) return complain(p, "no memory for a Lua VM");
  if (!quota_watch(w, options_cpu_limit(&p->o.values)))
    return complain(p, "the system gives no timer for --cpu-limit");
  if (lua_cpcall(w->L, load_script, p) != 0) return complain_of_script(p, lua_tostring(w->L, -1));
  if (w->sandboxed && (r = kernel_refuse_rings()) < 0) {
    char text[128];
    snprintf(text, sizeof text, "--sandbox needs seccomp, and the kernel refuses it: %s",
             strerror(-r));
    return complain(p, text);
  }
  r = instance_init(w, false);
  w->loop.keeps_memory = true;
  return r < 0 ? complain(p, uv_strerror(r)) : connect_and_run(p);
}

/* Help into a full disk has failed. */
static int end_shown(void) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
  fputs("gaijin-worker: cannot write to standard output\n", stderr);
  return 1;
}

/* A reader of our output that went away is an error of writing, not our death. A handler and not
 * SIG_IGN, which the programs that a script starts would inherit. */
static void on_broken_pipe(int sig) { (void)sig; }

static void survive_broken_pipes(void) {
  struct sigaction action = {.sa_handler = on_broken_pipe, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGPIPE, &action, NULL);
}

int main(int argc, char **argv) {
  static struct program p;
  char error[512];
  streams_open();
  memory_keep();
  uv_replace_allocator(malloc, memory_grow_or_end, calloc, free);
  setvbuf(stdout, NULL, _IOLBF, 0);
  survive_broken_pipes();
  switch (options_parse(&p.o, argc, argv, error, sizeof error)) {
    case OPTIONS_SHOWN: return end_shown();
    case OPTIONS_BAD: fprintf(stderr, "gaijin-worker: %s\n", error); return 2;
    case OPTIONS_RUN: break;
  }
  p.argc = argc;
  p.argv = argv;
  p.w.name = p.o.name;
  options_configure(&p.o.values, &p.w);
  if (p.o.name_changed)
    worker_say(&p.w, LOG_WARN, "so called because the script's name has bytes that a worker's has "
                               "not; choose another with -n NAME", "");
  int status = run_program(&p);
  ending_outlive_signals();
  instance_close(&p.w, true);
  quota_unwatch(&p.w);
  manager_close(&p.manager);
  return status;
}
