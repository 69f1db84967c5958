/* SPDX-License-Identifier: MIT
 *
 * A hello that names an old host: whether it comes from the worker that had this id and was not
 * declared dead. The roster knows both: it has a slot of that id, with the secret that only this
 * worker was told. Death is final: whoever has no slot is dead for good, also if it is alive.
 */
#ifndef GAIJIN_BROKER_READMIT_H
#define GAIJIN_BROKER_READMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/hello.h"
#include "proto/returning.h"
#include "proto/status.h"

struct client;

/* What a hello says about who comes back. */
struct returning {
  bool is; /* else the rest is not set */
  uint64_t host;
  struct secret secret;
};

/* Reads the options of a hello of this version of the wire. NULL, or what is wrong with them. */
const char *readmit_read(const struct hello_options *o, uint32_t version, struct returning *r);

/* Who it is (books/absents.h). SLAB_NONE: it is to be refused with *status and `text` (n bytes).
 * `name` may be empty. If the worker has another connection still, that one is ended: the broker
 * has cut it off, or is about to learn that it has ended. */
uint32_t readmit_judge(struct client *from, const struct returning *r, bool observer,
                       const char *name, uint32_t name_size, enum status *status, char *text,
                       size_t n);

#endif
