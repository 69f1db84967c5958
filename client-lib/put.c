/* SPDX-License-Identifier: MIT
 *
 * The values of the message that is being written (write.c). Tokens in it are only staged: a list
 * through the tokens, so nothing can fail. Whatever is wrong with a value is told by the message's
 * end.
 */
#include <string.h>

#include "client-lib/internal.h"

/* The writer of a value that is to be put; NULL when it belongs to a refused inner message. */
static struct pack *writer_value(gaijin *g) {
  if (!g->writer.open || g->writer.nested) return NULL;
  g->writer.put++;
  return &g->writer.pack;
}

void gaijin_put_nil(gaijin *g) {
  struct pack *p = writer_value(g);
  if (p) pack_nil(p);
}

void gaijin_put_bool(gaijin *g, bool v) {
  struct pack *p = writer_value(g);
  if (p) pack_bool(p, v);
}

void gaijin_put_number(gaijin *g, double v) {
  struct pack *p = writer_value(g);
  if (p) pack_number(p, v);
}

void gaijin_put_numbers(gaijin *g, const double *numbers, size_t n) {
  struct writer *w = &g->writer;
  if (!w->open || w->nested) return;
  w->put += n;
  pack_numbers(&w->pack, numbers, n);
}

void gaijin_put_string(gaijin *g, const char *bytes, size_t size) {
  struct pack *p = writer_value(g);
  if (!p) return;
  if (size <= p->max_message) {
    pack_string(p, bytes, (uint32_t)size);
    return;
  }
  /* Too large whatever else comes; only its size is of interest. */
  p->wanted += size;
  if (p->outcome == BUFFER_OK) p->outcome = BUFFER_OVER_MAX;
}

void gaijin_put_text(gaijin *g, const char *text) { gaijin_put_string(g, text, strlen(text)); }

void gaijin_put_null(gaijin *g) {
  struct pack *p = writer_value(g);
  if (!p) return;
  pack_null(p);
  if (gaijin_has_null(g) || g->writer.refused) return;
  g->writer.refused = (enum gaijin_status)gj_fail(
      g, GAIJIN_STATUS_UNSUPPORTED,
      "version %u of the wire, which the broker (%s) speaks, has no null pointers; update the "
      "broker",
      g->version, g->broker_version);
}

bool gaijin_has_null(const gaijin *g) { return g->version >= WIRE_VERSION_NULL; }

/* Notes an array whose header has just been counted; false if it is nested too deep. */
static bool enter_array(struct writer *w, uint64_t behind) {
  while (w->depth && behind < w->behind[w->depth - 1]) w->depth--; /* these have ended */
  if (w->depth == ARRAY_SIZE(w->behind)) return false;
  w->behind[w->depth++] = behind;
  return true;
}

/* Where an array is to be written; NULL: there is nothing to write. */
static struct pack *writer_array(gaijin *g) {
  struct pack *p = writer_value(g);
  struct writer *w = &g->writer;
  if (!p) return NULL;
  if (w->has_open && !w->refused)
    w->refused = (enum gaijin_status)gj_fail(
        g, GAIJIN_STATUS_UNSUPPORTED, "'%s' has an array inside one that is not ended",
        op_name(w->op));
  /* One more than announced must not announce more itself. */
  if (w->has_open || w->put > w->count) return NULL;
  if (!enter_array(w, w->count - w->put) && !w->refused)
    w->refused = (enum gaijin_status)gj_fail(
        g, GAIJIN_STATUS_UNSUPPORTED,
        "arrays in '%s' are nested more than %d deep, the message itself included", op_name(w->op),
        BODY_DEPTH_MAX);
  return p;
}

void gaijin_put_array(gaijin *g, uint32_t count) {
  struct pack *p = writer_array(g);
  if (!p) return;
  g->writer.count += count;
  pack_array(p, count);
}

void gaijin_put_array_begin(gaijin *g) {
  struct pack *p = writer_array(g);
  struct writer *w = &g->writer;
  if (!p) return;
  w->open_from = w->put;
  w->has_open = true;
  w->open_mark = pack_open_array(p);
}

void gaijin_put_array_end(gaijin *g) {
  struct writer *w = &g->writer;
  if (!w->open || w->nested || !w->has_open) return;
  uint64_t n = w->put - w->open_from;
  w->has_open = false;
  w->count += n;
  pack_close_array(&w->pack, w->open_mark, n);
}

void gaijin_put_token(gaijin *g, gaijin_token *t) {
  struct pack *p = writer_value(g);
  if (!p) return;
  struct pt pt = gj_token_pt(g, t);
  pack_pt(p, &pt);
  g->writer.refs++;
  if (t->staged++) return;
  t->staged_next = g->writer.staged;
  g->writer.staged = t;
}

void gaijin_put_holding(gaijin *g, gaijin_holding *h) {
  struct pack *p = writer_value(g);
  if (!p) return;
  pack_pt(p, &h->pt);
  g->writer.refs++;
  if (!h->count && !g->writer.refused)
    g->writer.refused = (enum gaijin_status)gj_fail_dead(g, h);
}
