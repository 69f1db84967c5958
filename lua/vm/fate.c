/* SPDX-License-Identifier: MIT
 *
 * The texts of fate.h.
 */
#include "lua/vm/fate.h"

#include <stdio.h>

#include "proto/name.h"

const char *worker_host_fate(const struct worker *w, uint64_t host) {
  return w->g && gaijin_host_succeeded(w->g, host) ? SUCCEEDED_TEXT : "";
}

char *worker_dead_text(const struct worker *w, char out[WORKER_DEAD_BYTES]) {
  snprintf(out, WORKER_DEAD_BYTES, "Gaijin tried accessing dead resource. (%s%s)", w->name,
           w->succeeded ? SUCCEEDED_TEXT : "");
  return out;
}
