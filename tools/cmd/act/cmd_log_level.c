/* SPDX-License-Identifier: MIT
 *
 * gaijinctl log-level: what the broker writes into its log from now on.
 */
#include <stdio.h>
#include <string.h>

#include "tools/ask/observe.h"
#include "tools/base/text.h"

/* False after an error line. */
static bool is_level(const char *word) {
  struct settings broker;
  char text[200];
  settings_init(&broker, SETTINGS_BROKER);
  if (settings_put_text(&broker, SETTING_log_level, word)) return true;
  setting_refuse(SETTING_log_level, "log-level", word, text, sizeof text);
  tool_error("%s", text);
  return false;
}

int cmd_log_level(const struct invocation *in) {
  if (!is_level(in->words[0])) return EXIT_USAGE;
  struct observer o;
  struct gaijin_value former;
  uint64_t id;
  gaijin_body *b = NULL;
  if (observe_open(&o, in)) {
    gaijin_begin_request(o.g, &(struct gaijin_send){.op = GAIJIN_OP_ACT}, 2);
    gaijin_put_text(o.g, "log-level");
    gaijin_put_text(o.g, in->words[0]);
    if (observe_send(&o, "log-level", &id)) b = observe_await(&o, "log-level", id);
  }
  bool good = b && observe_value(&o, b, "log-level", &former) && former.type == GAIJIN_STRING;
  if (good) {
    struct text t = {0};
    text_add_plain(&t, former.bytes, former.size);
    printf("it was %s\n", t.bytes ? t.bytes : "");
    text_deinit(&t);
  }
  gaijin_body_free(b);
  return observe_close(&o, good);
}
