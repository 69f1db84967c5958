/* SPDX-License-Identifier: MIT
 *
 * Tests written in Lua: reading the file and running its workers. See script.h.
 */
#define _GNU_SOURCE
#include "tests/bed/script.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base.h"
#include "tests/bed/bed.h"
#include "tests/bed/inside.h"

enum { SECTIONS_MOST = 32, WORDS_MOST = 16, EXPECTS_MOST = 16 };

struct section {
  char *name;
  int line;          /* of its first line of Lua */
  const char *text;  /* points into the file's text */
  size_t size;
  bool once, ends, nowait;
  int status;        /* of its end; -N for signal N */
  const char *after;
  const char *flags[WORDS_MOST + 1], *args[WORDS_MOST + 1];
  char file[128];    /* of its script in the bed's directory */
  struct child *child;
};

struct expect {
  char *name, *text;
};

struct script {
  const char *path;
  void (*on_failure)(void *user, const char *text);
  void *user;
  char *text;  /* the file */
  char *words; /* a copy of it that is cut into words */
  double limit;
  bool tokens_left, only_worker;
  const char *broker_flags[WORDS_MOST + 1];
  struct section sections[SECTIONS_MOST];
  size_t n_sections;
  struct expect expects[EXPECTS_MOST];
  size_t n_expects;
};

static void script_free(struct script *s) {
  free(s->text);
  free(s->words);
}

/* Ends the test; `user` is the script. The bed has been cleaned up. */
static void script_failed(void *user, const char *text) {
  struct script *s = user;
  script_free(s);
  if (s->on_failure) s->on_failure(s->user, text);
  ck_abort_msg("%s", text);
}

/* ---- Reading ---- */

static _Noreturn void bad(struct script *s, int line, const char *what) {
  char text[512];
  snprintf(text, sizeof text, "%s:%d: %s", s->path, line, what);
  script_failed(s, text);
  abort();
}

static void read_file(struct script *s) {
  FILE *f = fopen(s->path, "re");
  if (!f) bad(s, 0, strerror(errno));
  size_t size = 0;
  ssize_t n = getdelim(&s->text, &size, '\0', f);
  fclose(f);
  if (n < 0) bad(s, 1, "empty file");
  s->words = strdup(s->text);
  if (!s->words) bad(s, 1, "no memory");
}

/* Cuts `text` at the separators into at most WORDS_MOST words; out is ended by NULL. */
static void split(struct script *s, int line, char *text, const char *separators, const char **out) {
  size_t n = 0;
  char *save = NULL;
  for (char *w = strtok_r(text, separators, &save); w; w = strtok_r(NULL, separators, &save)) {
    if (n == WORDS_MOST) bad(s, line, "too many words");
    out[n++] = w;
  }
  out[n] = NULL;
}

