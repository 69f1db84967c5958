/* SPDX-License-Identifier: MIT
 *
 * How long a worker takes from its start, before fork, to the end of its first call: it is started
 * again and again, and writes a byte after that call.
 *
 * usage: start TIMES PROCESSOR PROGRAM ARGUMENT...
 * Prints `start p50` and `start p99` (common/measure.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/clock.h"
#include "tests/bench/common/measure.h"

enum { TIMES_MOST = 10000 };

/* Microseconds until the byte; then it may end. */
static double first_call(long processor, char **command) {
  int ends[2], status;
  char byte;
  if (pipe(ends) != 0) measure_die("pipe");
  double start = clock_seconds();
  pid_t pid = fork();
  if (pid < 0) measure_die("fork");
  if (pid == 0) {
    measure_place(processor);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execv(command[0], command);
    measure_die(command[0]);
  }
  close(ends[1]);
  ssize_t n = read(ends[0], &byte, 1);
  double took = (clock_seconds() - start) * 1e6;
  close(ends[0]);
  if (waitpid(pid, &status, 0) != pid) measure_die("waitpid");
  if (n != 1 || status != 0) {
    fputs("start: the worker made no call, or failed\n", stderr);
    exit(1);
  }
  return took;
}

int main(int argc, char **argv) {
  static double took[TIMES_MOST];
  if (argc < 4) {
    fputs("usage: start TIMES PROCESSOR PROGRAM ARGUMENT...\n", stderr);
    return 2;
  }
  long n = measure_number(argv[1], "TIMES", 1, TIMES_MOST);
  long processor = measure_number(argv[2], "PROCESSOR", 0, 1023);
  for (long i = 0; i < n; i++) took[i] = first_call(processor, argv + 3);
  measure_times("start", took, n);
  return 0;
}
