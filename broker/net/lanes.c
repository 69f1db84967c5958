/* SPDX-License-Identifier: MIT
 *
 * A knock that finds the socket full is not needed: others are there unread.
 */
#define _GNU_SOURCE /* struct ucred */
#include "broker/net/lanes.h"

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

void lanes_knock(struct lanes *l, int fd) {
  l->is_knock_due = !l->out;
  if (l->is_knock_due) return;
  ssize_t n = send(fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)n; /* of one that has gone the end is read */
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

enum lanes_heard lanes_hear(int fd) {
  char bytes[64];
  ssize_t n;
  do
    n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return LANES_NOTHING;
  if (n <= 0) return LANES_ENDED;
  for (ssize_t i = 0; i < n; i++)
    if (bytes[i]) return LANES_BROKEN;
  return LANES_KNOCKED;
}
