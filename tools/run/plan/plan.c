/* SPDX-License-Identifier: MIT
 *
 * The plan as a thing that is made and freed.
 */
#include "tools/run/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "proto/name.h"
#include "tools/base/text.h"

struct run_worker *plan_add(struct run_plan *plan) {
  plan->workers = tool_grow(plan->workers, plan->count, &plan->room, sizeof *plan->workers);
  struct run_worker *w = &plan->workers[plan->count++];
  *w = (struct run_worker){.grace = PLAN_GRACE_SECONDS,
                           .linger = setting_info(SETTING_linger)->standard,
                           .where = tool_copy("", 0)};
  w->policy.rule = (struct backoff_rule){.most = 1, .within = 1};
  return w;
}

void plan_take_policy(struct run_worker *w, const struct settings *s) {
  w->policy.restart = (enum life_restart)settings_choice(s, SETTING_restart);
  w->policy.rule = (struct backoff_rule){
      .most = settings_count(s, SETTING_restart_most),
      .within = settings_seconds(s, SETTING_restart_within),
      .first = settings_seconds(s, SETTING_restart_delay),
      .longest = settings_seconds(s, SETTING_restart_delay_most),
  };
  w->stops_first = settings_choice(s, SETTING_replace) == 1;
  w->start_limit = settings_seconds(s, SETTING_start_limit);
  w->health = settings_seconds(s, SETTING_health);
  w->health_limit = settings_seconds(s, SETTING_health_limit);
}

void plan_name_by(struct run_worker *w, const char *path) {
  char name[NAME_MAX_BYTES + 1] = "";
  bool changed = false;
  if (!name_of_script(name, path, &changed)) name[0] = '\0';
  free(w->name);
  w->name = tool_copy(name, strlen(name));
  if (changed)
    tool_error("run: worker %s is called so because a worker's name has not all the bytes of '%s'",
               name, path);
}

void plan_worker_deinit(struct run_worker *w) {
  free(w->name);
  free(w->script);
  free(w->directory);
  free(w->logs);
  free(w->where);
  words_deinit(&w->flags);
  words_deinit(&w->arguments);
  words_deinit(&w->env);
  words_deinit(&w->after);
}

void plan_deinit(struct run_plan *plan) {
  for (size_t i = 0; i < plan->count; i++) plan_worker_deinit(&plan->workers[i]);
  free(plan->workers);
  free(plan->socket);
  free(plan->source_socket);
  free(plan->said_socket);
  free(plan->directory);
  words_deinit(&plan->broker_flags);
  words_deinit(&plan->source);
}

size_t plan_find(const struct run_plan *plan, const char *name) {
  size_t i = 0;
  while (i < plan->count && strcmp(plan->workers[i].name, name) != 0) i++;
  return i;
}
