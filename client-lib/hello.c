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
#include "proto/closed.h"
#include "proto/hello.h"

/* So long a broker that has accepted may take to answer in any case: it may be busy. Who does not
 * wait for one that is not there has set no time for one that is. */
#define HELLO_SECONDS_LEAST 1.0
#define HELLO_SECONDS_STANDARD 10.0
enum { HELLO_ID = 1 };

/* The line for a greeting that failed on the way. */
static int failed(int status, const char *why, char *error, size_t n) {
  snprintf(error, n, "%s", why);
  return status;
}

/* 0 when the descriptor is ready, GAIJIN_STATUS_TIMEOUT. */
static int wait_for(int fd, short events, double end) {
  double left = end - clock_seconds();
  struct pollfd p = {.fd = fd, .events = events};
  if (!(left > 0)) return GAIJIN_STATUS_TIMEOUT;
  poll(&p, 1, left > 1e6 ? 1000000000 : (int)ceil(left * 1000));
  return 0;
}

/* Moves exactly `size` bytes out of or into `bytes`. 0, GAIJIN_STATUS_LOST or
 * GAIJIN_STATUS_TIMEOUT. */
static int transfer(int fd, bool out, uint8_t *bytes, uint32_t size, double end) {
  uint32_t done = 0;
  while (done < size) {
    ssize_t n = out ? send(fd, bytes + done, size - done, MSG_NOSIGNAL)
                    : recv(fd, bytes + done, size - done, 0);
    if (n > 0) {
      done += (uint32_t)n;
      continue;
    }
    if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
      return GAIJIN_STATUS_LOST;
    int status = wait_for(fd, out ? POLLOUT : POLLIN, end);
    if (status) return status;
  }
  return 0;
}

/* What this program speaks, as hello tells it and the texts say it. */
static const struct hello_request spoken = {.lowest = WIRE_VERSION_LEAST,
                                            .highest = WIRE_VERSION_MOST};

/* Packs hello: as the worker that we were, if `returning`. */
static bool pack_hello(gaijin *g, struct buffer *b, const char *name, bool observer,
                       bool returning) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_hello, .id = HELLO_ID};
  struct hello_request h = spoken;
  struct pack p;
  h.name = name;
  h.name_size = name ? (uint32_t)strlen(name) : 0;
  h.observer = observer;
  /* Who has said ready had the name, or asks for it as anybody does. */
  bool succeeds = g->succeed && !returning && !g->ret.ready;
  uint32_t pairs =
      (g->sandboxed ? 1u : 0u) + (returning ? 2u : 0u) + (g->rings.wanted ? 1u : 0u) +
      (g->cycle_pause_ms ? 1u : 0u) + (succeeds ? 1u : 0u);
  pack_begin(&p, b, MAX_MESSAGE_LEAST, &m, hello_request_values(pairs));
  hello_put_request(&p, &h, pairs);
  if (g->sandboxed) {
    pack_text(&p, SANDBOXED_KEY);
    pack_bool(&p, true);
  }
  if (g->rings.wanted) {
    pack_text(&p, RING_KEY);
    pack_uint(&p, RING_LAYOUT);
  }
  if (g->cycle_pause_ms) {
    pack_text(&p, CYCLE_PAUSE_KEY);
    pack_uint(&p, g->cycle_pause_ms);
  }
  if (succeeds) {
    pack_text(&p, SUCCEED_KEY);
    pack_bool(&p, true);
  }
  if (returning) {
    pack_text(&p, RETURN_HOST_KEY);
    pack_uint(&p, g->host);
    pack_text(&p, RETURN_SECRET_KEY);
    pack_string(&p, (const char *)g->ret.secret.bytes, SECRET_BYTES);
  }
  return pack_end(&p) == BUFFER_OK;
}

/* The bytes had our secret. */
static void wipe(struct buffer *b) {
  volatile uint8_t *at = b->bytes;
  for (uint32_t i = 0; i < b->size; i++) at[i] = 0;
  buffer_deinit(b);
}

bool gj_hello_return(gaijin *g) {
  struct buffer b;
  bool as_before = !g->ret.late, sent = false;
  buffer_init(&b, MAX_MESSAGE_LEAST);
  /* Who gave its name up has none to ask for; who comes back has the one that it had. */
  if (pack_hello(g, &b, as_before || g->ret.retired ? NULL : g->name, false, as_before))
    sent = send(g->fd, b.bytes, b.size, MSG_NOSIGNAL) == (ssize_t)b.size;
  wipe(&b);
  return sent;
}

