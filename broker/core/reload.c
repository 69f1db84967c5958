/* SPDX-License-Identifier: MIT
 *
 * Whoever asked for it is kept with what is read.
 */
#include "broker/core/reload.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/source.h"

/* ---- The file ---- */

static void tell_fault(struct policy_read *r, const char *path, const struct policy_errors *e) {
  char more[48] = "";
  const struct policy_error *first = &e->list[0];
  assert(e->kept > 0);
  if (e->count > 1) snprintf(more, sizeof more, " (and %u more)", e->count - 1);
  if (first->line)
    snprintf(r->error, sizeof r->error, "%s:%u: %s%s", path, first->line, first->text, more);
  else
    snprintf(r->error, sizeof r->error, "%s: %s%s", path, first->text, more);
}

void policy_read_now(struct policy_read *r, const char *path, const struct people *people) {
  struct policy_errors errors;
  *r = (struct policy_read){0};
  r->text = policy_source_read(path, NULL, &r->size, &errors);
  if (r->text) r->policy = policy_parse(r->text, r->size, people, &errors);
  if (r->policy) return;
  free(r->text);
  r->text = NULL;
  tell_fault(r, path, &errors);
}

void policy_read_deinit(struct policy_read *r) {
  policy_free(r->policy);
  free(r->text);
  r->policy = NULL;
  r->text = NULL;
}

/* ---- Beside the loop ---- */

struct reload {
  const char *path;
  const struct people *people;
  reload_done_fn done;
  struct policy_read read;
};

static void run(void *reload) {
  struct reload *r = reload;
  policy_read_now(&r->read, r->path, r->people);
}

static void on_read(void *user, void *reload) {
  struct reload *r = reload;
  r->done(user, &r->read);
}

static void end(void *reload) {
  struct reload *r = reload;
  policy_read_deinit(&r->read);
  free(r);
}

struct beside *reload_begin(uv_loop_t *loop, const char *path, const struct people *people,
                            reload_done_fn done, void *user) {
  static const struct beside_way way = {.run = run, .done = on_read, .free = end};
  struct reload *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  *r = (struct reload){.path = path, .people = people, .done = done};
  struct beside *beside = beside_begin(loop, &way, r, user);
  if (beside) return beside;
  int why = errno;
  free(r);
  errno = why;
  return NULL;
}
