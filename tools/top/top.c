/* SPDX-License-Identifier: MIT
 *
 * One loop for keys, the broker, and what runs beside. Nothing in it waits for an answer: a broker
 * that hangs holds up no key.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ppoll */
#endif
#include "tools/top/top.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/clock.h"
#include "tools/top/pages/acts.h"
#include "tools/top/pages/draw.h"
#include "tools/top/pages/keys.h"
#include "tools/top/pages/pages.h"
#include "tools/top/screen/restore.h"
#include "tools/top/screen/screen.h"

/* The longest the loop sleeps: lateness is shown in seconds. */
#define TICK_SECONDS 1.0
/* While a command that has said all ends. */
#define SOON_SECONDS 0.02
/* Between two looks at who is late. */
#define LOOK_SECONDS 0.2
/* Keys that are taken before the next look at anything else. */
enum { KEYS_MOST = 64 };

/* A signal handler has no other way. */
static volatile sig_atomic_t resized, stops, continued;
static void on_signal(int number) {
  if (number == SIGWINCH) resized = 1;
  if (number == SIGTSTP) stops = 1;
  if (number == SIGCONT) continued = 1;
}

/* Of the loop's signals: they come while it sleeps, and at no other time. */
struct signals {
  sigset_t asleep;
};

static void signals_begin(struct signals *s) {
  static const int numbers[] = {SIGWINCH, SIGTSTP, SIGCONT};
  struct sigaction a = {.sa_handler = on_signal}, before;
  sigset_t ours;
  sigemptyset(&ours);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    sigaction(numbers[i], NULL, &before);
    /* Who may not be stopped (a shell without jobs) is not. */
    if (before.sa_handler == SIG_IGN) continue;
    sigaction(numbers[i], &a, NULL);
    sigaddset(&ours, numbers[i]);
  }
  sigprocmask(SIG_BLOCK, &ours, &s->asleep);
}

/* Stops as Ctrl-Z does where nobody minds, and comes back here. */
static void stop_here(void) {
  struct sigaction plain = {.sa_handler = SIG_DFL}, ours;
  sigset_t stop;
  stops = 0;
  screen_pause();
  sigaction(SIGTSTP, &plain, &ours);
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &stop, NULL);
  sigprocmask(SIG_BLOCK, &stop, NULL);
  sigaction(SIGTSTP, &ours, NULL);
  continued = 0;
  screen_resume();
}

/* Whether the picture has to be drawn anew. */
static bool take_signals(void) {
  bool any = resized || stops || continued;
  if (stops)
    stop_here();
  else if (continued)
    screen_resume(); /* after a SIGSTOP the shell has changed the terminal */
  else if (resized)
    screen_measure();
  resized = continued = 0;
  return any;
}

/* ---- The broker ---- */

static void lose(struct top *t, const char *why) {
  struct observer *o = &t->observer;
  snprintf(t->away, sizeof t->away, "%s", why);
  feed_stop(&t->feed);
  gaijin_close(o->g);
  o->g = NULL;
  o->no_broker = false;
}

/* Tries to come back, if nobody does. */
static void look_for_broker(struct top *t) {
  if (t->observer.g || t->link) return;
  t->link = link_begin(settings_text(&t->in->settings, SETTING_socket));
  if (!t->link) top_say(t, true, "cannot try again now: out of memory or descriptors");
}

static void come_back(struct top *t) {
  char why[TOP_MESSAGE_MOST];
  int status;
  gaijin *g = link_take(t->link, &status, why, sizeof why);
  if (*why) snprintf(t->away, sizeof t->away, "%s", why);
  if (!g) return;
  link_end(t->link);
  t->link = NULL;
  t->observer.g = g;
  *t->away = 0;
  t->due = t->tokens_due = 0;
  top_say(t, false, "the broker is back");
}

/* Sends, and takes what has come. Whether the connection stands. */
static bool talk(struct top *t) {
  struct observer *o = &t->observer;
  char why[TOP_MESSAGE_MOST] = "its answer has another form than this version knows";
  if (gaijin_dispatch(o->g) == 0 && gaijin_flush(o->g, true) == 0 && !o->no_broker) return true;
  if (!o->no_broker) snprintf(why, sizeof why, "%s", gaijin_error(o->g));
  lose(t, why);
  return false;
}

/* Asks what is due; the seconds until something is. */
static double ask(struct top *t) {
  double now = clock_seconds();
  struct feed *f = &t->feed;
  if (!t->observer.g || t->is_paused) return TICK_SECONDS;
  bool round_is_on = f->book < FEED_BOOKS;
  if (!round_is_on && now >= t->due) {
    /* A round that takes long is followed by a rest as long. */
    t->due = now + (f->round_took > t->interval ? 2 * f->round_took : t->interval);
    feed_round(f);
  }
  bool wants_tokens = t->page == SAMPLE_TOKENS && !f->reads_tokens;
  if (wants_tokens && f->has_tokens && t->tokens_due < f->tokens_began) {
    double rest = f->tokens_took > t->interval ? f->tokens_took : t->interval;
    t->tokens_due = f->tokens_began + f->tokens_took + rest;
  }
  if (wants_tokens && now >= t->tokens_due) pages_read_tokens(t);
  double next = t->due - now;
  if (wants_tokens && t->tokens_due - now < next) next = t->tokens_due - now;
  return next > TICK_SECONDS || f->book < FEED_BOOKS ? TICK_SECONDS : next > 0 ? next : 0;
}

/* ---- The loop ---- */

