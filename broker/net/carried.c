/* SPDX-License-Identifier: MIT
 *
 * Clients are written the oldest first, because each new one comes in front of the others.
 */
#include "broker/net/carried.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/accounts_carried.h"
#include "broker/base/descriptor.h"
#include "broker/net/activation.h"
#include "broker/net/carrier.h"
#include "broker/net/connections.h"
#include "broker/net/limits.h"
#include "broker/net/reading.h"
#include "proto/limits.h"

/* ---- Clients ---- */

/* What was read and not handled. */
static void carry_rest(struct client *c, struct sheet *s) {
  struct frame *f = &c->rest;
  uint32_t left = f->in.size - f->start, room;
  SHEET(s, left);
  if (!left || s->fault) return;
  if (s->writes) {
    sheet_bytes(s, f->in.bytes + f->start, left);
    return;
  }
  frame_init(f, c->connections->max_message);
  uint8_t *to = left <= sheet_left(s) ? frame_room(f, left, &room) : NULL;
  if (!to) {
    sheet_fail(s, "memory is too short for what a client has sent");
    return;
  }
  sheet_bytes(s, to, left);
  frame_filled(f, left);
  client_settle(c);
}

static void carry_state(struct client *c, struct sheet *s) {
  SHEET(s, c->state);
  SHEET(s, c->read_shift);
  SHEET(s, c->balance);
  SHEET(s, c->is_postponed);
  SHEET(s, c->is_put_off);
  SHEET(s, c->has_hung_up);
  SHEET(s, c->write_failed);
  SHEET(s, c->pid);
  SHEET(s, c->uid);
  SHEET(s, c->since_ms);
  SHEET(s, c->active_ms);
  SHEET(s, c->heard_ms);
  SHEET(s, c->taken_ms);
  SHEET(s, c->answers_due);
  SHEET(s, c->messages_in);
  SHEET(s, c->messages_out);
  SHEET(s, c->forgeries);
  for (unsigned i = 0; i < FORGERIES_MOST; i++) SHEET(s, c->forged_ms[i]);
  if (c->state != CLIENT_GREETING && c->state != CLIENT_READY)
    sheet_fail(s, "a client that has ended");
}

/* Its rings, by the descriptor of their file; after its outbox. */
static void carry_lanes(struct client *c, struct sheet *s) {
  struct lanes *l = c->lanes, read = {0};
  struct ring_place place = {0};
  bool is = l != NULL;
  uint64_t left = 0; /* bytes before its stream moves */
  SHEET(s, c->wants_lanes);
  SHEET(s, c->moving);
  SHEET(s, is);
  if (!is || s->fault) return;
  if (s->writes) {
    read = *l;
    place = rings_place(&l->pair);
    left = l->out_at - c->outbox.written;
  }
  SHEET(s, read.file);
  SHEET(s, read.in);
  SHEET(s, read.out);
  SHEET(s, read.has_left);
  SHEET(s, read.is_knock_due);
  SHEET(s, left);
  SHEET(s, place.tail);
  SHEET(s, place.head);
  SHEET(s, place.base);
  if (s->writes || s->fault) return;
  if (!descriptor_keep(read.file, false) || lanes_new(&l, read.file, &place) < 0) {
    sheet_fail(s, "a client's rings cannot be mapped");
    return;
  }
  l->in = read.in;
  l->out = read.out;
  l->has_left = read.has_left;
  l->is_knock_due = read.is_knock_due;
  l->out_at = left + c->outbox.written;
  carrier_keep(c, l);
}

