/* SPDX-License-Identifier: MIT
 *
 * The list of settings and their values.
 */
#include "proto/settings/settings.h"

#include <float.h>
#include <math.h>

#include "proto/base.h"
#include "proto/limits.h"
#include "tests/unit/run.h"

static const enum settings_program programs[] = {SETTINGS_BROKER, SETTINGS_WORKER, SETTINGS_CTL,
                                                 SETTINGS_CONNECT, SETTINGS_RUN};
static struct settings s;

static bool is_number(const struct setting_info *i) {
  return i->type != SETTING_TEXT && i->type != SETTING_FLAG;
}

static unsigned words(const struct setting_info *i) {
  unsigned n = 0;
  while (n < SETTING_WORDS && i->words[n]) n++;
  return n;
}

/* The program in which a row is tried. */
static void init_for(enum setting id) {
  for (size_t p = 0; p < ARRAY_SIZE(programs); p++)
    if (setting_belongs(id, programs[p], NULL)) settings_init(&s, programs[p]);
}

/* ---- The list ---- */

START_TEST(every_row_is_complete) {
  for (enum setting id = 0; id < SETTINGS; id++) {
    const struct setting_info *i = setting_info(id);
    ck_assert_msg(i->key && *i->key && i->help && *i->help && i->reason && *i->reason, "row of %s",
                  i->field);
    ck_assert_msg(i->programs != 0, "%s belongs to nobody", i->key);
    ck_assert_msg((i->type == SETTING_FLAG) == !i->argument, "%s: argument", i->key);
    ck_assert_msg((i->type == SETTING_FLAG || i->type == SETTING_CHOICE) == !i->unit, "%s: unit",
                  i->key);
    ck_assert_msg((i->type == SETTING_CHOICE) == (words(i) > 0), "%s: words", i->key);
    ck_assert_msg(words(i) < SETTING_WORDS, "%s: no NULL behind the words", i->key);
    ck_assert_msg((i->type == SETTING_TEXT) == (i->standard_words != NULL), "%s: default in words",
                  i->key);
    ck_assert_msg(!i->commands || (i->programs & SETTINGS_CTL), "%s: commands", i->key);
  }
}
END_TEST

START_TEST(defaults_lie_in_bounds) {
  for (enum setting id = 0; id < SETTINGS; id++) {
    const struct setting_info *i = setting_info(id);
    init_for(id);
    if (i->type == SETTING_FLAG)
      ck_assert_msg(i->standard == 0 && i->most == 0, "%s", i->key);
    else if (i->type == SETTING_TEXT)
      ck_assert_msg(i->least < i->most && i->standard == 0, "%s", i->key);
    else
      ck_assert_msg(i->least < i->most && settings_put_number(&s, id, i->standard), "%s", i->key);
    if (i->type == SETTING_CHOICE) ck_assert_uint_eq(words(i), (unsigned)i->most + 1);
    if (i->type == SETTING_COUNT || i->type == SETTING_SIZE)
      ck_assert_msg(i->least >= 0 && i->most <= UINT32_MAX, "%s does not fit in 32 bits", i->key);
  }
}
END_TEST

/* What help tells as the default can be typed, and is the default. */
START_TEST(defaults_can_be_typed) {
  char text[128];
  for (enum setting id = 0; id < SETTINGS; id++) {
    if (!is_number(setting_info(id))) continue;
    init_for(id);
    setting_standard(id, text, sizeof text);
    ck_assert_msg(settings_parse(&s, id, text), "%s: '%s'", setting_info(id)->key, text);
    ck_assert_double_eq(s.values[id].number, setting_info(id)->standard);
  }
}
END_TEST