/* The value of "key=value", NULL if the word has another key. */
static char *value_of(char *word, const char *key) {
  size_t n = strlen(key);
  return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static void read_worker(struct script *s, int line, char *rest) {
  if (s->n_sections == SECTIONS_MOST) bad(s, line, "too many workers");
  struct section *section = &s->sections[s->n_sections++];
  char *args = strstr(rest, " args=");
  if (args) {
    *args = '\0';
    split(s, line, args + strlen(" args="), " ", section->args);
  }
  char *save = NULL;
  section->name = strtok_r(rest, " ", &save);
  if (!section->name) bad(s, line, "a worker needs a name");
  for (char *w; (w = strtok_r(NULL, " ", &save));) {
    char *v;
    if (strcmp(w, "once") == 0) {
      section->once = section->ends = true;
    } else if (strcmp(w, "nowait") == 0) {
      section->nowait = true;
    } else if ((v = value_of(w, "exit"))) {
      section->ends = true;
      section->status = atoi(v);
    } else if ((v = value_of(w, "signal"))) {
      section->ends = true;
      section->status = -atoi(v);
    } else if ((v = value_of(w, "after"))) {
      section->after = v;
    } else if ((v = value_of(w, "flags"))) {
      split(s, line, v, ",", section->flags);
    } else {
      bad(s, line, "unknown word after worker: known are once, exit=, signal=, after=, nowait, flags=, args=");
    }
  }
  section->line = line + 1;
}

static void read_expect(struct script *s, int line, char *rest) {
  char *colon = strstr(rest, ": ");
  if (!colon) bad(s, line, "expected is: expect NAME: TEXT");
  if (s->n_expects == EXPECTS_MOST) bad(s, line, "too many expects");
  *colon = '\0';
  s->expects[s->n_expects++] = (struct expect){.name = rest, .text = colon + 2};
}

/* A line that starts with "--@ "; `rest` is what follows. */
static void read_directive(struct script *s, int line, char *rest) {
  if (strncmp(rest, "worker ", 7) == 0) {
    read_worker(s, line, rest + 7);
  } else if (s->n_sections > 0) {
    bad(s, line, "only `--@ worker` may follow the first worker");
  } else if (strncmp(rest, "limit ", 6) == 0) {
    s->limit = atof(rest + 6);
  } else if (strncmp(rest, "broker ", 7) == 0) {
    split(s, line, rest + 7, " ", s->broker_flags);
  } else if (strncmp(rest, "expect ", 7) == 0) {
    read_expect(s, line, rest + 7);
  } else if (strcmp(rest, "only gaijin-worker") == 0) {
    s->only_worker = true;
  } else if (strcmp(rest, "tokens-left") == 0) {
    s->tokens_left = true;
  } else {
    bad(s, line, "unknown line: known are --@ worker, limit, broker, expect, tokens-left, only");
  }
}

static void read_script(struct script *s) {
  read_file(s);
  int line = 1;
  struct section *open = NULL;
  char *copy = s->words;
  for (const char *at = s->text; *at; line++) {
    size_t size = strcspn(at, "\n");
    size_t whole = size + (at[size] == '\n');
    copy[size] = '\0';
    if (strncmp(copy, "--@ ", 4) == 0) {
      read_directive(s, line, copy + 4);
      open = s->n_sections > 0 ? &s->sections[s->n_sections - 1] : NULL;
      if (open) open->text = at + whole;
    } else if (open) {
      open->size += whole;
    }
    at += whole;
    copy += whole;
  }
  bool ends = false;
  for (size_t i = 0; i < s->n_sections; i++) ends = ends || s->sections[i].ends;
  if (!ends) bad(s, line, "no worker has once, exit= or signal=: the test would have no end");
}

/* ---- Running ---- */

struct run {
  struct script *script;
  struct bed *bed;
  double end;
};

/* Fails if a worker ended that should not have, or otherwise than it should. */
static void check_ends(void *user) {
  struct run *r = user;
  for (size_t i = 0; i < r->script->n_sections; i++) {
    struct section *section = &r->script->sections[i];
    struct child *c = section->child;
    if (!c || !child_ended(c)) continue;
    int status = WIFSIGNALED(c->status) ? -WTERMSIG(c->status) : WEXITSTATUS(c->status);
    char state[80];
    child_describe(c, state, sizeof state);
    if (!section->ends) bed_fail(r->bed, "%s %s, and should not have ended", section->name, state);
    if (status != section->status) bed_fail(r->bed, "%s %s", section->name, state);
    if (status >= 0) {
      bed_exit(r->bed, c, status);
    } else {
      bed_exit_signal(r->bed, c, -status);
    }
  }
  if (child_ended(bed_broker(r->bed))) bed_fail(r->bed, "the broker ended");
}

static void wait_end_of(struct run *r, struct section *section) {
  while (!child_ended(section->child)) {
    check_ends(r);
    if (bed_now() > r->end) bed_fail(r->bed, "timeout: %s has not ended", section->name);
    bed_pause();
  }
  check_ends(r);
}

/* The section's lines in a file of their own, each at its number. */
static void write_section(struct run *r, struct section *section, size_t number) {
  snprintf(section->file, sizeof section->file, "%s/%zu-%.60s.lua", bed_dir(r->bed), number, section->name);
  FILE *f = fopen(section->file, "we");
  if (!f) bed_fail(r->bed, "%s: %s", section->file, strerror(errno));
  for (int i = 1; i < section->line; i++) fputc('\n', f);
  fwrite(section->text, 1, section->size, f);
  if (fclose(f) != 0) bed_fail(r->bed, "%s: %s", section->file, strerror(errno));
}

static void start_section(struct run *r, size_t number) {
  struct section *section = &r->script->sections[number];
  if (section->after) {
    size_t i = 0;
    while (i < number && strcmp(r->script->sections[i].name, section->after) != 0) i++;
    if (i == number) bed_fail(r->bed, "line %d: no worker %s before", section->line - 1, section->after);
    wait_end_of(r, &r->script->sections[i]);
  }
  write_section(r, section, number);
  section->child = bed_start(r->bed, &(struct bed_worker){.name = section->name,
                                                          .script = section->file,
                                                          .once = section->once,
                                                          .no_wait = section->nowait,
                                                          .flags = section->flags,
                                                          .args = section->args});
  check_ends(r);
}

/* All expected texts, and then nothing is left of the files. */
static void finish(struct run *r) {
  struct script *s = r->script;
  for (size_t i = 0; i < s->n_expects; i++) {
    size_t j = 0;
    while (j < s->n_sections && strcmp(s->sections[j].name, s->expects[i].name) != 0) j++;
    if (j == s->n_sections) bed_fail(r->bed, "expect: no worker %s", s->expects[i].name);
    bed_expect(r->bed, s->sections[j].child, s->expects[i].text);
  }
  for (size_t i = 0; i < s->n_sections; i++) unlink(s->sections[i].file);
}

/* Scripts find t.lua beside the tests, as a module, and those in C where the tests were built. */
static void set_lua_path(struct script *s) {
  char dir[512], path[600];
  char *real = realpath(s->path, NULL);
  char *slash = real ? strrchr(real, '/') : NULL;
  if (!slash) bad(s, 1, "realpath failed");
  *slash = '\0';
  snprintf(dir, sizeof dir, "%s", real);
  snprintf(path, sizeof path, "%s/lib/?.lua;;", dir);
  free(real);
  setenv("LUA_PATH", path, 1);
  const char *set = getenv("LUA_CPATH");
  snprintf(path, sizeof path, "%s/tests/?.so;%s", GAIJIN_BUILD_DIR, set ? set : ";");
  setenv("LUA_CPATH", path, 1);
  setenv("GAIJIN_BUILD", GAIJIN_BUILD_DIR, 0); /* where scripts find the programs */
}

void script_run(const char *path, void (*on_failure)(void *user, const char *text), void *user) {
  struct script s = {.path = path, .on_failure = on_failure, .user = user};
  read_script(&s);
  if (s.only_worker && getenv("GAIJIN_TEST_STOCK")) {
    script_free(&s);
    return;
  }
  set_lua_path(&s);
  struct bed_options options = {.title = path,
                                .broker_flags = s.broker_flags,
                                .tokens_may_stay = s.tokens_left,
                                .limit = s.limit,
                                .on_failure = script_failed,
                                .user = &s};
  struct run r = {.script = &s, .bed = bed_open(&options)};
  r.end = bed_now() + bed_limit(r.bed);
  r.bed->while_waiting = check_ends;
  r.bed->while_waiting_user = &r;
  for (size_t i = 0; i < s.n_sections; i++) start_section(&r, i);
  for (size_t i = 0; i < s.n_sections; i++) {
    if (s.sections[i].ends) wait_end_of(&r, &s.sections[i]);
  }
  if (!s.tokens_left) bed_no_tokens(r.bed);
  finish(&r);
  r.bed->while_waiting = NULL; /* from here the others are asked to end */
  bed_close(r.bed);
  script_free(&s);
}
