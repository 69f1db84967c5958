/* SPDX-License-Identifier: MIT
 *
 * What a running broker (or worker) takes, as /proc tells it. Each ends its program when it cannot
 * be read: then the process is gone.
 */
#ifndef GAIJIN_BENCH_LOOK_H
#define GAIJIN_BENCH_LOOK_H

/* KiB of memory that are the process's alone, and those of the file in which a broker has its books,
 * of which what is mapped is counted once. */
long look_private_kib(long pid);

/* Nanoseconds of processor time it has had. */
double look_processor_ns(long pid);

#endif
