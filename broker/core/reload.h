/* SPDX-License-Identifier: MIT
 *
 * Reading a policy file, at once or beside the loop (base/beside.h).
 */
#ifndef GAIJIN_BROKER_RELOAD_H
#define GAIJIN_BROKER_RELOAD_H

#include <stddef.h>

#include "broker/base/beside.h"
#include "policy/policy.h"

/* What came of reading a file: a policy and the text it was parsed from, owned by whoever has the
 * struct; or NULL for both, and one line in `error`. */
struct policy_read {
  struct policy *policy;
  char *text;
  size_t size;
  char error[512];
};
/* Reads the file at once. */
void policy_read_now(struct policy_read *r, const char *path, const struct people *people);
void policy_read_deinit(struct policy_read *r);

/* Called in the loop, once; takes what it wants out of `r` (and puts NULL there). */
typedef void (*reload_done_fn)(void *user, struct policy_read *r);

/* Begins to read; beside_abandon gives it up. `path` and `people` must stay. NULL: there is no
 * thread, descriptor or memory for it, errno says which. What is given here ends before `done` is
 * called. */
struct beside *reload_begin(uv_loop_t *loop, const char *path, const struct people *people,
                            reload_done_fn done, void *user);

#endif
