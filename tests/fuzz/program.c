/* SPDX-License-Identifier: MIT
 *
 * Everything that a call-back hands over is looked at: texts to their end, strings byte for byte.
 */
#include "tests/fuzz/program.h"

#include "proto/base.h"

struct gaijin_pt program_foreign(uint8_t pick) {
  return (struct gaijin_pt){.host = 200u + (pick & 3), .id = 1u + (pick >> 4 & 3),
                            .stamp = 7u + (pick >> 6 & 1), .kind = GAIJIN_KIND_TABLE};
}

/* Reads each byte, for a sanitiser. */
static void look_at(const char *bytes, uint32_t size) {
  static volatile char sink;
  for (uint32_t i = 0; i < size; i++) sink = bytes[i];
  (void)sink;
}

/* ---- Bodies ---- */

/* Reads a value; a holding is kept if there is room for it and `hold`. False at the end. */
static bool read_value(struct program *p, gaijin_body *b, bool hold) {
  struct gaijin_value v;
  size_t at = 0;
  gaijin_body_peek(b, &v);
  FUZZ_REQUIRE(!gaijin_body_look(b, &at, &v) || at <= gaijin_body_size(b), "looks past the end");
  if (!gaijin_body_next(b, &v)) return false;
  if (v.type == GAIJIN_STRING) look_at(v.bytes, v.size);
  if (v.type == GAIJIN_HOME) FUZZ_REQUIRE(gaijin_token_tag(v.token), "a token without a tag");
  if (v.type == GAIJIN_FOREIGN) {
    struct gaijin_pt pt = gaijin_holding_pt(v.holding);
    FUZZ_REQUIRE(gaijin_holding_find(p->g, &pt) == v.holding, "a holding that is not found");
    for (unsigned i = 0; hold && i < HELD; i++) {
      if (p->held[i]) continue;
      gaijin_hold(p->g, p->held[i] = v.holding);
      break;
    }
  }
  return true;
}

/* Keeps a body for later steps, or reads it to its end. */
static void keep_body(struct program *p, gaijin_body *b) {
  if (script_byte(p->script) & 1)
    for (unsigned i = 0; i < BODIES; i++)
      if (!p->bodies[i]) {
        p->bodies[i] = b;
        return;
      }
  while (read_value(p, b, true)) continue;
  gaijin_body_free(b);
}

static void step_body(struct program *p) {
  uint8_t b = script_byte(p->script);
  gaijin_body **body = &p->bodies[b % BODIES];
  if (!*body) return;
  switch (b >> 5) {
    case 0: case 1: read_value(p, *body, true); break;
    case 2: read_value(p, *body, false); break;
    case 3: gaijin_body_rewind(*body); break;
    case 4: gaijin_body_taken(*body); break;
    case 5: gaijin_body_not_done(*body); break;
    default:
      gaijin_body_free(*body);
      *body = NULL;
      break;
  }
}

/* ---- Events ---- */

static void on_request(void *user, const struct gaijin_request *r, gaijin_body *body) {
  struct program *p = user;
  if (r->target) FUZZ_REQUIRE(gaijin_token_tag(r->target), "a target without a tag");
  FUZZ_REQUIRE(gaijin_op_is_routed(r->op), "a request that is not routed");
  keep_body(p, body);
  if (r->one_way) return;
  for (unsigned i = 0; i < REQUESTS; i++)
    if (!p->requests[i].id) {
      p->requests[i].id = r->id;
      p->requests[i].op = r->op;
      return;
    }
  gaijin_answer_error(p->g, r->id, r->op, GAIJIN_STATUS_BUSY, "no room");
}

static void on_free(void *user, uint64_t id) {
  struct program *p = user;
  for (unsigned i = 0; i < REQUESTS; i++)
    if (!p->frees[i]) {
      p->frees[i] = id;
      return;
    }
  gaijin_answer_free(p->g, id, GAIJIN_NO_BUDGET, 0);
}

static void on_forget(void *user, gaijin_token *token, void *tag) {
  struct program *p = user;
  gaijin_token **slot = tag;
  FUZZ_REQUIRE(slot >= p->tokens && slot < p->tokens + TOKENS && *slot == token,
               "forgets a token that is none");
  *slot = NULL;
}

static void on_refused(void *user, enum gaijin_op op, enum gaijin_status status,
                       const char *text) {
  (void)user;
  look_at(gaijin_op_name(op), 1);
  look_at(gaijin_status_name(status), 1);
  look_at(text, (uint32_t)strlen(text) + 1);
}

