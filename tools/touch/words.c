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

/* Words that follow a path: values as they are typed, and @PATH for what is at one. */
struct values {
  struct data data;
  struct datum *list;
  struct path *paths; /* of each that is one; else zeroed */
  uint32_t count;
};

static bool read_values(struct values *v, char *const *words) {
  for (uint32_t i = 0; i < v->count; i++) {
    const char *word = words[i];
    bool good = word[0] == '@' ? words_path(word + 1, &v->paths[i]) &&
                                     act_fits(&v->paths[i], word + 1, ACT_NEEDS_THING)
                               : words_value(word, (int)i + 1, &v->data, &v->list[i]);
    if (!good) return false;
  }
  return true;
}

/* Objects go by reference, plain values as they are. */
static bool find_values(struct values *v, char *const *words, struct ask *a) {
  for (uint32_t i = 0; i < v->count; i++) {
    const struct path *p = &v->paths[i];
    if (p->worker && !ask_resolve(a, p, words[i] + 1, p->count, &v->data, &v->list[i]))
      return false;
  }
  return true;
}

int words_run(const struct invocation *in, enum act_needs needs, words_act act) {
  struct act a = {0};
  struct path p = {0};
  struct values v = {.count = (uint32_t)in->count - 1};
  char *const *words = in->words + 1;
  int status = EXIT_USAGE;
  v.list = tool_alloc(v.count, sizeof *v.list);
  v.paths = tool_alloc(v.count, sizeof *v.paths);
  if (words_path(in->words[0], &p) && act_fits(&p, in->words[0], needs) && read_values(&v, words)) {
    if (words_open(&a, in) && find_values(&v, words, &a.ask))
      act(&a, &p, in->words[0], &v.data, v.list, v.count);
    data_deinit(&v.data); /* its holdings are of the connection */
    status = words_close(&a);
  }
  data_deinit(&v.data);
  for (uint32_t i = 0; i < v.count; i++) path_deinit(&v.paths[i]);
  free(v.list);
  free(v.paths);
  path_deinit(&p);
  return status;
}
