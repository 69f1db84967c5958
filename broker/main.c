/* SPDX-License-Identifier: MIT
 *
 * gaijin-broker: reads its flags, runs one broker until SIGTERM or SIGINT. SIGHUP reloads the
 * policy and the file of settings, SIGUSR1 writes the status into the log, SIGUSR2 has the
 * program's file executed anew (upgrade/upgrade.h), SIGPIPE is ignored.
 * Exit status: 0 after a signal, 1 when it cannot run, 2 for bad usage.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/flags.h"
#include "broker/net/activation.h"
#include "broker/reload.h"
#include "broker/service.h"
#include "broker/status.h"
#include "broker/upgrade/own_file.h"
#include "broker/upgrade/stamp.h"
#include "broker/upgrade/upgrade.h"
#include "proto/settings/memory.h"
#include "proto/settings/streams.h"

enum { SIGNALS = 5 };
static const int caught[SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

struct program {
  uv_loop_t loop;
  uv_signal_t signals[SIGNALS];
  struct broker broker;
  struct flags flags;
  struct activation handed;
  struct manager manager;
  char not_told[512]; /* why that cannot be told; "": it can, or there is none */
  struct service service;
  struct reload reload;
};

static void stop(struct program *p) {
  if (uv_is_closing((uv_handle_t *)&p->signals[0])) return;
  service_end(&p->service);
  reload_close(&p->reload);
  broker_stop(&p->broker);
  for (int i = 0; i < SIGNALS; i++) uv_close((uv_handle_t *)&p->signals[i], NULL);
}

/* Who has sent the last SIGUSR2: libuv does not tell. */
static volatile sig_atomic_t asker_pid, asker_uid;
static void (*handle_usr2)(int number);

static void note_asker(int number, siginfo_t *info, void *context) {
  (void)context;
  asker_pid = (sig_atomic_t)info->si_pid;
  asker_uid = (sig_atomic_t)info->si_uid;
  handle_usr2(number);
}

/* Libuv's own handler is run by one that notes the sender. */
static void note_askers(void) {
  struct sigaction action;
  if (sigaction(SIGUSR2, NULL, &action) < 0 || action.sa_flags & SA_SIGINFO) return;
  if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) return; /* libuv could not */
  handle_usr2 = action.sa_handler;
  action.sa_sigaction = note_asker;
  action.sa_flags |= SA_SIGINFO;
  sigaction(SIGUSR2, &action, NULL);
}

static void upgrade(struct broker *b) {
  char error[UPGRADE_TEXT], asker[64];
  snprintf(asker, sizeof asker, "SIGUSR2 of process %ld, user %lu", (long)asker_pid,
           (unsigned long)(uid_t)asker_uid);
  if (!upgrade_begin(b, NULL, &(struct upgrade_asker){.text = asker}, error))
    log_asked(&b->log, CAUSE_UPGRADE, "%s: no upgrade: %s", asker, error);
}

static void on_signal(uv_signal_t *handle, int number) {
  struct program *p = handle->data;
  switch (number) {
    case SIGHUP: reload_ask(&p->reload); break;
    case SIGUSR1: status_tell(&p->broker); break;
    case SIGUSR2: upgrade(&p->broker); break;
    default:
      log_line(&p->broker.log, LOG_INFO, "ends on signal %d", number);
      stop(p);
  }
}

static void watch_signals(struct program *p) {
  for (int i = 0; i < SIGNALS; i++) {
    uv_signal_init(&p->loop, &p->signals[i]);
    p->signals[i].data = p;
    uv_signal_start(&p->signals[i], on_signal, caught[i]);
  }
  note_askers();
}

/* One descriptor per client: as many as the system allows. */
static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  /* Without it the broker serves fewer clients, and says so when it has to refuse one. */
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return;
}

/* In which form the line of a broker that cannot run is written: text until it is known. */
static enum log_format form = LOG_TEXT;

/* That line; for people it is short. */
static void complain(const char *text) {
  const struct log_about nobody = {.uid = LOG_NO_UID};
  char head[LOG_HEAD_MOST], shown[2048], tail[LOG_TAIL_MOST];
  logline_escape(shown, sizeof shown, form, text, strlen(text), "");
  if (form == LOG_TEXT) {
    fprintf(stderr, "gaijin-broker: %s\n", shown);
    return;
  }
  logline_head(head, form, LOG_ERROR, "gaijin-broker", &nobody);
  logline_tail(tail, form, &nobody);
  fprintf(stderr, "%s%s%s", head, shown, tail);
}