static int send_hello(gaijin *g, const struct gaijin_options *options, double end) {
  struct buffer b;
  buffer_init(&b, MAX_MESSAGE_LEAST);
  int status = pack_hello(g, &b, options->name, options->observer, false)
                   ? transfer(g->fd, true, b.bytes, b.size, end)
                   : GAIJIN_STATUS_BUSY;
  buffer_deinit(&b);
  /* A broker that refuses may have closed already; its answer is still to be read. */
  return status == GAIJIN_STATUS_LOST ? 0 : status;
}

/* Copies a string of the reply, terminated; false if it does not fit. */
static bool copy_text(char *out, size_t n, const char *bytes, uint32_t size) {
  if (size >= n) return false;
  memcpy(out, bytes, size);
  out[size] = '\0';
  return true;
}

/* A broker that tells no window has none. */
static void read_window(gaijin *g, const struct hello_reply *r) {
  struct reader posts, bytes;
  uint64_t n, size;
  g->window = (struct window){0};
  if (g->version < op_info(OP_taken)->since) return;
  if (!hello_option(&r->options, WINDOW_POSTS_KEY, &posts) || !reader_uint(&posts, &n) ||
      !hello_option(&r->options, WINDOW_BYTES_KEY, &bytes) || !reader_uint(&bytes, &size))
    return;
  g->window = (struct window){n < UINT32_MAX ? (uint32_t)n : UINT32_MAX, size};
}

/* A broker that tells no limit of references has none. */
static void read_refs_most(gaijin *g, const struct hello_reply *r) {
  struct reader in;
  uint64_t n;
  g->refs_most = UINT32_MAX;
  if (hello_option(&r->options, REFS_MOST_KEY, &in) && reader_uint(&in, &n) && n < UINT32_MAX)
    g->refs_most = (uint32_t)n;
}

/* A broker that tells no secret does not take workers back. */
static void read_return(gaijin *g, const struct hello_reply *r) {
  struct reader in;
  uint64_t n;
  if (hello_option(&r->options, RETURN_GENERATION_KEY, &in) && reader_uint(&in, &n) &&
      n <= GENERATION_MOST)
    g->ret.generation = n;
  g->ret.known = g->version >= WIRE_VERSION_RETURN &&
                 hello_option(&r->options, RETURN_SECRET_KEY, &in) &&
                 secret_read(&in, &g->ret.secret);
}

static bool knows_sandboxes(const struct hello_reply *r) {
  struct reader in;
  bool is = false;
  return hello_option(&r->options, SANDBOXED_KEY, &in) && reader_bool(&in, &is) && is;
}

static int read_welcome(gaijin *g, const struct message *m, char *error, size_t n) {
  struct hello_reply r;
  char asked[HELLO_RANGE_BYTES];
  const char *fault = hello_read_reply(m, &r);
  if (!fault && (r.version < spoken.lowest || r.version > spoken.highest)) {
    snprintf(error, n,
             "the broker chose version %llu of the wire, this program asked for %s; install the "
             "same gaijin for both",
             (unsigned long long)r.version, hello_range(asked, spoken.lowest, spoken.highest));
    return GAIJIN_STATUS_PROTOCOL;
  }
  if (!fault && (!copy_text(g->name, sizeof g->name, r.name, r.name_size) ||
                 !copy_text(g->broker_version, sizeof g->broker_version, r.broker_version,
                            r.broker_version_size)))
    fault = "a text in it is too long";
  if (fault) {
    snprintf(error, n, "the broker's answer to hello is malformed: %s", fault);
    return GAIJIN_STATUS_PROTOCOL;
  }
  if (g->sandboxed && !knows_sandboxes(&r)) {
    snprintf(error, n, "the broker (gaijin %s) knows no sandboxed clients; restart the broker with "
                       "the same release of gaijin", g->broker_version);
    return GAIJIN_STATUS_UNSUPPORTED;
  }
  g->version = (uint32_t)r.version;
  g->host = r.host;
  g->max_message = (uint32_t)r.max_message;
  if (g->last_call < HELLO_ID) g->last_call = HELLO_ID;
  read_return(g, &r);
  read_refs_most(g, &r);
  read_window(g, &r);
  return 0;
}