static void on_dead(void *user, uint64_t host) { gaijin_host_name(((struct program *)user)->g, host); }
static void on_cancel(void *user, uint64_t id) {
  struct program *p = user;
  if (id & 1) gaijin_pause(p->g);
}
static void on_room(void *user, uint64_t host) {
  struct program *p = user;
  gaijin_post_window(p->g); /* a broker that told no window may tell of room all the same */
  gaijin_post_room(p->g, host);
}

const struct gaijin_events program_events = {.request = on_request, .cancel = on_cancel,
                                             .free = on_free,       .forget = on_forget,
                                             .refused = on_refused, .dead = on_dead,
                                             .room = on_room};
const struct gaijin_events program_deaf = {.forget = on_forget};

/* ---- Requests ---- */

static void take_answer(struct program *p, struct call_record *c, const struct gaijin_answer *a) {
  c->open = false;
  FUZZ_REQUIRE(a->text, "an answer without a text");
  look_at(a->text, (uint32_t)strlen(a->text) + 1);
  bool has_body = a->ok || a->status == GAIJIN_STATUS_RAISED;
  FUZZ_REQUIRE(!a->body || has_body, "a body with a system error");
  FUZZ_REQUIRE(a->body || !has_body || c->op == OP_sub, "no body");
  if (a->ok && c->op == OP_sub) {
    gaijin_holding *h = gaijin_holding_find(p->g, &c->claim);
    FUZZ_REQUIRE(h, "a claim that was granted has no holding");
    unsigned i = 0;
    while (i < HELD && p->held[i]) i++;
    if (i < HELD)
      p->held[i] = h;
    else
      gaijin_let_go(p->g, h);
  }
  if (a->body) keep_body(p, a->body);
}

static void cancel(struct program *p, struct call_record *c) {
  if (!c->open) return;
  c->open = false;
  gaijin_cancel(p->g, c->id);
}

static void on_answer(void *user, const struct gaijin_answer *a) {
  struct call_record *c = user;
  struct program *p = c->program;
  FUZZ_REQUIRE(c->open && !c->awaited, "a request is answered twice");
  take_answer(p, c, a);
  uint8_t b = script_byte(p->script);
  if (b >= 240) cancel(p, &p->calls[b % CALLS]);
}

/* A short one, or one that a window has no room for twice, or that no message has room for. */
static void put_text(struct program *p, unsigned which) {
  static const char text[70000];
  if (which < 8) gaijin_put_text(p->g, "key");
  else gaijin_put_string(p->g, text, which < 14 ? 6000 : sizeof text);
}

static void put_values(struct program *p, uint32_t count) {
  while (count-- > 0) {
    uint8_t b = script_byte(p->script);
    gaijin_token *t = p->tokens[(b >> 4) % TOKENS];
    gaijin_holding *h = p->held[(b >> 4) % HELD];
    switch (b & 7) {
      case 0: gaijin_put_nil(p->g); break;
      case 1: gaijin_put_number(p->g, (double)script_number(p->script)); break;
      case 2: put_text(p, b >> 4); break;
      case 3:
        gaijin_put_array(p->g, 1);
        gaijin_put_bool(p->g, b & 16);
        break;
      case 4:
        if (b & 128) gaijin_put_null(p->g);
        else gaijin_put_bool(p->g, true);
        break;
      case 5:
        if (h) gaijin_put_holding(p->g, h);
        else gaijin_put_nil(p->g);
        break;
      default:
        if (t) gaijin_put_token(p->g, t);
        else gaijin_put_nil(p->g);
        break;
    }
  }
}

/* A record for another request: one whose request is over. */
static struct call_record *free_record(struct program *p, uint8_t b) {
  for (unsigned i = 0; i < CALLS; i++) {
    struct call_record *c = &p->calls[(b + i) % CALLS];
    if (c->open) continue;
    *c = (struct call_record){.program = p};
    return c;
  }
  return NULL;
}

static void step_ask(struct program *p) {
  uint8_t b = script_byte(p->script);
  struct call_record *c = free_record(p, 0);
  if (!c) return;
  struct gaijin_send send = {.op = GAIJIN_OP_CALL, .depth = 1, .one_way = (b & 3) == 3,
                             .deadline_ms = b & 4 ? 100 : 0};
  send.holding = p->held[(b >> 4) % HELD];
  if (!send.holding) send.token = p->tokens[(b >> 4) % TOKENS];
  if (!send.holding && !send.token) {
    send.op = GAIJIN_OP_S2T;
    send.name = b & 128 ? "bank" : "shop";
  }
  uint32_t count = send.op == GAIJIN_OP_S2T ? 1 : script_below(p->script, 5);
  bool awaited = (b & 3) == 2;
  gaijin_begin_request(p->g, &send, count);
  put_values(p, count);
  uint64_t id = 0;
  int status = gaijin_end_request(p->g, awaited ? NULL : on_answer, c, &id);
  if (status || send.one_way) return;
  FUZZ_REQUIRE(id, "a request without an id");
  c->id = id;
  c->op = (enum op)send.op;
  c->open = true;
  c->awaited = awaited;
}

