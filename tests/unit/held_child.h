/* SPDX-License-Identifier: MIT
 *
 * A child process that lives as long as its test wants.
 */
#ifndef GAIJIN_TESTS_HELD_CHILD_H
#define GAIJIN_TESTS_HELD_CHILD_H

#include <check.h>
#include <unistd.h>

/* It ends with status 0 when *held is closed, or when this process ends. */
static inline pid_t held_child(int *held) {
  int gate[2];
  char byte;
  ck_assert_int_eq(pipe(gate), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    close(gate[1]);
    _exit(read(gate[0], &byte, 1) < 0 ? 1 : 0);
  }
  close(gate[0]);
  *held = gate[1];
  return child;
}

#endif
