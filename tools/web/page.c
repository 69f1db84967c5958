/* SPDX-License-Identifier: MIT
 *
 * The Makefile makes a text of each file, with a 0 behind it.
 */
#include "tools/web/page.h"

#include <string.h>

#include "proto/base.h"
#include "tools/web/page/details.js.h"
#include "tools/web/page/graph.js.h"
#include "tools/web/page/icon.svg.h"
#include "tools/web/page/index.html.h"
#include "tools/web/page/main.js.h"
#include "tools/web/page/model.js.h"
#include "tools/web/page/style.css.h"
#include "tools/web/page/tables.js.h"

#define SCRIPT "text/javascript; charset=utf-8"
#define FILE_OF(name, type, text) {name, type, text, sizeof text - 1}

static const struct serve_file files[] = {
    FILE_OF("", "text/html; charset=utf-8", index_html),
    FILE_OF("style.css", "text/css; charset=utf-8", style_css),
    FILE_OF("icon.svg", "image/svg+xml", icon_svg),
    FILE_OF("main.js", SCRIPT, main_js),
    FILE_OF("model.js", SCRIPT, model_js),
    FILE_OF("graph.js", SCRIPT, graph_js),
    FILE_OF("tables.js", SCRIPT, tables_js),
    FILE_OF("details.js", SCRIPT, details_js),
};

const struct serve_file *page_find(const char *name) {
  for (size_t i = 0; i < ARRAY_SIZE(files); i++)
    if (strcmp(files[i].path, name) == 0) return &files[i];
  return NULL;
}