static int run(struct program *p, const struct broker_config *config) {
  char error[512];
  int r = uv_loop_init(&p->loop);
  if (r < 0) {
    snprintf(error, sizeof error, "cannot make an event loop: %s", uv_strerror(r));
    complain(error);
    return 1;
  }
  watch_signals(p);
  if (config->state) upgrade_hold_signals(false);
  r = broker_start(&p->broker, &p->loop, config, error, sizeof error);
  if (r < 0) {
    complain(error);
    /* Who took over and cannot go on leaves everything as it is, as if it had been killed. */
    if (config->state) return 1;
    stop(p);
  } else {
    if (*p->not_told) log_line(&p->broker.log, LOG_WARN, "%s", p->not_told);
    service_begin(&p->service, &p->broker, &p->manager);
    reload_open(&p->reload, &p->broker, &p->flags.settings);
  }
  uv_run(&p->loop, UV_RUN_DEFAULT);
  broker_deinit(&p->broker);
  uv_loop_close(&p->loop);
  return r < 0 ? 1 : 0;
}

/* Help into a full disk has failed. */
static int end_shown(void) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
  fputs("gaijin-broker: cannot write to standard output\n", stderr);
  return 1;
}

/* Answers a broker that asks whether this program can go on in its place. */
static int answer_check(const struct flags *f) {
  char text[UPGRADE_TEXT];
  const struct stamp_settings settings = {.has_policy = f->config.policy != NULL,
                                          .max_message = f->config.max_message};
  const char *answer = stamp_judge(f->check_upgrade, STDIN_FILENO, &settings, text, sizeof text);
  if (answer) {
    puts(answer);
    return end_shown();
  }
  complain(text);
  return 1;
}

/* What --check-config and the like are for; and they end. */
static int answer(const struct flags *f) {
  const struct config *c = &f->settings;
  bool good = true;
  if (f->check_upgrade) return answer_check(f);
  if (settings_flag(&c->typed, SETTING_print_config)) {
    config_print(c);
  } else {
    if (c->path) printf("%s: %u settings\n", c->path, c->file.count);
    good = config_check_policy(c, complain);
  }
  return end_shown() || !good;
}

static bool is_asked(const struct flags *f) {
  const struct settings *typed = &f->settings.typed;
  return f->check_upgrade || settings_flag(typed, SETTING_print_config) ||
         settings_flag(typed, SETTING_check_config);
}

/* The file of settings has faults; who asks for a check is to see all there are. */
static int tell_faults(const struct flags *f) {
  if (!is_asked(f)) form = f->config.log_format;
  config_tell(f->settings.path, &f->faults, complain);
  if (settings_flag(&f->settings.typed, SETTING_check_config))
    config_check_policy(&f->settings, complain);
  return 1;
}

/* A socket of the service manager's is where the broker listens, if there is one. */
static bool take_socket(struct program *p, char *error, size_t n) {
  struct broker_config *config = &p->flags.config;
  if (!activation_take(&p->handed, error, n)) return false;
  if (!p->handed.fd) return true;
  if (config->socket_is_given && strcmp(config->socket, p->handed.path) != 0) {
    snprintf(error, n, "the service manager has handed over %s, and %s says %s; leave that out, or "
                       "change ListenStream=", p->handed.path, config->socket_from,
             config->socket);
    return false;
  }
  config->socket = p->handed.path;
  config->listen_fd = p->handed.fd;
  return true;
}

static int serve(struct program *p, char **argv, int state) {
  static char path[4096];
  char error[512];
  struct broker_config *config = &p->flags.config;
  form = config->log_format;
  if (!take_socket(p, error, sizeof error)) {
    complain(error);
    return 1;
  }
  manager_open(&p->manager, p->not_told, sizeof p->not_told);
  if (state > 0) config->state = state;
  bool has_path = own_file(argv[0], getenv("PATH"), "/proc/self/exe", path, sizeof path);
  config->call = (struct program_call){has_path ? path : NULL, argv, p->manager.variables};
  config->manager = &p->manager;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* a log that may not grow is as one on a full disk */
  raise_descriptor_limit();
  int status = run(p, config);
  manager_close(&p->manager);
  return status;
}

int main(int argc, char **argv) {
  static struct program program;
  struct flags *flags = &program.flags;
  char error[512];
  int state = upgrade_descriptor();
  streams_open();
  memory_keep();
  uv_replace_allocator(malloc, memory_grow_or_end, calloc, free);
  enum flags_outcome outcome = flags_parse(flags, argc, argv, error, sizeof error);
  int status = 0;
  switch (outcome) {
    case FLAGS_SHOWN: status = end_shown(); break;
    case FLAGS_BAD: complain(error); status = 2; break;
    case FLAGS_FAULTY: status = tell_faults(flags); break;
    case FLAGS_RUN: status = is_asked(flags) ? answer(flags) : serve(&program, argv, state);
  }
  flags_deinit(flags);
  return status;
}
