/* SPDX-License-Identifier: MIT
 *
 * Wiring: registries, socket, and the end of each turn.
 */
#include "broker/broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "broker/books/roster_file.h"
#include "broker/check.h"
#include "broker/core/expiry.h"
#include "broker/core/grace.h"
#include "broker/core/heap.h"
#include "broker/core/notify.h"
#include "broker/core/permissions.h"
#include "broker/core/seen.h"
#include "broker/core/succession.h"
#include "broker/core/transfer.h"
#include "broker/cycles/cycles.h"
#include "broker/net/carrier.h"
#include "broker/net/limits.h"
#include "broker/net/connections.h"
#include "broker/net/hot.h"
#include "broker/net/lookout.h"
#include "broker/ops/dispatch.h"
#include "broker/ops/coming/greet.h"
#include "broker/ops/coming/reap.h"
#include "broker/ops/route/ring.h"
#include "broker/ops/watch/watch.h"
#include "broker/upgrade/ask.h"
#include "broker/upgrade/upgrade.h"

enum { HELLO_MS = 10000, LOG_LATER_MS = 100 };

static uint64_t count_records(const struct broker *b) {
  return (uint64_t)b->refs.tokens.count + b->refs.holds.count + b->calls.all.count +
         b->loads.all.count + b->hosts.all.count + b->names.watches.all.count +
         b->collecting.all.count;
}

#ifdef GAIJIN_HOSTILE
/* So many records are looked at per call on average: large books are checked more seldom, or a
 * broker with a million tokens would do nothing else. After the first calls it is fewer, and empty
 * places count, too: to look through them takes longer than to handle a message. */
enum { FIRST_CALLS = 2000, EACH_EARLY = 256, EACH_LATER = 64, EMPTY_RECORDS = 1024 };

static bool is_check_due(struct broker *b) {
  bool is_early = b->first_calls < FIRST_CALLS;
  uint64_t records = count_records(b) + (is_early ? 0 : EMPTY_RECORDS);
  b->first_calls += is_early;
  if (++b->unchecked * (is_early ? EACH_EARLY : EACH_LATER) < records) return false;
  b->unchecked = 0;
  return true;
}
#endif

/* In a hostile build a fault ends the program while its cause is at hand. */
static void check_if_hostile(struct broker *b) {
#ifdef GAIJIN_HOSTILE
  const char *fault = is_check_due(b) ? broker_check(b) : NULL;
  if (!fault) return;
  fprintf(stderr, "gaijin-broker: %s\n", fault);
  abort();
#else
  (void)b;
#endif
}

/* What could not be written is tried again; nothing wakes the broker when there is room. */
static void on_log_later(uv_timer_t *timer) {
  struct broker *b = timer->data;
  log_flush(&b->log);
}

static void watch_log(struct broker *b) {
  if (log_waits(&b->log) && !uv_is_active((uv_handle_t *)&b->log_later))
    uv_timer_start(&b->log_later, on_log_later, LOG_LATER_MS, 0);
}

void broker_end_turn(struct broker *b) {
  cycles_end_turn(b);
  connections_end_turn(&b->connections);
  if (b->work.first) {
    work_run(&b->work);
    connections_end_turn(&b->connections);
  }
  work_end_turn(&b->work);
  traffic_end_turn(&b->traffic);
  heap_end_turn(b);
  watch_log(b);
  check_if_hostile(b);
  upgrade_end_turn(b);
}

/* The loop is about to wait: sockets have been read and timers have fired since it last did. */
static void on_prepare(uv_prepare_t *prepare) {
  struct broker *b = prepare->data;
  do
    broker_end_turn(b);
  while (lookout_wait(&b->connections));
}

/* A new socket of the listener's. */
static void on_accepted(void *user, int fd) {
  struct broker *b = user;
  uid_t uid;
  if (!access_allows(&b->listener.access, fd, &uid))
    greet_refuse_stranger(b, fd, uid);
  else if (client_new(&b->connections, fd) < 0)
    log_peer(&b->log, LOG_ERROR, CAUSE_MEMORY, log_user(LOG_NO_UID),
             "refused a client: memory is too short");
}

