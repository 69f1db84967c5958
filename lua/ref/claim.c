/* SPDX-License-Identifier: MIT
 *
 * The broker's answer carries no values: the library has made the holding when it comes.
 */
#include "lua/ref/claim.h"

#include "lua/fiber/answer.h"
#include "lua/fiber/door.h"

static const char what[] = "sub to the broker";

/* Its id; waits while the connection is away. Raises. */
static uint64_t start(lua_State *L, struct worker *w, const struct gaijin_pt *pt, double until) {
  enum door_reason reason;
  for (;;) {
    uint64_t id = 0;
    int status = gaijin_claim(w->g, pt, answer_arrived, w->sched.current, &id);
    if (status == 0) return id;
    if (w->lost || !door_refused(w, status, &reason))
      worker_raise(L, (enum gaijin_status)status, "%s", gaijin_error(w->g));
    enum wait_outcome how = door_wait(L, w, reason, NULL, until);
    if (how != WAIT_WOKEN) door_raise(L, w, how, what, until);
  }
}

/* What is lost with the connection is claimed anew, and so is what is of a worker that is not back
 * yet: to claim twice changes nothing. Raises. */
static bool is_claimed_again(lua_State *L, struct worker *w, const struct answer *a, double limit,
                             double *pause) {
  if (a->ok || w->lost) return false;
  if (a->status == GAIJIN_STATUS_LOST) return true;
  return a->status == GAIJIN_STATUS_AWAY && door_pause(L, w, what, limit, pause);
}

void claim_token(lua_State *L, struct worker *w, const struct gaijin_pt *pt) {
  answer_need_fiber(L, w, GAIJIN_OP_SUB);
  wait_check(L, w, "claim of a remote object");
  double begun = clock_seconds(), limit = answer_limit(w, begun, false), pause = 0;
  struct answer *a;
  enum wait_outcome how;
  for (;;) {
    uint64_t id = start(L, w, pt, limit);
    a = answer_wait(L, w, id, limit, &how);
    if (!a || !is_claimed_again(L, w, a, limit, &pause)) break;
    answer_free(w->sched.current, a);
  }
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