/* Nobody has two settings with the same key or letter, and a field is a key with _ for -. */
START_TEST(names_are_unique) {
  for (enum setting a = 0; a < SETTINGS; a++) {
    const struct setting_info *i = setting_info(a);
    ck_assert_uint_eq(strlen(i->key), strlen(i->field));
    for (size_t k = 0; i->key[k]; k++)
      ck_assert_int_eq(i->field[k], i->key[k] == '-' ? '_' : i->key[k]);
    for (enum setting b = 0; b < a; b++) {
      const struct setting_info *other = setting_info(b);
      if (!(i->programs & other->programs)) continue;
      ck_assert_str_ne(i->key, other->key);
      ck_assert(!i->letter || i->letter != other->letter);
    }
  }
}
END_TEST

START_TEST(settings_are_found_by_name) {
  for (size_t p = 0; p < ARRAY_SIZE(programs); p++) {
    for (enum setting id = 0; id < SETTINGS; id++) {
      const char *name = setting_name(id, programs[p]);
      enum setting found = setting_belongs(id, programs[p], NULL) ? id : SETTINGS;
      ck_assert_uint_eq(settings_find(programs[p], name, strlen(name)), found);
      ck_assert_uint_eq(settings_find(programs[p], name, strlen(name) - 1), SETTINGS);
    }
  }
  ck_assert_uint_eq(settings_find(SETTINGS_WORKER, "call-timeout", 12), SETTING_call_timeout);
  ck_assert_uint_eq(settings_find(SETTINGS_CONNECT, "call_timeout", 12), SETTING_call_timeout);
  ck_assert_uint_eq(settings_find(SETTINGS_WORKER, "call_timeout", 12), SETTINGS);
  ck_assert_uint_eq(settings_find(SETTINGS_BROKER, "call-timeout", 12), SETTINGS);
  ck_assert_uint_eq(settings_find(SETTINGS_WORKER, "", 0), SETTINGS);
}
END_TEST

START_TEST(commands_have_settings) {
  ck_assert(setting_belongs(SETTING_host, SETTINGS_CTL, NULL));
  ck_assert(setting_belongs(SETTING_host, SETTINGS_CTL, "tokens"));
  static const char *const others[] = {"clients", "token", "tokenss", "", "okens"};
  for (size_t i = 0; i < ARRAY_SIZE(others); i++)
    ck_assert(!setting_belongs(SETTING_host, SETTINGS_CTL, others[i]));
  ck_assert(setting_belongs(SETTING_json, SETTINGS_CTL, "clients tables"));
  ck_assert(!setting_belongs(SETTING_json, SETTINGS_CTL, "clients tabl"));
  ck_assert(setting_belongs(SETTING_json, SETTINGS_CTL, "ping"));
  ck_assert(!setting_belongs(SETTING_json, SETTINGS_CTL, "run"));
  ck_assert(!setting_belongs(SETTING_json, SETTINGS_CTL, "in"));
  ck_assert(setting_belongs(SETTING_socket, SETTINGS_CTL, "run"));
}
END_TEST

/* ---- Values ---- */

START_TEST(all_begin_with_their_defaults) {
  for (size_t p = 0; p < ARRAY_SIZE(programs); p++) {
    memset(&s, 0x55, sizeof s);
    settings_init(&s, programs[p]);
    ck_assert_uint_eq(s.program, programs[p]);
    for (enum setting id = 0; id < SETTINGS; id++) {
      ck_assert(!s.values[id].given);
      ck_assert_ptr_null(s.values[id].text);
      ck_assert_double_eq(s.values[id].number, setting_info(id)->standard);
    }
  }
}
END_TEST

START_TEST(both_bounds_belong_to_it) {
  for (enum setting id = 0; id < SETTINGS; id++) {
    const struct setting_info *i = setting_info(id);
    init_for(id);
    if (!is_number(i)) continue;
    ck_assert(settings_put_number(&s, id, i->least));
    ck_assert_double_eq(s.values[id].number, i->least);
    ck_assert(settings_put_number(&s, id, i->most));
    ck_assert(s.values[id].given);
    static const double beyond[] = {NAN, INFINITY, -INFINITY, -DBL_MAX, DBL_MAX};
    for (size_t k = 0; k < ARRAY_SIZE(beyond); k++)
      ck_assert(!settings_put_number(&s, id, beyond[k]));
    ck_assert(!settings_put_number(&s, id, nextafter(i->least, -INFINITY)));
    ck_assert(!settings_put_number(&s, id, nextafter(i->most, INFINITY)));
    ck_assert_double_eq(s.values[id].number, i->most); /* a refused value changes nothing */
  }
}
END_TEST

