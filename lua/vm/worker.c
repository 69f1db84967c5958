/* SPDX-License-Identifier: MIT
 *
 * What the parts of a worker share: raising, logging, protected calls.
 */
#include "lua/vm/worker.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/settings/manager.h"

void worker_push_function(lua_State *L, struct worker *w, lua_CFunction fn) {
  lua_pushlightuserdata(L, w);
  lua_pushcclosure(L, fn, 1);
}

void worker_hide_function(struct worker *w, lua_CFunction fn) {
  for (unsigned i = 0; i < w->n_unseen; i++)
    if (w->unseen[i] == fn) return;
  assert(fn && w->n_unseen < UNSEEN_MOST);
  w->unseen[w->n_unseen++] = fn;
}

int worker_raise(lua_State *L, enum gaijin_status status, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  lua_pushfstring(L, "gaijin: %s: %s", gaijin_status_name(status), text);
  return lua_error(L);
}

void worker_set_functions(lua_State *L, struct worker *w, const luaL_Reg *list) {
  for (; list->name; list++) {
    lua_pushstring(L, list->name);
    worker_push_function(L, w, list->func);
    lua_rawset(L, -3);
  }
}

void worker_load_chunk(lua_State *L, const char *text) {
  if (luaL_loadbuffer(L, text, strlen(text), "=gaijin") != 0) lua_error(L);
}

void worker_refuse_fork(lua_State *L, const struct worker *w) {
  if (!worker_is_fork(w)) return;
  worker_raise(L, GAIJIN_STATUS_UNSUPPORTED,
               "this process is a fork of worker %s, to which the connection belongs; %s", w->name,
               w->sched.wait_in_guest ? "exec, exit, or gaijin.connect anew" : "exec or exit");
}

void worker_need_connection(lua_State *L, const struct worker *w) {
  if (!w->g) worker_raise(L, GAIJIN_STATUS_LOST, "the connection to the broker was closed");
  worker_refuse_fork(L, w);
}

const char *worker_host_name(const struct worker *w, uint64_t host) {
  if (!w->g) return "?"; /* closed */
  if (host == gaijin_host(w->g)) return w->name;
  const char *name = gaijin_host_name(w->g, host);
  return name ? name : "?";
}

const char *worker_error_text(lua_State *L, int i, char *buffer, size_t n) {
  if (lua_type(L, i) == LUA_TSTRING) return lua_tostring(L, i);
  if (lua_type(L, i) == LUA_TNUMBER)
    snprintf(buffer, n, "%.14g", lua_tonumber(L, i));
  else
    snprintf(buffer, n, "(error value is a %s)", luaL_typename(L, i));
  return buffer;
}

bool worker_is_stop_error(const struct worker *w, const char *text) {
  static const char cancelled[] = "gaijin: cancelled: ";
  return w->unwinding && strncmp(text, cancelled, sizeof cancelled - 1) == 0;
}

/* ---- Lines on stderr ---- */

/* A line is gathered and written in one piece, if it fits: programs may share stderr. */
struct piece {
  char bytes[4096];
  size_t used;
};

static void flush_piece(struct piece *p) {
  fwrite(p->bytes, 1, p->used, stderr);
  p->used = 0;
}

static void make_room(struct piece *p) {
  if (sizeof p->bytes - p->used < 64) flush_piece(p);
}

static void add_escaped(struct piece *p, enum log_format format, const char *text, size_t left,
                        const char *kept) {
  for (size_t n; left; text += n, left -= n) {
    make_room(p);
    n = logline_escape(p->bytes + p->used, sizeof p->bytes - p->used, format, text, left, kept);
    p->used += strlen(p->bytes + p->used);
  }
}

/* A text of several lines, if `kept` has their ends. */
static void add_lines(struct piece *p, enum log_format format, enum log_level level,
                      const char *text, const char *kept) {
  bool are_kept = strchr(kept, '\n') != NULL;
  for (size_t size; *text; text += size) {
    size = strcspn(text, "\n");
    size += text[size] == '\n';
    add_escaped(p, format, text, size, kept);
    if (!are_kept || text[size - 1] != '\n') continue;
    make_room(p);
    p->used += logline_more(p->bytes + p->used, format, level);
  }
}

