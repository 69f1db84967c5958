/* SPDX-License-Identifier: MIT
 *
 * What a sandboxed worker has of whoever started it, and code that has broken out would find:
 * descriptors, standard input, the environment with its secrets. Standard output and error stay:
 * they are for its lines.
 */
#ifndef GAIJIN_LUA_INHERITED_H
#define GAIJIN_LUA_INHERITED_H

/* Closes all descriptors but the standard streams. To be called before any is opened. 0 or a
 * negative errno. */
int inherited_close(void);

/* Puts /dev/null in the place of standard input and wipes the environment, but for the time zone,
 * which the process still needs. To be called when all that is read from them has been read. 0 or a
 * negative errno. */
int inherited_forget(void);

#endif
