/* SPDX-License-Identifier: MIT
 *
 * The roster's file: found, judged, made anew, removed. It is touched only by whoever has the lock
 * of the socket beside it.
 */
#ifndef GAIJIN_BROKER_ROSTER_FILE_H
#define GAIJIN_BROKER_ROSTER_FILE_H

#include "broker/base/log.h"
#include "broker/base/sheet.h"
#include "broker/books/roster.h"

/* Opens SOCKET.roster, or makes it, and counts the generation on. What is there and no use (of
 * another system start or layout, damaged, a link, somebody else's) is thrown away with a line in
 * the log: nobody comes back then. Slots of processes that have ended, and damaged ones, are freed;
 * all others stay in use, and are those that may come back. When no new file can be made, that is
 * logged, the struct has no header, and nobody gets a slot.
 * 0; or -1 and one clear line in `error` (n bytes): there is a file, and for want of descriptors,
 * memory or rights it cannot be read. It stays: without it all workers would be dead. */
int roster_open(struct roster *r, const char *socket, struct log *log, char *error, size_t n);
/* To a sheet, or from it in the place of roster_open: the file stays open, with all that is in it,
 * for the program that goes on in this one's place; its generation stays. */
void roster_carry(struct roster *r, const char *socket, struct sheet *s);
/* Lets go of the file, which stays for the next broker; a zeroed struct is fine. */
void roster_close(struct roster *r);
/* The broker ends in good order: nobody is to come back. Then the same. */
void roster_remove(struct roster *r);

#endif
