/* SPDX-License-Identifier: MIT
 *
 * The rows of settings.def as data; reading and checking of values.
 */
#include "proto/settings/settings.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "proto/limits.h"
#include "proto/settings/nearest.h"

#define BROKER SETTINGS_BROKER
#define WORKER SETTINGS_WORKER
#define CTL SETTINGS_CTL
#define CONNECT SETTINGS_CONNECT
#define RUN SETTINGS_RUN
static const struct setting_info table[SETTINGS] = {
#define SETTING(id, ...) [SETTING_##id] = {.field = #id, __VA_ARGS__},
#include "proto/settings/settings.def"
#undef SETTING
};
#undef BROKER
#undef WORKER
#undef CTL
#undef CONNECT
#undef RUN

static const char suffixes[] = "KMG"; /* each 1024 times the one before */

/* ---- Rows ---- */

const struct setting_info *setting_info(enum setting id) {
  assert(id < SETTINGS);
  return &table[id];
}

/* Whether `list`, words separated by blanks, has the word of `size` bytes. */
static bool list_has(const char *list, const char *word, size_t size) {
  for (size_t n; *list; list += n + strspn(list + n, " ")) {
    n = strcspn(list, " ");
    if (n == size && memcmp(list, word, n) == 0) return true;
  }
  return false;
}

/* Whether two such lists have a word in common. */
static bool lists_meet(const char *a, const char *b) {
  for (size_t n; *b; b += n + strspn(b + n, " ")) {
    n = strcspn(b, " ");
    if (list_has(a, b, n)) return true;
  }
  return false;
}

bool setting_belongs(enum setting id, enum settings_program program, const char *command) {
  const struct setting_info *i = setting_info(id);
  return (i->programs & program) && (!command || !i->commands || lists_meet(i->commands, command));
}

const char *setting_name(enum setting id, enum settings_program program) {
  return program == SETTINGS_CONNECT ? setting_info(id)->field : setting_info(id)->key;
}

const char *setting_when_name(enum setting_when when) {
  switch (when) {
    case SETTING_UPGRADE: return "an upgrade";
    case SETTING_RELOAD: return "SIGHUP";
    case SETTING_RESTART: return "a restart";
  }
  return "";
}

const char *settings_program_name(enum settings_program program) {
  switch (program) {
    case SETTINGS_BROKER: return "gaijin-broker";
    case SETTINGS_WORKER: return "gaijin-worker";
    case SETTINGS_CTL: return "gaijinctl";
    case SETTINGS_CONNECT: return "gaijin.connect";
    case SETTINGS_RUN: return "gaijinctl run";
  }
  return "gaijin";
}

enum setting settings_find(enum settings_program program, const char *name, size_t size) {
  for (enum setting id = 0; id < SETTINGS; id++) {
    const char *own = setting_name(id, program);
    if (setting_belongs(id, program, NULL) && strlen(own) == size && memcmp(own, name, size) == 0)
      return id;
  }
  return SETTINGS;
}

enum setting settings_nearest(enum settings_program program, const char *name, size_t size) {
  struct nearest n;
  nearest_begin(&n, name, size);
  for (enum setting id = 0; id < SETTINGS; id++)
    if (setting_belongs(id, program, NULL)) nearest_try(&n, setting_name(id, program), id);
  return n.found ? (enum setting)n.which : SETTINGS;
}

/* ---- Values ---- */

void settings_init(struct settings *s, enum settings_program program) {
  *s = (struct settings){.program = program};
  for (enum setting id = 0; id < SETTINGS; id++) s->values[id].number = table[id].standard;
}

static bool is_whole(enum setting_type type) {
  return type != SETTING_SECONDS && type != SETTING_RATIO;
}

/* Not so for NaN either. */
static bool in_bounds(const struct setting_info *i, double v) {
  if (i->type == SETTING_FLAG) return v == 0 || v == 1;
  return v >= i->least && v <= i->most && (!is_whole(i->type) || v == floor(v));
}

