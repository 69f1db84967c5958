/* SPDX-License-Identifier: MIT
 *
 * Steps that move references from one worker to another, in every way there is.
 */
#include "tests/stress/plan.h"

bool do_fetch(struct plan *p) {
  unsigned w, l = p->s->x[1] % LABELS, d = plan_slot(p, 2);
  if (!plan_other(p, 0, &w)) return false;
  plan_want(p, &p->m->workers[w].label_locks[l], false);
  uint32_t v = p->m->workers[w].labels[l], *slot = plan_write_slot(p, plan_me(p), d);
  plan_touch(p, v);
  if (!plan_accept(p)) return false;
  *slot = v;
  EMIT(p, w + 1, l + 1, d + 1, plan_expected(p, v));
  return true;
}

bool do_give(struct plan *p) {
  unsigned w, s = plan_slot(p, 1), d = plan_slot(p, 2);
  if (!plan_other(p, 0, &w)) return false;
  uint32_t v = plan_read_slot(p, plan_me(p), s), *slot = plan_write_slot(p, w, d);
  if (!v || !plan_accept(p)) return false;
  *slot = v;
  EMIT(p, w + 1, s + 1, d + 1);
  return true;
}

/* take and raise: the same way back, as a result or as an error. */
bool do_take(struct plan *p) {
  unsigned w, s = plan_slot(p, 1), d = plan_slot(p, 2);
  if (!plan_other(p, 0, &w)) return false;
  uint32_t v = plan_read_slot(p, w, s), *slot = plan_write_slot(p, plan_me(p), d);
  if (!v || !plan_accept(p)) return false;
  *slot = v;
  EMIT(p, w + 1, s + 1, d + 1, plan_expected(p, v));
  return true;
}

bool do_handoff(struct plan *p) {
  unsigned w, s = plan_slot(p, 1), d = plan_slot(p, 2);
  if (!plan_other(p, 0, &w) || w == plan_me(p)) return false;
  uint32_t *own = plan_write_slot(p, plan_me(p), s), *slot = plan_write_slot(p, w, d);
  if (!*own || !plan_accept(p)) return false;
  *slot = *own;
  *own = 0;
  EMIT(p, w + 1, s + 1, d + 1, p->s->x[3] & 1);
  return true;
}

bool do_relay(struct plan *p) {
  unsigned w1, w2, s = plan_slot(p, 2), d = plan_slot(p, 3);
  if (!plan_other(p, 0, &w1) || !plan_other(p, 1, &w2)) return false;
  uint32_t v = plan_read_slot(p, plan_me(p), s), *slot = plan_write_slot(p, w2, d);
  if (!v || !plan_accept(p)) return false;
  *slot = v;
  EMIT(p, w1 + 1, w2 + 1, s + 1, d + 1);
  return true;
}

bool do_post(struct plan *p) {
  unsigned w, s = plan_slot(p, 1), d = plan_slot(p, 2), forget = p->s->x[3] % 3;
  if (!p->m->can_post || !plan_other(p, 0, &w) || w == plan_me(p)) return false;
  uint32_t *own = plan_write_slot(p, plan_me(p), s), *slot = plan_write_slot(p, w, d);
  if (!*own || !plan_accept(p)) return false;
  *slot = *own;
  if (forget) *own = 0;
  EMIT(p, w + 1, s + 1, d + 1, forget);
  p->batch->lanes[p->lane].posted |= 1u << w;
  return true;
}

bool do_callback(struct plan *p) {
  unsigned w, b = plan_slot(p, 1), c = plan_slot(p, 2), d = plan_slot(p, 3), s2 = plan_slot(p, 4), d2 = plan_slot(p, 5);
  if (!plan_other(p, 0, &w) || w == plan_me(p) || b == d || c == d || s2 == d2) return false;
  uint32_t vb = plan_read_slot(p, plan_me(p), b), vc = plan_read_slot(p, plan_me(p), c), vs = plan_read_slot(p, w, s2);
  uint32_t *mine = plan_write_slot(p, plan_me(p), d), *theirs = plan_write_slot(p, w, d2);
  if (!vb || !vc || !vs || !plan_accept(p)) return false;
  *mine = vs;
  *theirs = vc;
  EMIT(p, w + 1, b + 1, c + 1, d + 1, s2 + 1, d2 + 1, plan_expected(p, vb), plan_expected(p, vs));
  return true;
}

bool do_raise(struct plan *p) { return do_take(p); }
