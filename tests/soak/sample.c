/* SPDX-License-Identifier: MIT
 *
 * Figures come from the kernel (/proc), from the broker as gaijinctl shows it, and from the workers
 * themselves, which collect before they tell how large their heap is.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base.h"
#include "tests/soak/soak.h"

/* "connections": members of the first row of `gaijinctl accounts --json`, that of the user. */
static const char *const accounted[] = {"connections", "names", "requests", "waits"};

void sample_columns(struct rows *r) {
  static const char *const of_processes[] = {"rss_kib", "anon_kib", "in_use_kib", "descriptors"};
  static const char *const of_all[] = {"tokens", "loads", "memory_kib"};
  static const char *const of_witness[] = {"p50_us", "p99_us", "calls"};
  static const char *const upsets[] = {"killed", "left", "looks", "reloads", "attacks"};
  rows_init(r);
  for (size_t k = 0; k < ARRAY_SIZE(of_processes); k++) rows_column(r, "broker", of_processes[k]);
  for (size_t i = 0; i < RESIDENTS; i++) {
    for (size_t k = 0; k < ARRAY_SIZE(of_processes); k++)
      rows_column(r, resident_names[i], of_processes[k]);
    rows_column(r, resident_names[i], "heap_kib");
    rows_column(r, resident_names[i], "fibers");
  }
  for (size_t k = 0; k < ARRAY_SIZE(of_all); k++) rows_column(r, "all", of_all[k]);
  for (size_t k = 0; k < ARRAY_SIZE(accounted); k++) rows_column(r, "all", accounted[k]);
  for (size_t k = 0; k < ARRAY_SIZE(of_witness); k++) rows_column(r, "witness", of_witness[k]);
  for (size_t k = 0; k < ARRAY_SIZE(upsets); k++) rows_column(r, "upsets", upsets[k]);
}

struct taking {
  struct soak *s;
  const struct rows *rows;
  double *row;
};

static void set(struct taking *t, const char *whose, const char *what, double value) {
  char name[2 * COLUMN_NAME];
  snprintf(name, sizeof name, "%s.%s", whose, what);
  size_t column = rows_find(t->rows, name);
  if (column == t->rows->columns) bed_fail(t->s->bed, "there is no column %s", name);
  t->row[column] = value;
}

/* The number behind `key` in a text; a fault of the test if there is none. */
static double number_after(struct soak *s, const char *text, const char *key) {
  const char *at = strstr(text, key);
  char *end = NULL;
  double value = at ? strtod(at + strlen(key), &end) : 0;
  if (!at || end == at + strlen(key)) bed_fail(s->bed, "no number behind '%s' in: %s", key, text);
  return value;
}

/* ---- Of the kernel ---- */

/* The number that in_use.c keeps; 0 if this is not its file. */
static double read_in_use(DIR *d, const char *name) {
  char link[128] = "";
  long long bytes = 0;
  if (readlinkat(dirfd(d), name, link, sizeof link - 1) < 0 || !strstr(link, IN_USE_NAME)) return 0;
  int fd = openat(dirfd(d), name, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && pread(fd, &bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) bytes = 0;
  if (fd >= 0) close(fd);
  return (double)bytes;
}

/* Bytes of memory that the file of the broker's books has, which is not anonymous; 0 if this is not it. */
static double read_books(DIR *d, const char *name) {
  char link[128] = "";
  struct stat st;
  if (readlinkat(dirfd(d), name, link, sizeof link - 1) < 0 || !strstr(link, "gaijin-books")) return 0;
  return fstatat(dirfd(d), name, &st, 0) == 0 ? (double)st.st_blocks * 512 : 0;
}

/* `anon_kib`: without that file, whose memory is added. */
static void take_descriptors(struct taking *t, const char *name, pid_t pid, double anon_kib) {
  char path[64];
  unsigned n = 0;
  double in_use = 0, books = 0;
  snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  DIR *d = opendir(path);
  if (!d) bed_fail(t->s->bed, "%s: %s", path, strerror(errno));
  for (struct dirent *e; (e = readdir(d));) {
    if (e->d_name[0] == '.') continue;
    in_use += read_in_use(d, e->d_name);
    books += read_books(d, e->d_name);
    n++;
  }
  closedir(d);
  set(t, name, "descriptors", n);
  set(t, name, "in_use_kib", in_use / 1024);
  set(t, name, "anon_kib", anon_kib + books / 1024);
}

static void take_process(struct taking *t, const char *name, struct child *c) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)c->pid);
  FILE *f = fopen(path, "re");
  if (!f || child_ended(c)) bed_fail(t->s->bed, "%s has ended: %s", name, strerror(errno));
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  fclose(f);
  set(t, name, "rss_kib", number_after(t->s, text, "\nRss:"));
  take_descriptors(t, name, c->pid, number_after(t->s, text, "\nAnonymous:"));
}

