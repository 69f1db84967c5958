/* SPDX-License-Identifier: MIT
 *
 * Whoever changes the form of a state raises STATE_FORMAT: else two programs agree beforehand, and the second reads shifted
 * numbers. The form is which fields each record has, in their order and by their names in the source. Here is a number for it beside
 * the number of the form; both change together. A name that changes alone changes it, too: then only the number below is put right.
 */
#define _GNU_SOURCE
#include <inttypes.h>

#include "proto/base.h"
#include "tests/fuzz/state_books.h"
#include "tests/unit/broker_scene.h"

/* `kept` is that of states whose tokens and holds stay in the pool. */
static const struct {
  int format;
  uint64_t records, kept;
} known = {7, 0x5c5632aa111f9eb8, 0xbebb0de0c049293d};

/* The records, each kind once: how many there are of one does not matter. */
struct form {
  uint64_t record, sum; /* of the fields of the record that is told; of all kinds */
  uint64_t kinds[1000];
  unsigned n, fields;
};

static uint64_t hash_text(const char *text) {
  uint64_t h = 0;
  while (*text) h = mix64(h + (uint8_t)*text++);
  return h;
}

static void end_record(struct form *f) {
  uint64_t kind = f->record;
  f->record = 0;
  for (unsigned i = 0; i < f->n; i++)
    if (f->kinds[i] == kind) return;
  ck_assert_uint_lt(f->n, sizeof f->kinds / sizeof f->kinds[0]);
  f->kinds[f->n++] = kind;
  f->sum += mix64(kind);
}

static void note(void *user, const char *field) {
  struct form *f = user;
  if (!field) {
    end_record(f);
    return;
  }
  f->record = mix64(f->record + 1) ^ hash_text(field);
  f->fields++;
}

static uint64_t form_of(bool keeps) {
  struct form f = {0};
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  state_tell_form(&w.broker, null, keeps, note, &f);
  end_record(&f);
  close(null);
  ck_assert_uint_gt(f.fields, 100);
  return f.sum;
}

START_TEST(a_change_of_form_has_a_number_of_its_own) {
  set_scene();
  uint64_t records = form_of(false), kept = form_of(true);
  end_scene(&w);
  (void)v; /* the scene's other broker */
  ck_assert_msg(known.format == STATE_FORMAT && known.records == records && known.kept == kept,
                "the form of a state has changed, or its number: if a field has come, gone or moved, raise STATE_FORMAT "
                "(broker/upgrade/state.h); then put {%d, 0x%016" PRIx64 ", 0x%016" PRIx64 "} here",
                STATE_FORMAT, records, kept);
}
END_TEST

static const char input[] = "tests/fuzz/corpus/state/scene";

static void write_input(void) {
  struct broker *b = &w.broker;
  struct sheet s;
  set_scene();
  int fd = open(input, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  ck_assert_int_ge(fd, 0);
  sheet_open_to_write(&s, fd);
  accounts_carry(&b->connections.accounts, &s);
  hosts_carry(&b->hosts, &b->connections.accounts, &s);
  names_carry(&b->names, &b->hosts, &s);
  refs_carry(&b->refs, &b->hosts, &s);
  loads_carry(&b->loads, &b->hosts, &s);
  calls_carry(&b->calls, &b->hosts, &s);
  waits_carry(&b->collecting, &b->hosts, &b->hosts.all, 1, &s);
  sheet_close(&s);
  close(fd);
  end_scene(&w);
}

/* Else all that fuzz_state does is refuse it. */
START_TEST(the_fuzz_target_has_an_input_of_this_form) {
  struct books b;
  if (getenv("WRITE_SCENE")) write_input();
  int fd = open(input, O_RDONLY | O_CLOEXEC);
  ck_assert_int_ge(fd, 0);
  bool good = read_books(&b, fd);
  close_books(&b);
  close(fd);
  ck_assert_msg(good, "%s has an older form: WRITE_SCENE=1 build/tests/test_broker_state_form writes it anew", input);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker state form");
  TCase *t = tcase_create("form");
  suite_add_tcase(s, t);
  tcase_add_test(t, a_change_of_form_has_a_number_of_its_own);
  tcase_add_test(t, the_fuzz_target_has_an_input_of_this_form);
  return run_suite(s);
}
