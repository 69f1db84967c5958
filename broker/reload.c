/* SPDX-License-Identifier: MIT
 *
 * Settings are read again beside the loop, and hold as a whole or not at all.
 */
#include "broker/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/permissions.h"

/* The settings read again; whom they name is looked up. */
struct rereading {
  struct config now;
  struct access access;
  struct policy_errors errors;
  char typed[256]; /* what is wrong with a flag; "": nothing is */
  bool is_good;
};

static void read_again(void *task) {
  struct rereading *r = task;
  struct settings typed = r->now.typed;
  r->is_good = config_open(&r->now, &typed, &r->errors) &&
               config_access(&r->now, &r->access, &r->errors, r->typed, sizeof r->typed);
}

static void end_rereading(void *task) {
  struct rereading *r = task;
  config_deinit(&r->now);
  free(r);
}

static bool apply_level(struct reload *l, const struct config *now) {
  struct log *log = &l->broker->log;
  enum log_level level = (enum log_level)settings_choice(&now->values, SETTING_log_level);
  if (level == l->level) return false;
  log->level = l->level = level;
  log_asked(log, CAUSE_RELOAD, "SIGHUP: log-level is %s now",
            setting_info(SETTING_log_level)->words[level]);
  return true;
}

static bool apply_format(struct reload *l, const struct config *now) {
  struct log *log = &l->broker->log;
  enum log_format format = (enum log_format)settings_choice(&now->values, SETTING_log_format);
  if (format == log->format) return false;
  log->format = format;
  log_asked(log, CAUSE_RELOAD, "SIGHUP: log-format is %s now",
            setting_info(SETTING_log_format)->words[format]);
  return true;
}

static bool apply_access(struct reload *l, const struct access *now) {
  char whom[ACCESS_TOLD];
  if (!access_admit(&l->broker->listener.access, now)) return false;
  access_tell(now, whom, sizeof whom);
  log_asked(&l->broker->log, CAUSE_RELOAD,
            "SIGHUP: serves %s beside its own user from now on; who is connected stays",
            *whom ? whom : "nobody");
  return true;
}

/* Names what has changed and does not hold yet. */
static bool tell_left(const struct reload *l, const struct config *now) {
  char upgrade[256], restart[256];
  config_compare(l->config, now, SETTING_UPGRADE, upgrade, sizeof upgrade);
  config_compare(l->config, now, SETTING_RESTART, restart, sizeof restart);
  if (!*upgrade && !*restart) return false;
  log_asked(&l->broker->log, CAUSE_RELOAD, "SIGHUP: %s has changes that wait: %s%s%s%s%s",
            now->path, upgrade,
            *upgrade ? " (for an upgrade, SIGUSR2, which disconnects nobody)" : "",
            *upgrade && *restart ? ", " : "", restart, *restart ? " (for a restart)" : "");
  return true;
}

static void apply(struct reload *l, const struct rereading *r) {
  bool level = apply_level(l, &r->now), format = apply_format(l, &r->now),
       access = apply_access(l, &r->access), left = tell_left(l, &r->now);
  if (level || format || access || left) return;
  log_asked(&l->broker->log, CAUSE_RELOAD, "SIGHUP: %s says what it said before",
            r->now.path ? r->now.path : "the command line");
}

static void refuse(struct reload *l, const struct rereading *r) {
  const struct policy_error *first = &r->errors.list[0];
  char more[80] = "", line[16] = "";
  unsigned count = r->errors.count - (*r->typed == '\0');
  if (count)
    snprintf(more, sizeof more, " (and %u more; --check-config tells them)", count);
  if (!*r->typed && first->line) snprintf(line, sizeof line, ":%u", first->line);
  log_asked(&l->broker->log, CAUSE_RELOAD, "SIGHUP: %s%s%s%s%s; the settings in force stay",
            *r->typed ? "" : l->config->path, line, *r->typed ? "" : ": ",
            *r->typed ? r->typed : first->text, more);
}

static void *new_rereading(void *reload) {
  const struct reload *l = reload;
  struct rereading *r = calloc(1, sizeof *r);
  if (r) r->now.typed = l->config->typed;
  return r;
}

static void on_read(void *reload, void *task) {
  struct reload *l = reload;
  const struct rereading *r = task;
  if (r->is_good)
    apply(l, r);
  else
    refuse(l, r);
}

static void on_not_read(void *reload, int why) {
  const struct reload *l = reload;
  log_asked(&l->broker->log, CAUSE_RELOAD,
            "SIGHUP: cannot read the settings now: %s; those in force stay", strerror(why));
}

static void on_slow(void *reload) {
  const struct reload *l = reload;
  log_asked(&l->broker->log, CAUSE_RELOAD,
            "SIGHUP: the settings are still being read after %d s: a look-up of a user or group "
            "may hang (try getent passwd NAME); those in force stay meanwhile",
            BESIDE_SLOW_MS / 1000);
}

static void on_ended(void *reload) {
  const struct reload *l = reload;
  permissions_tell_end(l->broker);
}

static void reload_settings(struct reload *l) {
  static const struct reread_way way = {.begin = new_rereading, .run = read_again, .done = on_read,
                                        .slow = on_slow, .free = end_rereading,
                                        .failed = on_not_read, .ended = on_ended};
  if (reread_ask(&l->reread, l->broker->loop, &way, l)) return;
  log_asked(&l->broker->log, CAUSE_RELOAD,
            "SIGHUP: the settings are being read already, or users looked up; they are read once "
            "more after that");
}

/* There is a file, or somebody whose number may have changed. */
static bool has_settings(const struct config *c) {
  return c->path || settings_given(&c->typed, SETTING_allow_uid) ||
         settings_given(&c->typed, SETTING_allow_gid);
}

void reload_open(struct reload *l, struct broker *b, const struct config *config) {
  *l = (struct reload){.broker = b, .config = config, .level = b->log.level};
  b->settings_reread = &l->reread;
}

void reload_ask(struct reload *l) {
  struct broker *b = l->broker;
  manager_tell(b->manager, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reads its files again",
               (unsigned long long)(uv_hrtime() / 1000));
  bool any = has_settings(l->config);
  if (any) reload_settings(l);
  if (b->permissions.path || !any) permissions_reload(b);
}

void reload_close(struct reload *l) { reread_stop(&l->reread); }
