/* SPDX-License-Identifier: MIT
 *
 * What is closed between clients that run untrusted code and all others: library functions (op
 * apply) that lead from one object to everything its worker has, by environments, metatables or
 * `debug`. The worker of such a script keeps to that in both directions (lua/serve/apply.c); the
 * broker, which code that has broken out of its worker cannot get round, sees to it that a client
 * marked in hello asks nobody for them.
 */
#ifndef GAIJIN_PROTO_CLOSED_H
#define GAIJIN_PROTO_CLOSED_H

#include <stdbool.h>
#include <stddef.h>

/* Option of hello: true, the client runs untrusted code. The reply has it too then: a broker that
 * does not know the key leaves it out. */
#define SANDBOXED_KEY "sandboxed"

/* Whether the function of this title, `n` bytes, is closed. */
bool closed_title(const char *title, size_t n);

#endif
