/* SPDX-License-Identifier: MIT
 *
 * A port of this machine alone: what is served here is for who is on it, so only addresses of the
 * loopback are taken.
 */
#ifndef GAIJIN_TOOLS_LISTEN_H
#define GAIJIN_TOOLS_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

struct listening {
  int fd;            /* accepts connections; owned */
  char address[64];  /* as it stands in an address: 127.0.0.1, [::1] */
  uint16_t port;
};

/* Listens at `where`: PORT or ADDRESS:PORT, where PORT 0 is a free one and an address of IPv6 may
 * stand in brackets. What it is for, `what`, begins the error line; the status then: EXIT_USAGE
 * where `where` is to blame, else EXIT_FAILED. */
int listen_open(struct listening *l, const char *what, const char *where);

/* Whether a request that names this host (the field Host) is for us: our address or localhost, with
 * our port. A page of somebody else's whose name leads here names another. */
bool listen_is_named(const struct listening *l, const char *host);

#endif
