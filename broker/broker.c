/* SPDX-License-Identifier: MIT
 *
 * Wiring: registries, socket, and the end of each turn.
 */
#include "broker/broker.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "broker/core/expiry.h"
#include "broker/core/releases.h"
#include "broker/net/client.h"
#include "broker/ops/reap.h"

enum { ACCEPTS_PER_TURN = 64, REFUSED_LOG_MS = 1000, PAUSE_MS = 100, HELLO_MS = 10000, TRIM_CHUNKS = 64 };

void broker_end_turn(struct broker *b) {
  while (b->dirty || b->condemned) {
    if (b->dirty) {
      struct client *c = b->dirty;
      b->dirty = c->next_dirty;
      c->is_dirty = false;
      client_flush(c);
    } else {
      struct client *c = b->condemned;
      b->condemned = c->next_condemned;
      reap(c);
    }
  }
}

/* After a large fall of tokens: messages and tables of that time have left holes in the heap. Rare, because what fell since
 * the last time must be several times what is left. */
static void trim(struct broker *b) {
  struct slab *tokens = &b->refs.tokens, *holds = &b->refs.holds;
  uint32_t returned = tokens->returned + holds->returned;
  if (returned < TRIM_CHUNKS || returned / 4 < tokens->chunks + holds->chunks) return;
  tokens->returned = holds->returned = 0;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

static void on_check(uv_check_t *check) {
  releases_turn(check->data);
  broker_end_turn(check->data);
  trim(check->data);
}

static void log_refused(struct broker *b, int error) {
  uint64_t now = uv_now(b->loop);
  if (b->listener.refused_ms && now - b->listener.refused_ms < REFUSED_LOG_MS) return;
  b->listener.refused_ms = now ? now : 1;
  log_line(&b->log, LOG_ERROR, "refused a client: %s; raise the limit of open files (ulimit -n)", strerror(error));
}

static void on_connection(uv_poll_t *poll, int status, int events);

static int listen_for_clients(struct broker *b) { return uv_poll_start(&b->listener.poll, UV_READABLE, on_connection); }

static void on_pause_over(uv_timer_t *timer) {
  struct broker *b = timer->data;
  int r = listen_for_clients(b);
  if (r < 0) log_line(&b->log, LOG_ERROR, "cannot wait for clients: %s", uv_strerror(r));
}

/* There is no descriptor even to refuse the client that waits: accepting goes on a little later. */
static void pause_accepting(struct broker *b) {
  uv_poll_stop(&b->listener.poll);
  uv_timer_start(&b->listener.pause, on_pause_over, PAUSE_MS, 0);
}

static void on_connection(uv_poll_t *poll, int status, int events) {
  struct broker *b = poll->data;
  (void)events;
  if (status < 0) {
    log_line(&b->log, LOG_ERROR, "cannot wait for clients: %s", uv_strerror(status));
    return;
  }
  for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
    int fd = listener_accept(&b->listener);
    if (fd == -EAGAIN) return;
    if (fd == -EMFILE || fd == -ENFILE) {
      log_refused(b, -fd);
      if (b->listener.spare_fd >= 0) continue;
      pause_accepting(b);
      return;
    }
    if (fd >= 0 && client_new(b, fd) < 0)
      log_line(&b->log, LOG_ERROR, "refused a client: memory is too short");
  }
}

static bool init_registries(struct broker *b, const struct broker_config *config) {
  uint64_t seed[6];
  if (getrandom(seed, sizeof seed, 0) != sizeof seed) return false;
  buffer_init(&b->out, UINT32_MAX);
  frame_init(&b->inbox, config->max_message);
  waits_init(&b->collecting);
  return hosts_init(&b->hosts, seed[0]) && names_init(&b->names, seed[1]) && refs_init(&b->refs, seed[2]) &&
         loads_init(&b->loads, config->load_gain, config->load_min, seed[3]) && calls_init(&b->calls, seed[4]);
}

int broker_start(struct broker *b, uv_loop_t *loop, const struct broker_config *config, char *error, size_t n) {
  memset(b, 0, sizeof *b);
  b->loop = loop;
  b->log.level = config->log_level;
  b->max_message = config->max_message;
  b->listener.fd = b->listener.lock_fd = b->listener.spare_fd = -1;
  uv_check_init(loop, &b->check);
  expiry_open(b);
  releases_open(b);
  uv_timer_init(loop, &b->greeting);
  b->check.data = b->greeting.data = b;
  b->hello_ms = HELLO_MS;
  if (!init_registries(b, config)) {
    snprintf(error, n, "memory is too short, or the kernel has no random bits");
    return -1;
  }
  if (listener_open(&b->listener, config->socket, error, n) < 0) return -1;
  int r = uv_check_start(&b->check, on_check);
  if (r == 0) r = uv_poll_init(loop, &b->listener.poll, b->listener.fd);
  if (r == 0) {
    uv_timer_init(loop, &b->listener.pause);
    b->listener.polling = true;
    b->listener.poll.data = b->listener.pause.data = b;
    r = listen_for_clients(b);
  }
  if (r < 0) {
    snprintf(error, n, "cannot wait for clients: %s", uv_strerror(r));
    return -1;
  }
  log_line(&b->log, LOG_INFO, "gaijin %s listens on %s", GAIJIN_VERSION, b->listener.path);
  return 0;
}

void broker_stop(struct broker *b) {
  if (uv_is_closing((uv_handle_t *)&b->check)) return;
  uv_close((uv_handle_t *)&b->check, NULL);
  expiry_close(b);
  releases_close(b);
  uv_close((uv_handle_t *)&b->greeting, NULL);
  if (b->listener.polling) {
    uv_close((uv_handle_t *)&b->listener.poll, NULL);
    uv_close((uv_handle_t *)&b->listener.pause, NULL);
  }
  listener_close(&b->listener);
  b->dirty = b->condemned = NULL;
  while (b->clients) client_close(b->clients);
}

void broker_deinit(struct broker *b) {
  hosts_deinit(&b->hosts);
  names_deinit(&b->names);
  refs_deinit(&b->refs);
  loads_deinit(&b->loads);
  calls_deinit(&b->calls);
  waits_deinit(&b->collecting);
  frame_deinit(&b->inbox);
  buffer_deinit(&b->out);
}

/* Across registries: a load is what its client holds of its host. */
static const char *check_loads(const struct broker *b) {
  uint64_t held = 0;
  for (uint32_t i = slab_next(&b->loads.all, 0); i != SLAB_NONE; i = slab_next(&b->loads.all, i + 1)) held += loads_at(&b->loads, i)->held;
  return held == b->refs.holds.count ? NULL : "broker: loads and holds do not add up";
}

const char *broker_check(const struct broker *b) {
  const char *fault = refs_check(&b->refs);
  if (!fault) fault = loads_check(&b->loads);
  if (!fault) fault = calls_check(&b->calls);
  if (!fault) fault = names_check(&b->names);
  return fault ? fault : check_loads(b);
}