START_TEST(counts_sizes_and_choices_are_whole) {
  for (enum setting id = 0; id < SETTINGS; id++) {
    enum setting_type type = setting_info(id)->type;
    init_for(id);
    if (!is_number(setting_info(id))) continue;
    bool taken = settings_put_number(&s, id, setting_info(id)->least + 0.5);
    ck_assert_msg(taken == (type == SETTING_SECONDS || type == SETTING_RATIO), "%s",
                  setting_info(id)->key);
  }
}
END_TEST

START_TEST(texts_have_bounds) {
  char text[NAME_MAX_BYTES + 2];
  memset(text, 'n', sizeof text);
  text[sizeof text - 1] = '\0';
  settings_init(&s, SETTINGS_WORKER);
  ck_assert(!settings_put_text(&s, SETTING_name, ""));
  ck_assert(!settings_put_text(&s, SETTING_name, text));
  ck_assert(!s.values[SETTING_name].given);
  ck_assert_ptr_null(settings_text(&s, SETTING_name));
  ck_assert(settings_put_text(&s, SETTING_name, text + 1));
  ck_assert_ptr_eq(settings_text(&s, SETTING_name), text + 1);
  ck_assert(s.values[SETTING_name].given);
  ck_assert(settings_put_text(&s, SETTING_name, "n"));
  ck_assert_str_eq(settings_text(&s, SETTING_name), "n");
  ck_assert(settings_parse(&s, SETTING_code, ""));
  ck_assert_str_eq(settings_text(&s, SETTING_code), "");
}
END_TEST

START_TEST(setters_know_types) {
  settings_init(&s, SETTINGS_WORKER);
  ck_assert(!settings_put_number(&s, SETTING_name, 1));
  ck_assert(!settings_put_text(&s, SETTING_wait, "1"));
  ck_assert(!settings_put_text(&s, SETTING_once, "x"));
  ck_assert(settings_put_number(&s, SETTING_once, 1));
  ck_assert(settings_flag(&s, SETTING_once));
  ck_assert(!settings_put_number(&s, SETTING_once, 2));
  ck_assert(!settings_put_number(&s, SETTING_once, 0.5));
  ck_assert(settings_put_number(&s, SETTING_once, 0));
  ck_assert(!settings_flag(&s, SETTING_once));
  settings_init(&s, SETTINGS_BROKER);
  ck_assert(!settings_put_text(&s, SETTING_max_message,
                               "16M")); /* as text only settings_parse takes it */
  ck_assert(settings_put_text(&s, SETTING_log_level, "debug"));
  ck_assert_uint_eq(settings_choice(&s, SETTING_log_level), 3);
}
END_TEST

static void expect_number(enum setting id, const char *text, double number) {
  ck_assert_msg(settings_parse(&s, id, text), "'%s' for %s", text, setting_info(id)->key);
  ck_assert_double_eq(s.values[id].number, number);
}

static void expect_refused(enum setting id, const char *const *texts, size_t count) {
  for (size_t i = 0; i < count; i++)
    ck_assert_msg(!settings_parse(&s, id, texts[i]), "'%s' for %s", texts[i],
                  setting_info(id)->key);
}

