/* SPDX-License-Identifier: MIT
 *
 * A line is looked at before the library has it, which joins lines and takes ':' for '='.
 */
#include "policy/settings_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ini.h"

struct reading {
  struct settings_file *file;
  struct policy_errors *errors;
  unsigned line;
  size_t used, room; /* of the file's words */
};

static const char *look(void *user, const struct ini_line *l) {
  struct reading *r = user;
  r->line = l->number;
  if (l->fault || l->is_empty || l->is_comment) return l->fault;
  if (l->is_section) return "there are no sections here; each line is key = value";
  if (l->blanks) return "a key begins at the begin of its line";
  const char *sign = memchr(l->bytes, '=', l->size), *colon = memchr(l->bytes, ':', l->size);
  if (!sign || (colon && colon < sign)) return "this is no key = value and no comment";
  return sign == l->bytes ? "the key is missing" : NULL;
}

static void on_refused(void *user, unsigned line, const char *why) {
  struct reading *r = user;
  policy_error_add(r->errors, line, "%s", why);
}

/* The setting; SETTINGS, and it is told why it is none. */
static enum setting find(struct reading *r, const char *key) {
  enum settings_program program = r->file->values.program;
  enum setting id = settings_find(program, key, strlen(key)), near = SETTINGS;
  if (id != SETTINGS && setting_info(id)->only_typed) {
    policy_error_add(r->errors, r->line, "'%s' is for the command line only; remove it", key);
    return SETTINGS;
  }
  if (id != SETTINGS) return id;
  near = settings_nearest(program, key, strlen(key));
  if (near != SETTINGS && !setting_info(near)->only_typed)
    policy_error_add(r->errors, r->line, "unknown key '%.60s' (did you mean %s?)", key,
                     setting_name(near, program));
  else
    policy_error_add(r->errors, r->line, "unknown key '%.60s'; the keys are the flags of %s --help",
                     key, settings_program_name(program));
  return SETTINGS;
}

/* The library's line is gone when the next comes. */
static const char *keep(struct reading *r, const char *text) {
  size_t size = strlen(text) + 1;
  assert(size <= r->room - r->used);
  char *kept = memcpy(r->file->words + r->used, text, size);
  r->used += size;
  return kept;
}

static bool put_flag(struct settings *s, enum setting id, const char *value) {
  bool is = strcmp(value, "true") == 0;
  return (is || strcmp(value, "false") == 0) && settings_put_number(s, id, is);
}

/* NULL, or what would be a part of the value though hardly meant to be. */
static const char *text_fault(const char *value) {
  if (*value == '"' || *value == '\'') return "a value stands without quotes";
  if (strstr(value, " #")) return "a comment behind a value begins with ;";
  return NULL;
}

static void on_key(void *user, const char *section, const char *key, const char *value) {
  struct reading *r = user;
  struct settings_file *f = r->file;
  char text[POLICY_ERROR_BYTES];
  (void)section;
  enum setting id = find(r, key);
  if (id == SETTINGS) return;
  if (f->lines[id]) {
    policy_error_add(r->errors, r->line, "'%s' stands in line %u already", key, f->lines[id]);
    return;
  }
  f->lines[id] = r->line;
  f->count++;
  const char *fault = text_fault(value);
  if (fault) {
    policy_error_add(r->errors, r->line, "%s: %s", key, fault);
    return;
  }
  bool is_flag = setting_info(id)->type == SETTING_FLAG;
  if (is_flag ? put_flag(&f->values, id, value) : settings_parse(&f->values, id, keep(r, value)))
    return;
  setting_refuse(id, key, value, text, sizeof text);
  policy_error_add(r->errors, r->line, "%s", text);
}

bool settings_file_parse(struct settings_file *f, enum settings_program program, const char *text,
                         size_t size, struct policy_errors *errors) {
  struct reading r = {.file = f, .errors = errors, .room = size + 2};
  const struct ini ini = {.too_long = "more than 198 bytes; give so long a value as a flag",
                          .look = look, .refused = on_refused, .key = on_key, .user = &r};
  *f = (struct settings_file){0};
  settings_init(&f->values, program);
  f->words = malloc(r.room); /* each word is one of the text, and '=' has room for its 0 */
  if (!f->words || !ini_read(&ini, text, size))
    policy_error_add(errors, 0, "memory is too short");
  return errors->count == 0;
}

void settings_file_deinit(struct settings_file *f) {
  free(f->words);
  *f = (struct settings_file){0};
}
