/* SPDX-License-Identifier: MIT
 *
 * libedit knows how a shell splits a line.
 */
#include "tools/run/plan/words.h"

#include <histedit.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

void words_deinit(struct words *w) {
  for (size_t i = 0; i < w->count; i++) free(w->at[i]);
  free(w->at);
  *w = (struct words){0};
}

static void take(struct words *w, char *word) {
  w->at = tool_grow(w->at, w->count, &w->room, sizeof *w->at);
  w->at[w->count++] = word;
}

void words_add(struct words *w, const char *word) { take(w, tool_copy(word, strlen(word))); }

void words_add_all(struct words *w, const struct words *more) {
  for (size_t i = 0; i < more->count; i++) words_add(w, more->at[i]);
}

void words_set(struct words *w, const char *key, const char *value) {
  struct text t = {0};
  size_t n = strlen(key), kept = 0;
  text_print(&t, "%s=%s", key, value);
  for (size_t i = 0; i < w->count; i++) {
    if (strncmp(w->at[i], key, n) == 0 && w->at[i][n] == '=')
      free(w->at[i]);
    else
      w->at[kept++] = w->at[i];
  }
  w->count = kept;
  take(w, t.bytes);
}

bool words_have(const struct words *w, const char *word) {
  for (size_t i = 0; i < w->count; i++)
    if (strcmp(w->at[i], word) == 0) return true;
  return false;
}

bool words_equal(const struct words *a, const struct words *b) {
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i++)
    if (strcmp(a->at[i], b->at[i]) != 0) return false;
  return true;
}

const char *words_split(struct words *w, const char *line) {
  Tokenizer *t = tok_init(" \t\n");
  const char **found = NULL;
  int count = 0, r = t ? tok_str(t, line, &count, &found) : -1;
  for (int i = 0; r == 0 && i < count; i++) words_add(w, found[i]);
  if (t) tok_end(t);
  switch (r) {
    case 0: return NULL;
    case 1: return "a ' has no end";
    case 2: return "a \" has no end";
    case 3: return "a backslash at its end has nothing behind it";
    default: return "there is too little memory";
  }
}