/* ---- Of the broker ---- */

static char *ask(struct soak *s, const char *command) {
  char program[512];
  snprintf(program, sizeof program, "%s", bed_program(s->bed, "gaijinctl"));
  struct child *c =
      bed_spawn(s->bed, "gaijinctl", (const char *const[]){program, command, "--json", NULL});
  bed_exit(s->bed, c, 0);
  char *told = child_output(c);
  if (!told) bed_fail(s->bed, "no memory");
  bed_forget(s->bed, c);
  return told;
}

static double count_rows(const char *json) {
  double n = 0;
  for (; (json = strstr(json, "{\"host\":")); json++) n++;
  return n;
}

static void take_broker(struct taking *t) {
  char *accounts = ask(t->s, "accounts"), *loads = ask(t->s, "loads");
  set(t, "all", "tokens", (double)bed_tokens(t->s->bed));
  set(t, "all", "loads", count_rows(loads));
  set(t, "all", "memory_kib", number_after(t->s, accounts, "\"memory\":") / 1024);
  for (size_t i = 0; i < ARRAY_SIZE(accounted); i++) {
    char key[32];
    snprintf(key, sizeof key, "\"%s\":", accounted[i]);
    set(t, "all", accounted[i], number_after(t->s, accounts, key));
  }
  free(accounts);
  free(loads);
}

/* ---- Of the workers ---- */

static double told(struct taking *t, const char *text, const char *whose, const char *what) {
  char key[2 * COLUMN_NAME];
  snprintf(key, sizeof key, "%s.%s ", whose, what);
  return number_after(t->s, text, key);
}

static void take_workers(struct taking *t) {
  char *text = residents_tell(t->s, "figures");
  for (size_t i = 0; i < RESIDENTS; i++) {
    const char *name = resident_names[i];
    set(t, name, "heap_kib", told(t, text, name, "heap") / 1024);
    set(t, name, "fibers", told(t, text, name, "fibers"));
  }
  set(t, "witness", "p50_us", told(t, text, "witness", "p50"));
  set(t, "witness", "p99_us", told(t, text, "witness", "p99"));
  set(t, "witness", "calls", told(t, text, "witness", "calls"));
  free(text);
}

void sample_take(struct soak *s, struct rows *r, double time, bool rest) {
  struct taking t = {.s = s, .rows = r, .row = rows_add(r)};
  t.row[COLUMN_TIME] = time;
  t.row[COLUMN_REST] = rest;
  take_workers(&t);
  if (rest) bed_no_tokens(s->bed);
  take_broker(&t);
  take_process(&t, "broker", bed_broker(s->bed));
  for (size_t i = 0; i < RESIDENTS; i++) take_process(&t, resident_names[i], s->residents[i]);
  set(&t, "upsets", "killed", s->counts.killed);
  set(&t, "upsets", "left", s->counts.left);
  set(&t, "upsets", "looks", s->counts.looks);
  set(&t, "upsets", "reloads", s->counts.reloads);
  set(&t, "upsets", "attacks", s->counts.attacks);
}
