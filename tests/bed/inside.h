/* SPDX-License-Identifier: MIT
 *
 * What the files of the bed know of each other. Tests include bed.h.
 */
#ifndef GAIJIN_TESTS_BED_INSIDE_H
#define GAIJIN_TESTS_BED_INSIDE_H

#include "tests/bed/bed.h"

enum { BED_DESCRIPTORS = 1000 };

struct bed_process {
  struct child child;
  bool worker;    /* ends with 0 on SIGTERM at bed_close */
  bool waited;    /* the test knows of its end */
  struct bed_process *next;
};

struct bed {
  struct bed_options options;
  char dir[64], socket[80];
  char program[512];
  struct bed_process *processes; /* latest first; the broker is the last */
  struct bed_process *broker;
  gaijin *observer;
  bool open_before[BED_DESCRIPTORS];
  void (*while_waiting)(void *user); /* called again and again in every wait; may be NULL */
  void *while_waiting_user;
};

/* What broker and workers are told with --transport ($GAIJIN_TEST_TRANSPORT); NULL: nothing. */
const char *bed_transport(void);
/* Monotonic seconds, and a pause of a few milliseconds. */
double bed_now(void);
void bed_pause(void);
/* One turn of a wait that ends at bed_now() == end; fails the test when it is over. */
void bed_check_time(struct bed *b, double end, const char *text);

/* Ends the test with the error of the observer connection, after a moment in which the broker's end may show. */
_Noreturn void bed_lost(struct bed *b, const char *what);

/* Sends SIGKILL to all, frees all but the struct. */
void bed_destroy(struct bed *b);

#endif
