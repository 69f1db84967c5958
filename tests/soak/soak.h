/* SPDX-License-Identifier: MIT
 *
 * A soak: a broker with limits that are met, workers that stay for the whole run (residents), and
 * what goes on around them (upsets): workers that come and are killed or leave, programs that look
 * at the broker, attackers, reloads of the policy.
 *
 * It goes on in rounds. In a round there is traffic, in which figures are taken now and then, and
 * at its end a rest: upsets end, the residents let go of everything, and figures are taken again.
 * At rest nothing is under way, so what is left then is kept by somebody.
 *
 * Whatever is wrong beyond doubt (a process that ends as it must not, a token that stays) ends the
 * run by bed_fail.
 */
#ifndef GAIJIN_TESTS_SOAK_SOAK_H
#define GAIJIN_TESTS_SOAK_SOAK_H

#include "tests/bed/bed.h"
#include "tests/hostile/attack.h"
#include "tests/soak/rows.h"

enum { RESIDENTS = 5, VISITORS = 3, LOOKS = 3, UPSETS = 4 };

/* The memory file in which in_use.c counts. */
#define IN_USE_NAME "gaijin-in-use"

struct soak_counts {
  unsigned killed, left, looks, looks_cut, reloads, attacks;
  unsigned long long sent; /* by attackers */
  unsigned unexpected;     /* errors that workers did not expect */
};

/* A process that is started again and again. */
struct passing {
  struct child *child; /* NULL: none */
  bool told;   /* to end */
  bool killed; /* in that way */
};

struct soak {
  struct bed *bed;
  uint64_t random;
  char policy_dir[64], policy[80], scripts[512];
  struct child *residents[RESIDENTS];
  struct passing visitors[VISITORS], looks[LOOKS];
  struct attackers attackers;
  bool attacking;
  double due[UPSETS]; /* when each kind comes next */
  struct soak_counts counts;
};

/* ---- residents.c ---- */

extern const char *const resident_names[RESIDENTS];

void residents_start(struct soak *s);
/* Says a word of services.lua to all of them. What they tell, to be freed. */
char *residents_tell(struct soak *s, const char *word);
/* The path of a script of this folder, valid until the next call. */
const char *soak_script(struct soak *s, const char *name);
/* Counts and prints what a worker did not expect, of all it has written. */
void soak_note_output(struct soak *s, struct child *c);
void residents_stop(struct soak *s);

/* ---- upsets.c ---- */

/* Writes the first policy, for the broker's flags. False: errno. */
bool upsets_prepare(struct soak *s);
void upsets_begin(struct soak *s);
/* Does what is due. */
void upsets_turn(struct soak *s, double now);
/* Ends all that was begun, and waits for it. */
void upsets_end(struct soak *s);
/* Removes the policy. */
void upsets_clean_up(struct soak *s);

/* ---- sample.c ---- */

void sample_columns(struct rows *r);
/* Takes all figures as one more row. */
void sample_take(struct soak *s, struct rows *r, double time, bool rest);

#endif
