/* SPDX-License-Identifier: MIT
 *
 * What SIGHUP has read again: the file of settings, users and groups that settings name, and the
 * policy (core/permissions.h).
 */
#ifndef GAIJIN_BROKER_RELOAD_H
#define GAIJIN_BROKER_RELOAD_H

#include "broker/base/reread.h"
#include "broker/broker.h"
#include "broker/config.h"

struct reload {
  struct broker *broker;
  const struct config *config; /* that the broker was started with */
  enum log_level level; /* that the settings had last; gaijinctl may have set another */
  struct reread reread; /* of the settings */
};

/* Of a broker that serves. Both outlive it. */
void reload_open(struct reload *l, struct broker *b, const struct config *config);
/* SIGHUP: begins to read the file of settings and the policy again, and to look up whom the
 * settings name, beside the loop. What SIGHUP takes over (SETTING_RELOAD) holds then; what else has
 * changed is named, with what is to be done. With a fault anywhere nothing changes. The service
 * manager is told of the begin and, when all has been read, of the end. */
void reload_ask(struct reload *l);
/* Reads nothing any more. The loop must run once more. One that was not opened is fine. */
void reload_close(struct reload *l);

#endif
