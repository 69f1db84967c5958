/* SPDX-License-Identifier: MIT
 *
 * The path of the program's own file, for the program that is to go on in its place. It is the name
 * by which the program was started, and not what that name led to: a package may keep each release
 * in a file of its own, and let a link lead to the newest one. Only if that name does not lead to
 * the file that runs (it was told another name, or a script of another place runs it) it is the
 * file's.
 */
#ifndef GAIJIN_BROKER_OWN_FILE_H
#define GAIJIN_BROKER_OWN_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Puts the absolute path into `path` (n bytes). `name`: the first word of the command line, or
 * NULL; one without a slash is looked for in `search`, a list as in $PATH, or NULL. `running`: the
 * file that runs, "/proc/self/exe" but for tests. False: it is not known. */
bool own_file(const char *name, const char *search, const char *running, char *path, size_t n);

#endif
