/* SPDX-License-Identifier: MIT
 *
 * Making messages. They are packed straight into the out-queue; until end has
 * set the length, the queue's former size is the truth and an error goes back to it.
 * Tokens in the message are only staged (put.c); end turns staged into sent, or forgets it.
 *
 * A begin while a message is open (a finaliser of a script that runs while values are
 * being encoded may do it) must not spoil the open one: the inner message is
 * refused with `busy`, whatever is put into it is ignored.
 *
 * One that is open when the connection goes, or comes back, is given up at once; the end of it,
 * which the program still owes, finds it in `cut` and gives `lost`.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "client-lib/internal.h"

enum { ERROR_TEXT_MOST = 3800 };

static void writer_open(gaijin *g, const struct message *header, uint32_t count) {
  struct writer *w = &g->writer;
  w->request = header->kind == MESSAGE_REQUEST;
  assert(!w->open && !w->nested && !w->staged);
  w->open = true;
  w->refused = GAIJIN_STATUS_RAISED;
  w->count = count;
  w->put = 0;
  w->refs = 0;
  w->depth = 0;
  w->has_open = false;
  w->staged = NULL;
  w->op = header->op;
  pack_begin(&w->pack, &g->out, g->max_message, header, count);
}

/* Empties the list of staged tokens; `sent` says whether their message went out. */
static void unstage(gaijin *g, bool sent) {
  gaijin_token *t = g->writer.staged, *next;
  for (; t; t = next) {
    next = t->staged_next;
    assert(t->staged > 0);
    if (sent) t->sent += t->staged;
    t->staged = 0;
    t->staged_next = NULL;
  }
  g->writer.staged = NULL;
}

int gj_write_outcome(gaijin *g, const struct pack *p, enum buffer_outcome outcome) {
  if (outcome == BUFFER_OK) return 0;
  uint64_t bytes = p->wanted - MESSAGE_PREFIX_BYTES;
  if (outcome == BUFFER_OVER_MAX && bytes > p->max_message)
    return gj_fail(g, GAIJIN_STATUS_TOO_LARGE,
                   "message of %llu bytes is over the limit of %u bytes (raise it with the "
                   "broker's --max-message)",
                   (unsigned long long)bytes, p->max_message);
  if (outcome == BUFFER_OVER_MAX)
    return gj_fail(g, GAIJIN_STATUS_BUSY,
                   "%zu bytes wait for the broker to read them; there is no room for more",
                   gaijin_queued_bytes(g));
  return gj_fail(g, GAIJIN_STATUS_BUSY, "memory is too short for a message of %llu bytes",
                 (unsigned long long)bytes);
}

/* What stands against sending the open message, before its size. */
static int writer_check(gaijin *g) {
  struct writer *w = &g->writer;
  if (!gj_is_up(g)) return gj_fail_lost(g);
  if (gj_is_fork(g)) return gj_fork_refuse(g);
  if (w->refused) return (int)w->refused;
  if (w->has_open)
    return gj_fail(g, GAIJIN_STATUS_PROTOCOL, "message '%s' has an array that is not ended",
                   op_name(w->op));
  if (w->put != w->count)
    return gj_fail(g, GAIJIN_STATUS_PROTOCOL,
                   "message '%s' was announced with %llu values but got %llu", op_name(w->op),
                   (unsigned long long)w->count, (unsigned long long)w->put);
  if (w->refs > g->refs_most)
    return gj_fail(g, GAIJIN_STATUS_TOO_LARGE,
                   "message '%s' carries %u objects, over the limit of %u; send fewer at a time",
                   op_name(w->op), w->refs, g->refs_most);
  return 0;
}

/* Ends the open message: it is queued as a whole, or nothing has happened. */
static int writer_end(gaijin *g) {
  struct writer *w = &g->writer;
  if (w->nested) {
    w->nested--;
    return gj_fail(g, GAIJIN_STATUS_BUSY,
                   "a message was begun while another one was being written");
  }
  if (!w->open && (w->cut || !gj_is_up(g))) {
    if (w->cut) w->cut--;
    return gj_fail_lost(g);
  }
  if (!w->open) return gj_fail(g, GAIJIN_STATUS_PROTOCOL, "a message was ended that was not begun");
  w->open = false;
  int status = writer_check(g);
  if (status)
    pack_abort(&w->pack);
  else
    status = gj_write_outcome(g, &w->pack, pack_end(&w->pack));
  unstage(g, status == 0);
  gj_checkpoint(g);
  return status;
}

