/* SPDX-License-Identifier: MIT
 *
 * gaijinctl repl: lines that look into a live system and change it, one after the other
 * (tools/touch/line.h). While somebody types the connection is looked after: the end of the worker
 * in use is said, and the prompt stays; the end of the broker ends the program. Ctrl-C gives up
 * what is typed or asked.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "proto/name.h"
#include "tools/base/text.h"
#include "tools/cmd/touch/repl_complete.h"
#include "tools/cmd/touch/repl_edit.h"
#include "tools/touch/line.h"
#include "tools/touch/words.h"

struct repl {
  struct act act;
  struct edit *edit;
  char *current; /* the worker in use, or NULL */
  uint64_t host; /* its incarnation; 0: not known, or its end was told */
  uint64_t watch; /* the request that is answered when it is there; 0: none */
  struct text typed; /* lines that are not a whole yet */
  char prompt[NAME_MAX_BYTES + 8];
  bool failed;
};

static const char help[] =
    "  PATH             what is there (WORKER alone: what it exposes)\n"
    "  PATH = VALUE     set it\n"
    "  PATH(VALUE, ...) call it\n"
    "  #PATH            its length\n"
    "  pairs PATH       its entries\n"
    "  !CODE            run Lua code in the worker in use (--allow-eval)\n"
    "  use WORKER       say which that is; then a label may begin a path\n"
    "  help, quit       or Ctrl-D; Ctrl-C gives up what is typed or asked\n"
    "PATH: WORKER.label, WORKER:ID, then .key, [3], [\"any key\"]\n";

/* So long the broker may take to answer. */
static const double PING_SECONDS = 2;

/* ---- The worker in use ---- */

static void on_present(void *user, const struct gaijin_answer *a) {
  struct repl *r = user;
  struct gaijin_value v;
  r->watch = 0;
  if (a->ok && gaijin_body_next(a->body, &v) && v.type == GAIJIN_NUMBER) r->host = v.integer;
  gaijin_body_free(a->body);
}

/* Which incarnation has the name now. The broker answers before it answers a ping that was sent
 * later, if the worker is there; else whenever it comes, and nobody waits for that. */
