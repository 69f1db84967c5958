/* SPDX-License-Identifier: MIT
 *
 * The standard streams of a program that may have been started without them.
 */
#ifndef GAIJIN_PROTO_STREAMS_H
#define GAIJIN_PROTO_STREAMS_H

/* The first thing a program does: each of the descriptors 0, 1 and 2 that is closed becomes
 * /dev/null. Otherwise the next socket or file would get its number, and what is meant for people
 * would be written into it. */
void streams_open(void);

#endif