static struct log_about about_itself(const struct worker *w) {
  return (struct log_about){.worker = w ? w->name : "?", .id = w && w->g ? gaijin_host(w->g) : 0,
                            .pid = getpid(), .uid = LOG_NO_UID};
}

static void begin_line(struct piece *p, const struct worker *w, enum log_level level,
                       const struct log_about *about) {
  enum log_format format = w ? w->log_format : LOG_TEXT;
  p->used = logline_head(p->bytes, format, level, "gaijin-worker", about);
  if (format == LOG_JSON) return;
  add_escaped(p, format, about->worker, strlen(about->worker), "");
  add_escaped(p, format, ": ", 2, "");
}

void worker_say(const struct worker *w, enum log_level level, const char *text, const char *kept) {
  enum log_format format = w ? w->log_format : LOG_TEXT;
  struct log_about about = about_itself(w);
  struct piece p;
  fflush(stdout);
  begin_line(&p, w, level, &about);
  add_lines(&p, format, level, text, kept);
  if (sizeof p.bytes - p.used < LOG_TAIL_MOST) flush_piece(&p);
  p.used += logline_tail(p.bytes + p.used, format, &about);
  flush_piece(&p);
}

void worker_say_last(const struct worker *w, const char *text) {
  static struct piece p; /* the stack may be a small one, and this is the last line */
  enum log_format format = w ? w->log_format : LOG_TEXT;
  struct log_about about = about_itself(w);
  begin_line(&p, w, LOG_ERROR, &about);
  logline_escape(p.bytes + p.used, sizeof p.bytes - p.used - LOG_TAIL_MOST, format, text,
                 strlen(text), "");
  p.used += strlen(p.bytes + p.used);
  p.used += logline_tail(p.bytes + p.used, format, &about);
  ssize_t n = write(STDERR_FILENO, p.bytes, p.used);
  (void)n;
}

/* Without memory for a long text, its begin is told. */
__attribute__((format(printf, 5, 0)))
static void log_line(const struct worker *w, enum log_level level, const char *kept,
                     uint64_t left_out, const char *format, va_list args) {
  static const char more[] = " (%llu more such lines were left out before)";
  char begin[1024], *whole = NULL;
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(begin, sizeof begin, format, args);
  size_t size = n < 0 ? 0 : (size_t)n + sizeof more + 20; /* the digits of a number */
  if (size > sizeof begin) whole = malloc(size);
  if (whole) vsnprintf(whole, size, format, again);
  va_end(again);
  char *text = whole ? whole : begin;
  size_t room = whole ? size : sizeof begin, used = strlen(text);
  if (left_out) snprintf(text + used, room - used, more, (unsigned long long)left_out);
  worker_say(w, level, text, kept);
  free(whole);
}

void worker_log(const struct worker *w, enum log_level level, const char *format, ...) {
  va_list args;
  va_start(args, format);
  log_line(w, level, "", 0, format, args);
  va_end(args);
}

/* Lines at once; lines a second after them. */
static const double burst_lines = 20, lines_a_second = 1;

void worker_log_often(struct worker *w, enum worker_line kind, const char *format, ...) {
  /* An error of a script's own may have a traceback, of several lines. */
  static const struct {
    enum log_level level;
    const char *kept;
  } forms[WORKER_LINES] = {[LINE_POST_REFUSED] = {LOG_WARN, ""},
                           [LINE_POST_FAILED] = {LOG_WARN, "\n\t"},
                           [LINE_ERROR] = {LOG_ERROR, "\n\t"},
                           [LINE_FUTURE] = {LOG_WARN, "\n\t"},
                           [LINE_FINALISER] = {LOG_ERROR, "\n\t"},
                           [LINE_MEMORY] = {LOG_ERROR, ""},
                           [LINE_EVAL] = {LOG_INFO, ""}};
  struct line_budget *b = &w->lines[kind];
  double now = clock_seconds();
  b->spent -= (now - b->updated) * lines_a_second;
  if (b->spent < 0) b->spent = 0;
  b->updated = now;
  if (b->spent + 1 > burst_lines) {
    b->left_out++;
    return;
  }
  b->spent++;
  va_list args;
  va_start(args, format);
  log_line(w, forms[kind].level, forms[kind].kept, b->left_out, format, args);
  va_end(args);
  b->left_out = 0;
}