/* A request that is ended as an answer, or the other way round, is refused by its end. */
static void check_end(gaijin *g, bool request) {
  struct writer *w = &g->writer;
  if (!w->open || w->nested || w->refused || w->request == request) return;
  w->refused = (enum gaijin_status)gj_fail(g, GAIJIN_STATUS_PROTOCOL,
                                           request ? "an answer to '%s' was ended as a request"
                                                   : "the request '%s' was ended as an answer",
                                           op_name(w->op));
}

/* ---- Requests ---- */

int gj_version_check(gaijin *g, const struct op_info *info, uint32_t count) {
  if (op_in_version(info, count, g->version)) return 0;
  return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED,
                 "version %u of the wire, which the broker (%s) speaks, does not have '%s' (%u "
                 "values); update the broker",
                 g->version, g->broker_version, info->name, count);
}

/* Finds whose window a request for an object counts in. 0, or a status. */
static int window_target(gaijin *g, const struct gaijin_send *send) {
  struct writer *w = &g->writer;
  if (!(send->one_way ? g->window.requests > 0 : gj_window_counts_all(g))) return 0;
  w->to = send->holding ? send->holding->host : gj_host_get(g, w->host);
  return w->to ? 0
               : gj_fail(g, GAIJIN_STATUS_BUSY, "memory is too short for the books of a request");
}

/* Fills the target of a request. 0, or a status for the end to give. */
static int request_target(gaijin *g, const struct gaijin_send *send, struct message *m) {
  const struct op_info *info = op_info(send->op);
  int given = (send->holding != NULL) + (send->token != NULL) + (send->name != NULL);
  enum op_target target = send->name ? OP_NAME : given ? OP_PT : OP_NONE;
  if (!info || info->kind != OP_REQUEST || info->way == OP_CLIENT)
    return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED, "'%s' is no request to send", op_name(send->op));
  if (given > 1 || target != info->target)
    return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED, "'%s' was given a wrong kind of target",
                   info->name);
  m->target = target;
  g->writer.host = 0;
  g->writer.to = NULL;
  if (send->name && send->one_way)
    return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED, "'%s' is of no use without its answer",
                   info->name);
  if (send->name) {
    size_t size = strlen(send->name);
    if (size > UINT8_MAX)
      return gj_fail(g, GAIJIN_STATUS_DEAD,
                     "a worker's name has at most %d bytes; no worker has a name of %zu",
                     NAME_MAX_BYTES, size);
    m->name = send->name;
    m->name_size = (uint8_t)size;
  } else if (send->holding && !send->holding->count) {
    return gj_fail_dead(g, send->holding);
  } else if (given) {
    m->pt = send->holding ? send->holding->pt : gj_token_pt(g, send->token);
    g->writer.host = m->pt.host;
    return window_target(g, send);
  }
  return 0;
}

static void begin_request(gaijin *g, const struct gaijin_send *send, uint32_t count) {
  struct message m = {.kind = MESSAGE_REQUEST,
                      .op = (enum op)send->op,
                      .flags = send->one_way ? MESSAGE_ONE_WAY : 0,
                      .depth = send->depth,
                      .id = send->one_way ? gj_post_id(g->last_post + 1) : g->last_call + 1,
                      .deadline_ms = send->deadline_ms};
  int refused = request_target(g, send, &m);
  if (refused) m.target = OP_NONE;
  const struct op_info *info = op_info(send->op);
  if (!refused && (count < info->least || count > info->most))
    refused = gj_fail(g, GAIJIN_STATUS_PROTOCOL, "'%s' takes %s; %u values were given", info->name,
                      *info->body ? info->body : "no values", count);
  if (!refused) refused = gj_version_check(g, info, count);
  writer_open(g, &m, count);
  g->writer.refused = (enum gaijin_status)refused;
  g->writer.one_way = send->one_way;
  g->writer.deadline_ms = send->deadline_ms;
}

