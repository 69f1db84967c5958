/* SPDX-License-Identifier: MIT
 *
 * The broker's answer carries no values: the library has made the holding when it comes.
 */
#include "lua/ref/claim.h"

#include "lua/fiber/answer.h"

static const char what[] = "sub to the broker";

void claim_token(lua_State *L, struct worker *w, const struct gaijin_pt *pt) {
  answer_need_fiber(L, w, GAIJIN_OP_SUB);
  wait_check(L, w, "claim of a remote object");
  uint64_t id = 0;
  int status = gaijin_claim(w->g, pt, answer_arrived, w->sched.current, &id);
  if (status != 0) worker_raise(L, (enum gaijin_status)status, "%s", gaijin_error(w->g));
  double begun = clock_seconds(), limit = answer_limit(w, false);
  enum wait_outcome how;
  struct answer *a = answer_wait(L, w, id, limit, &how);
  /* Where there was no memory for the answer it is granted all the same, and there is a user. */
  if (!a && how == WAIT_WOKEN && w->sched.current->lost_ok) return;
  if (!a) {
    answer_raise_none(L, w, how, what, begun, limit);
    return;
  }
  bool ok = a->ok;
  if (!ok) answer_push_error(L, a);
  answer_free(w->sched.current, a);
  if (!ok) lua_error(L);
}
