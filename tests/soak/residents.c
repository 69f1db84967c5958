/* SPDX-License-Identifier: MIT
 *
 * The workers that stay: one that others use, a witness whose calls are timed with a worker of its
 * own, and two that have traffic with all but these.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/soak/soak.h"
#include "tests/unit/random.h"

const char *const resident_names[RESIDENTS] = {"host", "echo", "witness", "caller-1", "caller-2"};

const char *soak_script(struct soak *s, const char *name) {
  snprintf(s->scripts, sizeof s->scripts, "tests/soak/%s", name);
  return s->scripts;
}

static void start(struct soak *s, unsigned i, const char *script, const char *const *args) {
  s->residents[i] = bed_start(s->bed, &(struct bed_worker){.name = resident_names[i],
                                                           .script = soak_script(s, script),
                                                           .args = args});
  if (child_ended(s->residents[i])) bed_fail(s->bed, "%s has ended", resident_names[i]);
}

static void start_client(struct soak *s, unsigned i, const char *other) {
  char seed[16];
  snprintf(seed, sizeof seed, "%u", random_below(&s->random, 1 << 30));
  start(s, i, "traffic.lua",
        (const char *const[]){seed, "0", "host", other, "visitor-1", "visitor-2", "visitor-3",
                              NULL});
}

void residents_start(struct soak *s) {
  start(s, 0, "host.lua", NULL);
  start(s, 1, "host.lua", NULL);
  start(s, 2, "witness.lua", (const char *const[]){"echo", NULL});
  start_client(s, 3, "caller-2");
  start_client(s, 4, "caller-1");
}

char *residents_tell(struct soak *s, const char *word) {
  const char *args[RESIDENTS + 2] = {word};
  for (unsigned i = 0; i < RESIDENTS; i++) args[1 + i] = resident_names[i];
  struct child *c = bed_start(s->bed, &(struct bed_worker){.name = "driver",
                                                           .script = soak_script(s, "word.lua"),
                                                           .once = true,
                                                           .no_wait = true,
                                                           .args = args});
  bed_exit(s->bed, c, 0);
  char *told = child_output(c);
  if (!told) bed_fail(s->bed, "no memory");
  bed_forget(s->bed, c);
  return told;
}

void soak_note_output(struct soak *s, struct child *c) {
  char *output = child_output(c), *rest = output;
  if (!output) bed_fail(s->bed, "no memory");
  for (char *line; (line = strsep(&rest, "\n"));) {
    if (strncmp(line, "unexpected: ", 12) != 0) continue;
    s->counts.unexpected++;
    printf("soak: %s\n", line);
  }
  free(output);
}

void residents_stop(struct soak *s) {
  for (unsigned i = RESIDENTS; i-- > 0;) {
    child_signal(s->residents[i], SIGTERM);
    bed_exit(s->bed, s->residents[i], 0);
    soak_note_output(s, s->residents[i]);
    bed_forget(s->bed, s->residents[i]);
    s->residents[i] = NULL;
  }
}