/* The broker ended the connection instead of answering. A broker that speaks only version 1 does
 * so: to it, hello has too many values. */
static int read_parting(const char *text, uint32_t size, char *error, size_t n) {
  char own[HELLO_RANGE_BYTES];
  snprintf(error, n,
           "the broker did not understand this program's hello: %.*s. This program speaks %s of "
           "the wire; restart the broker with the same release of gaijin",
           (int)size, text, hello_range(own, spoken.lowest, spoken.highest));
  return GAIJIN_STATUS_PROTOCOL;
}

static int read_refusal(const struct message *m, char *error, size_t n) {
  struct reader r;
  uint64_t status;
  const char *text;
  uint32_t size, count;
  static const char no_reason[] = "the broker refused hello without saying why";
  if (!reader_open(&r, m->body, m->body_size, &count) || !reader_uint(&r, &status) ||
      !reader_string(&r, &text, &size) ||
      status == GAIJIN_STATUS_RAISED || status >= GAIJIN_STATUS_COUNT)
    return failed(GAIJIN_STATUS_PROTOCOL, no_reason, error, n);
  if (size == 0 || !*text) return failed((int)status, no_reason, error, n);
  if (m->id != HELLO_ID && status == GAIJIN_STATUS_PROTOCOL)
    return read_parting(text, size, error, n);
  snprintf(error, n, "%.*s", (int)size, text);
  return (int)status;
}

/* An error of id 0 is the broker's parting word to who broke the protocol. */
static bool answers_hello(const struct message *m) {
  if (m->op != OP_hello || m->kind == MESSAGE_REQUEST) return false;
  return m->id == HELLO_ID || (m->id == 0 && m->kind == MESSAGE_ERROR);
}

static int read_answer(gaijin *g, const uint8_t *bytes, uint32_t size, char *error, size_t n) {
  struct message m;
  const char *fault = message_parse(bytes, size, &m);
  if (!fault) fault = body_walk(m.body, m.body_size, NULL, NULL);
  if (!fault && !answers_hello(&m)) fault = "it is another message";
  if (fault) {
    snprintf(error, n, "what answered hello is no broker of this version: %s", fault);
    return GAIJIN_STATUS_PROTOCOL;
  }
  return m.kind == MESSAGE_REPLY ? read_welcome(g, &m, error, n) : read_refusal(&m, error, n);
}

int gj_hello_returned(gaijin *g, const uint8_t *bytes, uint32_t size, char *error, size_t n) {
  int status = read_answer(g, bytes, size, error, n);
  if (status || g->version >= WIRE_VERSION_RETURN) return status;
  snprintf(error, n,
           "the broker (gaijin %s) takes no workers back; restart it with the same release of "
           "gaijin",
           g->broker_version);
  return GAIJIN_STATUS_UNSUPPORTED;
}

int gj_hello_exchange(gaijin *g, const struct gaijin_options *options, double end, char *error,
                      size_t n) {
  uint8_t bytes[MESSAGE_PREFIX_BYTES + MAX_MESSAGE_LEAST];
  double waits = options->wait_seconds;
  double least = clock_seconds() + (waits > 0   ? HELLO_SECONDS_LEAST
                                    : waits < 0 ? -waits
                                                : HELLO_SECONDS_STANDARD);
  if (end < least) end = least;
  g->sandboxed = options->sandboxed;
  g->succeed = options->succeed;
  int status = send_hello(g, options, end);
  if (!status) status = transfer(g->fd, false, bytes, MESSAGE_PREFIX_BYTES, end);
  uint32_t length = status ? 0 : load_be32(bytes + 1);
  if (!status && length > MAX_MESSAGE_LEAST)
    return failed(GAIJIN_STATUS_PROTOCOL, "what answered hello is no broker", error, n);
  if (!status) status = transfer(g->fd, false, bytes + MESSAGE_PREFIX_BYTES, length, end);
  if (status == GAIJIN_STATUS_LOST)
    return failed(status, "the broker closed the connection without answering hello", error, n);
  if (status == GAIJIN_STATUS_TIMEOUT)
    return failed(GAIJIN_STATUS_LOST, "the broker accepts connections but does not answer; look "
                                      "whether it hangs",
                  error, n);
  if (status) return failed(status, "memory is too short to connect", error, n);
  return read_answer(g, bytes, length + MESSAGE_PREFIX_BYTES, error, n);
}
