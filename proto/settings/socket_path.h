/* SPDX-License-Identifier: MIT
 *
 * Where broker and clients meet when nobody says where.
 */
#ifndef GAIJIN_PROTO_SOCKET_PATH_H
#define GAIJIN_PROTO_SOCKET_PATH_H

#include <stddef.h>

#define SOCKET_PATH_LAST "/run/gaijin/gaijin.sock"

/* $GAIJIN_SOCKET, else $XDG_RUNTIME_DIR/gaijin.sock, else /run/gaijin/gaijin.sock; an empty
 * variable counts as none. Writes at most n bytes, always terminated; returns out. Does not look
 * whether anything is there. */
char *socket_path_default(char *out, size_t n);
/* Which of the variables says so, "$GAIJIN_SOCKET"; NULL: none. Static. */
const char *socket_path_from(void);

#endif
