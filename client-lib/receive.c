/* SPDX-License-Identifier: MIT
 *
 * One received message at a time. First everything in it is checked and all its
 * PTs are counted in, then it changes the registries, then the program is told. A fault
 * is the broker's, so the connection ends with a text that says what it was. A message for whose
 * counting in memory is too short changes nothing, and comes again (io.c).
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "client-lib/internal.h"
#include "client-lib/rings.h"

static void broken(gaijin *g, const char *op, const char *fault) {
  gj_io_lost(g, "the broker broke the protocol in a message '%s': %s", op, fault);
}

/* ---- Answers ---- */

/* Reads status and text of an error that the system made; the text is terminated inside the copied
 * body. */
static void read_system_error(gaijin_body *b, struct gaijin_answer *a) {
  struct gaijin_value v;
  a->text = "the error that came has no text";
  if (!gaijin_body_next(b, &v) || v.type != GAIJIN_STRING) return;
  /* One byte is there behind every string: the next value's first, or the spare one. Nobody reads
   * on after this. */
  gj_values_skip(b);
  uint8_t *end = b->bytes + (v.bytes - (const char *)b->bytes) + v.size;
  *end = 0;
  a->text = v.bytes;
}

/* An error's body starts with its status. True if it is a raised value: the body then goes on with
 * it. */
static bool read_error(gaijin_body *b, struct gaijin_answer *a) {
  struct gaijin_value v;
  a->status = GAIJIN_STATUS_PROTOCOL;
  a->text = "the error that came has no status";
  if (!gaijin_body_next(b, &v) || v.type != GAIJIN_NUMBER || !v.is_uint) return false;
  if (v.integer == GAIJIN_STATUS_RAISED) {
    a->status = GAIJIN_STATUS_RAISED;
    a->text = "";
    return true;
  }
  if (v.integer < GAIJIN_STATUS_COUNT) a->status = (enum gaijin_status)v.integer;
  read_system_error(b, a);
  return false;
}

/* An error for a one-way request: the broker refused it. */
static void on_refusal(gaijin *g, const struct message *m) {
  gaijin_body *body = gj_values_new(g, m, 0);
  struct gaijin_answer a = {.status = GAIJIN_STATUS_BUSY,
                            .text = "memory is too short for the reason"};
  if (body) read_error(body, &a);
  if (g->events.refused) g->events.refused(g->user, (enum gaijin_op)m->op, a.status, a.text);
  gaijin_body_free(body);
}

/* The broker says why it is about to end the connection. */
static bool is_parting(const struct message *m) {
  return m->kind == MESSAGE_ERROR && m->op == OP_hello && m->id == 0;
}

static void on_parting(gaijin *g, const struct message *m) {
  struct reader r;
  uint32_t count, size;
  uint64_t status;
  const char *text;
  if (reader_open(&r, m->body, m->body_size, &count) && reader_uint(&r, &status) &&
      reader_string(&r, &text, &size))
    gj_io_lost(g, "%.*s", (int)size, text);
}

static void answer(gaijin *g, const struct message *m, uint32_t pts) {
  struct call *c = gj_call_find(g, m->id);
  if (!c || list_empty(&c->open)) { /* late, or cancelled */
    gj_values_give_back(g, m, pts);
    return;
  }
  struct gaijin_answer a = {.ok = m->kind == MESSAGE_REPLY,
                            .status = GAIJIN_STATUS_BUSY,
                            .text = "memory is too short for the answer"};
  gaijin_body *body = gj_values_new(g, m, pts), *keep = NULL;
  if (!body) {
    gj_values_give_back(g, m, pts);
    /* A claim is a fact even if its answer cannot be copied: it has no values. */
    a.ok = a.ok && c->claim;
  } else if (a.ok) {
    a.status = GAIJIN_STATUS_RAISED;
    a.text = "";
    a.body = body;
  } else if (read_error(body, &a)) {
    a.body = body;
    if (g->version >= WIRE_VERSION_LEVEL) a.level = m->depth;
  } else {
    keep = body;
  }
  gj_call_answer(g, c, &a, keep);
}

/* True unless a claim is granted of a token that we hold with another stamp. */
static bool grant_fits(const gaijin *g, const struct message *m) {
  struct call *c = m->kind == MESSAGE_REPLY ? gj_call_find(g, m->id) : NULL;
  if (!c || list_empty(&c->open) || !c->claim) return true;
  return gj_holding_fits(c->claim, &c->claimed);
}

