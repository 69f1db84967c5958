/* SPDX-License-Identifier: MIT
 *
 * Taking over the name of a living worker: a part of <gaijin/gaijin.h>, which includes it.
 *
 * With options.succeed a connection is welcome while another worker of the same user has its name.
 * It waits then as the successor of that worker, may do what any worker may, and is not found by
 * the name until it notices GAIJIN_OP_READY: from then on it has the name. If the name is free it
 * has it at once. A broker of version 7 or older answers name_taken, as it does without.
 *
 * The one before is told by events.succeeded: nobody finds it by its name any more, as after
 * GAIJIN_OP_RETIRE, and who has its tokens may go on asking it. It is to finish and end. The event
 * may come again after a return (<gaijin/returning.h>).
 */
#ifndef GAIJIN_SUCCESSION_H
#define GAIJIN_SUCCESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <gaijin/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of a host that has ended: whether another worker had its name before. */
GAIJIN_API bool gaijin_host_succeeded(const gaijin *g, uint64_t host);

#ifdef __cplusplus
}
#endif

#endif
