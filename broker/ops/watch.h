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
/* Answers the watches of a client's name whose event has happened. */
void watch_answer(struct client *named);

#endif
