/* SPDX-License-Identifier: MIT
 *
 * The broker as a service: what its manager is told (proto/settings/manager.h), and what SIGHUP has
 * read again. It is above the broker: without it the broker is the same.
 */
#ifndef GAIJIN_BROKER_SERVICE_H
#define GAIJIN_BROKER_SERVICE_H

#include "broker/broker.h"
#include "broker/config.h"
#include "proto/settings/manager.h"

struct service {
  struct broker *broker;
  const struct config *config; /* that the broker was started with */
  const struct manager *manager;
  enum log_level level; /* that the settings had last; gaijinctl may have set another */
  uv_timer_t watchdog; /* runs if the manager wants to hear of us */
  struct beside *rereads; /* reads the settings again; NULL: nobody does */
  bool read_again;        /* they may have changed since that began */
};

/* The broker serves: says so. All outlive the service. */
void service_begin(struct service *s, struct broker *b, const struct config *config,
                   const struct manager *manager);
/* SIGHUP: begins to read the file of settings and the policy again, and to look up whom the
 * settings name, beside the loop. What SIGHUP takes over (SETTING_RELOAD) holds then; what else has
 * changed is named, with what is to be done. With a fault anywhere nothing changes. */
void service_reload(struct service *s);
/* It ends. The loop must run once more. One that has not begun is fine. */
void service_end(struct service *s);

#endif
