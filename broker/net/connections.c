/* SPDX-License-Identifier: MIT
 *
 * on_event is where everything from a peer begins.
 */
#define _GNU_SOURCE /* struct ucred */
#include "broker/net/connections.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/process.h"
#include "broker/base/slab.h"
#include "broker/net/carrier.h"
#include "broker/net/hot.h"
#include "broker/net/keepers.h"
#include "broker/net/limits.h"
#include "broker/net/reading.h"
#include "proto/base.h"
#include "proto/limits.h"

/* connections.queue_most: so many bytes, or so many of the largest messages if that is more. */
#define QUEUE_BYTES ((size_t)64 << 20)
enum { QUEUE_MESSAGES = 4 };

/* ---- What the loop tells ---- */

static void write_out(struct client *c) {
  client_flush(c);
  carrier_note_written(c);
  hot_heat(c);
  limits_note_left(c);
  reading_written(c);
}

/* Its socket is ready, and has knocks only: what they are for is found in its rings. */
static void on_knock(struct client *c) {
  client_charge(c, COST_READ);
  switch (lanes_hear(c->lanes, c->fd)) {
    case LANES_ENDED: reading_hung_up(c); return;
    case LANES_BROKEN:
      client_fault(c, "it sent something behind its last message on the socket");
      return;
    case LANES_NOTHING:
    case LANES_KNOCKED: break;
  }
  ring_wake(&c->lanes->pair);
  if (c->is_full && lanes_carry_out(c->lanes)) {
    client_note_activity(c);
    write_out(c);
    if (c->state == CLIENT_CONDEMNED) return;
  }
  reading_ready(c);
}

static void on_event(uv_poll_t *poll, int status, int events) {
  struct client *c = poll->data;
  assert(c->fd >= 0);
  if (c->state == CLIENT_CONDEMNED) return;
  if (status < 0) {
    c->events = 0; /* libuv has ceased to watch it */
    reading_hung_up(c);
    return;
  }
  if (events & UV_WRITABLE) {
    client_note_activity(c); /* the socket was full: it has read */
    write_out(c);
    if (c->state == CLIENT_CONDEMNED) return;
  }
  if (events & UV_DISCONNECT)
    reading_hung_up(c);
  else if ((events & UV_READABLE) && lanes_carry_in(c->lanes))
    on_knock(c);
  else if (events & UV_READABLE)
    reading_ready(c);
}

/* ---- Begin and end of the struct ---- */

static void learn_process(struct client *c) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return;
  c->pid = peer.pid;
  c->uid = peer.uid;
  c->born = process_start(c->pid);
}

/* Whether libuv can watch a descriptor of this number. It grows its table, to a power of two less
 * two, when it first does, and aborts the program if there is no memory for that: so whether there
 * is, is seen before. */
static bool can_be_watched(const uv_loop_t *loop, int fd) {
  size_t slots = 2;
  if ((unsigned)fd < loop->nwatchers) return true;
  while (slots < (size_t)fd + 3) slots *= 2;
  void *table = malloc(slots * sizeof(void *));
  free(table);
  return table != NULL;
}

/* Enters a client whose descriptor and account are known. False when memory is short. */
static bool enter(struct connections *n, struct client *c, struct account *account) {
  if (!can_be_watched(n->loop, c->fd) || uv_poll_init(n->loop, &c->poll, c->fd) < 0) return false;
  c->account = account;
  c->account->owner = c;
  outbox_init(&c->outbox, &n->accounts, c->account, &n->spares);
  c->connections = n;
  c->broker = n->broker;
  c->name = CLIENT_WITHOUT_NAME;
  c->host = c->name_record = c->slot = c->absent = SLAB_NONE;
  c->since_ms = c->active_ms = c->heard_ms = uv_now(n->loop);
  c->version = WIRE_VERSION_LEAST;
  c->balance = WORK_QUANTUM;
  c->poll.data = c;
  c->next = n->all;
  if (c->next) c->next->prev = c;
  n->all = c;
  return true;
}

