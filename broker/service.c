/* SPDX-License-Identifier: MIT
 *
 * The watchdog is fed by a timer of the loop: a loop that hangs does not feed it. Settings are read
 * again beside the loop, one reading at a time, and hold as a whole or not at all.
 */
#include "broker/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/beside.h"
#include "broker/core/permissions.h"

static void on_watchdog(uv_timer_t *timer) {
  const struct service *s = timer->data;
  const struct broker *b = s->broker;
  unsigned clients = 0;
  for (const struct client *c = b->connections.all; c; c = c->next) clients++;
  manager_tell(s->manager, "WATCHDOG=1\nSTATUS=serves %u clients, %u tokens and %u calls on %s",
               clients, (unsigned)b->refs.tokens.count, (unsigned)b->calls.all.count,
               b->listener.path);
}

/* The manager wants to hear of us twice in its time, and of a shorter one than a millisecond there
 * is no timer. */
static void feed_watchdog(struct service *s) {
  uint64_t each_ms = s->manager->watchdog_us / 2000;
  if (!s->manager->watchdog_us) return;
  uv_timer_start(&s->watchdog, on_watchdog, each_ms, each_ms ? each_ms : 1);
}

void service_begin(struct service *s, struct broker *b, const struct config *config,
                   const struct manager *manager) {
  *s = (struct service){.broker = b, .config = config, .manager = manager,
                        .level = b->log.level};
  uv_timer_init(b->loop, &s->watchdog);
  s->watchdog.data = s;
  feed_watchdog(s);
  manager_ready(manager, "gaijin %s serves on %s", GAIJIN_VERSION, b->listener.path);
}

/* ---- Reload ---- */

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

static bool apply_level(struct service *s, const struct config *now) {
  struct log *log = &s->broker->log;
  enum log_level level = (enum log_level)settings_choice(&now->values, SETTING_log_level);
  if (level == s->level) return false;
  log->level = s->level = level;
  log_asked(log, CAUSE_RELOAD, "SIGHUP: log-level is %s now",
            setting_info(SETTING_log_level)->words[level]);
  return true;
}

static bool apply_format(struct service *s, const struct config *now) {
  struct log *log = &s->broker->log;
  enum log_format format = (enum log_format)settings_choice(&now->values, SETTING_log_format);
  if (format == log->format) return false;
  log->format = format;
  log_asked(log, CAUSE_RELOAD, "SIGHUP: log-format is %s now",
            setting_info(SETTING_log_format)->words[format]);
  return true;
}

static bool apply_access(struct service *s, const struct access *now) {
  char whom[ACCESS_TOLD];
  if (!access_admit(&s->broker->listener.access, now)) return false;
  access_tell(now, whom, sizeof whom);
  log_asked(&s->broker->log, CAUSE_RELOAD,
            "SIGHUP: serves %s beside its own user from now on; who is connected stays",
            *whom ? whom : "nobody");
  return true;
}

/* Names what has changed and does not hold yet. */
static bool tell_left(const struct service *s, const struct config *now) {
  char upgrade[256], restart[256];
  config_compare(s->config, now, SETTING_UPGRADE, upgrade, sizeof upgrade);
  config_compare(s->config, now, SETTING_RESTART, restart, sizeof restart);
  if (!*upgrade && !*restart) return false;
  log_asked(&s->broker->log, CAUSE_RELOAD, "SIGHUP: %s has changes that wait: %s%s%s%s%s",
            now->path, upgrade,
            *upgrade ? " (for an upgrade, SIGUSR2, which disconnects nobody)" : "",
            *upgrade && *restart ? ", " : "", restart, *restart ? " (for a restart)" : "");
  return true;
}

static void apply(struct service *s, const struct rereading *r) {
  bool level = apply_level(s, &r->now), format = apply_format(s, &r->now),
       access = apply_access(s, &r->access), left = tell_left(s, &r->now);
  if (level || format || access || left) return;
  log_asked(&s->broker->log, CAUSE_RELOAD, "SIGHUP: %s says what it said before",
            r->now.path ? r->now.path : "the command line");
}

static void refuse(struct service *s, const struct rereading *r) {
  const struct policy_error *first = &r->errors.list[0];
  char more[80] = "", line[16] = "";
  unsigned count = r->errors.count - (*r->typed == '\0');
  if (count)
    snprintf(more, sizeof more, " (and %u more; --check-config tells them)", count);
  if (!*r->typed && first->line) snprintf(line, sizeof line, ":%u", first->line);
  log_asked(&s->broker->log, CAUSE_RELOAD, "SIGHUP: %s%s%s%s%s; the settings in force stay",
            *r->typed ? "" : s->config->path, line, *r->typed ? "" : ": ",
            *r->typed ? r->typed : first->text, more);
}

static void reload_settings(struct service *s);

static void end_reload(struct service *s) {
  s->rereads = NULL;
  s->broker->reads_settings = false;
  if (s->read_again)
    reload_settings(s);
  else
    permissions_tell_end(s->broker);
}

static void on_read_again(void *service, void *task) {
  struct service *s = service;
  const struct rereading *r = task;
  if (r->is_good)
    apply(s, r);
  else
    refuse(s, r);
  end_reload(s);
}

static void reload_settings(struct service *s) {
  static const struct beside_way way = {read_again, on_read_again, end_rereading};
  /* What is being read may be older than what is there now. */
  s->read_again = s->rereads != NULL;
  if (s->rereads) {
    log_asked(&s->broker->log, CAUSE_RELOAD,
              "SIGHUP: the settings are still being read, or users looked up; then again");
    return;
  }
  struct rereading *r = calloc(1, sizeof *r);
  if (r) r->now.typed = s->config->typed;
  s->rereads = r ? beside_begin(s->broker->loop, &way, r, s) : NULL;
  s->broker->reads_settings = true;
  if (s->rereads) return;
  log_asked(&s->broker->log, CAUSE_RELOAD,
            "SIGHUP: cannot read the settings now: %s; those in force stay", strerror(errno));
  free(r);
  end_reload(s);
}

/* There is a file, or somebody whose number may have changed. */
static bool has_settings(const struct config *c) {
  return c->path || settings_given(&c->typed, SETTING_allow_uid) ||
         settings_given(&c->typed, SETTING_allow_gid);
}

void service_reload(struct service *s) {
  struct broker *b = s->broker;
  manager_tell(s->manager, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reads its files again",
               (unsigned long long)(uv_hrtime() / 1000));
  bool any = has_settings(s->config);
  if (any) reload_settings(s);
  if (b->permissions.path || !any) permissions_reload(b);
}

void service_end(struct service *s) {
  if (!s->broker) return;
  manager_tell(s->manager, "STOPPING=1\nSTATUS=ends");
  uv_close((uv_handle_t *)&s->watchdog, NULL);
  if (s->rereads) beside_abandon(s->rereads);
  s->rereads = NULL;
}
