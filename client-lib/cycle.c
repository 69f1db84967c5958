/* SPDX-License-Identifier: MIT
 *
 * Suspects, as the broker tells of them. Their PTs are read as text is: none is counted in, for it
 * was not delivered. All of a message is read before the program is told.
 */
#include <assert.h>
#include <stdlib.h>

#include "client-lib/internal.h"

static const char no_list[] = "a list is none", no_number[] = "a value is no number";

/* Reads what begins an array, of which there is at least a byte for each value. */
static bool read_array(struct reader *r, uint32_t *count) {
  struct value v;
  if (!reader_next(r, &v) || v.type != VALUE_ARRAY) return false;
  *count = v.count;
  return true;
}

static const char *read_ids(struct reader *r, uint64_t *ids, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (!reader_uint(r, &ids[i])) return no_number;
  return NULL;
}

static const char *read_hosted(struct reader *r, struct gaijin_cycle *c, uint64_t **ids) {
  if (!read_array(r, &c->n_hosted)) return no_list;
  *ids = malloc(c->n_hosted * sizeof **ids + 1);
  if (!*ids) return gj_no_memory;
  c->hosted = *ids;
  return read_ids(r, *ids, c->n_hosted);
}

static const char *read_held(struct reader *r, struct gaijin_cycle *c, struct gaijin_pt **pts) {
  struct pt pt;
  if (!read_array(r, &c->n_held)) return no_list;
  *pts = malloc(c->n_held * sizeof **pts + 1);
  if (!*pts) return gj_no_memory;
  c->held = *pts;
  for (uint32_t i = 0; i < c->n_held; i++) {
    if (!reader_pt(r, &pt)) return "a value is no PT";
    (*pts)[i] = gj_pt_public(&pt);
  }
  return NULL;
}

const char *gj_cycle_ask(gaijin *g, const struct message *m) {
  struct gaijin_cycle c = {.id = m->id};
  struct reader r;
  uint32_t count = 0;
  uint64_t phase, *ids = NULL;
  struct gaijin_pt *pts = NULL;
  const char *fault = body_walk(m->body, m->body_size, NULL, NULL);
  if (!fault && (!reader_open(&r, m->body, m->body_size, &count) || count < 4 ||
                 !reader_uint(&r, &c.round) || !reader_uint(&r, &phase)))
    fault = no_number;
  if (!fault && phase > GAIJIN_CYCLE_HALT) fault = "there is no such phase";
  if (!fault) fault = read_hosted(&r, &c, &ids);
  if (!fault) fault = read_held(&r, &c, &pts);
  if (!fault) {
    c.phase = (unsigned)phase;
    if (g->events.cycle)
      g->events.cycle(g->user, &c);
    else
      gaijin_answer_error(g, c.id, GAIJIN_OP_CYCLE, GAIJIN_STATUS_UNSUPPORTED,
                          "this program cannot tell what it uses");
  }
  free(ids);
  free(pts);
  return fault;
}

const char *gj_cycle_condemn(gaijin *g, struct reader *r, uint32_t count) {
  uint64_t round;
  if (!reader_uint(r, &round)) return no_number;
  uint64_t *ids = malloc(count * sizeof *ids);
  if (!ids) return gj_no_memory;
  const char *fault = read_ids(r, ids, count - 1);
  if (!fault && g->events.condemn) g->events.condemn(g->user, round, ids, count - 1);
  free(ids);
  return fault;
}

const char *gj_cycle_resume(gaijin *g, struct reader *r) {
  uint64_t round;
  if (!reader_uint(r, &round)) return no_number;
  if (g->events.resume) g->events.resume(g->user, round);
  return NULL;
}

int gaijin_answer_cycle(gaijin *g, uint64_t id, uint32_t ms, const uint8_t *live,
                        size_t live_size, const uint8_t *edges, size_t edges_size) {
  /* What is not live because it waits there is given back before it is told. */
  if (gj_is_up(g) && !g->writer.open) gj_write_releases(g);
  gaijin_begin_reply(g, id, GAIJIN_OP_CYCLE, 3);
  gaijin_put_number(g, ms);
  gaijin_put_string(g, (const char *)live, live_size);
  gaijin_put_string(g, edges ? (const char *)edges : "", edges_size);
  return gaijin_end_answer(g);
}

void gaijin_give_up(gaijin *g, const char *reason) { gj_io_condemn(g, "%s", reason); }
