/* SPDX-License-Identifier: MIT
 *
 * The client library and a broker that sends it anything: the input is a program of steps of both.
 * The library's program keeps the rules of <gaijin/gaijin.h>; the broker sends answers, requests
 * and notices with PTs of the program's tokens and of others, right ones and others, damaged ones,
 * and bytes that are no message.
 *
 * After each step all invariants of the connection hold, what the library has sent is well-formed,
 * and each request was answered at most once; when the connection is closed, exactly once. The
 * input begins with a byte for the version of the wire and whether there are windows and a limit of references.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client-lib/internal.h"
#include "proto/base.h"
#include "proto/hello.h"
#include "tests/fuzz/program.h"
#include "tests/fuzz/steps.h"

enum { STEPS_MOST = 300, LIMIT = 64 << 10, OWN_HOST = 100 };

struct broker_end {
  int fd;
  struct frame in;
  struct buffer out;
  struct pack pack;
  struct program program;
};

/* ---- What the broker sends ---- */

static void send_out(struct broker_end *b) {
  if (b->out.size && send(b->fd, b->out.bytes, b->out.size, MSG_NOSIGNAL) < 0)
    FUZZ_REQUIRE(errno == EPIPE || errno == EAGAIN || errno == ECONNRESET, "send fails");
  b->out.size = 0;
}

/* PTs of the program's tokens, some with a stamp or kind that is wrong, and of other hosts. */
static struct pt choose_pt(void *user, uint8_t pick) {
  struct broker_end *b = user;
  gaijin_token *t = b->program.tokens[pick % TOKENS];
  unsigned which = pick >> 4;
  if ((pick & 8) && t) {
    struct gaijin_pt own = gaijin_token_pt(b->program.g, t);
    struct pt pt = gj_pt_wire(&own);
    if (which == 15) pt.stamp++;
    if (which == 14) pt.kind = PT_THREAD;
    return pt;
  }
  if (pick & 8) return (struct pt){.host = OWN_HOST, .id = 1 + which, .stamp = 1, .kind = 1};
  struct gaijin_pt other = program_foreign(pick);
  return gj_pt_wire(&other);
}

static void begin(struct broker_end *b, const struct message *m, uint32_t count) {
  pack_begin(&b->pack, &b->out, UINT32_MAX - 16, m, count);
}

static void send_answer(struct broker_end *b, bool error) {
  struct script *in = b->program.script;
  uint8_t which = script_byte(in);
  struct call_record *c = &b->program.calls[which % CALLS];
  struct message m = {.kind = error ? MESSAGE_ERROR : MESSAGE_REPLY, .op = c->op ? c->op : OP_ping,
                      .id = which < 240 ? c->id : script_number(in)};
  if (which >= 230) m.id |= 1ull << 63; /* a one-way request's */
  uint32_t count = script_below(in, 5);
  begin(b, &m, count + error);
  if (error) pack_uint(&b->pack, script_number(in) % (STATUS_COUNT + 2));
  steps_values(in, &b->pack, count, choose_pt, b);
}

static void send_request(struct broker_end *b) {
  static const enum op ops[] = {OP_call, OP_get, OP_set, OP_apply, OP_s2t, OP_labels, OP_len,
                                OP_free};
  struct script *in = b->program.script;
  uint8_t which = script_byte(in);
  struct message m = {.kind = MESSAGE_REQUEST, .op = ops[which % ARRAY_SIZE(ops)],
                      .id = ++b->program.last_asked, .peer = 200 + (which >> 6), .depth = 1};
  const struct op_info *info = op_info(m.op);
  m.target = info->target;
  m.name = "shop";
  m.name_size = 4;
  if (m.target == OP_PT) m.pt = choose_pt(b, (uint8_t)(script_byte(in) | 8));
  if (which & 32 && m.op != OP_free) m.flags = MESSAGE_ONE_WAY;
  uint32_t more = info->most == OP_ANY ? 4 : info->most - info->least + 1;
  uint32_t count = info->least + script_byte(in) % more;
  begin(b, &m, count);
  steps_values(in, &b->pack, count, choose_pt, b);
}

static void send_drop(struct broker_end *b) {
  struct script *in = b->program.script;
  uint8_t which = script_byte(in);
  gaijin_token *t = b->program.tokens[which % TOKENS];
  begin(b, &(struct message){.kind = MESSAGE_NOTICE, .op = OP_drop}, 2);
  pack_uint(&b->pack, t && which < 240 ? t->node.key : script_number(in));
  pack_uint(&b->pack, t && which < 200 ? t->sent : script_number(in));
}

static void send_notice(struct broker_end *b) {
  struct script *in = b->program.script;
  uint8_t which = script_byte(in);
  static const enum op ops[] = {OP_dead, OP_peer, OP_cancel, OP_grant};
  enum op op = ops[which % 4];
  begin(b, &(struct message){.kind = MESSAGE_NOTICE, .op = op}, op_info(op)->least);
  pack_uint(&b->pack, op == OP_cancel ? script_number(in) : 200u + (which >> 2) % 4);
  if (op == OP_peer) pack_text(&b->pack, which & 64 ? "bank" : "");
  for (unsigned i = op == OP_grant ? 3 : 0; i > 0; i--) pack_uint(&b->pack, script_number(in));
}

