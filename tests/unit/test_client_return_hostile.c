/* SPDX-License-Identifier: MIT
 *
 * Whoever listens on the socket when a client comes back may be anybody: answers to hello that are damaged, cut off, or
 * followed by rubbish. The client is up, away or lost then, with a text, its books are whole, and it can be closed.
 */
#include "tests/unit/fake_return.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

/* WAIT_MS: answers that are cut off bring nothing. */
enum { ROUNDS = 60, WAIT_MS = 5 };

static uint64_t state;

static void damage(uint8_t *bytes, uint32_t *size) {
  switch (random_below(&state, 4)) {
    case 0: *size = random_below(&state, *size); break; /* cut off */
    case 1: /* a number that matters: its bytes follow a mark */
      bytes[random_below(&state, *size)] = (uint8_t)(random_below(&state, 2) ? 0xff : 0);
      break;
    default:
      for (uint32_t i = random_below(&state, 4) + 1; i > 0; i--) bytes[random_below(&state, *size)] = (uint8_t)random_next(&state);
  }
}

static void answer_hello_badly(struct returned *r) {
  uint64_t host;
  struct secret secret;
  return_meet(r, &host, &secret);
  if (random_below(&state, 8) == 0) { /* a refusal, perhaps with a status that there is not */
    fake_begin(&r->f, MESSAGE_ERROR, GAIJIN_OP_HELLO, r->f.m.id, 2);
    pack_uint(&r->f.p, random_below(&state, GAIJIN_STATUS_COUNT + 3));
    pack_text(&r->f.p, random_below(&state, 2) ? "no" : "");
  } else {
    return_write_welcome(&r->f, random_below(&state, 2) ? FAKE_HOST : NEW_HOST, random_below(&state, 3));
  }
  fake_end(&r->f);
  uint32_t size = r->f.out.size;
  if (random_below(&state, 4)) damage(r->f.out.bytes, &size);
  send(r->f.fd, r->f.out.bytes, size, MSG_NOSIGNAL);
  r->f.out.size = 0;
}

/* What it came to is the client's link. */
static enum gaijin_link_state round_once(void) {
  struct returned r;
  gaijin_token *t;
  gaijin_holding *h;
  return_open_with_one_of_each(&r, &t, &h);
  return_cut(&r);
  for (int i = 0; i < 3 && gaijin_link(r.f.g) == GAIJIN_AWAY; i++) {
    answer_hello_badly(&r);
    for (int k = 0; k < 3 && gaijin_link(r.f.g) == GAIJIN_AWAY; k++) {
      struct pollfd p = {.fd = gaijin_fd(r.f.g), .events = POLLIN};
      if (poll(&p, 1, WAIT_MS) == 1) gaijin_dispatch(r.f.g);
      return_check(&r);
    }
    if (gaijin_link(r.f.g) != GAIJIN_AWAY) break;
    close(r.f.fd); /* and the next one gets another chance */
    r.f.fd = -1;
  }
  enum gaijin_link_state link = gaijin_link(r.f.g);
  if (link == GAIJIN_LOST) ck_assert_uint_gt(strlen(gaijin_error(r.f.g)), 0);
  if (gaijin_link(r.f.g) == GAIJIN_UP) gaijin_flush(r.f.g, true);
  return_check(&r);
  fake_close(&r.f);
  return link;
}

START_TEST(answers_to_hello_of_anybody) {
  state = random_seed("answers_to_hello_of_anybody");
  unsigned links[GAIJIN_LOST + 1] = {0};
  for (int i = 0; i < ROUNDS; i++) links[round_once()]++;
  ck_assert_msg(links[GAIJIN_UP] > 0 && links[GAIJIN_LOST] > 0, "of %d answers %u were taken and %u refused for good", ROUNDS,
                links[GAIJIN_UP], links[GAIJIN_LOST]);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_return_hostile");
  TCase *c = tcase_create("hostile");
  run_long(c);
  tcase_add_test(c, answers_to_hello_of_anybody);
  suite_add_tcase(s, c);
  return run_suite(s);
}
