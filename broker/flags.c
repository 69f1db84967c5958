/* SPDX-License-Identifier: MIT
 *
 * From settings to the broker's configuration.
 */
#include "broker/flags.h"

#include <stdio.h>
#include <string.h>

#include "proto/settings/arguments.h"
#include "proto/settings/help.h"
#include "proto/settings/socket_path.h"

/* A time too short for a millisecond is one, and not 0, which is never. */
static uint32_t rings_idle_ms(const struct settings *s) {
  double ms = settings_seconds(s, SETTING_rings_idle) * 1e3;
  return ms > 0 && ms < 1 ? 1 : (uint32_t)ms;
}

/* Where it comes from, in `out`, or NULL. */
static const char *origin(const struct flags *f, enum setting id, char out[CONFIG_ORIGIN]) {
  return config_origin(&f->settings, id, out) ? out : NULL;
}

static enum flags_outcome configure(struct flags *f, char *error, size_t n) {
  const struct settings *s = &f->settings.values;
  const char *socket = settings_text(s, SETTING_socket);
  f->config = (struct broker_config){
      .socket = socket ? socket : socket_path_default(f->default_socket, sizeof f->default_socket),
      .socket_is_given = socket != NULL,
      .socket_from = socket ? origin(f, SETTING_socket, f->origins[0]) : socket_path_from(),
      .mode_from = origin(f, SETTING_mode, f->origins[1]),
      .group_from = origin(f, SETTING_group, f->origins[2]),
      .load_min = settings_count(s, SETTING_load_min),
      .load_gain = settings_ratio(s, SETTING_load_gain_tolerance),
      .weight_min = settings_size(s, SETTING_weight_min),
      .max_message = settings_size(s, SETTING_max_message),
      .most = {.most = {[ACCOUNT_BYTES] = settings_size(s, SETTING_max_queued),
                        [ACCOUNT_REQUESTS] = settings_count(s, SETTING_max_requests),
                        [ACCOUNT_WAITS] = settings_count(s, SETTING_max_waits),
                        [ACCOUNT_EXPORTED] = settings_count(s, SETTING_max_exported),
                        [ACCOUNT_HELD] = settings_count(s, SETTING_max_held),
                        [ACCOUNT_NAMES] = settings_count(s, SETTING_max_names),
                        [ACCOUNT_CONNECTIONS] = settings_count(s, SETTING_max_connections)},
               .users = settings_count(s, SETTING_user_factor),
               .memory = settings_size(s, SETTING_max_memory)},
      .limits = {.message_ms = (uint64_t)(settings_seconds(s, SETTING_message_time) * 1e3),
                 .read_ms = (uint64_t)(settings_seconds(s, SETTING_read_time) * 1e3)},
      .window = {settings_count(s, SETTING_window_posts), settings_size(s, SETTING_window_bytes)},
      .poll_us = settings_count(s, SETTING_poll_us),
      .transport = (enum transport)settings_choice(s, SETTING_transport),
      .rings = settings_count(s, SETTING_rings),
      .rings_idle_ms = rings_idle_ms(s),
      .return_grace_ms = (uint64_t)(settings_seconds(s, SETTING_return_grace) * 1e3),
      .cycle_ms = (uint64_t)(settings_seconds(s, SETTING_cycle_time) * 1e3),
      .cycle_quiet_s = (uint32_t)settings_count(s, SETTING_cycle_quiet),
      .policy = settings_text(s, SETTING_policy),
      .log_format = (enum log_format)settings_choice(s, SETTING_log_format),
      .log_level = (enum log_level)settings_choice(s, SETTING_log_level),
  };
  f->check_upgrade = settings_text(s, SETTING_check_upgrade);
  char wrong[256];
  config_access(&f->settings, &f->config.access, &f->faults, wrong, sizeof wrong);
  f->config.access.make_directory = !socket && strcmp(f->config.socket, SOCKET_PATH_LAST) == 0;
  if (*wrong) {
    arguments_wrong(&f->settings.typed, error, n, "%s", wrong);
    return FLAGS_BAD;
  }
  return f->faults.count ? FLAGS_FAULTY : FLAGS_RUN;
}

enum flags_outcome flags_parse(struct flags *f, int argc, char **argv, char *error, size_t n) {
  struct settings s;
  struct arguments a;
  struct help help = {0};
  f->settings = (struct config){0};
  settings_init(&s, SETTINGS_BROKER);
  switch (arguments_read(&s, ARGUMENTS_ANYWHERE, argc, argv, &a, error, n)) {
    case ARGUMENTS_HELP: help_program(&help, SETTINGS_BROKER); break;
    case ARGUMENTS_VERSION: help_version(&help, SETTINGS_BROKER); break;
    case ARGUMENTS_BAD: return FLAGS_BAD;
    case ARGUMENTS_RUN:
      if (arguments_ask_help(&a)) {
        help_program(&help, SETTINGS_BROKER);
        break;
      }
      if (a.count) {
        arguments_wrong(&s, error, n, "unexpected argument '%.80s'", a.words[0]);
        return FLAGS_BAD;
      }
      config_open(&f->settings, &s, &f->faults);
      return configure(f, error, n); /* which may find further faults */
  }
  fputs(help.text, stdout);
  return FLAGS_SHOWN;
}

void flags_deinit(struct flags *f) { config_deinit(&f->settings); }