bool settings_put_number(struct settings *s, enum setting id, double number) {
  assert(setting_belongs(id, s->program, NULL));
  const struct setting_info *i = setting_info(id);
  if (i->type == SETTING_TEXT || !in_bounds(i, number)) return false;
  s->values[id].number = number;
  s->values[id].given = true;
  return true;
}

static bool put_choice(struct settings *s, enum setting id, const char *word) {
  const char *const *words = setting_info(id)->words;
  for (unsigned k = 0; words[k]; k++)
    if (strcmp(words[k], word) == 0) return settings_put_number(s, id, k);
  return false;
}

bool settings_put_text(struct settings *s, enum setting id, const char *text) {
  assert(setting_belongs(id, s->program, NULL));
  const struct setting_info *i = setting_info(id);
  if (i->type == SETTING_CHOICE) return put_choice(s, id, text);
  if (i->type != SETTING_TEXT || !in_bounds(i, (double)strlen(text))) return false;
  s->values[id].text = text;
  s->values[id].given = true;
  return true;
}

/* A number of these characters at the start of the text; *rest is what follows. strtod alone would
 * take blanks, hex, "inf" and "nan" too. Our programs stay in the C locale: a point is a point. */
static bool read_number(const char *text, const char *characters, double *number,
                        const char **rest) {
  char *end;
  *number = strtod(text, &end);
  *rest = end;
  return end != text && end == text + strspn(text, characters);
}

static bool parse_size(struct settings *s, enum setting id, const char *text) {
  double v;
  const char *rest;
  if (!read_number(text, "0123456789", &v, &rest)) return false;
  if (*rest) {
    const char *suffix = strchr(suffixes, toupper((unsigned char)*rest));
    if (!suffix || rest[1]) return false;
    v = ldexp(v, 10 * (int)(suffix - suffixes + 1));
  }
  return settings_put_number(s, id, v);
}

bool settings_parse(struct settings *s, enum setting id, const char *text) {
  enum setting_type type = setting_info(id)->type;
  assert(type != SETTING_FLAG);
  if (type == SETTING_TEXT || type == SETTING_CHOICE) return settings_put_text(s, id, text);
  if (type == SETTING_SIZE) return parse_size(s, id, text);
  double v;
  const char *rest;
  return read_number(text, "0123456789.eE+-", &v, &rest) && !*rest && settings_put_number(s, id, v);
}

void settings_add(struct settings *s, const struct settings *others) {
  assert(s->program == others->program);
  for (enum setting id = 0; id < SETTINGS; id++)
    if (others->values[id].given && !s->values[id].given) s->values[id] = others->values[id];
}

bool settings_equal(const struct settings *a, const struct settings *b, enum setting id) {
  const char *x = a->values[id].text, *y = b->values[id].text;
  return a->values[id].number == b->values[id].number && (x && y ? strcmp(x, y) == 0 : x == y);
}

bool settings_given(const struct settings *s, enum setting id) {
  assert(setting_belongs(id, s->program, NULL));
  return s->values[id].given;
}

static double number_of(const struct settings *s, enum setting id, enum setting_type type) {
  assert(setting_belongs(id, s->program, NULL) && setting_info(id)->type == type);
  return s->values[id].number;
}

bool settings_flag(const struct settings *s, enum setting id) {
  return number_of(s, id, SETTING_FLAG) != 0;
}

const char *settings_text(const struct settings *s, enum setting id) {
  assert(setting_belongs(id, s->program, NULL) && setting_info(id)->type == SETTING_TEXT);
  return s->values[id].text;
}

uint32_t settings_count(const struct settings *s, enum setting id) {
  return (uint32_t)number_of(s, id, SETTING_COUNT);
}

uint32_t settings_size(const struct settings *s, enum setting id) {
  return (uint32_t)number_of(s, id, SETTING_SIZE);
}

double settings_seconds(const struct settings *s, enum setting id) {
  return number_of(s, id, SETTING_SECONDS);
}

