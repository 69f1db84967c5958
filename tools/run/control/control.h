/* SPDX-License-Identifier: MIT
 *
 * The supervisor's own socket (address.h), on which it is asked by gaijinctl ps, start, restart,
 * stop and logs. It is its user's: nobody else can connect, or is answered. A request has to come
 * within seconds and is short; who does not take what it is told loses its connection.
 */
#ifndef GAIJIN_TOOLS_RUN_CONTROL_H
#define GAIJIN_TOOLS_RUN_CONTROL_H

#include "tools/run/core/state.h"

struct control;

/* A broker at this socket whose supervisor was killed is about to end: waits for that, for as long
 * as a broker is given to stop; an error line if it does not. */
void control_await_orphan(const char *socket);
/* Listens. NULL after an error line: then it cannot be asked. */
struct control *control_begin(struct run *r);
/* NULL is fine. */
void control_end(struct control *c);
/* Something has become of workers: who waits for that is answered. NULL is fine. */
void control_changed(struct control *c);
/* A worker ends to be one of ours. NULL is fine. */
void control_forget(struct control *c, const struct worker *w);
/* A worker has written a line, as it stands in logs: who follows it gets it. NULL is fine. */
void control_line(struct control *c, const struct worker *w, const char *line, size_t size);

#endif
