/* SPDX-License-Identifier: MIT
 *
 * What a worker wrote, and what has become of it, as lines with time and level: kept for a while
 * (line_ring.h), and given to who follows them.
 *
 *     2026-01-31T23:59:59.999Z info shop: it was sold
 */
#ifndef GAIJIN_TOOLS_RUN_LOG_H
#define GAIJIN_TOOLS_RUN_LOG_H

#include "proto/logline.h"
#include "tools/run/core/state.h"

/* A line of its output, without its end. What would steer a terminal is spelled out. */
void run_log_line(struct worker *w, enum log_level level, const char *bytes, size_t size);
/* What the supervisor says of it: "run: worker shop" and the text, on stderr too. */
void run_log_event(struct worker *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