double settings_ratio(const struct settings *s, enum setting id) {
  return number_of(s, id, SETTING_RATIO);
}

unsigned settings_choice(const struct settings *s, enum setting id) {
  return (unsigned)number_of(s, id, SETTING_CHOICE);
}

/* ---- For people ---- */

enum { NUMBER_BYTES = 32 };

/* A value of the row as it would be typed: 16M, 0.001, info. */
static const char *show(const struct setting_info *i, double v, char *out) {
  int shift = 0;
  if (i->type == SETTING_CHOICE) return i->words[(unsigned)v];
  if (i->type == SETTING_SIZE)
    for (; v >= 1024 && v == 1024 * floor(v / 1024); shift++) v /= 1024;
  int n = snprintf(out, NUMBER_BYTES, "%.15g", v);
  if (shift) snprintf(out + n, NUMBER_BYTES - (size_t)n, "%c", suffixes[shift - 1]);
  return out;
}

/* "error, warn, info or debug" */
static void list_words(const struct setting_info *i, char *out, size_t n) {
  size_t used = 0;
  for (unsigned k = 0; i->words[k] && used < n; k++) {
    const char *between = i->words[k + 1] ? ", " : " or ";
    used += (size_t)snprintf(out + used, n - used, "%s%s", k ? between : "", i->words[k]);
  }
}

void setting_takes(enum setting id, char *out, size_t n) {
  static const char *const kinds[] = {[SETTING_TEXT] = "a text of",
                                      [SETTING_COUNT] = "a whole number from",
                                      [SETTING_SIZE] = "a size from",
                                      [SETTING_SECONDS] = "a number from",
                                      [SETTING_RATIO] = "a number from"};
  const struct setting_info *i = setting_info(id);
  char least[NUMBER_BYTES], most[NUMBER_BYTES];
  if (i->type == SETTING_FLAG)
    snprintf(out, n, "true or false");
  else if (i->type == SETTING_CHOICE)
    list_words(i, out, n);
  else
    snprintf(out, n, "%s %s to %s%s", kinds[i->type], show(i, i->least, least),
             show(i, i->most, most), i->type == SETTING_TEXT ? " bytes" : "");
}

void setting_bounds(enum setting id, char *out, size_t n) {
  const struct setting_info *i = setting_info(id);
  char least[NUMBER_BYTES], most[NUMBER_BYTES];
  if (i->type == SETTING_FLAG)
    snprintf(out, n, "%s", "");
  else if (i->type == SETTING_CHOICE)
    list_words(i, out, n);
  else
    snprintf(out, n, "%s to %s%s%s", show(i, i->least, least), show(i, i->most, most),
             *i->unit ? " " : "", i->unit);
}

void setting_standard(enum setting id, char *out, size_t n) {
  const struct setting_info *i = setting_info(id);
  char number[NUMBER_BYTES];
  if (i->standard_words)
    snprintf(out, n, "%s", i->standard_words);
  else
    snprintf(out, n, "%s", i->type == SETTING_FLAG ? "" : show(i, i->standard, number));
}

void settings_show(const struct settings *s, enum setting id, char *out, size_t n) {
  const struct setting_info *i = setting_info(id);
  char number[NUMBER_BYTES];
  assert(setting_belongs(id, s->program, NULL));
  if (i->type == SETTING_FLAG)
    snprintf(out, n, "%s", s->values[id].number != 0 ? "true" : "false");
  else if (i->type == SETTING_TEXT)
    snprintf(out, n, "%s", s->values[id].text ? s->values[id].text : "");
  else
    snprintf(out, n, "%s", show(i, s->values[id].number, number));
}

void setting_refuse(enum setting id, const char *name, const char *value, char *out, size_t n) {
  char takes[128];
  setting_takes(id, takes, sizeof takes);
  snprintf(out, n, "%s takes %s, not '%.80s'", name, takes, value);
}
