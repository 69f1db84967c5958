/* SPDX-License-Identifier: MIT
 *
 * Addresses are numbers: no name is looked up.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#endif
#include "tools/web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base.h"
#include "tools/base/command.h"
#include "tools/base/text.h"

/* Connections that wait to be accepted; while there are too many these wait here. */
enum { BACKLOG = 64 };

union address {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
};

/* "127.0.0.1", "::1", "[::1]": an address of the loopback, and how it is written. */
static bool parse_address(struct listening *l, union address *a, const char *text, size_t size) {
  char plain[INET6_ADDRSTRLEN];
  bool bracketed = size > 2 && text[0] == '[' && text[size - 1] == ']';
  if (bracketed) {
    text++;
    size -= 2;
  }
  if (size >= sizeof plain) return false;
  memcpy(plain, text, size);
  plain[size] = 0;
  *a = (union address){0};
  if (!bracketed && inet_pton(AF_INET, plain, &a->four.sin_addr) == 1) {
    a->four.sin_family = AF_INET;
    snprintf(l->address, sizeof l->address, "%s", plain);
    return ntohl(a->four.sin_addr.s_addr) >> 24 == 127;
  }
  if (inet_pton(AF_INET6, plain, &a->six.sin6_addr) != 1) return false;
  a->six.sin6_family = AF_INET6;
  snprintf(l->address, sizeof l->address, "[::1]");
  return IN6_IS_ADDR_LOOPBACK(&a->six.sin6_addr);
}

static bool parse_port(uint16_t *port, const char *text) {
  char *end;
  if (*text < '0' || *text > '9') return false;
  errno = 0;
  unsigned long n = strtoul(text, &end, 10);
  *port = (uint16_t)n;
  return errno == 0 && !*end && n <= 65535;
}

static bool parse(struct listening *l, union address *a, const char *where) {
  const char *colon = strrchr(where, ':');
  size_t size = colon ? (size_t)(colon - where) : 0;
  if (!parse_port(&l->port, colon ? colon + 1 : where)) return false;
  return colon ? parse_address(l, a, where, size) : parse_address(l, a, "127.0.0.1", 9);
}

/* The socket; -1 with errno. *port becomes the one it has. */
static int open_socket(union address *a, uint16_t *port) {
  const int on = 1;
  socklen_t size = a->any.sa_family == AF_INET ? sizeof a->four : sizeof a->six;
  in_port_t *field = a->any.sa_family == AF_INET ? &a->four.sin_port : &a->six.sin6_port;
  *field = htons(*port);
  int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      bind(fd, &a->any, size) == 0 && listen(fd, BACKLOG) == 0 &&
      getsockname(fd, &a->any, &size) == 0) {
    *port = ntohs(*field);
    return fd;
  }
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int listen_open(struct listening *l, const char *what, const char *where) {
  union address a;
  *l = (struct listening){.fd = -1};
  if (!parse(l, &a, where)) {
    tool_error("%s: '%.80s' is not where it can listen: write PORT, 127.0.0.1:PORT or [::1]:PORT; "
               "other machines cannot be served", what, where);
    return EXIT_USAGE;
  }
  l->fd = open_socket(&a, &l->port);
  if (l->fd >= 0) return EXIT_GOOD;
  tool_error("%s: cannot listen at %s:%u: %s", what, l->address, l->port, strerror(errno));
  return EXIT_FAILED;
}

/* Whether `host` is `name` and our port, which need not be said where it is that of HTTP. */
static bool names(const struct listening *l, const char *host, const char *name) {
  char port[8];
  size_t n = strlen(name);
  if (strncasecmp(host, name, n) != 0) return false;
  snprintf(port, sizeof port, ":%u", l->port);
  return strcmp(host + n, port) == 0 || (!host[n] && l->port == 80);
}

bool listen_is_named(const struct listening *l, const char *host) {
  return names(l, host, l->address) || names(l, host, "localhost");
}
