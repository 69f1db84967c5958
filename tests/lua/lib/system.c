/* SPDX-License-Identifier: MIT
 *
 * The module `system` of the test scripts: what plain Lua has no way to do. Built as
 * build/tests/system.so, where script_run lets scripts find it.
 *
 *   fork() -> 0 in the child, its pid in the parent
 *   exit(status)          ends the process at once, as _exit(2) does
 *   wait(pid) -> status   of a child that has ended; 128 + N for one that signal N has ended
 *   kill(pid, signal)
 *   pid() -> of this process
 *   inherited() -> how many descriptors above 2 an exec'd program would get
 *   watched() -> how many descriptors the epoll sets of this process watch
 *   upvalue(f, n) -> name, value; set_upvalue(f, n, value): of any function, remote ones as well
 *   running() -> the thread it is called on, of a fiber as well
 *   null, pointer(n) -> light userdata: the null pointer, the address n
 */
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((visibility("default"))) int luaopen_system(lua_State *L);

static int system_fork(lua_State *L) {
  pid_t pid = fork();
  if (pid < 0) return luaL_error(L, "fork failed");
  lua_pushinteger(L, pid);
  return 1;
}

static int system_exit(lua_State *L) { _exit(luaL_checkint(L, 1)); }

static int system_wait(lua_State *L) {
  int status;
  pid_t pid = luaL_checkint(L, 1);
  if (waitpid(pid, &status, 0) != pid) return luaL_error(L, "no child %d", (int)pid);
  lua_pushinteger(L, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  return 1;
}

static int system_kill(lua_State *L) {
  if (kill(luaL_checkint(L, 1), luaL_checkint(L, 2)) != 0) return luaL_error(L, "kill failed");
  return 0;
}

static int system_pid(lua_State *L) {
  lua_pushinteger(L, getpid());
  return 1;
}

static int system_inherited(lua_State *L) {
  int n = 0;
  for (int fd = 3; fd < 1024; fd++) {
    int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && !(flags & FD_CLOEXEC)) n++;
  }
  lua_pushinteger(L, n);
  return 1;
}

/* The descriptors in the epoll set fd; 0 if it is none. */
static int count_watched(int fd) {
  char path[64], line[256];
  int n = 0;
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  FILE *f = fopen(path, "re");
  if (!f) return 0;
  while (fgets(line, sizeof line, f)) n += strncmp(line, "tfd:", 4) == 0;
  fclose(f);
  return n;
}

static int system_watched(lua_State *L) {
  int n = 0;
  for (int fd = 3; fd < 1024; fd++) n += count_watched(fd);
  lua_pushinteger(L, n);
  return 1;
}

static int system_pointer(lua_State *L) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)luaL_checkint(L, 1));
  return 1;
}

static int system_upvalue(lua_State *L) {
  const char *name = lua_getupvalue(L, 1, luaL_checkint(L, 2));
  if (!name) return 0;
  lua_pushstring(L, name);
  lua_insert(L, -2);
  return 2;
}

static int system_set_upvalue(lua_State *L) {
  lua_settop(L, 3);
  if (!lua_setupvalue(L, 1, luaL_checkint(L, 2))) return luaL_error(L, "no such upvalue");
  return 0;
}

static int system_running(lua_State *L) {
  lua_pushthread(L);
  return 1;
}

int luaopen_system(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"fork", system_fork}, {"exit", system_exit},           {"wait", system_wait},
      {"kill", system_kill}, {"pid", system_pid},             {"inherited", system_inherited},
      {"watched", system_watched}, {"pointer", system_pointer},
      {"upvalue", system_upvalue}, {"set_upvalue", system_set_upvalue},
      {"running", system_running}, {NULL, NULL}};
  lua_newtable(L);
  for (const luaL_Reg *f = functions; f->name; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  return 1;
}
