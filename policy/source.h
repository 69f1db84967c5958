/* SPDX-License-Identifier: MIT
 *
 * A policy's file. Who can write to it rules: the broker takes only what nobody else can change.
 */
#ifndef GAIJIN_POLICY_SOURCE_H
#define GAIJIN_POLICY_SOURCE_H

#include <stddef.h>

#include "policy/errors.h"

/* Reads a whole file of at most POLICY_BYTES_MOST bytes, which the caller frees, without waiting
 * for anybody. File and directory must belong to root or to this process's user, and nobody else
 * may write to them (to a sticky directory others may: they cannot replace the file there).
 * `warning` NULL: else it is not read. Otherwise it is read in any case, and what is wrong about
 * that is in `warning`, POLICY_ERROR_BYTES bytes, or "". NULL: what is wrong is in `errors`, which
 * is zeroed here. */
char *policy_source_read(const char *path, char *warning, size_t *size,
                         struct policy_errors *errors);

#endif