void gaijin_begin_request_sized(gaijin *g, const struct gaijin_send *given, size_t size,
                                uint32_t count) {
  struct gaijin_send own;
  if (g->writer.open) {
    g->writer.nested++;
    return;
  }
  bool alike = size == sizeof own, known = alike || gj_take_struct(&own, sizeof own, given, size);
  begin_request(g, alike || !known ? given : &own, count);
  if (known) return;
  g->writer.refused = GAIJIN_STATUS_UNSUPPORTED;
  gj_fail(g, GAIJIN_STATUS_UNSUPPORTED,
          "this program sets something in a request that libgaijin %s does not know",
          gaijin_version());
}

/* The size of the open message if it is a request that counts in a window, and that is refused if
 * it has no room there; else 0. */
static uint32_t check_window(gaijin *g) {
  struct writer *w = &g->writer;
  if (!w->open || w->nested || !w->request || !w->to || g->lost) return 0;
  uint32_t size = g->out.size - w->pack.start;
  if (!w->refused && w->pack.outcome == BUFFER_OK)
    w->refused = (enum gaijin_status)gj_window_check(g, w->to, size);
  return size;
}

int gaijin_end_request(gaijin *g, gaijin_answer_fn fn, void *user, uint64_t *id) {
  bool inner = g->writer.nested > 0, one_way = g->writer.one_way;
  if (id) *id = 0;
  check_end(g, true);
  struct call *c = NULL;
  uint32_t size = check_window(g);
  if (!inner && !one_way && !(c = gj_call_new(g))) {
    gaijin_abort(g);
    return gj_fail(g, GAIJIN_STATUS_BUSY, "memory is too short for another request");
  }
  int status = writer_end(g);
  if (status) {
    if (c) gj_call_recycle(g, c);
    return status;
  }
  if (size) gj_window_sent(g->writer.to, size);
  if (!c) {
    g->last_post++;
    return 0;
  }
  g->last_call++;
  c->fn = fn;
  c->user = user;
  gj_call_enter(g, c);
  if (id) *id = g->last_call;
  return 0;
}

int gaijin_claim(gaijin *g, const struct gaijin_pt *claimed, gaijin_answer_fn fn, void *user,
                 uint64_t *id) {
  struct pt pt = gj_pt_wire(claimed);
  if (id) *id = 0;
  if (!gj_is_up(g)) return gj_fail_lost(g);
  if (g->writer.open)
    return gj_fail(g, GAIJIN_STATUS_BUSY,
                   "a message was begun while another one was being written");
  if (!pt_is_token(&pt))
    return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED, "what was to be claimed is no token");
  if (pt.host == g->host)
    return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED, "a worker cannot claim a token of its own");
  gaijin_holding *h = gj_holding_lookup(g, pt.host, pt.id);
  if (h && !gj_holding_fits(h, &pt))
    return gj_fail(g, GAIJIN_STATUS_DENIED,
                   "the token claimed has another stamp than the one that is held");
  h = gj_holding_claim(g, &pt);
  if (!h) return gj_fail(g, GAIJIN_STATUS_BUSY, "memory is too short for another holding");
  uint64_t request = 0;
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_SUB}, 1);
  g->writer.put++;
  pack_pt(&g->writer.pack, &pt);
  int status = gaijin_end_request(g, fn, user, &request);
  if (status) {
    gj_holding_claimed(g, h, false);
  } else {
    struct call *c = gj_call_find(g, request);
    c->claim = h;
    c->claimed = pt;
  }
  if (id) *id = request;
  return status;
}

/* ---- Answers and notices ---- */

static void begin_answer(gaijin *g, enum message_kind kind, uint64_t id, enum op op,
                         uint16_t level, uint32_t count) {
  if (g->writer.open) {
    g->writer.nested++;
    return;
  }
  bool answer = kind != MESSAGE_NOTICE;
  struct message m = {
      .kind = kind, .op = op, .id = answer ? id - g->ret.id_shift : 0, .depth = level};
  writer_open(g, &m, count);
  if (answer && id < g->ret.first_id)
    g->writer.refused = (enum gaijin_status)gj_fail(
        g, GAIJIN_STATUS_LOST,
        "the request '%s' came over a connection that has ended; who asked was told so",
        op_name(op));
}

void gaijin_begin_reply(gaijin *g, uint64_t id, enum gaijin_op op, uint32_t count) {
  begin_answer(g, MESSAGE_REPLY, id, (enum op)op, 0, count);
}

void gaijin_begin_raise(gaijin *g, uint64_t id, enum gaijin_op op, uint32_t count) {
  gaijin_begin_raise_level(g, id, op, count, 0);
}

