/* SPDX-License-Identifier: MIT
 *
 * The supervisor under a service manager (proto/settings/manager.h): it is told when all workers
 * that are to serve do so for the first time, how many do, that the plan is read again, and the
 * end; and its watchdog is fed from the loop, so that a supervisor that hangs does not.
 */
#ifndef GAIJIN_TOOLS_RUN_SERVICE_H
#define GAIJIN_TOOLS_RUN_SERVICE_H

#include <stdbool.h>

#include "tools/run/core/state.h"

/* Before there are children, which must not speak in its place; the loop is there. An error line if
 * there is a manager that cannot be told. */
void run_service_begin(struct run *r);
/* Something has become of workers. */
void run_service_changed(struct run *r);
/* The plan is about to be read again; and it has been. */
void run_service_reloads(struct run *r);
void run_service_reloaded(struct run *r);
/* All has ended. */
void run_service_end(struct run *r);

#endif
