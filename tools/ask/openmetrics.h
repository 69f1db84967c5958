/* SPDX-License-Identifier: MIT
 *
 * What the broker has counted in the text format of OpenMetrics, version 1.0, for monitoring
 * systems: docs/cli.md lists the metrics.
 */
#ifndef GAIJIN_TOOLS_OPENMETRICS_H
#define GAIJIN_TOOLS_OPENMETRICS_H

#include "tools/ask/stats.h"
#include "tools/base/text.h"

#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Reads all of it from the broker and adds the text, its end included; false after an error
 * line. */
bool openmetrics_read(struct observer *o, struct text *out);
/* The same of what has been read. */
void openmetrics_write(struct text *out, const struct stats *s, const char *broker_version);

#endif
