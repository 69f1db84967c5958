/* SPDX-License-Identifier: MIT
 *
 * Lua's and LuaJIT's userdata of a file begin with its FILE *, NULL once it is closed.
 */
#define _GNU_SOURCE
#include "lua/serve/bounded_files.h"

#include <lualib.h>
#include <stdio.h>
#include <sys/stat.h>

static FILE *file_at(lua_State *L, int i) {
  FILE **f = lua_touserdata(L, i);
  if (lua_type(L, i) != LUA_TUSERDATA || !lua_getmetatable(L, i)) return NULL;
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_FILEHANDLE);
  bool is_file = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return is_file ? *f : NULL;
}

/* What is left to be read of a regular file; 0 of another, or when it cannot be told. */
static double left_in(FILE *f) {
  struct stat s;
  off_t at = ftello(f);
  if (at < 0 || fstat(fileno(f), &s) != 0 || !S_ISREG(s.st_mode)) return 0;
  return at < s.st_size ? (double)(s.st_size - at) : 0;
}

/* Bytes of the next lines of a regular file; it stops when they are more than `most`. */
static double size_of_lines(FILE *f, int lines, double most) {
  off_t at = ftello(f);
  double n = 0;
  int c = 0;
  while (lines > 0 && n <= most && (c = getc_unlocked(f)) != EOF) {
    n++;
    lines -= c == '\n';
  }
  clearerr(f);
  fseeko(f, at, SEEK_SET);
  return n;
}

double bounded_files_size(lua_State *L, int i, double most) {
  FILE *f = file_at(L, i);
  int lines = lua_gettop(L) == i;
  bool all = false;
  double size = 0;
  if (!f) return 0;
  for (int k = i + 1; k <= lua_gettop(L); k++) {
    double n = lua_tonumber(L, k);
    const char *format = lua_type(L, k) == LUA_TSTRING ? lua_tostring(L, k) : "";
    if (*format == '*') format++;
    if (lua_type(L, k) == LUA_TNUMBER) size += n >= 0 ? n : 2 * most; /* as size_t it is huge */
    lines += *format == 'l' || *format == 'L';
    all |= *format == 'a';
  }
  double left = left_in(f);
  if (all) return size + left;
  if (size <= most && left > 0 && size + left > most && lines)
    size += size_of_lines(f, lines, most);
  return size;
}
