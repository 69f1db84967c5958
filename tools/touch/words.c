/* SPDX-License-Identifier: MIT
 *
 * All words are read before anything is asked: what is typed wrongly does nothing.
 */
#include "tools/touch/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/terminal.h"
#include "tools/base/text.h"
#include "tools/touch/literal.h"

bool words_path(const char *word, struct path *p) {
  struct scan s = scan_of(word);
  if (path_parse(&s, NULL, p)) return true;
  tool_error("PATH '%.200s', column %zu: %s", word, scan_column(&s), s.fault);
  return false;
}

bool words_value(const char *word, int number, struct data *d, struct datum *out) {
  struct scan s = scan_of(word);
  if (literal_parse(&s, d, out)) return true;
  tool_error("VALUE %d '%.200s', column %zu: %s", number, word, scan_column(&s), s.fault);
  return false;
}

/* Into a file a line is as wide as on most terminals. */
static int width(void) {
  struct terminal t = terminal_look(stdout);
  return t.is_one ? (int)t.width : 80;
}

bool words_open(struct act *a, const struct invocation *in) {
  const struct settings *s = &in->settings;
  a->how = (struct print){.json = settings_flag(s, SETTING_json),
                          .depth = (int)settings_count(s, SETTING_depth),
                          .width = width()};
  return ask_open(&a->ask, in, settings_seconds(s, SETTING_timeout));
}

int words_close(struct act *a) {
  if (a->ask.g) ask_close(&a->ask);
  if (fflush(stdout) == 0 && !ferror(stdout)) return a->ask.status;
  tool_error("cannot write the result to standard output: %s", strerror(errno));
  return EXIT_FAILED;
}

int words_run(const struct invocation *in, enum act_needs needs, words_act act) {
  struct act a = {0};
  struct path p = {0};
  struct data d = {0};
  uint32_t count = (uint32_t)in->count - 1;
  struct datum *values = tool_alloc(count, sizeof *values);
  bool good = words_path(in->words[0], &p) && act_fits(&p, in->words[0], needs);
  for (uint32_t i = 0; good && i < count; i++)
    good = words_value(in->words[i + 1], (int)i + 1, &d, &values[i]);
  int status = EXIT_USAGE;
  if (good) {
    if (words_open(&a, in)) act(&a, &p, in->words[0], &d, values, count);
    status = words_close(&a);
  }
  free(values);
  data_deinit(&d);
  path_deinit(&p);
  return status;
}
