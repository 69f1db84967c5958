/* SPDX-License-Identifier: MIT
 *
 * Halving: leave out the first half of what is left; if that still fails, go on
 * with it, else leave out half as much. Failures are races, so a part that did not fail gets
 * more chances.
 */
#include "tests/stress/shrink.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bed/inside.h"

enum { CHANCES = 3 };

static bool fails(const struct settings *settings, const struct steps *steps, size_t from) {
  fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) return false;
  if (pid == 0) {
    int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
      dup2(null, STDOUT_FILENO);
      dup2(null, STDERR_FILENO);
    }
    struct outcome outcome;
    run_again(settings, steps, from, &outcome);
    _exit(outcome.failed ? 1 : 0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The first step of the batch that step `i` is in. */
static size_t batch_start(const struct steps *steps, size_t i) {
  while (i > 0 && steps->list[i - 1].batch == steps->list[i].batch) i--;
  return i;
}

size_t shrink(const struct settings *settings, const struct steps *steps, double seconds, bool *reproduced) {
  double end = bed_now() + seconds;
  size_t from = 0;
  *reproduced = false;
  if (steps->count == 0) return 0;
  size_t last = batch_start(steps, steps->count - 1);
  for (size_t cut = last / 2; cut > 0 && bed_now() < end;) {
    size_t candidate = batch_start(steps, from + cut);
    bool failed = false;
    for (unsigned i = 0; candidate > from && i < CHANCES && !failed && bed_now() < end; i++) failed = fails(settings, steps, candidate);
    if (failed) {
      from = candidate;
      *reproduced = true;
    }
    cut = failed && (last - from) / 2 > 0 && (last - from) / 2 < cut ? (last - from) / 2 : failed ? cut : cut / 2;
    if (from + cut > last) cut = last - from;
  }
  return from;
}
