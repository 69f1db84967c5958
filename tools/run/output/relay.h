/* SPDX-License-Identifier: MIT
 *
 * Between a program that must not stand still and who reads its output: what is written to a
 * descriptor passes through a pipe to a thread that writes it on, for as long as that takes. The
 * pipe's end that is written to never blocks. What it has no room for is lost, to the writer's
 * knowledge (EAGAIN), and so is what cannot be written on, a full disk's or of a reader who has
 * gone (relay_fault). Children that inherit the descriptor write as their parent does.
 */
#ifndef GAIJIN_TOOLS_RUN_RELAY_H
#define GAIJIN_TOOLS_RUN_RELAY_H

#include <stdbool.h>

/* Bytes that may wait, as far as the kernel allows it. */
enum { RELAY_ROOM = 1 << 20 };

struct relay;

/* From now on what is written to `fd` passes through a relay. NULL, and errno, if there can be
 * none: then nothing has changed. */
struct relay *relay_begin(int fd);
/* What is written to `fd` passes through this relay, too, if both go to the same place, a terminal
 * or by 2>&1: then lines keep their order and stay whole. True if it does from now on; else nothing
 * has changed. For NULL it is false, and so it is for a third descriptor. */
bool relay_share(struct relay *r, int fd);
/* 0, or the errno that what came last met where it goes. */
int relay_fault(const struct relay *r);
/* What waits has RELAY_END_MS to leave; then each descriptor is what it was, and the relay is
 * freed. Nothing for NULL. */
enum { RELAY_END_MS = 2000 };
void relay_end(struct relay *r);

#endif
