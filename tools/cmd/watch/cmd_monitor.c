/* SPDX-License-Identifier: MIT
 *
 * gaijinctl monitor: each message as it is routed, a line for each, until Ctrl-C; or those of a
 * record. Lines go to standard output, what is said of them to standard error.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ppoll */
#endif
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/clock.h"
#include "tools/base/text.h"
#include "tools/watch/monitored.h"
#include "tools/watch/record.h"

/* Lines that are gathered before they are written, in bytes. */
enum { OUT_MOST = 64 << 10 };

static volatile sig_atomic_t is_interrupted;
static void on_signal(int number) { is_interrupted = number; }

struct monitoring {
  struct observer observer;
  struct sights sights;
  struct text out;
  FILE *record;
  bool json, is_quiet, failed; /* failed: after an error line */
  bool begins;     /* told that it has begun, ... */
  double begun_s;  /* ... then */
  uint64_t left; /* messages to be shown; 0: no more */
};

static bool write_out(struct monitoring *m) {
  size_t size = m->out.size;
  if (size && (fwrite(m->out.bytes, 1, size, stdout) != size || fflush(stdout) != 0)) {
    if (!m->failed) tool_error("monitor: cannot write to standard output: %s", strerror(errno));
    m->failed = true;
  }
  m->out.size = 0;
  return !m->failed;
}

/* Shows one that was noted. False: no more. */
static bool show_message(struct monitoring *m, const struct sight *s) {
  if (m->json)
    sight_add_json(&m->out, &m->sights, s);
  else
    sight_add_line(&m->out, &m->sights, s);
  if (m->left != UINT64_MAX) m->left--;
  return m->left > 0 && (m->out.size < OUT_MOST || write_out(m));
}

static void note_lost(struct monitoring *m, uint64_t lost) {
  m->sights.lost += lost;
  if (m->record) record_lost(m->record, lost);
  write_out(m);
  tool_error("monitor: %llu messages are missing here: they were more than were read",
             (unsigned long long)lost);
}

/* ---- Live ---- */

static void record(struct monitoring *m, const struct sight *s, bool has_new_label) {
  uint64_t host, id;
  record_message(m->record, s);
  if (!has_new_label || !sight_first_object(s, &host, &id)) return;
  const char *label = known_get(&m->sights.labels, host, id);
  if (label) record_label(m->record, host, id, label);
}

static void take_row(struct monitoring *m, gaijin_body *body, uint32_t values) {
  struct sight s;
  int what = sight_read(&m->sights, body, values, &s);
  if (what < 0) {
    observe_report_form(&m->observer, "monitor");
    m->failed = true;
  } else if (what == 0 && s.from && m->record) {
    record_name(m->record, s.from, known_get(&m->sights.names, s.from, 0));
  } else if (what > 0 && m->left) {
    bool has_new_label = sight_note(&m->sights, &s);
    show_message(m, &s);
    if (m->record) record(m, &s, has_new_label);
  }
}

static void on_seen(void *user, gaijin_body *body) {
  struct monitoring *m = user;
  struct gaijin_value v;
  if (!gaijin_body_next(body, &v) || v.type != GAIJIN_NUMBER) return;
  if (!m->begins) m->begun_s = clock_seconds();
  m->begins = true;
  if (v.number > 0) note_lost(m, v.integer);
  while (!m->failed && gaijin_body_next(body, &v) && v.type == GAIJIN_ARRAY)
    take_row(m, body, v.count);
}

static void catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* Waits until something is there, or it has been interrupted. */
static void wait_for_more(const gaijin *g) {
  sigset_t block, before;
  sigemptyset(&block);
  sigaddset(&block, SIGINT);
  sigaddset(&block, SIGTERM);
  sigprocmask(SIG_BLOCK, &block, &before);
  struct pollfd p = {.fd = gaijin_fd(g),
                     .events = (short)(POLLIN | (gaijin_wants_write(g) ? POLLOUT : 0))};
  if (!is_interrupted) ppoll(&p, 1, NULL, &before);
  sigprocmask(SIG_SETMASK, &before, NULL);
}

/* What the answer to the request is: it is over. True: ask again. */
static bool is_to_go_on(struct monitoring *m, const struct gaijin_answer *a) {
  if (!a->ok && a->status == GAIJIN_STATUS_AWAY) return true; /* the broker was upgraded */
  tool_error("monitor: %s", a->ok ? "the broker has ended it" : a->text);
  m->failed = true;
  return false;
}

struct end {
  struct monitoring *m;
  bool is_over, again, is_lost; /* is_lost: with the connection, which tells why */
};

