/* SPDX-License-Identifier: MIT
 *
 * Waiting for workers: op watch, and the events that answer it.
 */
#ifndef GAIJIN_BROKER_WATCH_H
#define GAIJIN_BROKER_WATCH_H

#include "proto/message.h"

struct client;

void watch_on_watch(struct client *from, const struct message *m);
void watch_on_ready(struct client *from, const struct message *m);
/* Answers the watches of a client's name whose event has happened, in slices: the rest waits, as if
 * it had not happened yet, and is answered in the turns to come. */
void watch_answer(struct client *named);
/* The same in the turns to come: it was begun by the program before this one. */
void watch_go_on(struct client *named);
/* The client gives up its name: those who have not been answered yet wait for the next one. */
void watch_forget(struct client *named);

#endif
