/* SPDX-License-Identifier: MIT
 *
 * gaijinctl traffic: what went from worker to worker.
 */
#include "proto/base.h"
#include "tools/ask/list.h"
#include "tools/ask/percentiles.h"
#include "tools/ask/stats.h"

static void show_name(struct show *s, const char *name) {
  if (name)
    show_text(s, name);
  else
    show_nil(s);
}

bool cmd_traffic(struct observer *o, struct show *s) {
  struct stats t = {0};
  bool good = stats_read_pairs(o, &t);
  for (size_t i = 0; good && i < t.n_pairs; i++) {
    const struct stats_pair *p = &t.pairs[i];
    const uint64_t numbers[] = {p->requests, p->posts,      p->replies, p->errors,
                                p->bytes,    p->bytes_back, p->idle_s};
    show_name(s, p->asker);
    show_name(s, p->host);
    for (size_t k = 0; k < ARRAY_SIZE(numbers); k++) show_uint(s, numbers[k]);
    percentiles_show(s, &p->took);
  }
  stats_deinit(&t);
  return good;
}
