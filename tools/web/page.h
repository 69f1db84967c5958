/* SPDX-License-Identifier: MIT
 *
 * The files of the page that `gaijinctl web` serves, which are in tools/web/page/ and in the
 * program.
 */
#ifndef GAIJIN_TOOLS_PAGE_H
#define GAIJIN_TOOLS_PAGE_H

#include "tools/web/serve.h"

/* The file of this name, of "" the page itself; NULL: there is none. Static. */
const struct serve_file *page_find(const char *name);

#endif
