/* SPDX-License-Identifier: MIT
 *
 * Who monitors sees what all workers send each other: permission_to_monitor says who may. That is
 * asked first, so that nobody else has anything read.
 */
#include "broker/ops/watch/monitor.h"

#include <stdio.h>
#include <string.h>

#include "broker/core/notify.h"
#include "broker/core/permissions.h"
#include "broker/core/seen.h"
#include "broker/core/state.h"
#include "proto/base.h"
#include "proto/body.h"

/* ---- What it wants to see ---- */

/* Keys and values that differ: workers, labels, tokens, ops, slower_us and bytes. They are read in
 * one piece. */
enum {
  VALUES_MOST = 2 * (SEEN_WORKERS_MOST + SEEN_LABELS_MOST + SEEN_TOKENS_MOST + OP_COUNT + 2)
};

/* What is wrong with a request; `unknown`: it may be right for another version. */
struct fault {
  const char *text;
  bool unknown;
};
enum { WHY_BYTES = 192 }; /* of a text that names what was asked for */

static const char *read_worker(const struct broker *b, struct seen_filter *f, struct reader *r,
                               char why[WHY_BYTES]) {
  (void)b;
  (void)why;
  const char *name;
  uint32_t size;
  if (f->workers == SEEN_WORKERS_MOST) return "names more workers than it may";
  if (!reader_string(r, &name, &size) || size > TOLD_NAME_MAX_BYTES || memchr(name, 0, size))
    return "has a 'worker' that is no name";
  memcpy(f->worker[f->workers++], name, size); /* zeroed before */
  return NULL;
}

static const char *read_op(const struct broker *b, struct seen_filter *f, struct reader *r,
                           char why[WHY_BYTES]) {
  (void)b;
  const char *name;
  uint32_t size;
  static_assert(OP_COUNT <= 64, "an op is a bit");
  if (!reader_string(r, &name, &size)) return "has an 'op' that is no string";
  for (unsigned op = 0; op < OP_COUNT; op++) {
    const struct op_info *info = op_info(op);
    if (!info || info->way != OP_ROUTED || strlen(info->name) != size ||
        memcmp(info->name, name, size) != 0)
      continue;
    f->ops |= UINT64_C(1) << op;
    return NULL;
  }
  snprintf(why, WHY_BYTES, "has the 'op' %.*s, which no worker is asked for",
           (int)(size < NAME_MAX_BYTES ? size : NAME_MAX_BYTES), name);
  return why;
}

static const char *read_label(const struct broker *b, struct seen_filter *f, struct reader *r,
                              char why[WHY_BYTES]) {
  (void)b;
  (void)why;
  const char *label;
  uint32_t size;
  if (f->labels == SEEN_LABELS_MOST) return "has more labels than it may";
  if (!reader_string(r, &label, &size) || size > SEEN_LABEL_BYTES)
    return "has a 'label' that is no string, or a long one";
  memcpy(f->label[f->labels], label, size);
  f->label_size[f->labels++] = size;
  return NULL;
}

static const char *read_token(const struct broker *b, struct seen_filter *f, struct reader *r,
                              char why[WHY_BYTES]) {
  struct value v;
  const char *name;
  uint32_t size;
  uint64_t id;
  if (f->tokens == SEEN_TOKENS_MOST) return "has more tokens than it may";
  if (!reader_next(r, &v) || v.type != VALUE_ARRAY || v.count != 2 ||
      !reader_string(r, &name, &size) || !reader_uint(r, &id))
    return "has a 'token' that is not [worker, id]";
  uint32_t host = names_host(&b->names, name, size);
  if (host == SLAB_NONE) {
    snprintf(why, WHY_BYTES, "names object %llu of worker %.*s, which is not connected",
             (unsigned long long)id, (int)(size < NAME_MAX_BYTES ? size : NAME_MAX_BYTES), name);
    return why;
  }
  seen_choose(f, hosts_at(&b->hosts, host)->id, id);
  return NULL;
}

static const char *read_slower(const struct broker *b, struct seen_filter *f, struct reader *r,
                               char why[WHY_BYTES]) {
  (void)b;
  (void)why;
  uint64_t us;
  if (!reader_uint(r, &us) || us > UINT64_MAX / 1000) return "has no number as 'slower_us'";
  f->slower_ns = us * 1000;
  return NULL;
}

static const char *read_bytes(const struct broker *b, struct seen_filter *f, struct reader *r,
                              char why[WHY_BYTES]) {
  (void)b;
  (void)why;
  uint64_t bytes;
  if (!reader_uint(r, &bytes)) return "has no number as 'bytes'";
  f->bytes = bytes < SEEN_BYTES_MOST ? (uint32_t)bytes : SEEN_BYTES_MOST;
  return NULL;
}

static struct fault read_filter(const struct broker *b, const struct message *m,
                                struct seen_filter *f, char why[WHY_BYTES]) {
  static const struct {
    const char *key;
    const char *(*read)(const struct broker *b, struct seen_filter *f, struct reader *r,
                        char why[WHY_BYTES]);
  } keys[] = {{"worker", read_worker}, {"op", read_op},           {"label", read_label},
              {"token", read_token},   {"slower_us", read_slower}, {"bytes", read_bytes}};
  struct reader r;
  uint32_t count, size;
  const char *key;
  *f = (struct seen_filter){.bytes = SEEN_BYTES};
  reader_open(&r, m->body, m->body_size, &count);
  if (count % 2) return (struct fault){"has a key without a value", false};
  if (count > VALUES_MOST) return (struct fault){"has more keys than it may", true};
  for (; count; count -= 2) {
    size_t i = 0;
    if (!reader_string(&r, &key, &size))
      return (struct fault){"has a key that is no string", false};
    while (i < ARRAY_SIZE(keys) &&
           (strlen(keys[i].key) != size || memcmp(keys[i].key, key, size) != 0))
      i++;
    if (i == ARRAY_SIZE(keys))
      return (struct fault){"has a key that this broker does not know; it knows worker, op, label, "
                            "token, slower_us and bytes", true};
    const char *fault = keys[i].read(b, f, &r, why);
    if (fault) return (struct fault){fault, true};
  }
  return (struct fault){NULL, false};
}

/* ---- The op ---- */

void monitor_on_monitor(struct client *from, const struct message *m) {
  struct seen_filter filter;
  char why_not[REACH_TEXT], what[WHY_BYTES];
  const char *why;
  if (m->flags & MESSAGE_ONE_WAY) return; /* nobody to be told */
  if (!permission_to_monitor(from, why_not)) {
    notify_refuse(from, m, STATUS_denied, "%s", why_not);
    return;
  }
  if (seen_has(from, m->id)) {
    client_fault(from, "'monitor' has the id of one that goes on");
    return;
  }
  struct fault fault = read_filter(from->broker, m, &filter, what);
  if (fault.text && !fault.unknown) {
    client_fault(from, "'monitor' %s", fault.text);
  } else if (fault.text) {
    notify_refuse(from, m, STATUS_unsupported, "'monitor' %s", fault.text);
  } else if (!seen_begin(from, m->id, &filter, &why)) {
    notify_refuse(from, m, STATUS_busy, "%s", why);
  } else {
    log_peer(&from->broker->log, LOG_INFO, CAUSE_MONITOR, client_about(from),
             "observer %s (user %u, process %ld) sees what workers send each other", from->name,
             (unsigned)from->uid, (long)from->pid);
  }
}