/* What the floors above have stored with it. */
static void carry_above(struct client *c, struct sheet *s) {
  SHEET(s, c->version);
  if (!s->writes && c->state == CLIENT_READY &&
      (c->version < WIRE_VERSION_LEAST || c->version > WIRE_VERSION_MOST))
    sheet_fail(s, "a client speaks a version of the wire that this program does not");
  SHEET(s, c->born);
  SHEET(s, c->slot);
  SHEET(s, c->observer);
  SHEET(s, c->serves);
  SHEET(s, c->sandboxed);
  SHEET(s, c->retired);
  SHEET(s, c->leaves);
  SHEET(s, c->free_id);
  SHEET(s, c->free_ms);
  SHEET(s, c->budget.known);
  SHEET(s, c->budget.ms);
  SHEET(s, c->budget.put_off);
  SHEET(s, c->weighed);
  SHEET(s, c->unable_s);
  SHEET(s, c->unable_why);
  SHEET(s, c->hung);
  SHEET(s, c->strikes);
  SHEET(s, c->cycle_pause_ms);
}

/* The client of the next descriptor; NULL: there is a fault. */
static struct client *take_over(struct connections *n, struct sheet *s) {
  struct account *account = NULL;
  int fd = -1;
  SHEET(s, fd);
  sheet_account(s, &n->accounts, &account, false);
  if (s->fault) return NULL;
  if (account->level != ACCOUNT_CONNECTION || account->is_closed || account->owner)
    sheet_fail(s, "a client whose account is another's");
  else if (!descriptor_keep(fd, false))
    sheet_fail(s, "a client's descriptor is not open");
  struct client *c = s->fault ? NULL : client_take_over(n, fd, account);
  if (!c) sheet_fail(s, "memory is too short for a client");
  return c;
}

static void carry_client(struct connections *n, struct client *c, const struct slab *hosts,
                         const struct slab *names, struct sheet *s) {
  bool had_more = job_is_queued(&c->job) || c->is_held_back;
  sheet_record(s);
  if (s->writes) {
    SHEET(s, c->fd);
    sheet_account(s, &n->accounts, &c->account, false);
  } else if (!(c = take_over(n, s))) {
    return;
  }
  carry_state(c, s);
  sheet_index(s, hosts, &c->host, true);
  sheet_index(s, names, &c->name_record, true);
  carry_above(c, s);
  carry_rest(c, s);
  outbox_carry(&c->outbox, s);
  carry_lanes(c, s);
  SHEET(s, had_more);
  if (!s->writes) c->is_held_back = had_more; /* until connections_go_on */
}

void connections_carry(struct connections *n, const struct slab *hosts, const struct slab *names,
                       struct sheet *s) {
  struct client *c = n->all;
  uint32_t count = 0;
  for (; c && c->next; c = c->next) count++;
  count += c != NULL;
  sheet_mark(s, 'S');
  SHEET(s, count);
  for (struct client none = {0}; count > 0 && !s->fault; count--) {
    carry_client(n, s->writes ? c : &none, hosts, names, s);
    if (s->writes) c = c->prev;
  }
}

void connections_go_on(struct connections *n) {
  for (struct client *c = n->all; c; c = c->next) reading_go_on(c, c->is_held_back);
  limits_watch(n);
}

void connections_keep(const struct connections *n, bool kept) {
  for (const struct client *c = n->all; c; c = c->next) {
    descriptor_keep(c->fd, kept);
    if (c->lanes) descriptor_keep(c->lanes->file, kept);
  }
}

/* ---- The listener ---- */

void listener_carry(struct listener *l, const struct access *access, struct sheet *s) {
  sheet_mark(s, 'P');
  if (!s->writes) {
    *l = (struct listener){.fd = -1, .lock_fd = -1, .spare_fd = -1, .access = *access};
  }
  SHEET(s, l->fd);
  SHEET(s, l->lock_fd);
  SHEET(s, l->device);
  SHEET(s, l->inode);
  if (s->writes || s->fault) return;
  if (!descriptor_keep(l->fd, false) || !descriptor_keep(l->lock_fd, false))
    sheet_fail(s, "the descriptor of the socket or of its lock is not open");
  else if (!activation_path(l->fd, l->path))
    sheet_fail(s, "the socket has no path");
  snprintf(l->lock_path, sizeof l->lock_path, "%s.lock", l->path);
  l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void listener_keep(const struct listener *l, bool kept) {
  descriptor_keep(l->fd, kept);
  descriptor_keep(l->lock_fd, kept);
}