static void note_host(struct repl *r) {
  struct ask quiet = r->act.ask;
  if (r->watch) return;
  quiet.quiet = true;
  ask_begin(&quiet, &(struct gaijin_send){.op = GAIJIN_OP_WATCH}, 2);
  gaijin_put_text(quiet.g, r->current);
  gaijin_put_text(quiet.g, "present");
  if (gaijin_end_request(quiet.g, on_present, r, &r->watch) != 0) {
    r->watch = 0;
    return;
  }
  ask_begin(&quiet, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  gaijin_body_free(ask_end_within(&quiet, "", 0, PING_SECONDS));
}

static void use(struct repl *r, const char *worker) {
  free(r->current);
  r->current = tool_copy(worker, strlen(worker));
  if (r->watch) gaijin_cancel(r->act.ask.g, r->watch);
  r->watch = r->host = 0;
  note_host(r);
  if (gaijin_flush(r->act.ask.g, false) == GAIJIN_STATUS_LOST) {
    tool_error("%s", gaijin_error(r->act.ask.g));
    r->act.ask.status = EXIT_NO_BROKER;
  } else if (!r->host) {
    /* It may have come meanwhile, or the broker takes its time. */
    if (!ask_refuse_name(&r->act.ask, r->current))
      tool_error("worker %s was not found just now; `use %s` asks again", r->current, r->current);
    r->failed = true;
  }
}

/* True: its end was said. */
static bool tell_end(struct repl *r) {
  if (!r->host || !gaijin_host_dead(r->act.ask.g, r->host)) return false;
  tool_error("worker %s has ended", r->current);
  r->host = 0;
  return true;
}

/* ---- While somebody types ---- */

static int hook_fd(void *user) { return gaijin_fd(((struct repl *)user)->act.ask.g); }

static bool hook_wake(void *user) {
  struct repl *r = user;
  gaijin *g = r->act.ask.g;
  if (gaijin_dispatch(g) != 0) {
    fputc('\n', stdout);
    tool_error("%s", gaijin_error(g));
    r->act.ask.status = EXIT_NO_BROKER;
    return true;
  }
  gaijin_flush(g, true);
  if (!r->host || !gaijin_host_dead(g, r->host)) return false;
  fputc('\n', stdout);
  fflush(stdout);
  return tell_end(r);
}

/* From now on Ctrl-C gives up what is asked, and only while it waits: nothing of it is lost. */
static void heed_interrupts(struct ask *a, sigset_t *before) {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigprocmask(SIG_BLOCK, &blocked, before);
  a->interrupted = edit_interrupted();
  a->waiting_mask = before;
}
static void ignore_interrupts(struct ask *a, const sigset_t *before) {
  a->interrupted = NULL;
  a->waiting_mask = NULL;
  sigprocmask(SIG_SETMASK, before, NULL);
}

static void hook_complete(void *user, const char *text, size_t size, size_t *from,
                          struct text *out) {
  struct repl *r = user;
  sigset_t before;
  heed_interrupts(&r->act.ask, &before);
  repl_complete(&r->act.ask, r->current, text, size, from, out);
  ignore_interrupts(&r->act.ask, &before);
}

/* ---- Lines ---- */

static bool obey(struct repl *r, struct line *l) {
  struct act *a = &r->act;
  const char *text = l->text;
  bool is_key = l->kind == LINE_SET, is_thing = l->kind != LINE_PAIRS;
  if (l->kind >= LINE_GET && l->kind <= LINE_PAIRS &&
      !act_fits(&l->path, text, is_key     ? ACT_NEEDS_KEY
                                : is_thing ? ACT_NEEDS_THING
                                           : ACT_NEEDS_NOTHING))
    return false;
  switch (l->kind) {
    case LINE_EMPTY:
    case LINE_QUIT: return true;
    case LINE_HELP: fputs(help, stdout); return true;
    case LINE_USE: use(r, l->path.worker); return true;
    case LINE_GET: return act_get(a, &l->path, text);
    case LINE_SET: return act_set(a, &l->path, text, &l->data, &l->values[0]);
    case LINE_CALL: return act_call(a, &l->path, text, &l->data, l->values, l->count);
    case LINE_LEN: return act_len(a, &l->path, text);
    case LINE_PAIRS: return act_pairs(a, &l->path, text);
    case LINE_EVAL:
      if (r->current) return act_eval(a, r->current, text, strlen(text));
      tool_error("no worker is in use; `use WORKER` first");
      return false;
  }
  return false;
}

/* Obeys what was typed. True: it is no whole yet. */
static bool take(struct repl *r, bool is_last, bool *quit) {
  struct line l;
  struct scan s = {.text = r->typed.bytes, .size = r->typed.size};
  struct ask *a = &r->act.ask;
  sigset_t before;
  bool more = false;
  if (!line_parse(&s, r->current, &l)) {
    more = s.unfinished && !is_last;
    if (!more) tool_error("column %zu: %s", scan_column(&s), s.fault);
    if (!more) r->failed = true;
  } else {
    heed_interrupts(a, &before);
    a->takes_more = l.kind == LINE_EVAL && !is_last;
    a->was_unfinished = a->was_interrupted = false;
    bool good = obey(r, &l);
    more = a->was_unfinished;
    if (!good && !more) r->failed = true;
    ignore_interrupts(a, &before);
    *quit = l.kind == LINE_QUIT;
  }
  line_deinit(&l);
  fflush(stdout);
  if (a->g && !a->status) gaijin_flush(a->g, true);
  return more;
}

static const char *prompt(struct repl *r, bool more) {
  if (more)
    snprintf(r->prompt, sizeof r->prompt, "... ");
  else
    snprintf(r->prompt, sizeof r->prompt, "%s> ", r->current ? r->current : "gaijin");
  return r->prompt;
}

/* One line more. False: no more comes. */
static bool step(struct repl *r) {
  const char *line = "";
  bool more = r->typed.size > 0, quit = false;
  enum edit_outcome o = edit_read(r->edit, prompt(r, more), &line);
  if (o == EDIT_TOLD) return true;
  if (o == EDIT_INTERRUPTED) {
    r->typed.size = 0;
    return edit_is_terminal(r->edit);
  }
  if (o == EDIT_END && !more) return false;
  if (more && o == EDIT_LINE) text_add(&r->typed, "\n", 1);
  text_add(&r->typed, line, strlen(line));
  if (take(r, o == EDIT_END, &quit) && r->act.ask.status != EXIT_NO_BROKER) return true;
  edit_remember(r->edit, r->typed.bytes);
  r->typed.size = 0;
  if (r->act.ask.status != EXIT_NO_BROKER && !tell_end(r) && r->current && !r->host) note_host(r);
  return o != EDIT_END && !quit;
}

int cmd_repl(const struct invocation *in) {
  struct repl r = {0};
  struct edit_hooks hooks = {
      .user = &r, .fd = hook_fd, .wake = hook_wake, .complete = hook_complete};
  const char *worker = in->count ? in->words[0] : NULL;
  const char *fault = worker ? name_fault(worker, strlen(worker)) : NULL;
  if (fault) {
    tool_error("no worker is called '%s': a worker's name %s", worker, fault);
    return EXIT_USAGE;
  }
  if (!words_open(&r.act, in)) return words_close(&r.act);
  r.edit = edit_new(&hooks);
  if (worker) use(&r, worker);
  if (edit_is_terminal(r.edit)) puts("`help` says what may be typed; Tab completes");
  while (r.act.ask.status != EXIT_NO_BROKER && step(&r)) {
    if (r.act.ask.status != EXIT_NO_BROKER) r.act.ask.status = EXIT_GOOD;
  }
  if (edit_is_terminal(r.edit) && r.act.ask.status != EXIT_NO_BROKER) putchar('\n');
  if (!edit_is_terminal(r.edit) && r.failed && !r.act.ask.status) r.act.ask.status = EXIT_FAILED;
  edit_free(r.edit);
  free(r.current);
  text_deinit(&r.typed);
  return words_close(&r.act);
}