void gaijin_begin_raise_level(gaijin *g, uint64_t id, enum gaijin_op op, uint32_t count,
                              unsigned level) {
  bool inner = g->writer.open;
  if (g->version < WIRE_VERSION_LEVEL) level = 0;
  if (level > UINT16_MAX) level = UINT16_MAX;
  begin_answer(g, MESSAGE_ERROR, id, (enum op)op, (uint16_t)level, count + 1);
  gaijin_put_number(g, GAIJIN_STATUS_RAISED);
  if (!inner && (count < 1 || count > 2))
    g->writer.refused = (enum gaijin_status)gj_fail(
        g, GAIJIN_STATUS_PROTOCOL, "an error is a value and perhaps a traceback, not %u values",
        count);
}

int gaijin_end_answer(gaijin *g) {
  check_end(g, false);
  return writer_end(g);
}

/* Ends the last answer that there is for a request. If not even that can be queued, its asker must
 * not wait for ever. One inside another message may still be repeated. */
static int end_last_answer(gaijin *g, enum op op) {
  bool inner = g->writer.nested > 0;
  int status = writer_end(g);
  if (status && status != GAIJIN_STATUS_LOST && !inner)
    gj_io_condemn(g, "no memory to answer '%s'", op_name(op));
  return status;
}

int gaijin_answer_error(gaijin *g, uint64_t id, enum gaijin_op op, enum gaijin_status status,
                        const char *text) {
  size_t size = strlen(text);
  begin_answer(g, MESSAGE_ERROR, id, (enum op)op, 0, 2);
  gaijin_put_number(g, status);
  /* An error must fit where its answer did not. */
  gaijin_put_string(g, text, size < ERROR_TEXT_MOST ? size : ERROR_TEXT_MOST);
  return end_last_answer(g, (enum op)op);
}

int gaijin_answer_free(gaijin *g, uint64_t id, uint32_t budget_ms, uint64_t put_off) {
  /* Releases that find no memory now follow later: the broker lowers its books then. */
  if (gj_is_up(g) && !g->writer.open) gj_write_releases(g);
  bool told = budget_ms != GAIJIN_NO_BUDGET;
  begin_answer(g, MESSAGE_REPLY, id, OP_free, 0, told ? 2 : 0);
  if (told) {
    gaijin_put_number(g, budget_ms);
    gaijin_put_number(g, (double)put_off);
  }
  return end_last_answer(g, OP_free);
}

/* What this worker said of itself and a new broker is told again; NULL: of others. */
static bool *kept_notice(gaijin *g, enum gaijin_op op) {
  if (op == GAIJIN_OP_READY) return &g->ret.ready;
  return op == GAIJIN_OP_RETIRE ? &g->ret.retired : NULL;
}

int gaijin_notice(gaijin *g, enum gaijin_op op) {
  const struct op_info *info = op_info(op);
  if (!info || info->kind != OP_NOTICE || info->least || info->way == OP_CLIENT)
    return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED, "'%s' is no notice to send", op_name(op));
  int status = gj_version_check(g, info, 0);
  if (status) return status;
  bool *kept = kept_notice(g, op), ours = !g->lost && !gj_is_fork(g);
  if (op == GAIJIN_OP_LEAVE && ours && gj_owes_up_to(g, OWING_LEAVE)) {
    g->ret.leaves = true;
    return 0;
  }
  if (kept && ours && (g->ret.phase != PHASE_UP || gj_owes_up_to(g, OWING_READY))) {
    *kept = true; /* it follows `back` */
    return 0;
  }
  begin_answer(g, MESSAGE_NOTICE, 0, (enum op)op, 0, 0);
  status = writer_end(g);
  if (kept && !status) *kept = true;
  return status;
}

void gaijin_abort(gaijin *g) {
  struct writer *w = &g->writer;
  if (w->nested) {
    w->nested--;
    return;
  }
  if (!w->open) {
    if (w->cut) w->cut--;
    return;
  }
  w->open = false;
  pack_abort(&w->pack);
  unstage(g, false);
}

void gj_write_cut(gaijin *g) {
  struct writer *w = &g->writer;
  if (!w->open) return;
  w->cut += 1 + w->nested;
  w->nested = 0;
  gaijin_abort(g);
}