enum { POLL_KEYS, POLL_BROKER, POLL_LINK, POLL_SAID, POLL_ACTOR, POLL_ASKER, POLLED };

static void sleep_for(struct top *t, const struct signals *s, struct pollfd *p, double seconds) {
  struct timespec time = {.tv_sec = (time_t)seconds,
                          .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
  const gaijin *g = t->observer.g;
  short events = g && gaijin_wants_write(g) ? POLLIN | POLLOUT : POLLIN;
  p[POLL_KEYS] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
  p[POLL_BROKER] = (struct pollfd){.fd = g ? gaijin_fd(g) : -1, .events = events};
  p[POLL_LINK] = (struct pollfd){.fd = t->link ? link_fd(t->link) : -1, .events = POLLIN};
  p[POLL_SAID] = (struct pollfd){.fd = restore_said_fd(), .events = POLLIN};
  p[POLL_ACTOR] = (struct pollfd){.fd = t->actor.pid ? t->actor.fd : -1, .events = POLLIN};
  p[POLL_ASKER] = (struct pollfd){.fd = t->asker.pid ? t->asker.fd : -1, .events = POLLIN};
  if (ppoll(p, POLLED, &time, &s->asleep) >= 0) return;
  for (size_t i = 0; i < POLLED; i++) p[i].revents = 0;
}

/* Takes keys. False: there was none. */
static bool take_keys(struct top *t) {
  t->more_keys = false;
  for (int i = 0; i < KEYS_MOST && !t->is_over; i++) {
    struct screen_key k = screen_key();
    if (k.type == KEY_IS_NONE) return i > 0;
    keys_take(t, k);
  }
  t->more_keys = true;
  return true;
}

/* The same where the terminal has something, and notices that it has gone. */
static void read_keys(struct top *t, short events) {
  static int empty; /* an interrupted escape sequence is no end */
  bool is_gone = (events & (POLLHUP | POLLERR | POLLNVAL)) || (!take_keys(t) && events);
  empty = is_gone ? empty + 1 : 0;
  if (empty > 3) t->is_over = true;
}

/* What a library or an error path has said on stderr. */
static void take_said(struct top *t) {
  char said[TOP_MESSAGE_MOST];
  ssize_t n = read(restore_said_fd(), said, sizeof said - 1);
  if (n <= 0) return;
  said[n] = 0;
  said[strcspn(said, "\n")] = 0;
  top_say(t, true, "%s", said);
}

/* One turn. Whether there is something new to see. */
static bool turn(struct top *t, const struct signals *s) {
  struct pollfd p[POLLED];
  double seconds = ask(t);
  if (t->observer.g && !talk(t)) return true; /* what was just asked leaves */
  look_for_broker(t);
  if ((t->actor.pid && t->actor.fd < 0) || (t->asker.pid && t->asker.fd < 0))
    seconds = seconds < SOON_SECONDS ? seconds : SOON_SECONDS;
  if (t->feed.changed || t->more_keys) seconds = 0;
  sleep_for(t, s, p, seconds);
  bool changed = take_signals();
  if (p[POLL_KEYS].revents || t->more_keys) {
    read_keys(t, p[POLL_KEYS].revents);
    changed = true;
  }
  if (p[POLL_SAID].revents) take_said(t);
  if (p[POLL_LINK].revents) come_back(t);
  if (t->observer.g && p[POLL_BROKER].revents) talk(t);
  if (acts_read(t)) changed = true;
  if (clock_seconds() - t->looked > LOOK_SECONDS) {
    t->looked = clock_seconds();
    feed_look(&t->feed);
  }
  return changed || p[POLL_SAID].revents || p[POLL_LINK].revents;
}

static void loop(struct top *t, const struct signals *s) {
  double drawn = 0, read = 0;
  bool changed = true;
  while (!t->is_over) {
    double now = clock_seconds();
    if (t->feed.changed) {
      t->feed.changed = false;
      if (!t->is_paused) pages_build(t);
      changed = true;
    }
    /* The first reading of many objects shows how far it is. */
    if (t->page == SAMPLE_TOKENS && !t->feed.has_tokens && now - read > 0.25) {
      read = now;
      pages_build(t);
      changed = true;
    }
    if (changed || now - drawn >= TICK_SECONDS) {
      draw(t);
      drawn = now;
      pages_ask_labels(t, draw_height(t));
    }
    changed = turn(t, s);
  }
}

int top_run(const struct invocation *in) {
  char error[TOP_MESSAGE_MOST];
  struct signals signals;
  struct top t = {.in = in,
                  .interval = settings_seconds(&in->settings, SETTING_interval),
                  .actor.fd = -1,
                  .asker.fd = -1};
  if (!screen_check(error, sizeof error)) {
    tool_error("top: %s", error);
    return EXIT_USAGE;
  }
  if (!observe_open(&t.observer, in)) return observe_close(&t.observer, false);
  feed_init(&t.feed, &t.observer);
  pages_init(&t);
  signals_begin(&signals);
  if (!screen_open(error, sizeof error)) {
    tool_error("top: %s", error);
    feed_deinit(&t.feed);
    observe_close(&t.observer, false);
    return EXIT_USAGE;
  }
  pages_build(&t);
  loop(&t, &signals);
  screen_close();
  acts_deinit(&t);
  feed_deinit(&t.feed);
  link_end(t.link);
  grid_deinit(&t.grid);
  text_deinit(&t.lines);
  observe_close(&t.observer, true);
  return EXIT_GOOD;
}
