/* SPDX-License-Identifier: MIT
 *
 * Clients of other versions at the real broker, byte by byte, since no library of today writes what
 * they write: one of version 1 is served as it always was, one of the future is told why not.
 */
#define _GNU_SOURCE /* memmem */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base.h"
#include "proto/limits.h"
#include "tests/bed/bed.h"
#include "tests/unit/run.h"

/* The envelope of a request without target: length, op and id; the body follows. */
#define REQUEST(length, op, id) \
  "\xce\0\0\0" length "\x99\xcc\x01\xcc" op "\xcd\0\0\xcd\0\0\xcf\0\0\0\0\0\0\0" id \
  "\xcf\0\0\0\0\0\0\0\0\xce\0\0\0\0\xc0"

/* Hello as version 1 had it: [1, "bank", false]. The reply has its version at byte 41. */
static const char hello_1[] = REQUEST("\x2b", "\x01", "\x01") "\x93\x01\xa4" "bank" "\xc2";
static const char hello_9_to_10[] = REQUEST("\x28", "\x01", "\x01") "\x94\x09\x0a\xc0\xc2";
static const char ping[] = REQUEST("\x24", "\x18", "\x02") "\x90";
enum { KIND_AT = 7, OP_AT = 9, ID_AT = 24, BODY_AT = 40 };

struct raw {
  struct bed *bed;
  int fd;
  uint8_t message[512];
  uint32_t size;
};

static void send_all(struct raw *r, const char *bytes, size_t size) {
  ck_assert_int_eq(send(r->fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void read_exactly(struct raw *r, uint32_t size) {
  while (size > 0) {
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    ck_assert_msg(poll(&p, 1, (int)(bed_limit(r->bed) * 1000)) == 1, "the broker does not answer");
    ssize_t n = recv(r->fd, r->message + r->size, size, 0);
    ck_assert_int_gt(n, 0);
    r->size += (uint32_t)n;
    size -= (uint32_t)n;
  }
}

/* Reads one message; it must be of this kind, op and id. */
static void expect(struct raw *r, uint8_t kind, uint8_t op, uint8_t id) {
  r->size = 0;
  read_exactly(r, 5);
  uint32_t length = load_be32(r->message + 1);
  ck_assert_uint_le(length, sizeof r->message - 5);
  read_exactly(r, length);
  ck_assert_uint_eq(r->message[KIND_AT], kind);
  ck_assert_uint_eq(r->message[OP_AT], op);
  ck_assert_uint_eq(r->message[ID_AT], id);
}

START_TEST(a_client_of_version_1_is_served) {
  struct raw r = {.bed = bed_open(NULL)};
  char *clients;
  r.fd = bed_raw(r.bed);
  send_all(&r, hello_1, sizeof hello_1 - 1);
  expect(&r, 2, 1, 1);
  ck_assert_uint_eq(r.message[BODY_AT], 0x95); /* five values, and no options */
  ck_assert_uint_eq(r.message[BODY_AT + 1], 1);
  ck_assert_ptr_nonnull(memmem(r.message, r.size, "\xa4" "bank", 5));
  send_all(&r, ping, sizeof ping - 1);
  expect(&r, 2, 24, 2);
  ck_assert_int_eq(bed_ctl(r.bed, &clients, (const char *const[]){"clients", NULL}), 0);
  ck_assert_ptr_nonnull(strstr(clients, "bank"));
  free(clients);
  close(r.fd);
  bed_close(r.bed);
}
END_TEST

START_TEST(a_client_of_the_future_is_told_why_not) {
  char text[128];
  snprintf(text, sizeof text,
           "speaks versions 1 to %d of the wire, you speak versions 9 to 10; update the broker",
           WIRE_VERSION_MOST);
  struct raw r = {.bed = bed_open(NULL)};
  r.fd = bed_raw(r.bed);
  send_all(&r, hello_9_to_10, sizeof hello_9_to_10 - 1);
  expect(&r, 3, 1, 1);
  ck_assert_ptr_nonnull(memmem(r.message, r.size, text, strlen(text)));
  ck_assert_int_eq(recv(r.fd, r.message, 1, 0), 0);
  close(r.fd);
  bed_close(r.bed);
}
END_TEST

int main(void) {
  Suite *s = suite_create("wire versions");
  TCase *t = tcase_create("wire versions");
  tcase_set_timeout(t, 600);
  tcase_add_test(t, a_client_of_version_1_is_served);
  tcase_add_test(t, a_client_of_the_future_is_told_why_not);
  suite_add_tcase(s, t);
  return run_suite(s);
}