void worker_log_rest(struct worker *w) {
  static const char *const kinds[WORKER_LINES] = {
      [LINE_POST_REFUSED] = "posts that were not done", [LINE_POST_FAILED] = "posts that failed",
      [LINE_ERROR] = "errors", [LINE_FUTURE] = "errors of dropped futures",
      [LINE_FINALISER] = "errors in finalisers",
      [LINE_MEMORY] = "memory that is too short",
      [LINE_EVAL] = "code that observers had run"};
  for (int i = 0; i < WORKER_LINES; i++) {
    if (w->lines[i].left_out)
      worker_log(w, LOG_WARN, "%llu more lines about %s were left out",
                 (unsigned long long)w->lines[i].left_out, kinds[i]);
    w->lines[i].left_out = 0;
  }
}

void worker_post_failed(void *worker, enum gaijin_op op, enum gaijin_status status,
                        const char *text) {
  struct worker *w = worker;
  w->posts_failed++;
  worker_log_often(w, LINE_POST_REFUSED, "a post (%s) was not done: gaijin: %s: %s",
                   gaijin_op_name(op), gaijin_status_name(status), text);
}

void worker_interrupted(lua_State *L, struct worker *w) {
  lua_rawseti(L, LUA_REGISTRYINDEX, w->anchors.interrupt); /* the key is there: allocates nothing */
  w->sched.interrupted = true;
}

/* How often a collection that a script's finaliser broke off is taken up again. */
enum { MOST_TRIES = 1000 };

/* Calls fn or, where it is NULL, the function at the anchor. */
static int call_protected(lua_State *L, lua_CFunction fn, int anchor, void *user) {
  if (fn) return lua_cpcall(L, fn, user);
  lua_rawgeti(L, LUA_REGISTRYINDEX, anchor);
  lua_pushlightuserdata(L, user);
  return lua_pcall(L, 1, 0, 0);
}

static int protect(struct worker *w, lua_CFunction fn, int anchor, void *user, int tries) {
  int status = LUA_ERRERR;
  size_t reserve = w->heap.reserve;
  assert(!w->halted);
  w->lua_ran++;
  w->sched.no_wait++;
  w->heap.reserve = HEAP_RESERVE;
  for (int i = 0; i < tries && status != 0 && status != LUA_ERRMEM; i++) {
    status = call_protected(w->L, fn, anchor, user);
    if (status == 0) break;
    char buffer[64];
    worker_log_often(w, LINE_FINALISER, "error in a finaliser: %s",
                     worker_error_text(w->L, lua_gettop(w->L), buffer, sizeof buffer));
    lua_pop(w->L, 1);
  }
  w->heap.reserve = reserve;
  w->sched.no_wait--;
  return status;
}

bool worker_protected(struct worker *w, lua_CFunction fn, void *user) {
  return protect(w, fn, LUA_NOREF, user, MOST_TRIES) == 0;
}

bool worker_protected_anchor(struct worker *w, int anchor, void *user) {
  return protect(w, NULL, anchor, user, MOST_TRIES) == 0;
}

int worker_try_anchor(struct worker *w, int anchor, void *user) {
  return protect(w, NULL, anchor, user, 1);
}

int worker_tell_ready(const struct worker *w) {
  int status = gaijin_notice(w->g, GAIJIN_OP_READY);
  if (status == 0 && !worker_is_fork(w)) manager_ready(w->manager, "serves as %s", w->name);
  return status;
}
