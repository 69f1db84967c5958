/* SPDX-License-Identifier: MIT
 *
 * Coming back to a broker that was started again.
 */
#include "client-lib/internal.h"

enum gaijin_link_state gaijin_link(const gaijin *g) { return g->lost ? GAIJIN_LOST : GAIJIN_UP; }

enum gaijin_standing gaijin_holding_standing(const gaijin_holding *h) {
  (void)h;
  return GAIJIN_HELD;
}

int gaijin_await_link(gaijin *g, const gaijin_holding *h, double seconds) {
  (void)h;
  (void)seconds;
  return g->lost ? gj_fail_lost(g) : 0;
}

bool gaijin_answerable(const gaijin *g, uint64_t request) {
  (void)request;
  return !g->lost;
}

uint64_t gaijin_generation(const gaijin *g) {
  (void)g;
  return 0;
}