static void on_message(struct client *c, uint8_t *bytes, uint32_t size) {
  dispatch_message(c, bytes, size);
  check_if_hostile(c->broker);
}

static void on_condemned(struct client *c) {
  grace_give_up_slot(c);
  cycles_ended(c);
}

/* What becomes of a connection: where net/ hands over to ops/. */
static const struct client_events client_events = {
    .opened = greet_expect,
    .message = on_message,
    .fault = notify_fault,
    .condemned = on_condemned,
    .dropped = transfer_forget,
    .ended = reap,
    .busy = ring_offer,
    .idle = ring_leave,
    .farewell = notify_farewell,
};

/* Has all registries charge what they keep to accounts; the memory of a record is counted with its
 * share of the hash tables. A wait may be all that keeps a name. */
static void charge_accounts(struct broker *b) {
  /* What all tables by host, which grow by doubling, have for one: 11 of lists (owners), 3 of
   * counts (exports, collections, looks), and whose account is a host's. */
  enum { LISTS = 11, COUNTS = 3, OTHERS = 1 };
  enum { TABLES = 2 * (LISTS * sizeof(struct owner_list) + COUNTS * sizeof(uint64_t) +
                       OTHERS * sizeof(struct account *)) };
  enum { SHARE = 8, SMALL_OUTBOX = 4096 };
  struct accounts *a = &b->connections.accounts;
  refs_charge(&b->refs, a);
  names_charge(&b->names, a);
  calls_charge(&b->calls, a);
  loads_charge(&b->loads, a, sizeof(struct load) + 2 * SHARE);
  claims_charge(&b->grace.claims, a);
  owners_charge(&b->collecting.by_client, a, ACCOUNT_WAITS);
  a->bytes_of[ACCOUNT_REQUESTS] = sizeof(struct call) + SHARE;
  a->bytes_of[ACCOUNT_WAITS] = sizeof(struct wait) + SHARE + sizeof(struct name);
  a->bytes_of[ACCOUNT_EXPORTED] = sizeof(struct token) + SHARE;
  a->bytes_of[ACCOUNT_HELD] = sizeof(struct hold) + SHARE;
  a->bytes_of[ACCOUNT_NAMES] = sizeof(struct name) + SHARE;
  a->bytes_of[ACCOUNT_CONNECTIONS] =
      sizeof(struct client) + SMALL_OUTBOX;
  a->record_bytes = sizeof(struct host) + 2 * sizeof(struct account) + TABLES;
}

static bool init_registries(struct broker *b, const struct broker_config *config) {
  uint64_t seed[8]; /* each table's own */
  if (getrandom(seed, sizeof seed, 0) != sizeof seed) return false;
  buffer_init(&b->out, UINT32_MAX);
  if (!accounts_init(&b->connections.accounts, seed[6])) return false;
  limits_set(&b->connections, &config->most, &config->limits);
  flows_init(&b->flows, &config->window, &b->loads);
  traffic_init(&b->traffic);
  bool good = hosts_init(&b->hosts, seed[0]) && names_init(&b->names, seed[1]) &&
         refs_init(&b->refs, &b->pool, seed[2]) &&
         loads_init(&b->loads, config->load_gain, config->load_min, config->weight_min >> 10,
                    seed[3]) &&
         calls_init(&b->calls, seed[4]) && waits_init(&b->collecting, seed[5]) &&
         grace_init(b, seed[7]);
  if (good) charge_accounts(b);
  return good;
}

/* A broker with so many records is checked as a whole when it was read: that takes milliseconds; in
 * a hostile build, with any number. */
enum { CHECKED_RECORDS = 20000 };

static bool is_right(const struct broker *b, char *error, size_t n) {
#ifdef GAIJIN_HOSTILE
  const bool is_checked = true;
#else
  const bool is_checked = count_records(b) <= CHECKED_RECORDS;
#endif
  const char *fault = is_checked ? broker_check(b) : NULL;
  if (fault) snprintf(error, n, "%s", fault);
  return !fault;
}