START_TEST(numbers_are_read) {
  static const char *const bad[] = {"",   "x",  "5s",        "-1",    "nan", "inf", "0x10", " 5",
                                    "5 ", "1e", "1000000.1", "1e400", "-",   ".",   "--5",  "1,5"};
  settings_init(&s, SETTINGS_WORKER);
  expect_number(SETTING_wait, "0", 0);
  expect_number(SETTING_wait, "0.5", 0.5);
  expect_number(SETTING_wait, ".25", 0.25);
  expect_number(SETTING_wait, "1e6", 1e6);
  expect_number(SETTING_wait, "2.5E+1", 25);
  expect_number(SETTING_wait, "5e-1", 0.5);
  expect_refused(SETTING_wait, bad, ARRAY_SIZE(bad));
  ck_assert_double_eq(settings_seconds(&s, SETTING_wait), 0.5);
  settings_init(&s, SETTINGS_BROKER);
  expect_number(SETTING_load_gain_tolerance, "2.5", 2.5);
  ck_assert_double_eq(settings_ratio(&s, SETTING_load_gain_tolerance), 2.5);
}
END_TEST

START_TEST(counts_are_read) {
  static const char *const bad[] = {"", "0", "65001", "1.5", "-1", "ten", "1K"};
  settings_init(&s, SETTINGS_WORKER);
  expect_number(SETTING_max_depth, "1", 1);
  expect_number(SETTING_max_depth, "65000", 65000);
  expect_number(SETTING_max_depth, "1e3", 1000);
  expect_refused(SETTING_max_depth, bad, ARRAY_SIZE(bad));
  ck_assert_uint_eq(settings_count(&s, SETTING_max_depth), 1000);
  settings_init(&s, SETTINGS_BROKER);
  expect_number(SETTING_load_min, "4294967295", UINT32_MAX);
  ck_assert_uint_eq(settings_count(&s, SETTING_load_min), UINT32_MAX);
  ck_assert(!settings_parse(&s, SETTING_load_min, "4294967296"));
}
END_TEST

START_TEST(sizes_are_read) {
  static const char *const bad[] = {"",
                                    "K",
                                    "-4K",
                                    "4KB",
                                    "4T",
                                    "0",
                                    "18446744073709551617",
                                    "18446744073709551615G",
                                    " 4K",
                                    "4095",
                                    "2G",
                                    "1.5M",
                                    "4e3",
                                    "0x4000",
                                    "1025M",
                                    "4 K",
                                    "4095.5",
                                    "16KK"};
  settings_init(&s, SETTINGS_BROKER);
  expect_number(SETTING_max_message, "4096", 4096);
  expect_number(SETTING_max_message, "4K", 4096);
  expect_number(SETTING_max_message, "5k", 5 << 10);
  expect_number(SETTING_max_message, "3m", 3 << 20);
  expect_number(SETTING_max_message, "1g", 1 << 30);
  expect_number(SETTING_max_message, "1024M", 1 << 30);
  expect_number(SETTING_max_message, "1G", 1 << 30);
  expect_refused(SETTING_max_message, bad, ARRAY_SIZE(bad));
  ck_assert_uint_eq(settings_size(&s, SETTING_max_message), 1u << 30);
}
END_TEST

START_TEST(choices_are_read) {
  static const char *const bad[] = {"", "loud", "Error", "err", "infoo", "0", "error, warn"};
  settings_init(&s, SETTINGS_BROKER);
  expect_number(SETTING_log_level, "error", 0);
  expect_number(SETTING_log_level, "debug", 3);
  expect_number(SETTING_log_level, "warn", 1);
  expect_refused(SETTING_log_level, bad, ARRAY_SIZE(bad));
  ck_assert_uint_eq(settings_choice(&s, SETTING_log_level), 1);
}
END_TEST

/* ---- For people ---- */

static void expect_text(void (*write)(enum setting id, char *out, size_t n), enum setting id,
                        const char *expected) {
  char out[128], cut[6];
  memset(out, 'x', sizeof out);
  memset(cut, 'x', sizeof cut);
  write(id, out, sizeof out);
  ck_assert_str_eq(out, expected);
  write(id, cut, 4);
  ck_assert_uint_eq(strlen(cut), strlen(expected) < 3 ? strlen(expected) : 3);
  ck_assert_int_eq(cut[4], 'x');
}

