/* SPDX-License-Identifier: MIT
 *
 * The broker as a service: its manager (proto/settings/manager.h) is told when it serves, that it
 * still does, and when it ends. It is above the broker: without it the broker is the same.
 */
#ifndef GAIJIN_BROKER_SERVICE_H
#define GAIJIN_BROKER_SERVICE_H

#include "broker/broker.h"
#include "proto/settings/manager.h"

struct service {
  struct broker *broker;
  const struct manager *manager;
  uv_timer_t watchdog; /* runs if the manager wants to hear of us */
};

/* The broker serves: says so. Both outlive the service. */
void service_begin(struct service *s, struct broker *b, const struct manager *manager);
/* It ends. The loop must run once more. One that has not begun is fine. */
void service_end(struct service *s);

#endif