/* What is wrong with the socket's path names --socket already. */
static void tell_who_named_it(const struct broker_config *config, char *error, size_t n) {
  const char *from = config->socket_from;
  size_t used = strlen(error);
  if (from && *from != '-' && !config->listen_fd)
    snprintf(error + used, n - used, "; it is named by %s", from);
}

static bool claim_path(struct broker *b, const struct broker_config *config, char *error,
                       size_t n) {
  int r = config->listen_fd ? listener_adopt(&b->listener, config->listen_fd, config->socket,
                                             &config->access, error, n)
                            : listener_lock(&b->listener, config->socket, &config->access, error,
                                            n);
  if (r < 0) tell_who_named_it(config, error, n);
  return r == 0;
}

static bool open_new(struct broker *b, const struct broker_config *config, char *error, size_t n) {
  if (!permissions_open(&b->permissions, config->policy, uv_now(b->loop), error, n) ||
      !claim_path(b, config, error, n) ||
      roster_open(&b->roster, config->socket, &b->log, error, n) < 0)
    return false;
  calls_start_at(&b->calls, b->roster.generation << CALL_ID_BITS);
  if (!grace_begin(b, config->return_grace_ms)) {
    snprintf(error, n, "memory is too short");
    return false;
  }
  if (config->listen_fd || listener_listen(&b->listener, error, n) == 0) return true;
  tell_who_named_it(config, error, n);
  return false;
}

/* The listener listens, and there is a policy if there is to be one: begun here, or taken over. */
static bool open_doors(struct broker *b, const struct broker_config *config,
                       struct state_head *head, char *error, size_t n) {
  char fault[400];
  if (!config->state) return open_new(b, config, error, n);
  bool good = state_read(b, config->state, &config->access, config->policy, head, fault,
                         sizeof fault);
  close(config->state);
  if (good) return true;
  snprintf(error, n, "cannot go on in the place of the broker that ran before, all clients are "
                     "disconnected: %s", fault);
  return false;
}

/* What of the settings has no effect. */
static void warn(struct broker *b, const struct broker_config *config) {
  const struct access *a = &config->access;
  const char *path = b->listener.path;
  if (config->state && config->socket_is_given && strcmp(path, config->socket) != 0)
    log_line(&b->log, LOG_WARN, "stays at %s; %s, of %s, takes a restart", path, config->socket,
             config->socket_from);
  if (config->listen_fd && config->mode_from)
    log_line(&b->log, LOG_WARN, "%s is not for %s, which the service manager has made: see "
                                "SocketMode= of its unit", config->mode_from, path);
  if (config->listen_fd && config->group_from)
    log_line(&b->log, LOG_WARN, "%s is not for %s, which the service manager has made: see "
                                "SocketGroup= of its unit", config->group_from, path);
  if (!config->state && a->has_group && !a->n_gids)
    log_line(&b->log, LOG_WARN, "%s lets its members reach the socket, but none of them is served: "
                                "name the group with allow-gid too", config->group_from);
}

/* Says that it is there. */
static bool begin(struct broker *b, const struct broker_config *config,
                  const struct state_head *head, char *error, size_t n) {
  warn(b, config);
  if (config->state) {
    state_go_on(b);
    if (!is_right(b, error, n)) return false;
    upgrade_tell(b, head);
    return true;
  }
  log_line(&b->log, LOG_INFO, "gaijin %s listens on %s", GAIJIN_VERSION, b->listener.path);
  return true;
}

