/* SPDX-License-Identifier: MIT
 *
 * A policy's text. Faults are in the order of lines that the text has; what is accepted decides
 * everything, by a rule that there is. The input is a policy.
 */
#include "policy/policy.h"
#include "tests/fuzz/fuzz.h"

static enum people_outcome find(const char *name, unsigned *id) {
  *id = (unsigned)strlen(name);
  return *name != 'x' ? PEOPLE_FOUND : PEOPLE_NONE;
}
static const struct people people = {.user = find, .group = find};

static void check_errors(const struct policy_errors *e, unsigned lines) {
  FUZZ_REQUIRE(e->kept > 0 && e->kept <= e->count && e->kept <= POLICY_ERRORS_MOST, "a list of no size");
  for (unsigned i = 0; i < e->kept; i++) {
    FUZZ_REQUIRE(e->list[i].line <= lines, "line %u of %u", e->list[i].line, lines);
    FUZZ_REQUIRE(!i || e->list[i - 1].line <= e->list[i].line, "line %u behind another", e->list[i].line);
    FUZZ_REQUIRE(*e->list[i].text, "a fault without a text");
  }
}

static void check_verdict(const struct policy_verdict *v, unsigned lines) {
  FUZZ_REQUIRE(v->line <= lines && strlen(v->title) < 50, "a rule in line %u of %u", v->line, lines);
  FUZZ_REQUIRE(!v->line || strncmp(v->title, v->allowed ? "allow" : "deny", v->allowed ? 5 : 4) == 0, "'%s'", v->title);
}

static void ask_all(const struct policy *p, unsigned lines) {
  static const char *const words[] = {"", "a", "shop", "till-1", "*", "7", "a=b,c\\"};
  gid_t gid = 3;
  for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
    size_t size = strlen(words[i]);
    struct policy_subject s = {.uid = i, .gids = &gid, .gid_count = i % 2, .worker = i ? words[i] : NULL, .worker_size = size};
    struct policy_label label = {i ? words[i] : NULL, size};
    struct policy_set who, host;
    struct policy_verdict v;
    policy_about(p, &s, &who);
    policy_of_host(p, words[i], size, &host);
    for (unsigned op = 0; op < OP_COUNT; op++) {
      v = policy_ask(p, &who, &host, op, &label);
      FUZZ_REQUIRE(v.line || !v.allowed, "allowed by nothing");
      check_verdict(&v, lines);
    }
    v = policy_take(p, &who, words[i], size);
    FUZZ_REQUIRE(v.line || !v.allowed, "allowed by nothing");
    check_verdict(&v, lines);
    for (unsigned right = 0; right < POLICY_RIGHTS; right++) {
      v = policy_may(p, &who, right, true);
      FUZZ_REQUIRE(v.line || v.allowed, "refused by nothing");
      if (v.line) check_verdict(&v, lines);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct policy_errors errors;
  unsigned lines = 1;
  char *text = malloc(size ? size : 1); /* of just this size, for the sanitiser */
  if (!text) return 0;
  if (size) memcpy(text, data, size);
  for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
  struct policy *p = policy_parse(text, size, &people, &errors);
  free(text);
  if (p)
    ask_all(p, lines);
  else
    check_errors(&errors, lines);
  policy_free(p);
  return 0;
}
