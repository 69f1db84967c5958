/* SPDX-License-Identifier: MIT
 *
 * The watchdog is fed by a timer of the loop: a loop that hangs does not feed it.
 */
#include "broker/service.h"

#include <stdio.h>

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

/* What of a good file can be had at once, and what cannot. */
static void apply(struct service *s, const struct config *now) {
  struct log *log = &s->broker->log;
  const enum log_level was = s->level;
  char changed[256];
  enum log_level level = (enum log_level)settings_choice(&now->values, SETTING_log_level);
  config_compare(s->config, now, SETTING_log_level, changed, sizeof changed);
  if (level != was) {
    log->level = s->level = level;
    log_asked(log, CAUSE_RELOAD, "SIGHUP: log-level is %s now",
              setting_info(SETTING_log_level)->words[level]);
  }
  if (!*changed && level == was)
    log_asked(log, CAUSE_RELOAD, "SIGHUP: %s says what it said before", now->path);
  if (*changed)
    log_asked(log, CAUSE_RELOAD,
              "SIGHUP: %s has %s otherwise than this broker; an upgrade (SIGUSR2) takes it over "
              "without disconnecting anybody, but for socket, mode, group, another policy's file "
              "and a smaller max-message, which need a restart", now->path, changed);
}

static void refuse_settings(struct service *s, const char *path, const struct policy_errors *e) {
  const struct policy_error *first = &e->list[0];
  char more[80] = "", line[16] = "";
  if (e->count > 1)
    snprintf(more, sizeof more, " (and %u faults more; --check-config tells them)", e->count - 1);
  if (first->line) snprintf(line, sizeof line, ":%u", first->line);
  log_asked(&s->broker->log, CAUSE_RELOAD, "SIGHUP: %s%s: %s%s; the settings in force stay", path,
            line, first->text, more);
}

static void reload_settings(struct service *s) {
  struct config now;
  struct policy_errors errors;
  if (!s->config->path) return;
  if (config_open(&now, &s->config->typed, &errors))
    apply(s, &now);
  else
    refuse_settings(s, s->config->path, &errors);
  config_deinit(&now);
}

void service_reload(struct service *s) {
  struct broker *b = s->broker;
  manager_tell(s->manager, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reads its files again",
               (unsigned long long)(uv_hrtime() / 1000));
  reload_settings(s);
  /* It ends by itself, and says so then. */
  if (b->permissions.path || !s->config->path)
    permissions_reload(b);
  else
    manager_ready(s->manager, "serves on %s", b->listener.path);
}

void service_end(struct service *s) {
  if (!s->broker) return;
  manager_tell(s->manager, "STOPPING=1\nSTATUS=ends");
  uv_close((uv_handle_t *)&s->watchdog, NULL);
}
