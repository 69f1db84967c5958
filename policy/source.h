/* SPDX-License-Identifier: MIT
 *
 * A policy's file. Who can write to it rules: the broker takes only what nobody else can change.
 */
#ifndef GAIJIN_POLICY_SOURCE_H
#define GAIJIN_POLICY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/errors.h"

/* Reads a whole file of at most POLICY_BYTES_MOST bytes, which the caller frees, without waiting
 * for anybody. `guarded`: it must belong to root or to this process's user, and be writable by
 * nobody else. NULL: what is wrong is in `errors`, which is zeroed here. */
char *policy_source_read(const char *path, bool guarded, size_t *size,
                         struct policy_errors *errors);

#endif
