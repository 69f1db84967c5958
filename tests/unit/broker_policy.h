/* SPDX-License-Identifier: MIT
 *
 * A broker with a policy file, and the clients of its tests.
 */
#ifndef GAIJIN_TESTS_BROKER_POLICY_H
#define GAIJIN_TESTS_BROKER_POLICY_H

#include <sys/stat.h>

#include "broker/core/permissions.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end till, shop, observer, other;
static char path[RUN_PATH + 16], place[RUN_PATH];

static inline void write_policy(const char *text) {
  FILE *f = fopen(path, "w");
  ck_assert_ptr_nonnull(f);
  fputs(text, f);
  ck_assert_int_eq(fclose(f), 0);
  ck_assert_int_eq(chmod(path, 0600), 0);
}

static inline void read_again(void) {
  permissions_reload(&w.broker);
  while (w.broker.permissions.reread.beside) wire_turn(&w); /* Check ends the test if it never comes */
}

static inline void reload(const char *text) {
  write_policy(text);
  read_again();
}

static inline void open_with(const char *text) {
  struct broker_config config = wire_config();
  config.policy = path;
  write_policy(text);
  wire_open(&w, &config);
}

static inline void setup(void) {
  ck_assert_ptr_nonnull(run_directory(place));
  snprintf(path, sizeof path, "%s/policy", place);
}
static inline void teardown(void) {
  wire_leave(&till);
  wire_leave(&shop);
  wire_leave(&observer);
  wire_leave(&other);
  wire_close(&w);
  unlink(path);
  rmdir(place);
}

#define ALL_NAMES "[allow]\nwho = all\nnames = *\n"

/* The last message is an error of this status whose text has this part. */
static inline void expect_refused(struct end *e, enum status status, const char *part) {
  const char *bytes;
  uint32_t size;
  wire_expect_error(&w, e, status);
  ck_assert(reader_string(&e->r, &bytes, &size));
  ck_assert_msg(memmem(bytes, size, part, strlen(part)), "%.*s", (int)size, bytes);
}

static inline void expect_forwarded(struct end *to, enum op op) {
  wire_past_peers(&w, to);
  ck_assert_int_eq(to->m.op, op);
  ck_assert_int_eq(to->m.kind, MESSAGE_REQUEST);
}

static inline void ask_label(const char *label) {
  pack_text(wire_ask(&till, OP_s2t, "shop", NULL, 1), label);
  wire_send(&w, &till);
}

#endif