static bool on_answer(gaijin *g, const struct message *m) {
  uint32_t pts;
  const char *fault = gj_values_arrive(g, m, &pts);
  if (fault == gj_no_memory) return false;
  if (!fault && !grant_fits(g, m)) {
    gj_values_give_back(g, m, pts);
    fault = "it granted one token with two stamps or kinds";
  }
  if (fault) {
    broken(g, op_name(m->op), fault);
    return true;
  }
  if (is_parting(m)) on_parting(g, m);
  if (gj_owed_answer(g, m, pts, &fault)) {
    if (pts) gj_values_give_back(g, m, pts);
    if (fault) broken(g, op_name(m->op), fault);
    return true;
  }
  if (gj_is_post(m->id) && m->kind == MESSAGE_ERROR && !pts)
    on_refusal(g, m);
  else
    answer(g, m, pts);
  return true;
}

/* ---- Requests ---- */

static void refuse(gaijin *g, const struct message *m, enum gaijin_status status,
                   const char *text) {
  if (m->flags & (MESSAGE_ONE_WAY | MESSAGE_COUNTED))
    gj_window_taken(g, m->peer, m->size, false);
  if (m->flags & MESSAGE_ONE_WAY) {
    if (g->events.refused) g->events.refused(g->user, (enum gaijin_op)m->op, status, text);
    return;
  }
  gaijin_answer_error(g, m->id, (enum gaijin_op)m->op, status, text);
}

static void refuse_stale(gaijin *g, const struct message *m) {
  char text[256];
  snprintf(text, sizeof text, "token %llu (%s) of worker %s is not kept any more",
           (unsigned long long)m->pt.id, pt_kind_name(m->pt.kind), g->name);
  refuse(g, m, GAIJIN_STATUS_STALE, text);
}

static void on_free(gaijin *g, const struct message *m) {
  if (g->events.free)
    g->events.free(g->user, m->id);
  else
    gaijin_answer_free(g, m->id, GAIJIN_NO_BUDGET, 0);
}

/* Hands a checked request to the program. */
static void deliver(gaijin *g, const struct message *m, gaijin_body *body, gaijin_token *target) {
  struct gaijin_request r = {.id = m->id,
                             .op = (enum gaijin_op)m->op,
                             .depth = m->depth,
                             .one_way = (m->flags & MESSAGE_ONE_WAY) != 0,
                             .caller = m->peer,
                             .deadline_ms = m->deadline_ms,
                             .target = target};
  assert(!target || target->pins > 0);
  body->target = target;
  body->caller = m->peer;
  body->window_bytes = m->flags & (MESSAGE_ONE_WAY | MESSAGE_COUNTED) ? m->size : 0;
  g->events.request(g->user, &r, body);
}

static void serve(gaijin *g, const struct message *m, uint32_t pts) {
  gaijin_token *target = m->target == OP_PT ? gj_token_find(g, &m->pt) : NULL;
  if (target) target->pins++;
  bool stale = m->target == OP_PT && !target, served = g->events.request != NULL;
  gaijin_body *body = stale || !served ? NULL : gj_values_new(g, m, pts);
  if (body) {
    deliver(g, m, body, target);
    return;
  }
  gj_values_give_back(g, m, pts);
  if (target) gj_token_unpin(g, target);
  if (stale)
    refuse_stale(g, m);
  else if (!served)
    refuse(g, m, GAIJIN_STATUS_UNSUPPORTED, "this program serves no requests");
  else
    refuse(g, m, GAIJIN_STATUS_BUSY, "the worker asked is short of memory");
}

/* Answered before anything else: that this is read is all that is asked. */
static void tell_alive(gaijin *g, const struct message *m) {
  if (m->flags & MESSAGE_ONE_WAY) {
    gj_window_taken(g, m->peer, m->size, false);
    return;
  }
  gaijin_begin_reply(g, m->id, GAIJIN_OP_ALIVE, 0);
  gaijin_end_answer(g); /* with memory too short for it nobody is answered any more */
}

static bool on_routed(gaijin *g, const struct message *m) {
  uint32_t pts;
  const char *fault = gj_values_arrive(g, m, &pts);
  if (fault == gj_no_memory) return false;
  if (!fault && m->target == OP_PT && m->pt.host != g->host) fault = "its target lives elsewhere";
  if (fault)
    broken(g, op_name(m->op), fault);
  else if (m->op == OP_alive)
    tell_alive(g, m);
  else
    serve(g, m, pts);
  return true;
}

static bool on_request(gaijin *g, const struct message *m) {
  if (m->info->way == OP_ROUTED) return on_routed(g, m);
  const char *fault = NULL;
  if (m->op == OP_free)
    on_free(g, m);
  else if (m->op == OP_cycle)
    fault = gj_cycle_ask(g, m);
  else
    fault = "it is not for clients";
  if (fault == gj_no_memory) return false;
  if (fault) broken(g, m->info->name, fault);
  return true;
}

/* ---- Notices ---- */

