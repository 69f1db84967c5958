/* SPDX-License-Identifier: MIT
 *
 * The memory file that a pair of rings lies in. The broker makes it and passes its descriptor on;
 * a worker believes nothing of what it gets, for a file that could shrink would kill whoever reads
 * where it was.
 *
 * The mapping is not there in a forked child, nor in a core dump. The descriptor is not needed once
 * it is mapped.
 */
#ifndef GAIJIN_PROTO_RING_MAP_H
#define GAIJIN_PROTO_RING_MAP_H

#include "proto/ring/layout.h"

/* A new file of RING_MAP_BYTES, sealed: it keeps its size, and its seals. It is closed by exec.
 * Returns its descriptor, or a negative errno: memory, descriptors, or the limit of the size of
 * files (-EFBIG) are too short for it, or the kernel has none (-ENOSYS). */
int ring_file(void);

/* Maps the file `fd`, which stays the caller's. Returns 0 and sets *map, which rings_attach takes;
 * or a negative errno: -EPROTO if it is not what ring_file makes, -EPROTONOSUPPORT if its layout is
 * another. */
int ring_map(int fd, void **map);
void ring_unmap(void *map);

#endif
