/* SPDX-License-Identifier: MIT
 *
 * Where a supervisor is asked: beside its broker's socket. /run/gaijin/gaijin.sock has
 * /run/gaijin/gaijin.run.
 *
 * A request is a line: words with a 0 between them. The answer is lines, the first byte of which
 * says what they are; the last one is the end.
 */
#ifndef GAIJIN_TOOLS_RUN_ADDRESS_H
#define GAIJIN_TOOLS_RUN_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

enum { ADDRESS_REQUEST_MOST = 1024 }; /* bytes of a request */

enum address_line {
  ADDRESS_ROW = 'r',   /* of `ps`: cells with tabs between them */
  ADDRESS_TEXT = 't',  /* a line of a log */
  ADDRESS_FAULT = 'f', /* why it failed, or what an answer that goes on has not; for stderr */
  ADDRESS_UNKNOWN = 'u', /* the same: no worker of this supervisor is called so */
  ADDRESS_END = '.',   /* and an exit status, one digit */
};

/* The address beside a broker's socket. False if its path is too long. */
bool address_of(struct sockaddr_un *a, const char *socket);

#endif
