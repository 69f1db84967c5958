/* SPDX-License-Identifier: MIT
 *
 * A file is read and parsed wholly, or there is no policy: of several faults the first is told.
 */
#include "broker/core/policy_read.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/source.h"

static void tell_fault(struct policy_read *r, const struct policy_errors *e) {
  char more[48] = "";
  const struct policy_error *first = &e->list[0];
  assert(e->kept > 0);
  if (e->count > 1) snprintf(more, sizeof more, " (and %u more)", e->count - 1);
  if (first->line)
    snprintf(r->error, sizeof r->error, "%s:%u: %s%s", r->path, first->line, first->text, more);
  else
    snprintf(r->error, sizeof r->error, "%s: %s%s", r->path, first->text, more);
}

void policy_read_run(struct policy_read *r) {
  struct policy_errors errors;
  assert(!r->policy && !r->text);
  r->text = policy_source_read(r->path, NULL, &r->size, &errors);
  if (r->text) r->policy = policy_parse(r->text, r->size, r->people, &errors);
  if (r->policy) return;
  free(r->text);
  r->text = NULL;
  tell_fault(r, &errors);
}

void policy_read_deinit(struct policy_read *r) {
  policy_free(r->policy);
  free(r->text);
  r->policy = NULL;
  r->text = NULL;
}
