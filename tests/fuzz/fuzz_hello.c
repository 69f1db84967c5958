/* SPDX-License-Identifier: MIT
 *
 * The greeting, at both ends. As a request the input is read by the broker's side; as a reply by
 * the library's; and as bytes it answers a gaijin_connect. What is read from a request, written
 * again, is read as the same. The input is a byte, then messages.
 */
#include <sys/socket.h>
#include <unistd.h>

#include <gaijin/gaijin.h>
#include "proto/frame.h"
#include "proto/hello.h"
#include "proto/limits.h"
#include "proto/name.h"
#include "proto/returning.h"
#include "proto/window.h"
#include "tests/fuzz/fuzz.h"

const uint32_t mutate_at = 1;

static void look_up(const struct hello_options *o) {
  static const char *const keys[] = {WINDOW_POSTS_KEY, WINDOW_BYTES_KEY, SUCCEED_KEY,
                                     RETURN_HOST_KEY, "", "x"};
  for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
    struct reader value;
    struct value v;
    if (!hello_option(o, keys[i], &value)) continue;
    FUZZ_REQUIRE(reader_next(&value, &v), "an option without a value");
    FUZZ_REQUIRE(v.type != VALUE_PT, "an object as the value of an option");
  }
}

static void check_request(const struct message *m) {
  struct hello_request h, again;
  struct message n;
  struct buffer out;
  struct pack p;
  if (hello_read_request(m, &h)) return;
  FUZZ_REQUIRE(h.lowest <= h.highest, "an empty range of versions");
  char range[HELLO_RANGE_BYTES];
  FUZZ_REQUIRE(strlen(hello_range(range, h.lowest, h.highest)) < sizeof range, "a long range");
  if (!h.version) return;
  FUZZ_REQUIRE(h.version >= h.lowest && h.version <= h.highest, "a version nobody offered");
  look_up(&h.options);
  buffer_init(&out, UINT32_MAX);
  pack_begin(&p, &out, MAX_MESSAGE_MOST, m, hello_request_values(0));
  hello_put_request(&p, &h, 0);
  FUZZ_REQUIRE(pack_end(&p) == BUFFER_OK, "a hello that cannot be written");
  FUZZ_REQUIRE(!message_parse(out.bytes, out.size, &n), "a hello that is no message");
  FUZZ_REQUIRE(!hello_read_request(&n, &again), "a hello that cannot be read again");
  FUZZ_REQUIRE(again.lowest == h.lowest && again.highest == h.highest &&
                   again.version == h.version && again.observer == h.observer &&
                   again.name_size == h.name_size && !again.name == !h.name &&
                   (!h.name || memcmp(again.name, h.name, h.name_size) == 0),
               "another hello");
  buffer_deinit(&out);
}

static void check_reply(const struct message *m) {
  struct hello_reply r;
  if (hello_read_reply(m, &r)) return;
  if (r.version < WIRE_VERSION_LEAST || r.version > WIRE_VERSION_MOST) return;
  FUZZ_REQUIRE(r.host != 0 && r.max_message <= MAX_MESSAGE_MOST, "an impossible reply");
  look_up(&r.options);
}

static void read_both(const uint8_t *bytes, uint32_t size) {
  struct message m;
  uint8_t *copy = malloc(size ? size : 1);
  if (!copy) return;
  memcpy(copy, bytes, size);
  if (size >= MESSAGE_PREFIX_BYTES && !message_parse(copy, size, &m) && m.op == OP_hello &&
      !body_walk(m.body, m.body_size, NULL, NULL)) {
    if (m.kind == MESSAGE_REQUEST) check_request(&m);
    if (m.kind == MESSAGE_REPLY) check_reply(&m);
  }
  free(copy);
}

/* The library connects, is answered with these bytes and nothing more, and looks once. */
static void connect_to(const uint8_t *bytes, uint32_t size, bool observer) {
  char error[512] = "";
  gaijin *g;
  int fd = dial_expect();
  struct gaijin_options o = {.socket = "/fuzz", .name = observer ? NULL : "shop",
                             .observer = observer};
  if (send(fd, bytes, size, MSG_NOSIGNAL) < 0 && size) FUZZ_REQUIRE(false, "no room for an answer");
  shutdown(fd, SHUT_WR);
  int status = gaijin_connect(&g, &o, error, sizeof error);
  FUZZ_REQUIRE(status == 0 ? g != NULL : g == NULL && *error, "neither connected nor an error");
  if (status == 0) {
    FUZZ_REQUIRE(gaijin_host(g) != 0 && gaijin_max_message(g) >= MAX_MESSAGE_LEAST,
                 "a connection without a host");
    gaijin_dispatch(g);
    gaijin_close(g);
  }
  close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct script s = {data, data + size};
  steady_begin();
  bool observer = script_byte(&s) & 1;
  uint32_t left = (uint32_t)(s.end - s.at);
  if (left > 16384) return 0; /* a socket's buffer takes so much at once */
  read_both(s.at, left);
  connect_to(s.at, left, observer);
  return 0;
}
