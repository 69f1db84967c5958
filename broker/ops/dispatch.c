/* SPDX-License-Identifier: MIT
 *
 * Ops that the broker itself answers have a handler in the table; all other ways
 * are decided by the op's row in proto/ops.def.
 */
#include "broker/ops/dispatch.h"

#include <assert.h>

#include "broker/core/meter.h"
#include "broker/core/notify.h"
#include "broker/core/seen.h"
#include "broker/core/state.h"
#include "broker/core/transfer.h"
#include "broker/cycles/cycles.h"
#include "broker/ops/route/act.h"
#include "broker/ops/refs/collect.h"
#include "broker/ops/coming/comeback.h"
#include "broker/ops/route/flow.h"
#include "broker/ops/coming/greet.h"
#include "broker/ops/refs/holdings.h"
#include "broker/ops/show/inspect.h"
#include "broker/ops/refs/lend.h"
#include "broker/ops/watch/monitor.h"
#include "broker/ops/coming/retire.h"
#include "broker/ops/route/ring.h"
#include "broker/ops/route/route.h"
#include "broker/ops/watch/watch.h"
#include "proto/base.h"
#include "proto/body.h"

typedef void (*handler_fn)(struct client *from, const struct message *m);

static void on_ping(struct client *from, const struct message *m) { notify_done(from, m); }

static void on_second_hello(struct client *from, const struct message *m) {
  (void)m;
  client_fault(from, "it said 'hello' twice");
}

/* The asker of a request gives up. A request that has been answered meanwhile is unknown; that is
 * no fault. */
static void on_cancel(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  struct reader r;
  uint32_t count;
  uint64_t request;
  reader_open(&r, m->body, m->body_size, &count);
  if (!reader_uint(&r, &request)) {
    client_fault(from, "'cancel' wants the id of a request");
    return;
  }
  uint32_t i = calls_find_asked(&b->calls, from->host, request);
  if (i != SLAB_NONE) {
    const struct call *call = calls_at(&b->calls, i);
    struct client *host = hosts_at(&b->hosts, call->host)->client;
    if (host) notify_cancel(host, call->id, from->account);
    calls_abandon(&b->calls, i);
  } else if (!names_unwatch(&b->names, from->host, request) && !seen_cancel(from, request) &&
             !cycles_cancel(from, request)) {
    collect_cancel(from, request);
  }
}

static void on_upgrade(struct client *from, const struct message *m) {
  from->broker->asked_to_upgrade(from, m);
}

static const handler_fn handlers[OP_COUNT] = {
    [OP_hello] = on_second_hello, [OP_sub] = holdings_on_sub,     [OP_unsub] = holdings_on_unsub,
    [OP_gc] = collect_on_gc,      [OP_cancel] = on_cancel,        [OP_inspect] = inspect_on_inspect,
    [OP_watch] = watch_on_watch,  [OP_ready] = watch_on_ready,    [OP_ping] = on_ping,
    [OP_weigh] = holdings_on_weigh, [OP_retire] = retire_on_retire, [OP_leave] = retire_on_leave,
    [OP_taken] = flow_on_taken,
    [OP_announce] = comeback_on_announce,
    [OP_claim] = comeback_on_claim,
    [OP_back] = comeback_on_back,
    [OP_upgrade] = on_upgrade,
    [OP_act] = act_on_act,
    [OP_lend] = lend_on_lend,
    [OP_monitor] = monitor_on_monitor,
    [OP_ring] = ring_on_ring,
    [OP_withdraw] = cycles_on_withdraw,
};

static void dispatch_first(struct client *from, const struct message *m) {
  const char *fault =
      m->kind != MESSAGE_REQUEST || m->op != OP_hello ? "the first message must be 'hello'" : NULL;
  if (!fault && transfer_read(NULL, from, m, &fault) == TRANSFER_LATER) return;
  if (fault)
    client_fault(from, "%s", fault);
  else
    greet_on_hello(from, m);
}

/* A request or notice that is not forwarded. */
static void dispatch_own(struct client *from, const struct message *m) {
  const char *fault = NULL;
  /* A body that comes again after it has been weighed in part has been walked. */
  if (!from->weighed && transfer_read(NULL, from, m, &fault) == TRANSFER_LATER) return;
  if (fault)
    client_fault(from, "'%s': %s", op_name(m->op), fault);
  else if (!handlers[m->op])
    client_fault(from, "it sent '%s', which only the broker may send", op_name(m->op));
  else
    handlers[m->op](from, m);
}

/* An op, or a form of one, that came with a later version than the one agreed with this client. */
static bool is_too_new(const struct client *from, const struct message *m) {
  bool asks = m->kind == MESSAGE_REQUEST || m->kind == MESSAGE_NOTICE;
  return !op_in_version(m->info, asks ? m->body_count : m->info->least, from->version);
}

void dispatch_message(struct client *from, uint8_t *bytes, uint32_t size) {
  struct message m;
  assert(from->state != CLIENT_CONDEMNED);
  const char *fault = message_parse(bytes, size, &m);
  if (!fault && m.flags & MESSAGE_COUNTED) fault = "a flag that only the broker sets";
  if (fault)
    client_fault(from, "%s", fault);
  else if (from->state == CLIENT_GREETING)
    dispatch_first(from, &m);
  else if (is_too_new(from, &m))
    client_fault(from,
                 "it sent '%s' (%u values), which version %u of the wire, agreed in hello, does "
                 "not have",
                 op_name(m.op), m.body_count, from->version);
  else if (m.kind == MESSAGE_REPLY || m.kind == MESSAGE_ERROR)
    route_answer(from, &m, bytes);
  else if (m.info->way == OP_ROUTED)
    route_request(from, &m, bytes);
  else
    dispatch_own(from, &m);
  /* One that was postponed comes again. */
  if (!fault && !from->is_postponed) meter_read(from->broker, &m);
}