static const char *on_drop(gaijin *g, struct reader *r, uint32_t count) {
  for (uint32_t i = 0; i + 1 < count; i += 2) {
    uint64_t id, seen;
    if (!reader_uint(r, &id) || !reader_uint(r, &seen)) return "a value is no number";
    if (!gj_token_drop(g, id, seen)) return "it drops more than was sent";
  }
  return count % 2 ? "a token without its number" : NULL;
}

static const char *on_dead(gaijin *g, struct reader *r, uint32_t count) {
  uint64_t id;
  bool succeeded = false;
  if (!reader_uint(r, &id)) return "the host is no number";
  if (count > 1 && !reader_bool(r, &succeeded)) return "whether it was succeeded is no boolean";
  gj_host_tell_dead(g, id, succeeded);
  return NULL;
}

/* From now on it is as if we had retired. Who has, and comes back, is told the same by a broker
 * that knows no more than that it has no name. */
static const char *on_succeeded(gaijin *g) {
  if (g->ret.retired && !g->ret.succeeded) return NULL;
  g->ret.retired = g->ret.succeeded = true;
  if (g->events.succeeded) g->events.succeeded(g->user);
  return NULL;
}

static const char *on_peer(gaijin *g, struct reader *r) {
  uint64_t id;
  const char *name;
  uint32_t size;
  if (!reader_uint(r, &id) || !reader_string(r, &name, &size)) return "not a host and its name";
  return gj_host_introduce(g, id, name, size) ? NULL : gj_no_memory;
}

static const char *on_cancel(gaijin *g, struct reader *r) {
  uint64_t id;
  if (!reader_uint(r, &id)) return "the request is no number";
  id += g->ret.id_shift;
  if (g->events.cancel) g->events.cancel(g->user, id);
  return NULL;
}

/* The end of the stream follows. */
static const char *on_bye(gaijin *g, struct reader *r) {
  const char *text;
  uint32_t size;
  if (!reader_string(r, &text, &size)) return "not a text";
  g->ret.bye = true;
  snprintf(g->ret.reason, sizeof g->ret.reason, "%.*s", (int)(size < 255 ? size : 255), text);
  return NULL;
}

static const char *on_grant(gaijin *g, struct reader *r) {
  uint64_t id, posts, bytes, undone;
  if (!reader_uint(r, &id) || !reader_uint(r, &posts) || !reader_uint(r, &bytes) ||
      !reader_uint(r, &undone) || undone > posts)
    return "not a host, requests, bytes and requests not done";
  gj_window_granted(g, id, posts, bytes, undone);
  return NULL;
}

/* Rows are the program's to read. */
static const char *on_seen(gaijin *g, const struct message *m) {
  if (!g->events.seen) return NULL;
  gaijin_body *body = gj_values_new(g, m, 0);
  if (!body) return gj_no_memory;
  g->events.seen(g->user, body);
  gaijin_body_free(body);
  return NULL;
}

static bool on_notice(gaijin *g, const struct message *m) {
  struct reader r;
  uint32_t count = 0;
  const char *fault = body_walk(m->body, m->body_size, NULL, NULL);
  if (!fault) {
    reader_open(&r, m->body, m->body_size, &count);
    switch (m->op) {
      case OP_drop: fault = on_drop(g, &r, count); break;
      case OP_dead: fault = on_dead(g, &r, count); break;
      case OP_succeeded: fault = on_succeeded(g); break;
      case OP_peer: fault = on_peer(g, &r); break;
      case OP_cancel: fault = on_cancel(g, &r); break;
      case OP_grant: fault = on_grant(g, &r); break;
      case OP_bye: fault = on_bye(g, &r); break;
      case OP_ring: fault = gj_rings_on_notice(g, &r); break;
      case OP_seen: fault = on_seen(g, m); break;
      case OP_condemn: fault = gj_cycle_condemn(g, &r, count); break;
      case OP_resume: fault = gj_cycle_resume(g, &r); break;
      default: fault = "it is not for clients"; break;
    }
  }
  if (fault == gj_no_memory) return false;
  if (fault) broken(g, op_name(m->op), fault);
  return true;
}

bool gj_receive_message(gaijin *g, const uint8_t *bytes, uint32_t size) {
  struct message m;
  const char *fault = message_parse(bytes, size, &m);
  if (fault) {
    broken(g, op_name(0), fault); /* what it was is not known for sure */
    return true;
  }
  if (m.kind == MESSAGE_REQUEST && !gj_return_take_id(g, &m.id)) {
    broken(g, op_name(m.op), "its id is one of an earlier broker's");
    return true;
  }
  if (m.kind == MESSAGE_REQUEST) return on_request(g, &m);
  return m.kind == MESSAGE_NOTICE ? on_notice(g, &m) : on_answer(g, &m);
}
