/* SPDX-License-Identifier: MIT
 *
 * A worker's section has the flags of gaijin-worker, which are checked here and passed on, and what
 * the supervisor itself wants to know. What `workers` says is of each worker that does not say it.
 */
#include "tools/run/plan/values.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "proto/settings/nearest.h"
#include "tools/base/text.h"

/* A file that is being taken over. */
struct taking {
  struct run_plan *plan;
  cfg_t *cfg;
  const char *path, *folder;
  bool good;
};

/* ---- Keys ---- */

/* What the supervisor decides, and what ends a program at once, is no key; nor is another file of
 * settings, which this one is. */
static bool is_ours(enum plan_section section, enum setting id) {
  switch (id) {
    case SETTING_help:
    case SETTING_version:
    case SETTING_check_upgrade:
    case SETTING_config:
    case SETTING_check_config:
    case SETTING_print_config: return true;
    case SETTING_name:
    case SETTING_code:
    case SETTING_socket:
    case SETTING_succeed: return section == PLAN_WORKER;
    default: return false;
  }
}

bool plan_has_key(enum plan_section section, enum setting id) {
  enum settings_program program = section == PLAN_BROKER ? SETTINGS_BROKER : SETTINGS_WORKER;
  if (section == PLAN_WORKER && setting_belongs(id, SETTINGS_RUN, NULL)) return true;
  return setting_belongs(id, program, NULL) && !is_ours(section, id);
}

const char *plan_nearest_key(const char *section, const char *key) {
  static const char *const sections[] = {"broker", "workers", "worker", "env"};
  bool is_root = strcmp(section, "root") == 0;
  enum plan_section kind = strcmp(section, "broker") == 0 ? PLAN_BROKER : PLAN_WORKER;
  struct nearest n;
  nearest_begin(&n, key, strlen(key));
  if (is_root) {
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++) nearest_try(&n, sections[i], i);
    return n.found ? sections[n.which] : NULL;
  }
  for (enum setting id = 0; id < SETTINGS; id++)
    if (plan_has_key(kind, id)) nearest_try(&n, setting_info(id)->key, id);
  return n.found ? setting_info((enum setting)n.which)->key : NULL;
}

/* ---- Values ---- */

static struct plan_said *said_in(cfg_t *section, enum setting id) {
  return section ? cfg_getptr(section, setting_info(id)->key) : NULL;
}

/* What `workers` says is looked at for each worker, and told once. */
static void refuse(struct taking *t, struct plan_said *said, const char *fault) {
  if (!said->told) tool_error("run: %s:%d: %s", t->path, said->line, fault);
  said->told = true;
  t->good = false;
}

/* Puts what was said into `s`; false after an error line. */
static bool put(struct taking *t, struct settings *s, enum setting id,
                struct plan_said *said) {
  char error[512];
  enum setting_type type = setting_info(id)->type;
  size_t n = strlen(said->text);
  bool good;
  if (said->twice) {
    snprintf(error, sizeof error, "'%s' is said twice in its section", setting_info(id)->key);
    refuse(t, said, error);
    return false;
  }
  if (type == SETTING_FLAG) {
    int yes = cfg_parse_boolean(said->text);
    good = yes >= 0 && settings_put_number(s, id, yes);
    if (!good)
      snprintf(error, sizeof error, "%s takes true or false, not '%.80s'", setting_info(id)->key,
               said->text);
  } else {
    good = settings_parse(s, id, said->text);
    if (!good)
      setting_refuse(id, setting_info(id)->key, said->text, error, sizeof error);
  }
  if (!good && n && said->text[n - 1] == ';')
    snprintf(error, sizeof error, "'%.80s': a value ends with its line, not with ';'", said->text);
  if (!good) refuse(t, said, error);
  return good;
}

/* A path of the file's, to be freed. */
static char *full_path(const struct taking *t, const char *path) {
  struct text full = {0};
  if (*path != '/') text_print(&full, "%s/", t->folder);
  text_print(&full, "%s", path);
  return full.bytes;
}

static void add_flag(struct words *flags, enum setting id, const struct settings *s,
                     const char *text) {
  struct text t = {0};
  if (setting_info(id)->type == SETTING_FLAG) {
    if (settings_flag(s, id)) text_print(&t, "--%s", setting_info(id)->key);
  } else {
    text_print(&t, "--%s=%s", setting_info(id)->key, text);
  }
  if (t.size) words_add(flags, t.bytes);
  text_deinit(&t);
}

