/* SPDX-License-Identifier: MIT
 *
 * Command lines of all programs: flags are the rows of settings.def that the program has,
 * everything else is a word. `--key=value`, `--key value`, `-n value`, `-nvalue`; `--` ends the
 * flags and `-` alone is a word. Of an optional value only what can be one is taken: `--watch 5`,
 * `--watch clients`. A key must be spelled out: an abbreviation would change its
 * meaning with the next flag that begins so.
 */
#ifndef GAIJIN_PROTO_ARGUMENTS_H
#define GAIJIN_PROTO_ARGUMENTS_H

#include "proto/settings/settings.h"

/* Which words a program has. */
enum arguments_style {
  ARGUMENTS_ANYWHERE, /* flags stand before, between and behind words; negative numbers are words */
  ARGUMENTS_SCRIPT,   /* the first word ends the flags: what follows belongs to the script */
};

enum arguments_outcome {
  ARGUMENTS_RUN,     /* everything was read */
  ARGUMENTS_HELP,    /* --help came first; `words` are those before it */
  ARGUMENTS_VERSION, /* the same for --version */
  ARGUMENTS_BAD,     /* `error` says why */
};

struct arguments {
  char **words; /* within argv */
  int count;
  bool ended; /* a `--` has ended the flags */
};

/* Reads argv[1] to argv[argc - 1] into `s`, which has been set up with settings_init. With
 * ARGUMENTS_ANYWHERE the words are moved to the front of argv, behind argv[0]. Texts point into
 * argv. `error` is as of arguments_wrong. */
enum arguments_outcome arguments_read(struct settings *s, enum arguments_style style, int argc,
                                      char **argv, struct arguments *a, char *error, size_t n);

/* Whether the words are `help` alone, which asks for what --help does. */
bool arguments_ask_help(const struct arguments *a);

/* Writes one line about a command line into `error` (n bytes): the text and "; see PROGRAM --help".
 * Control characters of what the user typed become '?'. Gives ARGUMENTS_BAD. */
enum arguments_outcome arguments_wrong(const struct settings *s, char *error, size_t n,
                                       const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
