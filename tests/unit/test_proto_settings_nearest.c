/* SPDX-License-Identifier: MIT
 *
 * What may have been meant by a name that nobody has (proto/settings/settings.c).
 */
#include <string.h>

#include "proto/base.h"
#include "proto/settings/settings.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

START_TEST(near_names_are_found) {
  static const struct {
    enum settings_program program;
    const char *typed;
    enum setting near;
  } cases[] = {
      {SETTINGS_WORKER, "grce", SETTING_grace},
      {SETTINGS_WORKER, "garce", SETTING_grace},
      {SETTINGS_WORKER, "gracee", SETTING_grace},
      {SETTINGS_WORKER, "call_timeout", SETTING_call_timeout},
      {SETTINGS_WORKER, "call", SETTING_call_timeout},
      {SETTINGS_WORKER, "max", SETTING_max_depth},
      {SETTINGS_WORKER, "colector-wait", SETTING_collector_waits},
      {SETTINGS_WORKER, "colector-wai", SETTINGS},
      {SETTINGS_WORKER, "weit", SETTING_wait},
      {SETTINGS_WORKER, "weitt", SETTING_wait},
      {SETTINGS_WORKER, "veit", SETTINGS},
      {SETTINGS_WORKER, "wiat", SETTING_wait},
      {SETTINGS_WORKER, "wtia", SETTINGS},
      {SETTINGS_WORKER, "naem", SETTING_name},
      {SETTINGS_WORKER, "acll-tiemout", SETTING_call_timeout},
      {SETTINGS_WORKER, "frobnicate", SETTINGS},
      {SETTINGS_WORKER, "", SETTINGS},
      {SETTINGS_WORKER, "w", SETTINGS},
      {SETTINGS_WORKER, "wa", SETTINGS},
      {SETTINGS_WORKER, "wai", SETTING_wait},
      {SETTINGS_WORKER, "waitwaitwaitwaitwaitwaitwaitwait", SETTINGS},
      {SETTINGS_BROKER, "scoket", SETTING_socket},
      {SETTINGS_BROKER, "grce", SETTINGS},
      {SETTINGS_BROKER, "load-mn", SETTING_load_min},
      {SETTINGS_BROKER, "lod-gain-tolerace", SETTING_load_gain_tolerance},
      {SETTINGS_CONNECT, "nam", SETTING_name},
      {SETTINGS_CONNECT, "calltimeout", SETTING_call_timeout},
      {SETTINGS_CONNECT, "call-timeout", SETTING_call_timeout},
      {SETTINGS_CTL, "holdr", SETTING_holder},
      {SETTINGS_CTL, "jsonn", SETTING_json},
  };
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    enum setting near = settings_nearest(cases[i].program, cases[i].typed, strlen(cases[i].typed));
    ck_assert_msg(near == cases[i].near, "%s gives %s", cases[i].typed,
                  near == SETTINGS ? "nothing" : setting_info(near)->key);
  }
}
END_TEST

/* Whether `left` letters added, taken away, changed or exchanged with the next make `b` of `a`. */
static bool within(const char *a, const char *b, unsigned left) {
  if (!*a && !*b) return true;
  if (*a && *a == *b && within(a + 1, b + 1, left)) return true;
  if (left == 0) return false;
  return (*a && within(a + 1, b, left - 1)) || (*b && within(a, b + 1, left - 1)) ||
         (*a && *b && within(a + 1, b + 1, left - 1)) ||
         (*a && *b && a[0] == b[1] && a[1] == b[0] && within(a + 2, b + 2, left - 1));
}

static enum setting slow_nearest(const char *typed) {
  for (unsigned d = 0; d <= (strlen(typed) < 5 ? 1 : 2); d++) {
    for (enum setting id = 0; id < SETTINGS; id++) {
      const char *key = setting_info(id)->key;
      if (!setting_belongs(id, SETTINGS_WORKER, NULL)) continue;
      if (within(typed, key, d) || (d == 1 && strncmp(key, typed, strlen(typed)) == 0)) return id;
    }
  }
  return SETTINGS;
}

/* A key with a few letters added, taken away or changed. */
static void mistype(uint64_t *random, char *typed) {
  strcpy(typed, setting_info((enum setting)random_below(random, SETTINGS))->key);
  for (uint32_t edits = random_below(random, 4); edits; edits--) {
    size_t size = strlen(typed), at = random_below(random, (uint32_t)size),
           kind = random_below(random, 3);
    if (kind == 0 && size > 3) memmove(typed + at, typed + at + 1, size - at);
    if (kind == 1) memmove(typed + at + 1, typed + at, size - at + 1);
    if (kind > 0) typed[at] = "waitsocke"[random_below(random, 9)];
  }
}

START_TEST(the_nearest_name_is_found) {
  uint64_t random = random_seed("the_nearest_name_is_found");
  for (int round = 0; round < 3000; round++) {
    char typed[64];
    mistype(&random, typed);
    enum setting near = settings_nearest(SETTINGS_WORKER, typed, strlen(typed));
    ck_assert_msg(near == slow_nearest(typed), "%s: %u", typed, near);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("proto settings nearest");
  TCase *t = tcase_create("nearest");
  suite_add_tcase(suite, t);
  tcase_add_test(t, near_names_are_found);
  tcase_add_test(t, the_nearest_name_is_found);
  return run_suite(suite);
}
