/* SPDX-License-Identifier: MIT
 *
 * The settings of all programs, from the one list in settings.def, and the values they have in one
 * program.
 *
 * A value is the default of its row or one that a setter has found to be within the row's bounds;
 * nothing else can get in. Texts are not copied: they must outlive the struct settings.
 */
#ifndef GAIJIN_PROTO_SETTINGS_H
#define GAIJIN_PROTO_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting {
#define SETTING(id, ...) SETTING_##id,
#include "proto/settings/settings.def"
#undef SETTING
  SETTINGS /* their number; also "none" */
};

/* Who has settings. A row belongs to several of them. */
enum settings_program {
  SETTINGS_BROKER = 1,
  SETTINGS_WORKER = 2,
  SETTINGS_CTL = 4,
  SETTINGS_CONNECT = 8, /* the table given to gaijin.connect in a stock interpreter */
  SETTINGS_RUN = 16,    /* a worker in a file of gaijinctl run, beside its flags */
};

enum setting_type {
  SETTING_FLAG,    /* given or not */
  SETTING_TEXT,    /* bounds: its bytes */
  SETTING_COUNT,   /* a whole number up to UINT32_MAX */
  SETTING_SIZE,    /* the same; as text with suffix K, M or G */
  SETTING_SECONDS, /* a number */
  SETTING_RATIO,   /* a number */
  SETTING_CHOICE,  /* one of `words`, by its index */
};

/* What has a running broker take over what was changed in its file of settings. */
enum setting_when {
  SETTING_UPGRADE, /* SIGUSR2: another program, or the same, goes on in its place */
  SETTING_RELOAD,  /* SIGHUP, and the former */
  SETTING_RESTART, /* neither: the broker ends, and is started again */
};

enum { SETTING_WORDS = 6 }; /* of a choice, with a NULL behind the last */

struct setting_info {
  const char *key;      /* "load-min": the flag --load-min and the key in configuration */
  const char *field;    /* "load_min": its id, and the field of gaijin.connect's table */
  const char *commands; /* of gaijinctl that have it, or kinds of these, with blanks; NULL: all */
  const char *unit;     /* of value and bounds, for people, "": a mere number; NULL: neither */
  const char *argument; /* what --help calls the value; NULL for flags */
  const char *help;     /* what it does, in half a sentence */
  const char *reason;   /* why this default and these bounds */
  const char *words[SETTING_WORDS]; /* of a choice; NULL ends them */
  const char *standard_words;       /* the default in words where it is no fixed value */
  double standard;    /* default; of flags 0. Texts have none: settings_text gives NULL */
  double least, most; /* bounds of numbers, of a text's bytes and of a choice's index */
  unsigned programs;  /* set of enum settings_program */
  enum setting_when when; /* of the broker's: what takes a changed file of settings over */
  enum setting_type type;
  bool optional; /* its value may be left out, and is the default then */
  bool only_typed; /* for the command line: it has no place in a file of settings */
  char letter; /* 's': the flag -s; 0: none */
};

struct settings {
  enum settings_program program;
  struct {
    const char *text;
    double number;
    bool given; /* by a setter */
  } values[SETTINGS];
};

/* The row of a setting. Static. */
const struct setting_info *setting_info(enum setting id);
/* "SIGHUP", "an upgrade", "a restart". Static. */
const char *setting_when_name(enum setting_when when);
/* Whether `program` has it; in gaijinctl a command, which `command` names, perhaps followed by its
 * kinds, with blanks between (NULL: any command). */
bool setting_belongs(enum setting id, enum settings_program program, const char *command);
/* What `program` calls it: the key, in gaijin.connect the field. Static. */
const char *setting_name(enum setting id, enum settings_program program);
/* "gaijin-worker", "gaijin.connect". Static. */
const char *settings_program_name(enum settings_program program);

/* The setting that `program` calls so (size bytes); SETTINGS if there is none. */
enum setting settings_find(enum settings_program program, const char *name, size_t size);
/* The one whose name is most like it, for "did you mean"; SETTINGS if none is near. */
enum setting settings_nearest(enum settings_program program, const char *name, size_t size);

/* All defaults. */
void settings_init(struct settings *s, enum settings_program program);

/* Each sets a value and gives true, or false when it is out of bounds or no value of this type
 * (then nothing is set). _put_text is for texts and choices, _put_number for everything but texts
 * (a flag: 0 or 1; a choice: its index), _parse for everything but flags. */
bool settings_put_text(struct settings *s, enum setting id, const char *text);
bool settings_put_number(struct settings *s, enum setting id, double number);
bool settings_parse(struct settings *s, enum setting id, const char *text);

/* Takes over what is given in `others`, of the same program, and not in `s`. */
void settings_add(struct settings *s, const struct settings *others);
/* Whether the setting has the same value in both, given or by default. */
bool settings_equal(const struct settings *a, const struct settings *b, enum setting id);

/* Whether a setter has set it. */
bool settings_given(const struct settings *s, enum setting id);
/* The value; its row must have the type in the function's name, and the program must have the
 * setting. */
bool settings_flag(const struct settings *s, enum setting id);
const char *settings_text(const struct settings *s, enum setting id); /* NULL when not given */
uint32_t settings_count(const struct settings *s, enum setting id);
uint32_t settings_size(const struct settings *s, enum setting id); /* bytes */
double settings_seconds(const struct settings *s, enum setting id);
double settings_ratio(const struct settings *s, enum setting id);
unsigned settings_choice(const struct settings *s, enum setting id);

/* What follows is for people. Each writes at most n bytes, always terminated. */

/* What values it takes: "a number from 0 to 1000000", "error, warn, info or debug". */
void setting_takes(enum setting id, char *out, size_t n);
/* Its bounds with their unit, "4K to 1G bytes", or the words of a choice; "" for flags. */
void setting_bounds(enum setting id, char *out, size_t n);
/* Its default, "16M", "info", or its words; "" for flags. */
void setting_standard(enum setting id, char *out, size_t n);
/* Its value as it would be typed; "" for a text that is not given. */
void settings_show(const struct settings *s, enum setting id, char *out, size_t n);
/* One line about a value that was not accepted: "--wait takes a number from 0 to 1000000, not 'x'".
 * `name` is what the user called the setting. */
void setting_refuse(enum setting id, const char *name, const char *value, char *out, size_t n);

#endif
