/* SPDX-License-Identifier: MIT
 *
 * A broker that a thread of the test plays for what gaijinctl asks, an observer's requests, one after the other. The test's
 * function is called for each, in that thread, and puts the answer; the observer may wait as it does for a real one.
 */
#ifndef GAIJIN_TESTS_ASKED_BROKER_H
#define GAIJIN_TESTS_ASKED_BROKER_H

#include "tests/unit/fake_broker.h"
#include "tools/ask/observe.h"

struct asked {
  struct fake f;
  struct invocation in;
  struct observer o;
  pthread_t player;
  /* Answers f.m: puts one message into f.p (fake_begin), or none. */
  void (*answer)(struct asked *a, const struct message *m);
};

static inline void *asked_play(void *user) {
  struct asked *a = user;
  while (fake_next(&a->f)->op != OP_ping) {
    if (a->f.m.kind != MESSAGE_REQUEST) continue;
    a->f.p.out = NULL;
    a->answer(a, &a->f.m);
    if (a->f.p.out) fake_send(&a->f);
  }
  return NULL;
}

/* The flags of the command have their defaults. Until asked_end the broker's end is the thread's. */
static inline void asked_begin(struct asked *a, enum command_id command, void (*answer)(struct asked *, const struct message *)) {
  memset(a, 0, sizeof *a);
  a->answer = answer;
  a->in.command = command;
  settings_init(&a->in.settings, SETTINGS_CTL);
  fake_open(&a->f);
  a->o = (struct observer){.g = a->f.g, .in = &a->in, .patience = OBSERVE_SECONDS};
  ck_assert_int_eq(pthread_create(&a->player, NULL, asked_play, a), 0);
}
static inline void asked_end(struct asked *a) {
  uint64_t id;
  gaijin_begin_request(a->o.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(a->o.g, NULL, NULL, &id), 0);
  ck_assert_int_eq(gaijin_flush(a->o.g, false), 0);
  pthread_join(a->player, NULL);
  fake_close(&a->f);
}

/* Which book an inspect asks for, and of which host ("": all). */
static inline void asked_book(const struct message *m, char what[32], char host[64]) {
  struct reader r = fake_values(m);
  struct value v[3] = {{.size = 0}};
  for (int i = 0; i < 3; i++) ck_assert(reader_next(&r, &v[i]));
  ck_assert(v[0].type == VALUE_STRING && v[0].size < 32 && (v[2].type != VALUE_STRING || v[2].size < 64));
  snprintf(what, 32, "%.*s", (int)v[0].size, v[0].bytes);
  snprintf(host, 64, "%.*s", v[2].type == VALUE_STRING ? (int)v[2].size : 0, v[2].type == VALUE_STRING ? v[2].bytes : "");
}
/* Begins the answer, a page that is the last, of so many rows. */
static inline struct pack *asked_page(struct asked *a, const struct message *m, uint32_t rows) {
  fake_begin(&a->f, MESSAGE_REPLY, (enum gaijin_op)m->op, m->id, 1 + rows);
  pack_nil(&a->f.p);
  return &a->f.p;
}

#endif
