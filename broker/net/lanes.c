/* SPDX-License-Identifier: MIT
 *
 * A knock that finds the socket full is not needed: others are there unread.
 */
#define _GNU_SOURCE /* struct ucred */
#include "broker/net/lanes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/ring/map.h"

int lanes_new(struct lanes **out, int file, const struct ring_place *from) {
  struct lanes *l = calloc(1, sizeof *l);
  void *map = NULL;
  if (!l) return -ENOMEM;
  l->file = file < 0 ? ring_file() : file;
  int r = l->file < 0 ? l->file : ring_map(l->file, &map);
  if (r < 0) {
    if (file < 0 && l->file >= 0) close(l->file);
    free(l);
    return r;
  }
  rings_attach(&l->pair, map, RING_BROKER, from);
  l->out_at = UINT64_MAX;
  l->has_room = from; /* it is not known */
  *out = l;
  return 0;
}

void lanes_free(struct lanes *l) {
  if (!l) return;
  ring_unmap(l->pair.page);
  close(l->file);
  free(l);
}

bool lanes_offer(const struct lanes *l, int fd, const void *bytes, uint32_t size) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control = {0};
  struct iovec v = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
  struct msghdr m = {.msg_iov = &v,
                     .msg_iovlen = 1,
                     .msg_control = &control,
                     .msg_controllen = sizeof control.bytes};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  *c = (struct cmsghdr){
      .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
  memcpy(CMSG_DATA(c), &l->file, sizeof(int));
  return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

static void send_knock(int fd) {
  ssize_t n = send(fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)n; /* of one that has gone the end is read */
}

void lanes_knock(struct lanes *l, int fd) {
  if (l->out)
    send_knock(fd);
  else
    l->is_knock_due = true;
}

void lanes_knock_later(struct lanes *l, int fd) {
  if (!l->is_knock_due) return;
  l->is_knock_due = false;
  send_knock(fd);
}

bool lanes_leave(struct lanes *l, int fd, const void *bytes, uint32_t size) {
  assert(l->in && l->out && !l->is_knock_due);
  if (ring_room(&l->pair) < size) return false;
  ring_put(&l->pair, bytes, size);
  if (ring_publish(&l->pair)) send_knock(fd); /* the last before its messages there */
  l->out = l->has_room = false;
  l->has_left = true;
  return true;
}

void lanes_end(struct lanes *l) {
  if (l->has_ended) return;
  l->has_ended = true;
  l->end = ring_end(&l->pair);
}

uint32_t lanes_take(struct lanes *l, int fd, void *to, uint32_t room) {
  bool knock = false;
  uint32_t left = l->end - l->pair.tail;
  if (l->has_ended && room > left) room = left;
  uint32_t n = ring_take(&l->pair, to, room, &knock);
  if (knock) lanes_knock(l, fd);
  return n;
}

static ssize_t receive(int fd, void *to, size_t room, int flags) {
  ssize_t n;
  do
    n = recv(fd, to, room, MSG_DONTWAIT | flags);
  while (n < 0 && errno == EINTR);
  return n;
}

enum lanes_heard lanes_hear(struct lanes *l, int fd) {
  char bytes[64];
  ssize_t n = receive(fd, bytes, sizeof bytes, l->has_left ? MSG_PEEK : 0), knocks = 0;
  if (n < 0 && errno == EAGAIN) return LANES_NOTHING;
  if (n <= 0) return LANES_ENDED;
  while (knocks < n && !bytes[knocks]) knocks++;
  if (!l->has_left) return knocks < n ? LANES_BROKEN : LANES_KNOCKED;
  if (knocks > 0) receive(fd, bytes, (size_t)knocks, 0);
  l->is_ahead = knocks < n;
  return LANES_KNOCKED;
}