static void step_claim(struct program *p) {
  struct call_record *c = free_record(p, 0);
  if (!c) return;
  uint8_t b = script_byte(p->script);
  c->claim = program_foreign(b);
  c->op = OP_sub;
  c->awaited = b & 4;
  if (gaijin_claim(p->g, &c->claim, c->awaited ? NULL : on_answer, c, &c->id) == 0) c->open = true;
}

static void step_await(struct program *p) {
  struct call_record *c = &p->calls[script_byte(p->script) % CALLS];
  struct gaijin_answer a;
  if (!c->open || !c->awaited) return;
  int status = gaijin_await(p->g, c->id, 0.01, &a);
  if (status == 0)
    take_answer(p, c, &a);
  else
    c->open = false;
}

/* ---- Answers ---- */

static void step_answer(struct program *p) {
  uint8_t b = script_byte(p->script);
  unsigned i = b % REQUESTS;
  uint32_t count = script_below(p->script, 4);
  if (p->frees[i] && b & 64) {
    gaijin_answer_free(p->g, p->frees[i], b & 32 ? 1 : GAIJIN_NO_BUDGET, 1);
    p->frees[i] = 0;
  }
  if (!p->requests[i].id) return;
  if (b & 16) {
    gaijin_answer_error(p->g, p->requests[i].id, p->requests[i].op, GAIJIN_STATUS_DENIED, "no");
  } else if (b & 32) {
    gaijin_begin_raise(p->g, p->requests[i].id, p->requests[i].op, count + 1);
    put_values(p, count + 1);
    gaijin_end_answer(p->g);
  } else {
    gaijin_begin_reply(p->g, p->requests[i].id, p->requests[i].op, count);
    put_values(p, count);
    gaijin_end_answer(p->g);
  }
  p->requests[i].id = 0;
}

/* ---- Tokens and holdings ---- */

static void step_token(struct program *p) {
  uint8_t b = script_byte(p->script);
  gaijin_token **t = &p->tokens[b % TOKENS];
  if (!*t) {
    *t = gaijin_token_new(p->g, GAIJIN_KIND_TABLE, t);
    return;
  }
  if (b & 128)
    gaijin_token_discard(p->g, *t);
  else if (b & 64)
    gaijin_token_weigh(p->g, *t, script_number(p->script) << 10);
}

static void step_let_go(struct program *p) {
  gaijin_holding **h = &p->held[script_byte(p->script) % HELD];
  if (*h) gaijin_let_go(p->g, *h);
  *h = NULL;
}

static void step_time(struct program *p) {
  uint8_t b = script_byte(p->script);
  steady_advance(b);
  if (b & 1) gaijin_expire(p->g, 0);
}

void program_step(struct program *p, unsigned what) {
  switch (what % 12) {
    case 0: case 1: step_ask(p); break;
    case 2: step_claim(p); break;
    case 3: step_await(p); break;
    case 4: step_answer(p); break;
    case 5: step_token(p); break;
    case 6: step_let_go(p); break;
    case 7: step_time(p); break;
    case 8: cancel(p, &p->calls[script_byte(p->script) % CALLS]); break;
    case 9: step_body(p); break;
    case 10: gaijin_await_room(p->g, 200, script_number(p->script), 0.01); break;
    default:
      gaijin_request_count(p->g);
      break;
  }
  gaijin_flush(p->g, what & 16);
}

void program_close(struct program *p) {
  for (unsigned i = 0; i < BODIES; i++) gaijin_body_free(p->bodies[i]);
  for (unsigned i = 0; i < TOKENS; i++)
    if (p->tokens[i]) gaijin_token_discard(p->g, p->tokens[i]);
  memset(p->bodies, 0, sizeof p->bodies);
  *p->script = (struct script){NULL, NULL}; /* what comes now is read at once */
  gaijin_close(p->g);
  for (unsigned i = 0; i < CALLS; i++)
    FUZZ_REQUIRE(!p->calls[i].open || p->calls[i].awaited, "a request was never answered");
}
