/* SPDX-License-Identifier: MIT
 *
 * Sockets do not block; who waits, polls.
 */
#define _GNU_SOURCE
#include "tests/hostile/raw.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/hello.h"
#include "proto/limits.h"
#include "proto/name.h"

enum { READ_LEAST = 64 << 10, ANSWER_MS = 60000, CONNECT_TRIES = 60000 };

/* ---- Connecting ---- */

/* A full backlog is no end: the broker accepts in its own time. */
static bool connect_with_patience(int fd, const struct sockaddr_un *address) {
  for (int i = 0; i < CONNECT_TRIES; i++) {
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0) return true;
    if (errno != EAGAIN && errno != EINTR) return false;
    poll(NULL, 0, 1);
  }
  return false;
}

bool raw_connect(struct raw *r, const char *socket_path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
  memset(r, 0, sizeof *r);
  r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (r->fd >= 0 && !connect_with_patience(r->fd, &address)) {
    close(r->fd);
    r->fd = -1;
  }
  frame_init(&r->in, MAX_MESSAGE_MOST);
  buffer_init(&r->out, UINT32_MAX);
  return r->fd >= 0;
}

static bool join(struct raw *r, const char *socket_path, const char *name, bool observer,
                 bool succeeds) {
  struct hello_request h = {.lowest = WIRE_VERSION_LEAST,
                            .highest = WIRE_VERSION_MOST,
                            .name = name,
                            .name_size = name ? (uint32_t)strlen(name) : 0,
                            .observer = observer};
  uint64_t version;
  if (!raw_connect(r, socket_path)) return false;
  r->last_id = 1;
  struct pack *p = raw_begin(r, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(succeeds));
  hello_put_request(p, &h, succeeds);
  if (succeeds) {
    pack_text(p, SUCCEED_KEY);
    pack_bool(p, true);
  }
  raw_end(r);
  return raw_answer(r) && r->m.kind == MESSAGE_REPLY && reader_uint(&r->r, &version) &&
         reader_uint(&r->r, &r->host);
}

bool raw_join(struct raw *r, const char *socket_path, const char *name, bool observer) {
  return join(r, socket_path, name, observer, false);
}

bool raw_succeed(struct raw *r, const char *socket_path, const char *name) {
  return join(r, socket_path, name, false, true);
}

void raw_close(struct raw *r) {
  if (r->fd >= 0) close(r->fd);
  r->fd = -1;
  frame_deinit(&r->in);
  buffer_deinit(&r->out);
}

/* ---- Writing ---- */

static struct pack *begin(struct raw *r, const struct message *header, uint32_t count) {
  pack_begin(&r->p, &r->out, MAX_MESSAGE_MOST, header, count);
  return &r->p;
}

struct pack *raw_begin(struct raw *r, enum message_kind kind, enum op op, uint64_t id,
                       uint32_t count) {
  return begin(r, &(struct message){.kind = kind, .op = op, .id = id, .target = OP_NONE}, count);
}

struct pack *raw_ask(struct raw *r, enum op op, const char *name, const struct pt *pt,
                     unsigned flags, uint32_t count) {
  struct message h = {.kind = MESSAGE_REQUEST,
                      .op = op,
                      .id = ++r->last_id,
                      .depth = 1,
                      .flags = (uint16_t)flags,
                      .target = name ? OP_NAME
                                : pt ? OP_PT
                                     : OP_NONE};
  if (name) {
    h.name = name;
    h.name_size = (uint8_t)strlen(name);
  }
  if (pt) h.pt = *pt;
  return begin(r, &h, count);
}

static void need_memory(bool there_is) {
  if (there_is) return;
  fputs("a raw client has no memory\n", stderr);
  _exit(EXIT_FAILURE);
}

void raw_end(struct raw *r) { need_memory(pack_end(&r->p) == BUFFER_OK); }

void raw_bytes(struct raw *r, const void *bytes, size_t size) {
  need_memory(buffer_append(&r->out, bytes, (uint32_t)size) == BUFFER_OK);
}

void raw_keep(struct raw *r, struct buffer *kept) {
  *kept = r->out;
  buffer_init(&r->out, UINT32_MAX);
}

void raw_repeat(struct raw *r, const struct buffer *kept) {
  message_set_id(kept->bytes, ++r->last_id);
  raw_bytes(r, kept->bytes, kept->size);
}

/* ---- The socket ---- */

/* Sends what the socket takes. False at the end of the connection; what was sent to us before can
 * still be read. */
static bool send_some(struct raw *r) {
  if (r->out.size == 0) return true;
  ssize_t n = send(r->fd, r->out.bytes + r->sent, r->out.size - r->sent, MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  r->sent += (uint32_t)n;
  if (r->sent == r->out.size) r->sent = r->out.size = 0;
  return true;
}

/* Reads what is there. False at the end. */
static bool read_some(struct raw *r) {
  uint32_t room;
  uint8_t *to = frame_room(&r->in, READ_LEAST, &room);
  need_memory(to != NULL);
  ssize_t n = recv(r->fd, to, room, 0);
  if (n > 0) frame_filled(&r->in, (uint32_t)n);
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool wait_for(struct raw *r, bool reading, int ms) {
  struct pollfd p = {.fd = r->fd,
                     .events = (short)((reading ? POLLIN : 0) | (r->out.size > 0 ? POLLOUT : 0))};
  return poll(&p, 1, ms) > 0;
}

bool raw_push(struct raw *r, int ms) {
  if (r->fd < 0) return false;
  while (send_some(r)) {
    if (r->out.size == 0 || !wait_for(r, false, ms)) return true;
  }
  return false;
}

/* The messages that are here. */
static void pass_over(struct raw *r) {
  uint8_t *bytes;
  uint32_t size;
  while (frame_next(&r->in, &bytes, &size) == FRAME_MESSAGE) r->n_read++;
}

bool raw_pump(struct raw *r) {
  if (r->fd < 0) return false;
  while (r->out.size > 0) {
    wait_for(r, true, -1);
    if (!send_some(r) || !read_some(r)) return false;
    pass_over(r);
  }
  return true;
}

bool raw_drain(struct raw *r, uint64_t n_read) {
  if (!raw_pump(r)) return false;
  for (pass_over(r); r->n_read < n_read; pass_over(r)) {
    wait_for(r, true, -1);
    if (!read_some(r)) return false;
  }
  return true;
}

int raw_next(struct raw *r, int ms) {
  uint8_t *bytes;
  uint32_t size, count;
  for (;;) {
    if (r->fd < 0) return -1;
    if (frame_next(&r->in, &bytes, &size) == FRAME_MESSAGE) {
      r->n_read++;
      if (message_parse(bytes, size, &r->m) != NULL) return -1;
      return reader_open(&r->r, r->m.body, r->m.body_size, &count) ? 1 : -1;
    }
    if (!wait_for(r, true, ms)) return 0;
    send_some(r); /* its failure shows as an end when all has been read */
    if (!read_some(r)) return -1;
  }
}

bool raw_answer(struct raw *r) {
  while (raw_next(r, ANSWER_MS) == 1) {
    bool is_answer = r->m.kind == MESSAGE_REPLY || r->m.kind == MESSAGE_ERROR;
    if (is_answer && r->m.id == r->last_id) return true;
  }
  return false;
}

struct pt raw_token(const struct raw *r, uint64_t id) {
  return (struct pt){.host = r->host, .id = id, .stamp = id ^ 0x5a5a5a5a, .kind = PT_FUNCTION};
}
