/* SPDX-License-Identifier: MIT
 *
 * gaijinctl metrics: serves what `stats --openmetrics` prints to a monitoring system on this
 * machine, so that the broker speaks no HTTP.
 */
#include <string.h>

#include "tools/ask/openmetrics.h"
#include "tools/web/look.h"
#include "tools/web/serve.h"

static bool read_metrics(void *user, struct observer *o, struct text *body) {
  (void)user;
  return openmetrics_read(o, body);
}

static void answer(void *user, const char *question, struct desk_answer *a) {
  (void)question;
  look_ask(user, read_metrics, NULL, OPENMETRICS_TYPE, a, NULL);
}

static bool find(void *user, const char *path, const struct serve_request *r,
                 struct serve_target *t) {
  (void)r;
  if (strcmp(path, "/metrics") != 0) return false;
  t->desk = user;
  text_print(&t->question, "metrics");
  return true;
}

int cmd_metrics(const struct invocation *in) {
  struct look look;
  struct listening listening;
  const char *where = settings_text(&in->settings, SETTING_listen);
  if (!where) {
    tool_error("metrics needs --listen PORT, where it is asked for them");
    return EXIT_USAGE;
  }
  int status = listen_open(&listening, "metrics", where);
  if (status != EXIT_GOOD) return status;
  serve_begin();
  look_init(&look, in, "metrics");
  struct desk *desk = desk_new(answer, &look);
  if (!desk) return EXIT_FAILED;
  tool_error("metrics: listening at http://%s:%u/metrics", listening.address, listening.port);
  status = serve_run(&(struct serve){.policy = "default-src 'none'",
                                     .find = find,
                                     .user = desk,
                                     .desks = {desk}},
                     &listening);
  look_deinit(&look);
  return status;
}
