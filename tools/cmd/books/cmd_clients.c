/* SPDX-License-Identifier: MIT
 *
 * gaijinctl clients: one row per worker that is connected.
 *
 * `answering` is what the broker knows and what a question shows: a worker that hangs owes nobody
 * an answer perhaps, so the broker cannot know. All are asked at once.
 */
#include <stdlib.h>

#include "proto/ops.h"
#include "tools/ask/list.h"
#include "tools/base/text.h"

/* Of a row, in the order of the columns; older brokers do not tell the last ones. */
enum { VALUES = 18 };
/* So long all workers together may take. */
#define PROBE_SECONDS 1.0

struct row {
  char *name;
  size_t hole; /* where `answering` goes */
  bool answering; /* as far as the broker knows */
};

struct listing {
  struct show *s;
  uint32_t told; /* values of a row */
  struct row *rows;
  size_t count, room;
};

static struct row *add_row(struct listing *l) {
  l->rows = tool_grow(l->rows, l->count, &l->room, sizeof *l->rows);
  return &l->rows[l->count++];
}

static bool read_client(struct observer *o, gaijin_body *b, void *user) {
  struct listing *l = user;
  struct gaijin_value name, v;
  if (!observe_value(o, b, "clients", &name)) return false;
  show_value(l->s, &name);
  if (!observe_value(o, b, "clients", &v)) return false;
  /* As a number a host id would lose bits in most readers of JSON. */
  show_hex(l->s, v.is_uint ? v.integer : 0);
  if (!observe_show(o, b, "clients", 10, l->s) || !observe_value(o, b, "clients", &v)) return false;
  bool named = name.type == GAIJIN_STRING;
  *add_row(l) = (struct row){.name = tool_copy(named ? name.bytes : "", named ? name.size : 0),
                             .hole = show_hole(l->s),
                             .answering = v.boolean};
  if (!observe_show(o, b, "clients", l->told - 13, l->s)) return false;
  for (uint32_t i = l->told; i < VALUES; i++) show_nil(l->s);
  return true;
}

/* Who is not heard does not answer. Who cannot be asked (it has gone, or knows no such question) is
 * what the broker says. */
static void fill(struct listing *l, const struct observe_heard *heard) {
  for (size_t i = 0; i < l->count; i++) {
    bool answers = l->rows[i].answering && !(heard && heard[i].late);
    show_fill(l->s, l->rows[i].hole);
    show_bool(l->s, answers);
    if (!answers) show_mark_row(l->s, l->rows[i].hole, SHOW_BAD);
  }
}

static void ask_and_fill(struct listing *l, struct observer *o) {
  char **names = tool_alloc(l->count, sizeof *names);
  struct observe_heard *heard = tool_alloc(l->count, sizeof *heard);
  for (size_t i = 0; i < l->count; i++) names[i] = l->rows[i].name;
  observe_ask_each(o,
                   &(struct observe_each){.op = GAIJIN_OP_ALIVE,
                                          .names = names,
                                          .count = l->count,
                                          .seconds = PROBE_SECONDS},
                   heard);
  fill(l, heard);
  for (size_t i = 0; i < l->count; i++) gaijin_body_free(heard[i].body);
  free(heard);
  free(names);
}

bool cmd_clients(struct observer *o, struct show *s) {
  uint32_t version = gaijin_wire_version(o->g);
  uint32_t untold = !op_in_version(op_info(OP_ring), 1, version);
  untold += !op_in_version(op_info(OP_succeeded), 0, version);
  struct listing l = {.s = s, .told = VALUES - untold};
  bool good = observe_read(
      o,
      &(struct observe_book){.what = "clients", .columns = l.told, .row = read_client, .user = &l});
  bool can_ask = op_in_version(op_info(OP_alive), 0, version);
  if (good && can_ask && show_wants(s, "answering"))
    ask_and_fill(&l, o);
  else
    fill(&l, NULL);
  for (size_t i = 0; i < l.count; i++) free(l.rows[i].name);
  free(l.rows);
  return good;
}
