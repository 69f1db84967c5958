/* SPDX-License-Identifier: MIT
 *
 * A run as data: the loop, the broker, the connection to it, the workers. Each file of these
 * folders changes its own part; what happened to a worker is followed up by run_changed (run.c)
 * alone, which is the one place that knows who needs whom.
 */
#ifndef GAIJIN_TOOLS_RUN_STATE_H
#define GAIJIN_TOOLS_RUN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include <gaijin/gaijin.h>
#include "proto/logline.h"
#include "proto/settings/manager.h"
#include "tools/run/os/child.h"
#include "tools/run/output/line_ring.h"
#include "tools/run/output/log_file.h"
#include "tools/run/output/output.h"
#include "tools/run/plan/plan.h"
#include "tools/run/os/script_watch.h"

enum { RUN_STREAMS = 2 };
enum { RUN_SIGNALS = 4 };

struct run;

struct control;
struct link;
struct relay;
struct worker;

/* A stream of a worker's output. */
struct stream {
  uv_poll_t *poll; /* NULL while it is closed */
  struct output output;
  struct worker *worker; /* whose it is */
};

/* A process of a worker's, on the heap. */
struct process {
  struct child child;
  struct stream streams[RUN_STREAMS];
  double started; /* when, on clock_seconds */
  bool blamed;    /* we killed it for a fault */
};

struct worker {
  struct run *run;
  struct run_worker *plan; /* its own */
  struct run_worker *next; /* what it is to be when it is started again; NULL: the same */
  bool leaving;            /* no plan has it any more */
  struct life life;
  struct process *process; /* its own; never NULL */
  struct process *beside;  /* the one beside it; NULL unless life has one */
  char *heads[RUN_STREAMS]; /* what stands before its lines */
  struct line_ring *lines;  /* the last ones */
  struct script_watch *script; /* NULL: it is not watched */
  struct log_file log;      /* where all go instead of our own output, if anywhere */
  uv_timer_t timer;         /* of its state: start limit, grace, pause */
  uv_timer_t health;
  uv_timer_t beside_timer; /* of the process beside it */
  uv_timer_t ask_timer;    /* while it is asked again and again which process serves */
  int handles;             /* of these, not closed yet */
  uint64_t host;           /* of the process that served last, by the broker's books; 0: none did */
  uint64_t ready_id, alive_id; /* what is asked of it, 0: nothing */
  uint64_t whose_id, asked_host; /* and: whose process that host is */
  uint64_t heard_ready;        /* the answers, not followed up yet: that host */
  pid_t heard_process;         /* its process; 0: that cannot be told, -1: it has ended */
  bool heard_silent;
  bool heard_nameless;
  bool heard_busy;     /* nobody can say now; it is to be asked again, a little later */
  bool said_busy;      /* and was said */
  bool asked_name;     /* by alive_id: whether the name is still its */
  bool asked_again;    /* the second time */
  char last[96];        /* how it ended, the last time; "": it never did */
  char last_beside[96]; /* the same of the process beside it */
};

/* What the service manager has been told. */
struct service {
  struct manager manager;
  uv_timer_t watchdog;
  bool ready;     /* that has been told */
  bool stopping;  /* and that */
  char said[256]; /* the last status */
};

/* Our own stdout, and our own stderr (printed.h). */
struct printed {
  struct relay *relay; /* NULL: it is written to directly, or shares stdout's */
  bool is_terminal, colours, is_journal;
  char mark[LOG_MORE_BYTES];  /* of a warning of ours there */
  char level[LOG_MORE_BYTES]; /* of a worker's line there */
  int fault; /* an errno: that it cannot be written has been said */
  unsigned long lost; /* lines of workers, since that could be told */
};

struct run {
  struct run_plan *plan; /* without its workers, which are below */
  uv_loop_t loop;
  uv_signal_t signals[RUN_SIGNALS];

  struct child broker;
  struct backoff broker_backoff;
  uv_timer_t broker_timer; /* until it is started again */
  uv_timer_t end_timer;    /* until it is killed */
  bool broker_gone;        /* and it has been said */
  bool begun;              /* the broker has been there, so that workers may start */

  gaijin *observer; /* NULL before the broker is there and while it is lost */
  uv_poll_t observer_poll;
  bool sees_processes; /* the broker's numbers of processes are ours */
  struct link *link;       /* what tries to connect; NULL while nothing does */
  uv_poll_t link_poll;     /* it has news */
  double link_since;       /* when it began; 0: that it takes long has been said */

  struct printed printed[RUN_STREAMS];
  uv_timer_t lost_timer; /* runs while lost lines are to be told */
  struct service service;
  struct control *control; /* NULL: we cannot be asked */
  uint64_t lines;          /* of all workers, so far */

  struct worker **workers; /* in the order of the plan; new ones behind */
  size_t count, room;
  size_t width; /* columns of the longest name of the first plan */
  void (*changed)(struct run *r); /* run_changed; what is below calls it */
  void (*begin)(struct run *r);   /* run_begin, when the broker is there for the first time */
  void (*line)(const struct worker *w, const char *line, size_t size); /* a new one in its log */
  bool changing;                  /* it works */
  bool again;                     /* and has to look once more */
  bool stopping;
  bool ending; /* all workers have ended: the broker's turn */
  int status;
};

/* The run cannot go on. */
static inline void run_fail(struct run *r) {
  r->status = 1;
  r->stopping = true;
  r->changed(r);
}

#endif
