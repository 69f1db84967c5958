/* SPDX-License-Identifier: MIT
 *
 * Reading a policy file beside the loop: to learn the number of a user may take a look into a
 * directory far away, and nobody is to wait for that. A thread of its own reads and parses; the
 * loop gets what came of it. A thread that hangs keeps neither the loop nor the process from
 * ending: then what it has is its own, and it frees it.
 */
#ifndef GAIJIN_BROKER_RELOAD_H
#define GAIJIN_BROKER_RELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

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

struct reload;

/* Called in the loop, once; takes what it wants out of `r` (and puts NULL there). */
typedef void (*reload_done_fn)(void *user, struct policy_read *r);

/* Begins to read. `path` and `people` must stay. NULL: there is no thread, descriptor or memory for
 * it, errno says which. The reload ends before `done` is called. */
struct reload *reload_begin(uv_loop_t *loop, const char *path, const struct people *people,
                            reload_done_fn done, void *user);
/* Gives it up: `done` is not called. The loop must run once more. */
void reload_abandon(struct reload *r);

#endif
