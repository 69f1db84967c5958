/* SPDX-License-Identifier: MIT
 *
 * Of a file with faults what was understood is checked further, so that all faults are told at
 * once; nobody runs with it.
 */
#include "broker/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/source.h"
#include "proto/base.h"
#include "proto/limits.h"
#include "proto/settings/help.h"

enum { TOLD_BYTES = 1400 };

bool config_open(struct config *c, const struct settings *typed, struct policy_errors *errors) {
  size_t size;
  *errors = (struct policy_errors){0};
  *c = (struct config){.path = settings_text(typed, SETTING_config), .typed = *typed};
  c->values = *typed;
  if (!c->path) return true;
  char *text = policy_source_read(c->path, NULL, &size, errors);
  bool good = text && settings_file_parse(&c->file, SETTINGS_BROKER, text, size, errors);
  if (text) settings_add(&c->values, &c->file.values);
  free(text);
  return good;
}

void config_deinit(struct config *c) {
  settings_file_deinit(&c->file);
  *c = (struct config){0};
}

bool config_origin(const struct config *c, enum setting id, char out[CONFIG_ORIGIN]) {
  const char *key = setting_info(id)->key;
  *out = '\0';
  if (settings_given(&c->typed, id))
    snprintf(out, CONFIG_ORIGIN, "--%s", key);
  else if (settings_given(&c->values, id))
    snprintf(out, CONFIG_ORIGIN, "%s:%u (%s)", c->path, c->file.lines[id], key);
  return *out;
}

bool config_access(const struct config *c, struct access *a, struct policy_errors *errors,
                   char *typed, size_t n) {
  static const enum setting settings[] = {SETTING_mode, SETTING_allow_uid, SETTING_allow_gid,
                                          SETTING_group};
  bool good = true;
  *typed = '\0';
  /* The group is last: access_read says of each call whether there is one. */
  for (size_t i = 0; i < ARRAY_SIZE(settings) && !*typed; i++) {
    enum setting id = settings[i];
    const char *word = settings_text(&c->values, id);
    struct access_words words = {.mode = id == SETTING_mode ? word : NULL,
                                 .group = id == SETTING_group ? word : NULL,
                                 .uids = id == SETTING_allow_uid ? word : NULL,
                                 .gids = id == SETTING_allow_gid ? word : NULL};
    char why[256];
    if (access_read(a, &words, why, sizeof why)) continue;
    good = false;
    if (settings_given(&c->typed, id))
      snprintf(typed, n, "--%s", why);
    else
      policy_error_add(errors, c->file.lines[id], "%s", why);
  }
  return good;
}

void config_tell(const char *path, const struct policy_errors *errors,
                 void (*tell)(const char *text)) {
  char text[TOLD_BYTES];
  for (unsigned i = 0; i < errors->kept; i++) {
    const struct policy_error *e = &errors->list[i];
    if (e->line)
      snprintf(text, sizeof text, "%s:%u: %s", path, e->line, e->text);
    else
      snprintf(text, sizeof text, "%s: %s", path, e->text);
    tell(text);
  }
  if (errors->count == errors->kept) return;
  snprintf(text, sizeof text, "%s: and %u more", path, errors->count - errors->kept);
  tell(text);
}

bool config_check_policy(const struct config *c, void (*tell)(const char *text)) {
  const char *path = settings_text(&c->values, SETTING_policy);
  struct policy_errors errors;
  size_t size;
  if (!path) {
    puts("no policy is named: whoever is served may do everything");
    return true;
  }
  char *text = policy_source_read(path, NULL, &size, &errors);
  struct policy *p = text ? policy_parse(text, size, &people_system, &errors) : NULL;
  if (p)
    printf("%s: %u rules\n", path, policy_rules(p));
  else
    config_tell(path, &errors, tell);
  policy_free(p);
  free(text);
  return p != NULL;
}

/* Words in lines that begin with "# ". */
static void print_comment(const char *text) {
  size_t at = 0;
  for (size_t size; *text; text += size + strspn(text + size, " ")) {
    size = strcspn(text, " ");
    bool fits = at && at + 1 + size <= HELP_WIDTH;
    printf("%s%.*s", fits ? " " : at ? "\n# " : "# ", (int)size, text);
    at = (fits ? at + 1 : 2) + size;
  }
  putchar('\n');
}

/* Whether a line of the file says the same: of a path, say, "a ;b" is "a" and a comment. */
static bool is_read_as(const struct settings *s, enum setting id, const char *line) {
  struct settings_file f;
  struct policy_errors errors = {0};
  bool is = settings_file_parse(&f, SETTINGS_BROKER, line, strlen(line), &errors) &&
            settings_equal(&f.values, s, id);
  settings_file_deinit(&f);
  return is;
}

static void print_setting(const struct settings *s, enum setting id) {
  char text[768], value[1024], standard[128], line[1280];
  const char *key = setting_info(id)->key;
  putchar('\n');
  help_flag_text(id, "", text, sizeof text);
  print_comment(text);
  settings_show(s, id, value, sizeof value);
  setting_standard(id, standard, sizeof standard);
  snprintf(line, sizeof line, "%s = %s\n", key, value);
  if (settings_given(s, id) && !is_read_as(s, id, line))
    printf("# %s is given, and its value has no form in a file; type the flag\n", key);
  else if (settings_given(s, id))
    fputs(line, stdout);
  else if (setting_info(id)->type == SETTING_TEXT)
    printf("# %s =\n", key);
  else
    printf("# %s = %s\n", key, standard);
}

void config_print(const struct config *c) {
  printf("# Settings of gaijin-broker %s: --config names this file, --check-config checks it.\n"
         "# A flag of the command line overrides what stands here.\n",
         GAIJIN_VERSION);
  for (enum setting id = 0; id < SETTINGS; id++)
    if (setting_belongs(id, SETTINGS_BROKER, NULL) && !setting_info(id)->only_typed)
      print_setting(&c->values, id);
}

/* Clients were told how much they may send. */
static enum setting_when when_of(const struct config *before, const struct config *now,
                                 enum setting id) {
  if (id == SETTING_max_message &&
      settings_size(&now->values, id) < settings_size(&before->values, id))
    return SETTING_RESTART;
  return setting_info(id)->when;
}

void config_compare(const struct config *before, const struct config *now, enum setting_when when,
                    char *changed, size_t n) {
  size_t used = 0;
  *changed = '\0';
  for (enum setting id = 0; id < SETTINGS && used < n; id++) {
    if (!setting_belongs(id, SETTINGS_BROKER, NULL) || when_of(before, now, id) != when) continue;
    if (settings_equal(&before->values, &now->values, id)) continue;
    used += (size_t)snprintf(changed + used, n - used, "%s%s", used ? ", " : "",
                             setting_info(id)->key);
  }
  if (used >= n) memcpy(changed + n - 4, "...", 4);
}