int broker_start(struct broker *b, uv_loop_t *loop, const struct broker_config *config, char *error,
                 size_t n) {
  memset(b, 0, sizeof *b);
  struct state_head head = {0};
  b->loop = loop;
  b->call = config->call;
  b->manager = config->manager;
  b->asked_to_upgrade = ask_on_upgrade;
  b->named = watch_answer;
  b->hello_ms = HELLO_MS;
  b->listener.fd = b->listener.lock_fd = b->listener.spare_fd = b->pool.fd = -1;
  connections_init(&b->connections, loop, &b->work, &b->log, &client_events, b,
                   config->max_message);
  limits_init(&b->connections);
  hot_init(&b->connections);
  hot_set(&b->connections, config->poll_us);
  carrier_init(&b->connections);
  carrier_set(&b->connections, config->transport, config->rings, config->rings_idle_ms);
  uv_prepare_init(loop, &b->turn_end);
  uv_timer_init(loop, &b->greeting);
  uv_timer_init(loop, &b->log_later);
  b->turn_end.data = b->greeting.data = b->log_later.data = b;
  expiry_open(b);
  heap_open(b);
  grace_open(b);
  seen_open(b);
  work_open(&b->work, loop);
  int no_pool = pool_open(&b->pool) ? 0 : errno;
  if (!cycles_open(b, config->cycle_ms, config->cycle_quiet_s) ||
      !init_registries(b, config)) {
    snprintf(error, n, "memory is too short, or the kernel has no random bits");
    return -1;
  }
  if (!log_open(&b->log, config->log_level, config->log_format, STDERR_FILENO) ||
      !greet_prepare_parting(b)) {
    snprintf(error, n, "memory is too short");
    return -1;
  }
  if (!open_doors(b, config, &head, error, n)) return -1;
  if (no_pool && b->pool.fd < 0) /* else that of the broker before it is used */
    log_line(&b->log, LOG_WARN, "no file in memory for the books (%s): they are in ordinary "
                                "memory, and upgrades take longer", strerror(no_pool));
  b->listener.parting = b->parting.bytes;
  b->listener.parting_size = b->parting.size;
  int r = uv_prepare_start(&b->turn_end, on_prepare);
  if (r == 0) r = listener_start(&b->listener, loop, &b->log, on_accepted, b);
  if (r < 0) {
    snprintf(error, n, "cannot wait for clients: %s", uv_strerror(r));
    return -1;
  }
  b->listens = begin(b, config, &head, error, n);
  return b->listens ? 0 : -1;
}

/* What was queued goes first, so the last word of a client that does not read may not reach it. */
static void say_bye(struct broker *b) {
  for (struct client *c = b->connections.all; c; c = c->next) {
    if (c->state != CLIENT_READY || c->write_failed) continue;
    notify_bye(c);
    client_flush(c);
  }
}

void broker_stop(struct broker *b) {
  if (uv_is_closing((uv_handle_t *)&b->turn_end)) return;
  say_bye(b);
  uv_close((uv_handle_t *)&b->turn_end, NULL);
  uv_close((uv_handle_t *)&b->greeting, NULL);
  uv_close((uv_handle_t *)&b->log_later, NULL);
  expiry_close(b);
  heap_close(b);
  grace_close(b);
  seen_close(b);
  cycles_close(b);
  upgrade_close(b);
  permissions_stop(&b->permissions);
  /* Under the listener's lock. Of a broker that could not begin, others may still come back. */
  if (b->listens)
    roster_remove(&b->roster);
  else
    roster_close(&b->roster);
  listener_close(&b->listener);
  for (struct client *c = b->connections.all; c; c = c->next) {
    watch_forget(c);
    succession_forget(c);
  }
  connections_close(&b->connections);
  limits_close(&b->connections);
  hot_close(&b->connections);
  carrier_close(&b->connections);
  work_close(&b->work);
}

void broker_deinit(struct broker *b) {
  hosts_deinit(&b->hosts);
  names_deinit(&b->names);
  refs_deinit(&b->refs);
  pool_close(&b->pool);
  loads_deinit(&b->loads);
  calls_deinit(&b->calls);
  traffic_deinit(&b->traffic);
  seen_deinit(b);
  cycles_deinit(b);
  waits_deinit(&b->collecting);
  grace_deinit(b);
  permissions_close(&b->permissions);
  connections_deinit(&b->connections);
  buffer_deinit(&b->parting);
  buffer_deinit(&b->out);
  log_close(&b->log);
}