static void on_end(void *user, const struct gaijin_answer *a) {
  struct end *e = user;
  e->is_over = true;
  e->is_lost = !a->ok && a->status == GAIJIN_STATUS_LOST;
  if (e->is_lost)
    e->m->failed = true;
  else
    e->again = is_to_go_on(e->m, a);
  gaijin_body_free(a->body);
}

/* Until it is over. */
static void follow(struct monitoring *m) {
  struct observer *o = &m->observer;
  uint64_t id;
  for (struct end e = {.m = m, .again = true}; e.again && !m->failed && !is_interrupted;) {
    e = (struct end){.m = m};
    if (!monitored_begin(o, &m->sights, on_end, &e, &id)) {
      m->failed = true;
      return;
    }
    while (!e.is_over && !m->failed && !is_interrupted && m->left) {
      if (gaijin_flush(o->g, true) != 0 || gaijin_dispatch(o->g) != 0) {
        if (!e.is_over || !m->failed) tool_error("monitor: %s", gaijin_error(o->g));
        o->no_broker = m->failed = true;
        break;
      }
      if (!write_out(m)) break;
      if (m->record) fflush(m->record);
      if (!e.is_over && m->left && !m->failed) wait_for_more(o->g);
    }
    if (e.is_lost) {
      tool_error("monitor: %s", gaijin_error(o->g));
      o->no_broker = true;
    }
    if (!e.is_over) gaijin_cancel(o->g, id);
  }
}

static void record_known(struct monitoring *m) {
  const struct known *names = &m->sights.names, *labels = &m->sights.labels;
  for (size_t i = 0; i < names->room; i++)
    if (names->places[i].text) record_name(m->record, names->places[i].a, names->places[i].text);
  for (size_t i = 0; i < labels->room; i++)
    if (labels->places[i].text)
      record_label(m->record, labels->places[i].a, labels->places[i].b, labels->places[i].text);
}

static int watch_live(struct monitoring *m, const struct invocation *in) {
  const char *path = settings_text(&in->settings, SETTING_record);
  static const struct gaijin_events events = {.seen = on_seen};
  bool good = observe_open_told(&m->observer, in, &events, m) &&
              monitored_learn(&m->observer, &m->sights);
  if (good && path) {
    m->record = record_create(path);
    good = m->record != NULL;
  }
  if (good) {
    if (m->record) record_known(m);
    catch_signals();
    follow(m);
    good = !m->failed;
  }
  if (m->record && !record_close(m->record, path)) good = false;
  return observe_close(&m->observer, good);
}

/* ---- Replay ---- */

struct replaying {
  struct monitoring *m;
  const struct invocation *in;
};

static bool replay_message(void *user, const struct sight *s) {
  const struct replaying *r = user;
  if (!monitored_fits(r->in, &r->m->sights, s)) return !is_interrupted;
  sight_note(&r->m->sights, s);
  return show_message(r->m, s) && !is_interrupted;
}

static int replay(struct monitoring *m, const struct invocation *in) {
  struct replaying r = {m, in};
  catch_signals();
  const char *path = settings_text(&in->settings, SETTING_replay);
  bool good = record_read(path, &m->sights, replay_message, &r);
  return good && !m->failed ? EXIT_GOOD : EXIT_FAILED;
}

/* NULL, or what is wrong with the command line. */
static const char *fault_of(const struct invocation *in) {
  const struct settings *s = &in->settings;
  if (!settings_text(s, SETTING_replay)) return NULL;
  if (settings_text(s, SETTING_record)) return "--record and --replay are two things: give one";
  if (settings_text(s, SETTING_label) || settings_text(s, SETTING_object))
    return "a record is looked through by --worker, --ops and --slower only";
  return NULL;
}

int cmd_monitor(const struct invocation *in) {
  const struct settings *s = &in->settings;
  uint64_t most = (uint64_t)settings_count(s, SETTING_messages);
  struct monitoring m = {.json = settings_flag(s, SETTING_json), .left = most ? most : UINT64_MAX};
  const char *fault = fault_of(in);
  if (fault) {
    tool_error("monitor: %s", fault);
    return EXIT_USAGE;
  }
  if (!monitored_ops_are_sound(in)) return EXIT_USAGE;
  bool replays = settings_text(s, SETTING_replay) != NULL;
  int status = replays ? replay(&m, in) : watch_live(&m, in);
  write_out(&m);
  if (replays ? m.sights.first_us || status == EXIT_GOOD : m.begins) {
    struct text summary = {0};
    sights_add_summary(&summary, &m.sights,
                       replays ? sights_seconds(&m.sights) : clock_seconds() - m.begun_s);
    fprintf(stderr, "%s\n", summary.bytes);
    text_deinit(&summary);
  }
  if (m.failed && status == EXIT_GOOD) status = EXIT_FAILED;
  sights_deinit(&m.sights);
  text_deinit(&m.out);
  return status;
}
