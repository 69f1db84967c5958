/* SPDX-License-Identifier: MIT
 *
 * What the headers of libgaijin name in common. Each of them can be included alone.
 */
#ifndef GAIJIN_TYPES_H
#define GAIJIN_TYPES_H

#ifdef __GNUC__
#define GAIJIN_API __attribute__((visibility("default")))
#else
#define GAIJIN_API
#endif

typedef struct gaijin gaijin;                 /* a connection */
typedef struct gaijin_token gaijin_token;     /* a home token */
typedef struct gaijin_holding gaijin_holding; /* a foreign token we hold */
typedef struct gaijin_body gaijin_body;       /* the values of a received message */
struct gaijin_cycle;                          /* what the broker asks of suspects (cycles.h) */

#endif
