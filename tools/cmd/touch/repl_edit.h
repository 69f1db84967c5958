/* SPDX-License-Identifier: MIT
 *
 * Lines for gaijinctl's repl: typed at a terminal, with history and completion, or read from
 * whatever standard input is.
 */
#ifndef GAIJIN_TOOLS_REPL_EDIT_H
#define GAIJIN_TOOLS_REPL_EDIT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "tools/base/text.h"

enum edit_outcome {
  EDIT_LINE,
  EDIT_INTERRUPTED, /* Ctrl-C: what was typed is gone */
  EDIT_END,         /* no more comes */
  EDIT_TOLD         /* `wake` has said something, or wants an end: ask again */
};

struct edit_hooks {
  void *user;
  /* To be polled while somebody types; -1: nothing. */
  int (*fd)(void *user);
  /* It is readable. True: the line being typed is to be given up, as something was printed. */
  bool (*wake)(void *user);
  /* Adds to `out`, separated by newlines, what may stand in the place of the word that ends with
   * the `size` bytes of `text`; *from: where that word begins. */
  void (*complete)(void *user, const char *text, size_t size, size_t *from, struct text *out);
};

struct edit;
/* From now on Ctrl-C sets edit_interrupted(), and does nothing else. */
struct edit *edit_new(const struct edit_hooks *hooks);
/* Writes the history, and frees. */
void edit_free(struct edit *e);
bool edit_is_terminal(const struct edit *e);
/* The next line, without its newline; valid until the next call. Begins with what was typed when
 * EDIT_TOLD was given. */
enum edit_outcome edit_read(struct edit *e, const char *prompt, const char **line);
/* Keeps a line for later. */
void edit_remember(struct edit *e, const char *line);

/* The flag that Ctrl-C sets; whoever acts on it clears it. */
volatile sig_atomic_t *edit_interrupted(void);

#endif
