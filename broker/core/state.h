/* SPDX-License-Identifier: MIT
 *
 * The broker as data: one struct that owns the registries and the connections. Nothing is
 * global, so a process may have several. This header has no functions but a getter: what is
 * done with the parts is in the modules around it, and broker/broker.c puts them together.
 */
#ifndef GAIJIN_BROKER_STATE_H
#define GAIJIN_BROKER_STATE_H

#include <uv.h>

#include "broker/base/log.h"
#include "broker/base/pool.h"
#include "broker/base/reread.h"
#include "broker/base/work.h"
#include "broker/books/absents.h"
#include "broker/books/calls.h"
#include "broker/books/claims.h"
#include "broker/books/flows.h"
#include "broker/books/hosts.h"
#include "broker/books/loads.h"
#include "broker/books/names.h"
#include "broker/books/refs.h"
#include "broker/books/roster.h"
#include "broker/books/traffic.h"
#include "broker/books/waits.h"
#include "broker/net/client.h"
#include "broker/net/listener.h"
#include "policy/policy.h"
#include "proto/pack.h"
#include "proto/settings/manager.h"
#include "proto/settings/memory.h"

/* Deadlines of calls (expiry.h). */
struct expiry {
  uv_timer_t timer;
  struct job job; /* while more calls are due than one slice ends */
  uint64_t fires_ms; /* on the loop's clock; UINT64_MAX: the timer does not run */
};

/* What the C library keeps of freed memory (heap.h). */
struct heap {
  uv_timer_t low; /* runs while it is */
  struct memory_watch watch; /* over the memory of all accounts */
  uint64_t trims; /* how often it was given back */
};

/* The time after a start in which workers of an earlier broker come back (grace.h). */
struct grace {
  struct absents absents;
  struct claims claims;
  uv_timer_t timer;
  struct job job;
  uint64_t began_ms, ticked_ms; /* on the loop's clock */
  uint64_t left_ms; /* until it is over at the latest */
  uint32_t came;   /* so many were back, */
  uint32_t missed; /* and so many dead */
  uint32_t judged; /* whose process is looked at next */
  uint32_t swept;  /* REFS_SWEPT: tokens below this are settled */
  bool is_on;      /* there may be absent ones, or claims that wait for them */
};

/* Who may do what (permissions.h). */
struct permissions {
  const char *path;      /* of the policy's file; NULL: there is none, all may do everything */
  struct policy *policy; /* in force; NULL without a path only */
  char *text;            /* that it was parsed from */
  size_t text_size;
  uint32_t generation;   /* counts the policies; never 0 when there is one */
  uint64_t since_ms;     /* it is in force, on the loop's clock */
  char refused[512];     /* what was wrong with a file that was to replace it; "": nothing was */
  uint64_t refused_ms;
  const struct people *people; /* who knows the numbers of users and groups */
  struct reread reread;  /* of the file */
  bool reload_due;       /* the program before this one was asked to, and had not done it */
};

/* How the program was started, for one that is to go on in its place. */
struct program_call {
  const char *path; /* of its file; NULL: not known */
  char **argv;
  char *const *variables; /* "NAME=VALUE" for its environment, ended by NULL; NULL: none */
};

struct monitor;
/* Who sees what is routed (seen.h). */
struct monitors {
  uint32_t count;
  uint32_t serials; /* given so far */
  struct monitor *all[HOSTS_MONITORS]; /* NULL: nobody */
  uv_timer_t later; /* runs while there is one */
  /* The broker answers a client's request with an error of its own; called while there is one.
   * `refused`: the request, which was not forwarded; NULL: it was. */
  void (*error)(struct broker *b, const struct client *to, enum op op, uint64_t id, uint64_t status,
                const char *text, const struct message *refused);
  uint64_t wall_us; /* added to the clock of traffic.h, it is microseconds since 1970 */
};

struct cycles;
struct upgrade;
struct broker {
  uv_loop_t *loop;
  uv_prepare_t turn_end; /* before the loop waits */
  struct work work;
  struct log log;
  uv_timer_t log_later; /* runs while lines wait to be written or told */
  struct listener listener;
  bool listens; /* broker_start was a success */
  struct connections connections;
  uv_timer_t greeting; /* runs while there is a connection that has not said hello */
  uint64_t greeting_due_ms; /* when it fires next */
  uint32_t hello_ms; /* the time it has to say it */

  uint64_t last_generated; /* the N of the last name client-N */
  /* A client has got the name that it was to succeed in (core/succession.h): those who wait for
   * that are to be answered, which is done above. */
  void (*named)(struct client *c);

  struct roster roster;
  struct grace grace;
  struct hosts hosts;
  struct names names;
  struct pool pool; /* the memory of refs */
  struct refs refs;
  struct loads loads;
  struct calls calls;
  struct flows flows;
  struct traffic traffic;
  struct waits collecting; /* who waits (op gc) for a host's answer to free; subject: the host */
  struct expiry expiry;
  struct heap heap;
  struct permissions permissions;
  struct monitors monitors;
  struct cycles *cycles; /* cycles/cycles.h */

  struct program_call call; /* zeroed: it cannot be upgraded */
  const struct manager *manager; /* told of the end of a reload; NULL: nobody is */
  const struct reread *settings_reread; /* of the settings, which are read above; NULL: never */
  /* A client asks for it: upgrade/ is above the table of ops. */
  void (*asked_to_upgrade)(struct client *from, const struct message *m);
  struct upgrade *upgrade; /* one that was begun (upgrade/upgrade.h); NULL: none */

  struct buffer parting; /* the message to a client for which there is no descriptor */
  struct buffer out; /* the message that notify.h writes, */
  struct pack pack; /* its writer, */
  bool writing; /* and whether one has been begun and not sent yet */
  uint64_t unchecked;   /* in hostile builds: messages and turns since all books were checked, */
  uint32_t first_calls; /* and how many there have been, up to a number */
};

/* Seconds on the broker's clock; it does not run while a turn lasts. */
static inline uint32_t broker_now(const struct broker *b) {
  return (uint32_t)(uv_now(b->loop) / 1000);
}

#endif
