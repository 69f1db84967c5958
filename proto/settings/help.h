/* SPDX-License-Identifier: MIT
 *
 * The texts of --help and --version, from settings.def: lines of at most HELP_WIDTH columns, all
 * programs alike. A program makes its help of the parts below, in their order, and prints `text`.
 */
#ifndef GAIJIN_PROTO_HELP_H
#define GAIJIN_PROTO_HELP_H

#include "proto/settings/settings.h"

enum { HELP_WIDTH = 80, HELP_BYTES = 65536 };

/* Zeroed at first. More than fits is a fault of the program. */
struct help {
  char text[HELP_BYTES];
  size_t size; /* without the terminating 0 */
};

/* What is said of a program beside its flags. */
struct help_words {
  const char *usage, *usage_too; /* behind the program's name; usage_too may be NULL */
  const char *what, *statuses;
};
/* Static. Not for SETTINGS_CONNECT. */
const struct help_words *help_words(enum settings_program program);
/* Of a flag: how it is typed, "-s, --socket PATH", and what is said of it. Each writes at most n
 * bytes, always terminated; `command` as for help_flags. */
void help_flag_typed(enum setting id, char *out, size_t n);
void help_flag_text(enum setting id, const char *command, char *out, size_t n);

/* The program's usage, and what it is for. Not for SETTINGS_CONNECT, which has no command line. */
void help_usage(struct help *h, enum settings_program program);
/* Adds a paragraph; newlines in it are kept, longer lines are broken at blanks. */
void help_paragraph(struct help *h, const char *text);
/* Adds two columns: what is to be typed, and `text` broken at blanks. */
void help_item(struct help *h, const char *typed, const char *text);
/* The flags of a program, or of a command of gaijinctl, named as for setting_belongs. */
void help_flags(struct help *h, enum settings_program program, const char *command);
/* What the program's exit statuses mean. */
void help_statuses(struct help *h, enum settings_program program);
/* All of these: the whole help of a program without commands. */
void help_program(struct help *h, enum settings_program program);

/* "gaijin-worker 0.1.0, wire versions 1 to 2" and a newline. */
void help_version(struct help *h, enum settings_program program);

#endif
