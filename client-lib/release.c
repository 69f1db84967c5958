/* SPDX-License-Identifier: MIT
 *
 * Holdings that nobody uses any more go back, many in a message: `unsub`. They wait in
 * gaijin.releases (holding.c) and end when their message is in the out-queue.
 */
#include <assert.h>

#include "client-lib/internal.h"

/* A release takes a PT and a number of at most 9 bytes. */
enum { RELEASE_BYTES = PT_WIRE_BYTES + 9, RELEASES_MOST = 500 };

/* One unsub with the first `n` of the queue; they end when it is in the out-queue. Those without
 * count, of hosts that were dead before the broker came, only end. */
static int write_release_batch(gaijin *g, uint32_t n) {
  struct message m = {.kind = MESSAGE_NOTICE, .op = OP_unsub};
  struct pack p;
  uint32_t counted = 0;
  struct link *l = g->releases.next;
  for (uint32_t i = 0; i < n; i++, l = l->next)
    counted += container_of(l, gaijin_holding, release)->count > 0;
  pack_begin(&p, &g->out, g->max_message, &m, counted * 2);
  l = g->releases.next;
  for (uint32_t i = 0; i < n; i++, l = l->next) {
    const gaijin_holding *h = container_of(l, gaijin_holding, release);
    assert(l != &g->releases && (h->count > 0 || h->claim == CLAIM_GONE));
    if (!h->count) continue;
    pack_pt(&p, &h->pt);
    pack_uint(&p, h->count);
  }
  if (!counted)
    pack_abort(&p);
  else if (pack_end(&p) != BUFFER_OK)
    return GAIJIN_STATUS_BUSY;
  while (n--) gj_holding_free(g, container_of(g->releases.next, gaijin_holding, release));
  return 0;
}

int gj_write_releases(gaijin *g) {
  uint32_t fit = (g->max_message - MESSAGE_HEADER_MOST) / RELEASE_BYTES;
  uint32_t most = fit < RELEASES_MOST ? fit : RELEASES_MOST;
  while (g->n_releases) {
    int status = write_release_batch(g, g->n_releases < most ? g->n_releases : most);
    if (status) return status;
  }
  return 0;
}
