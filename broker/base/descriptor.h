/* SPDX-License-Identifier: MIT
 *
 * Descriptors that go to the program which goes on in this one's place.
 */
#ifndef GAIJIN_BROKER_DESCRIPTOR_H
#define GAIJIN_BROKER_DESCRIPTOR_H

#include <fcntl.h>
#include <stdbool.h>

/* Has a descriptor stay open over exec, or not again. False: it is none. */
static inline bool descriptor_keep(int fd, bool kept) {
  return fd >= 0 && fcntl(fd, F_SETFD, kept ? 0 : FD_CLOEXEC) == 0;
}

#endif