/* ---- The broker ---- */

static void take_broker(struct taking *t) {
  struct settings s;
  cfg_t *section = cfg_getsec(t->cfg, "broker");
  settings_init(&s, SETTINGS_BROKER);
  for (enum setting id = 0; id < SETTINGS; id++) {
    if (!plan_has_key(PLAN_BROKER, id)) continue;
    struct plan_said *said = said_in(section, id);
    if (!said || !put(t, &s, id, said)) continue;
    if (id != SETTING_socket) {
      add_flag(&t->plan->broker_flags, id, &s, said->text);
    } else if (!t->plan->socket) {
      t->plan->socket = full_path(t, said->text);
      if (!settings_put_text(&s, id, t->plan->socket))
        refuse(t, said, "the path of the socket is too long; a socket's has 107 bytes at most");
    }
  }
}

/* ---- Workers ---- */

static void take_env(struct words *env, cfg_t *from) {
  cfg_t *section = from ? cfg_getsec(from, "env") : NULL;
  for (unsigned i = 0; section && i < cfg_num(section); i++) {
    cfg_opt_t *o = cfg_getnopt(section, i);
    const char *value = o && o->name ? cfg_opt_getstr(o) : NULL;
    if (value) words_set(env, o->name, value);
  }
}

static void take_list(struct taking *t, struct words *words, struct plan_said *said) {
  if (!said) return;
  const char *fault = words_split(words, said->text);
  if (fault) refuse(t, said, fault);
}

/* What of the supervisor's was said is in `s`. */
static void take_own(struct taking *t, struct run_worker *w, const struct settings *s,
                     struct plan_said *const *said) {
  plan_take_policy(w, s);
  if (settings_given(s, SETTING_script)) {
    w->script = full_path(t, settings_text(s, SETTING_script));
  } else {
    struct text script = {0};
    text_print(&script, "%s/%s.lua", t->folder, w->name);
    w->script = script.bytes;
  }
  w->directory = settings_given(s, SETTING_directory)
                     ? full_path(t, settings_text(s, SETTING_directory))
                     : tool_copy(t->folder, strlen(t->folder));
  if (settings_given(s, SETTING_logs)) w->logs = full_path(t, settings_text(s, SETTING_logs));
  take_list(t, &w->after, said[SETTING_after]);
  take_list(t, &w->arguments, said[SETTING_arguments]);
}

static void take_worker(struct taking *t, cfg_t *section) {
  struct run_worker *w = plan_add(t->plan);
  struct settings own, flags;
  struct plan_said *said[SETTINGS] = {NULL};
  cfg_t *all = cfg_getsec(t->cfg, "workers");
  struct text where = {0};
  settings_init(&own, SETTINGS_RUN);
  settings_init(&flags, SETTINGS_WORKER);
  w->name = tool_copy(cfg_title(section), strlen(cfg_title(section)));
  for (enum setting id = 0; id < SETTINGS; id++) {
    if (!plan_has_key(PLAN_WORKER, id)) continue;
    said[id] = said_in(section, id);
    if (!said[id]) said[id] = said_in(all, id);
    if (!said[id]) continue;
    if (setting_belongs(id, SETTINGS_RUN, NULL))
      put(t, &own, id, said[id]);
    else if (put(t, &flags, id, said[id]))
      add_flag(&w->flags, id, &flags, said[id]->text);
  }
  /* A section is at its end when it has been read; its script is what most faults are about. */
  text_print(&where, "%s:%d: ", t->path,
             said[SETTING_script] ? said[SETTING_script]->line : section->line);
  free(w->where);
  w->where = where.bytes;
  if (settings_given(&flags, SETTING_grace))
    w->grace = settings_seconds(&flags, SETTING_grace) + PLAN_GRACE_SLACK;
  if (settings_given(&flags, SETTING_linger))
    w->linger = settings_seconds(&flags, SETTING_linger);
  take_env(&w->env, t->cfg);
  take_env(&w->env, all);
  take_env(&w->env, section);
  take_own(t, w, &own, said);
}

bool plan_take_values(struct run_plan *plan, cfg_t *cfg, const char *path, const char *folder) {
  struct taking t = {plan, cfg, path, folder, true};
  plan->directory = tool_copy(folder, strlen(folder));
  take_broker(&t);
  for (unsigned i = 0; i < cfg_size(cfg, "worker"); i++)
    take_worker(&t, cfg_getnsec(cfg, "worker", i));
  return t.good;
}