int client_new(struct connections *n, int fd) {
  struct client *c = calloc(1, sizeof *c);
  if (!c) {
    close(fd);
    return -1;
  }
  c->fd = fd;
  learn_process(c);
  struct account *account = accounts_open(&n->accounts, c->pid, c->uid, c->born);
  if (!account || !enter(n, c, account)) {
    if (account) accounts_close(&n->accounts, account);
    free(c);
    close(fd);
    return -1;
  }
  client_watch(c, false);
  n->events->opened(c);
  return 0;
}

struct client *client_take_over(struct connections *n, int fd, struct account *account) {
  struct client *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->fd = fd;
  if (enter(n, c, account)) return c;
  free(c);
  return NULL;
}

static void on_closed(uv_handle_t *handle) { free(handle->data); }

void client_close(struct client *c) {
  struct connections *n = c->connections;
  assert(!uv_is_closing((uv_handle_t *)&c->poll) && c->fd >= 0);
  keepers_note_closed(c);
  hot_leave(c);
  if (c->prev)
    c->prev->next = c->next;
  else
    n->all = c->next;
  if (c->next) c->next->prev = c->prev;
  work_remove(n->work, &c->job);
  assert(!job_is_queued(&c->telling) && !job_is_queued(&c->reclaiming));
  client_drop_waiting(c);
  client_drop_received(c);
  accounts_close(&n->accounts, c->account);
  c->account = NULL;
  assert(!c->lanes);
  /* In this order: libuv must not watch a descriptor that may be another's already. */
  uv_close((uv_handle_t *)&c->poll, on_closed);
  close(c->fd);
  c->fd = -1;
}

/* ---- All of them ---- */

void connections_init(struct connections *n, uv_loop_t *loop, struct work *work,
                      struct log *log, const struct client_events *events,
                      struct broker *broker, uint32_t max_message) {
  *n = (struct connections){.loop = loop,
                            .work = work,
                            .on_event = on_event,
                            .log = log,
                            .events = events,
                            .broker = broker,
                            .max_message = max_message};
  n->queue_most = (size_t)max_message * QUEUE_MESSAGES;
  if (n->queue_most < QUEUE_BYTES) n->queue_most = QUEUE_BYTES;
  frame_init(&n->inbox, max_message);
}

void connections_deinit(struct connections *n) {
  assert(!n->all);
  frame_deinit(&n->inbox);
  outbox_free_spares(&n->spares);
  accounts_deinit(&n->accounts);
}

void connections_close(struct connections *n) {
  n->dirty = n->condemned = NULL;
  while (n->all) client_close(n->all);
}

static bool go_on_ending(struct work *w, struct job *j) {
  struct client *c = container_of(j, struct client, job);
  (void)w;
  return !c->connections->events->ended(c);
}

/* Often it is short, and done at once. Its messages take no memory meanwhile. */
static void end_client(struct client *c) {
  assert(c->state == CLIENT_CONDEMNED && !c->is_dirty && !job_is_queued(&c->job));
  client_drop_waiting(c);
  client_drop_received(c);
  if (!work_is_overspent(c->connections->work) && c->connections->events->ended(c)) return;
  uv_poll_stop(&c->poll);
  work_add(c->connections->work, &c->job, go_on_ending);
}

/* Writes what is to be written, and ends whom is to end. */
static void finish(struct connections *n) {
  while (n->dirty || n->condemned) {
    struct client *c = n->dirty ? n->dirty : n->condemned;
    if (n->dirty) {
      assert(c->is_dirty);
      n->dirty = c->next_dirty;
      c->is_dirty = false;
      write_out(c);
    } else {
      n->condemned = c->next_condemned;
      end_client(c);
    }
  }
}

/* What can be written is, before anybody is ended for what waits. */
void connections_end_turn(struct connections *n) {
  finish(n);
  limits_enforce(n);
  finish(n);
}

static struct client *find_condemned(const struct connections *n) {
  struct client *c = n->all;
  while (c && c->state != CLIENT_CONDEMNED) c = c->next;
  return c;
}

/* Who ends may condemn others; each round ends one at least. */
void connections_bury(struct connections *n) {
  connections_end_turn(n);
  for (struct client *c; (c = find_condemned(n)); connections_end_turn(n)) {
    work_remove(n->work, &c->job);
    while (!n->events->ended(c)) continue;
  }
}
