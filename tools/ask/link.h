/* SPDX-License-Identifier: MIT
 *
 * Comes to a broker that is not there yet, or back to one that has gone. To connect takes as long
 * as the broker lets one wait, so a thread does it, and says so through a pipe; nobody else touches
 * the connection until then.
 */
#ifndef GAIJIN_TOOLS_LINK_H
#define GAIJIN_TOOLS_LINK_H

#include <stdbool.h>

#include <gaijin/gaijin.h>

struct link;

/* Begins to try again and again, until there is a connection, at the path (NULL: the default).
 * NULL: there are no threads, descriptors or memory, errno says which. */
struct link *link_begin(const char *socket);
/* To be polled for reading: then link_take has something. */
int link_fd(const struct link *l);
/* What came: the connection, which is the caller's, or NULL and why the last try failed, its
 * GAIJIN_STATUS_ and a text (n bytes). NULL and "": nothing new. */
gaijin *link_take(struct link *l, int *status, char *why, size_t n);
/* The thread ends by itself when its try does; the memory then is its own. NULL is fine. */
void link_end(struct link *l);

#endif
