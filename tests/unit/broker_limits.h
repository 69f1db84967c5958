/* SPDX-License-Identifier: MIT
 *
 * What the tests of limits have in common: a broker with room for eight messages of 256 KiB, and two
 * clients. (That the sums are right is checked after every turn, by broker_check.)
 */
#ifndef GAIJIN_TESTS_BROKER_LIMITS_H
#define GAIJIN_TESTS_BROKER_LIMITS_H

#include "broker/net/limits.h"
#include "tests/unit/broker_wire.h"

enum { HALVES = 50, LARGE = 256 << 10 };

static struct wire w;
static struct end a, b, many[HALVES];
static char piece[LARGE];

static inline void setup(void) {
  struct broker_config config = wire_config();
  config.max_message = LARGE;
  config.most.memory = 1;
  memset(&a, 0, sizeof a);
  memset(&b, 0, sizeof b);
  memset(many, 0, sizeof many);
  wire_open(&w, &config);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
}
static inline void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_close(&w);
}

static inline uint64_t memory_most(void) { return w.broker.connections.accounts.limits.memory; }
static inline uint64_t memory_used(void) { return w.broker.connections.accounts.memory; }

static inline struct account_limits *limits(void) { return &w.broker.connections.accounts.limits; }
static inline const struct account *b_account(void) { return wire_client(&w, &b)->account; }

/* The length of a message of max message, and so many bytes of it. */
static inline void send_part(struct end *e, uint32_t bytes) {
  const uint8_t prefix[] = {0xce, 0, LARGE >> 16, 0, 0};
  wire_bytes(&w, e, prefix, sizeof prefix);
  wire_bytes(&w, e, piece, bytes);
}

/* The next but notices is an error with this word in its text. */
static inline void expect_refused(struct end *e, enum status status, const char *word) {
  const char *text;
  uint32_t size;
  uint64_t got;
  char copy[512];
  do
    ck_assert_int_eq(wire_next(&w, e), 1);
  while (e->m.kind == MESSAGE_NOTICE);
  ck_assert_int_eq(e->m.kind, MESSAGE_ERROR);
  ck_assert(reader_uint(&e->r, &got) && got == status);
  ck_assert(reader_string(&e->r, &text, &size));
  snprintf(copy, sizeof copy, "%.*s", (int)size, text);
  ck_assert_msg(strstr(copy, word), "no '%s' in: %s", word, copy);
}

/* The broker has said goodbye with this word in its text, and ended the connection. */
static inline void expect_farewell(struct end *e, const char *word) {
  expect_refused(e, STATUS_busy, word);
  ck_assert(e->m.op == OP_hello && e->m.id == 0);
  wire_expect_end(&w, e);
}

static inline void post(void) {
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = ++b.last_id,
                      .flags = MESSAGE_ONE_WAY, .target = OP_NAME, .name = "a", .name_size = 1};
  pack_string(wire_begin_to(&b, &h, 1), piece, 32 << 10);
  wire_send(&w, &b);
}

/* b posts to a, which reads nothing, until so many bytes wait. */
static inline void leave_untaken(size_t bytes) {
  w.broker.flows.window = (struct window){UINT32_MAX, UINT32_MAX};
  while (wire_client(&w, &a)->outbox.bytes < bytes) post();
}

/* ---- Several processes and users ---- */

enum { GUEST = 5000, POST = 32 << 10 }; /* a user, not that of the test; bytes */

static inline struct connections *all(void) { return &w.broker.connections; }
static inline bool is_ready(struct end *e) {
  return hosts_find(&w.broker.hosts, e->host) != SLAB_NONE && wire_client(&w, e) &&
         wire_client(&w, e)->state == CLIENT_READY;
}

static inline void join_from(struct end *e, const char *name, pid_t pid, uid_t uid) {
  wire_join_from(&w, e, name, false, pid, uid);
}

/* So many bytes at least to one who does not read. */
static inline void post_to(struct end *e, const char *name, uint32_t bytes) {
  for (uint32_t n = 0; n < bytes; n += POST) {
    struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = ++e->last_id,
                        .flags = MESSAGE_ONE_WAY, .target = OP_NAME, .name = name,
                        .name_size = (uint8_t)strlen(name)};
    pack_string(wire_begin_to(e, &h, 1), piece, POST);
    wire_send(&w, e);
  }
}

static inline void leave_all(int from, int to) {
  for (int i = from; i < to; i++) wire_leave(&many[i]);
  wire_turn(&w);
}

#endif