static void send_wild(struct broker_end *b) {
  struct script *in = b->program.script;
  uint32_t count = script_below(in, 6);
  struct message m = {.kind = 1 + script_below(in, 4), .op = 1 + script_below(in, OP_COUNT - 1),
                      .id = script_number(in), .peer = script_number(in)};
  m.target = script_below(in, 3);
  m.pt = choose_pt(b, script_byte(in));
  m.name = "x";
  m.name_size = 1;
  begin(b, &m, count);
  steps_values(in, &b->pack, count, choose_pt, b);
}

static void step_broker(struct broker_end *b, unsigned what, bool damage) {
  uint32_t start = b->out.size, size;
  const uint8_t *bytes;
  switch (what) {
    case 0: send_answer(b, false); break;
    case 1: send_answer(b, true); break;
    case 2: case 3: send_request(b); break;
    case 4: send_drop(b); break;
    case 5: send_notice(b); break;
    case 6: send_wild(b); break;
    default:
      bytes = script_bytes(b->program.script, script_byte(b->program.script), &size);
      buffer_append(&b->out, bytes, size);
      return;
  }
  FUZZ_REQUIRE(pack_end(&b->pack) == BUFFER_OK, "no memory");
  if (damage) steps_damage(b->program.script, &b->out, b->out.size - start);
}

/* ---- What the library sends ---- */

static void check_sent(struct broker_end *b, const uint8_t *bytes, uint32_t size) {
  struct message m;
  const char *fault = message_parse(bytes, size, &m);
  FUZZ_REQUIRE(!fault, "the library sent a message that is none: %s", fault);
  fault = body_walk(m.body, m.body_size, NULL, NULL);
  FUZZ_REQUIRE(!fault, "the library sent a body that is none: %s", fault);
  bool asks = m.kind == MESSAGE_REQUEST || m.kind == MESSAGE_NOTICE;
  FUZZ_REQUIRE(!asks || op_in_version(m.info, m.body_count, b->program.version),
               "the library sent '%s', which the version agreed does not have", m.info->name);
  FUZZ_REQUIRE(size <= LIMIT + MESSAGE_PREFIX_BYTES, "the library sent too much");
}

static void read_sent(struct broker_end *b) {
  for (;;) {
    uint8_t *bytes;
    uint32_t size, room;
    uint8_t *to = frame_room(&b->in, 16 << 10, &room);
    ssize_t n = recv(b->fd, to, room, 0);
    if (n <= 0) return;
    frame_filled(&b->in, (uint32_t)n);
    enum frame_outcome o;
    while ((o = frame_next(&b->in, &bytes, &size)) == FRAME_MESSAGE) check_sent(b, bytes, size);
    FUZZ_REQUIRE(o == FRAME_MORE, "the library sent bytes that are no message");
  }
}

/* ---- A run ---- */

static void greet(struct broker_end *b, uint8_t how) {
  struct hello_reply r = {.version = 1 + how % WIRE_VERSION_MOST, .host = OWN_HOST, .name = "shop",
                          .name_size = 4, .max_message = LIMIT, .broker_version = "0",
                          .broker_version_size = 1};
  uint32_t options = r.version >= op_info(OP_taken)->since && how & 64 ? 3 : 0;
  begin(b, &(struct message){.kind = MESSAGE_REPLY, .op = OP_hello, .id = 1},
        hello_reply_values(r.version, options));
  hello_put_reply(&b->pack, &r, options);
  if (options) {
    pack_text(&b->pack, WINDOW_POSTS_KEY);
    pack_uint(&b->pack, 4);
    pack_text(&b->pack, WINDOW_BYTES_KEY);
    pack_uint(&b->pack, 8 << 10);
    pack_text(&b->pack, REFS_MOST_KEY);
    pack_uint(&b->pack, 3);
  }
  FUZZ_REQUIRE(pack_end(&b->pack) == BUFFER_OK, "no memory");
  b->program.version = (uint32_t)r.version;
  send_out(b);
}

static void open_connection(struct broker_end *b, uint8_t how) {
  char error[512];
  struct gaijin_options o = {.socket = "/fuzz", .name = "shop", .user = &b->program,
                             .events = how & 128 ? &program_deaf : &program_events};
  b->fd = dial_expect();
  frame_init(&b->in, MAX_MESSAGE_MOST);
  buffer_init(&b->out, UINT32_MAX);
  greet(b, how);
  int status = gaijin_connect(&b->program.g, &o, error, sizeof error);
  FUZZ_REQUIRE(status == 0, "%s", error);
  read_sent(b);
}

static void step(struct broker_end *b) {
  uint8_t x = script_byte(b->program.script);
  gaijin *g = b->program.g;
  if (x & 1) {
    step_broker(b, (x >> 1) & 7, (x & 0x70) == 0x70);
    if ((x & 0x90) == 0x90) return; /* more comes with it */
    send_out(b);
    if ((x & 0xf0) == 0xe0) return; /* the program comes to it when it waits */
    gaijin_dispatch(g);
    while (gaijin_paused(g)) gaijin_dispatch(g);
  } else {
    program_step(&b->program, x >> 1);
  }
  const char *fault = gj_check(g);
  FUZZ_REQUIRE(!fault, "%s", fault);
  read_sent(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct broker_end b;
  struct script s = {data, data + size};
  steady_begin();
  memset(&b, 0, sizeof b);
  b.program.script = &s;
  open_connection(&b, script_byte(&s));
  for (unsigned i = 0; i < STEPS_MOST && s.at < s.end; i++) step(&b);
  program_close(&b.program);
  read_sent(&b);
  close(b.fd);
  frame_deinit(&b.in);
  buffer_deinit(&b.out);
  return 0;
}