START_TEST(settings_are_told) {
  expect_text(setting_takes, SETTING_wait, "a number from 0 to 1000000");
  expect_text(setting_takes, SETTING_atc_time, "a number from 0.001 to 1000000");
  expect_text(setting_takes, SETTING_load_gain_tolerance, "a number from 1 to 1000000000");
  expect_text(setting_takes, SETTING_max_depth, "a whole number from 1 to 65000");
  expect_text(setting_takes, SETTING_max_message, "a size from 4K to 1G");
  expect_text(setting_takes, SETTING_name, "a text of 1 to 64 bytes");
  expect_text(setting_takes, SETTING_log_level, "error, warn, info or debug");
  expect_text(setting_takes, SETTING_once, "true or false");
  expect_text(setting_bounds, SETTING_wait, "0 to 1000000 seconds");
  expect_text(setting_bounds, SETTING_max_message, "4K to 1G bytes");
  expect_text(setting_bounds, SETTING_load_min, "0 to 4294967295 objects");
  expect_text(setting_bounds, SETTING_name, "1 to 64 bytes");
  expect_text(setting_bounds, SETTING_log_level, "error, warn, info or debug");
  expect_text(setting_bounds, SETTING_once, "");
  expect_text(setting_standard, SETTING_wait, "5");
  expect_text(setting_standard, SETTING_load_gain_tolerance, "1.4");
  expect_text(setting_standard, SETTING_max_message, "16M");
  expect_text(setting_standard, SETTING_log_level, "info");
  expect_text(setting_standard, SETTING_name, "the script's name without .lua");
  expect_text(setting_standard, SETTING_once, "");
}
END_TEST

START_TEST(refusals_are_one_line) {
  char out[256], value[300];
  setting_refuse(SETTING_wait, "--wait", "x", out, sizeof out);
  ck_assert_str_eq(out, "--wait takes a number from 0 to 1000000, not 'x'");
  memset(value, 'v', sizeof value);
  value[sizeof value - 1] = '\0';
  setting_refuse(SETTING_name, "-n", value, out, sizeof out);
  char expected[256];
  snprintf(expected, sizeof expected, "-n takes a text of 1 to 64 bytes, not '%.80s'", value);
  ck_assert_str_eq(out, expected);
}
END_TEST

START_TEST(programs_have_names) {
  ck_assert_str_eq(settings_program_name(SETTINGS_BROKER), "gaijin-broker");
  ck_assert_str_eq(settings_program_name(SETTINGS_WORKER), "gaijin-worker");
  ck_assert_str_eq(settings_program_name(SETTINGS_CTL), "gaijinctl");
  ck_assert_str_eq(settings_program_name(SETTINGS_CONNECT), "gaijin.connect");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("proto settings");
  TCase *t = tcase_create("settings");
  suite_add_tcase(suite, t);
  tcase_add_test(t, every_row_is_complete);
  tcase_add_test(t, defaults_lie_in_bounds);
  tcase_add_test(t, defaults_can_be_typed);
  tcase_add_test(t, names_are_unique);
  tcase_add_test(t, settings_are_found_by_name);
  tcase_add_test(t, commands_have_settings);
  tcase_add_test(t, all_begin_with_their_defaults);
  tcase_add_test(t, both_bounds_belong_to_it);
  tcase_add_test(t, counts_sizes_and_choices_are_whole);
  tcase_add_test(t, texts_have_bounds);
  tcase_add_test(t, setters_know_types);
  tcase_add_test(t, numbers_are_read);
  tcase_add_test(t, counts_are_read);
  tcase_add_test(t, sizes_are_read);
  tcase_add_test(t, choices_are_read);
  tcase_add_test(t, settings_are_told);
  tcase_add_test(t, refusals_are_one_line);
  tcase_add_test(t, programs_have_names);
  return run_suite(suite);
}
