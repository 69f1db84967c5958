/* SPDX-License-Identifier: MIT
 *
 * The greeting, before the connection works as one: hello goes out, exactly its
 * answer is read and not a byte more, because what follows belongs to
 * gaijin_dispatch and may already want call-backs.
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "client-lib/internal.h"
#include "proto/base.h"

/* A broker that accepted but says nothing for so long hangs. */
#define HELLO_SECONDS 10.0
enum { HELLO_ID = 1 };

/* The line for a greeting that failed on the way. */
static int failed(int status, const char *why, char *error, size_t n) {
  snprintf(error, n, "%s", why);
  return status;
}

/* 0 when the descriptor is ready, GAIJIN_STATUS_TIMEOUT. */
static int wait_for(int fd, short events, double end) {
  double left = end - gj_now();
  struct pollfd p = {.fd = fd, .events = events};
  if (!(left > 0)) return GAIJIN_STATUS_TIMEOUT;
  poll(&p, 1, (int)ceil(left * 1000));
  return 0;
}

/* Moves exactly `size` bytes out of or into `bytes`. 0, GAIJIN_STATUS_LOST or GAIJIN_STATUS_TIMEOUT. */
static int transfer(int fd, bool out, uint8_t *bytes, uint32_t size, double end) {
  uint32_t done = 0;
  while (done < size) {
    ssize_t n = out ? send(fd, bytes + done, size - done, MSG_NOSIGNAL) : recv(fd, bytes + done, size - done, 0);
    if (n > 0) {
      done += (uint32_t)n;
      continue;
    }
    if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) return GAIJIN_STATUS_LOST;
    int status = wait_for(fd, out ? POLLOUT : POLLIN, end);
    if (status) return status;
  }
  return 0;
}

static int send_hello(gaijin *g, const struct gaijin_options *options, double end) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_hello, .id = HELLO_ID};
  struct buffer b;
  struct pack p;
  buffer_init(&b, MAX_MESSAGE_LEAST);
  pack_begin(&p, &b, MAX_MESSAGE_LEAST, &m, 3);
  pack_uint(&p, WIRE_VERSION);
  if (options->name)
    pack_text(&p, options->name);
  else
    pack_nil(&p);
  pack_bool(&p, options->observer);
  int status = pack_end(&p) == BUFFER_OK ? transfer(g->fd, true, b.bytes, b.size, end) : GAIJIN_STATUS_BUSY;
  buffer_deinit(&b);
  /* A broker that refuses may have closed already; its answer is still to be read. */
  return status == GAIJIN_STATUS_LOST ? 0 : status;
}

/* Copies a string of the answer; false if it does not fit. */
static bool read_text(struct reader *r, char *out, size_t n) {
  const char *bytes;
  uint32_t size;
  if (!reader_string(r, &bytes, &size) || size >= n) return false;
  memcpy(out, bytes, size);
  out[size] = '\0';
  return true;
}

static int read_welcome(gaijin *g, struct reader *r, char *error, size_t n) {
  uint64_t version, max;
  if (!reader_uint(r, &version) || !reader_uint(r, &g->host) || !read_text(r, g->name, sizeof g->name) || !reader_uint(r, &max) ||
      !read_text(r, g->broker_version, sizeof g->broker_version) || g->host == 0 || max < MAX_MESSAGE_LEAST || max > MAX_MESSAGE_MOST)
    return failed(GAIJIN_STATUS_PROTOCOL, "the broker's answer to hello is malformed", error, n);
  if (version != WIRE_VERSION) {
    snprintf(error, n, "the broker (%s) speaks version %llu of the wire, this program version %d; install the same gaijin for both",
             g->broker_version, (unsigned long long)version, WIRE_VERSION);
    return GAIJIN_STATUS_PROTOCOL;
  }
  g->max_message = (uint32_t)max;
  g->last_call = HELLO_ID;
  return 0;
}

static int read_refusal(struct reader *r, char *error, size_t n) {
  uint64_t status;
  const char *text;
  uint32_t size;
  if (!reader_uint(r, &status) || !reader_string(r, &text, &size) || status == GAIJIN_STATUS_RAISED || status >= GAIJIN_STATUS_COUNT)
    return failed(GAIJIN_STATUS_PROTOCOL, "the broker refused hello without saying why", error, n);
  snprintf(error, n, "%.*s", (int)size, text);
  return (int)status;
}

static int read_answer(gaijin *g, const uint8_t *bytes, uint32_t size, char *error, size_t n) {
  struct message m;
  struct reader r;
  uint32_t count;
  const char *fault = message_parse(bytes, size, &m);
  if (!fault) fault = body_walk(m.body, m.body_size, NULL, NULL);
  if (!fault && (m.op != OP_hello || m.id != HELLO_ID || m.kind == MESSAGE_REQUEST)) fault = "it is another message";
  if (fault) {
    snprintf(error, n, "what answered hello is no broker of this version: %s", fault);
    return GAIJIN_STATUS_PROTOCOL;
  }
  reader_open(&r, m.body, m.body_size, &count);
  return m.kind == MESSAGE_REPLY ? read_welcome(g, &r, error, n) : read_refusal(&r, error, n);
}

int gj_hello_exchange(gaijin *g, const struct gaijin_options *options, char *error, size_t n) {
  uint8_t bytes[MESSAGE_PREFIX_BYTES + MAX_MESSAGE_LEAST];
  double end = gj_now() + HELLO_SECONDS;
  int status = send_hello(g, options, end);
  if (!status) status = transfer(g->fd, false, bytes, MESSAGE_PREFIX_BYTES, end);
  uint32_t length = status ? 0 : load_be32(bytes + 1);
  if (!status && length > MAX_MESSAGE_LEAST) return failed(GAIJIN_STATUS_PROTOCOL, "what answered hello is no broker", error, n);
  if (!status) status = transfer(g->fd, false, bytes + MESSAGE_PREFIX_BYTES, length, end);
  if (status == GAIJIN_STATUS_LOST) return failed(status, "the broker closed the connection without answering hello", error, n);
  if (status == GAIJIN_STATUS_TIMEOUT) return failed(GAIJIN_STATUS_LOST, "the broker accepts connections but does not answer", error, n);
  if (status) return failed(status, "memory is too short to connect", error, n);
  return read_answer(g, bytes, length + MESSAGE_PREFIX_BYTES, error, n);
}
