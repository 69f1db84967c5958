/* SPDX-License-Identifier: MIT
 *
 * Walks the library's tables; changes nothing.
 */
#include "tests/bed/books.h"

#include "client-lib/internal.h"

void books_each_holding(const gaijin *g, books_fn fn, void *user) {
  for (uint32_t i = 0; i <= g->holdings.mask; i++) {
    for (struct table_node *n = g->holdings.slots[i]; n; n = n->next) {
      const gaijin_holding *h = container_of(n, gaijin_holding, node);
      struct gaijin_pt pt = gaijin_holding_pt(h);
      fn(user, &pt, h->count);
    }
  }
}

void books_each_token(const gaijin *g, books_fn fn, void *user) {
  for (uint32_t i = 0; i <= g->tokens.mask; i++) {
    for (struct table_node *n = g->tokens.slots[i]; n; n = n->next) {
      const gaijin_token *t = container_of(n, gaijin_token, node);
      struct gaijin_pt pt = gaijin_token_pt(g, t);
      fn(user, &pt, t->sent);
    }
  }
}

const uint8_t *books_unsent(const gaijin *g, size_t *size) {
  *size = gaijin_queued_bytes(g);
  return g->out.bytes ? g->out.bytes + g->out_start : NULL;
}
