/* SPDX-License-Identifier: MIT
 *
 * Tests written in Lua: one file is one test, made of sections, each the script
 * of one worker of a private broker.
 *
 * Lines before the first section:
 *   --@ limit SECONDS         for the whole test (default 20; multiplied by GAIJIN_TEST_SLOWER)
 *   --@ broker FLAGS...       more flags for the broker
 *   --@ expect NAME: TEXT     this text must occur in the output of worker NAME
 *   --@ tokens-left           the broker may have tokens at the end
 *   --@ only gaijin-worker    nothing is done when stock interpreters are the workers ($GAIJIN_TEST_STOCK is set)
 * A section starts with
 *   --@ worker NAME [once] [exit=N] [signal=N] [after=OTHER] [nowait] [flags=...] [args=...]
 * `once` runs with --once. A worker with once, exit or signal must end by itself, with that status (0) or of that
 * signal. after: started when OTHER has ended. nowait: the next is started at once, not when this one is ready or has
 * ended. flags go to the worker program, separated by commas; args to the script, separated by spaces, to the end of
 * the line.
 *
 * Workers start in the order of the file. When all that must end have ended, and the broker has no token left, the
 * others get SIGTERM and must end with 0. Line N of the file is line N of the section's script.
 */
#ifndef GAIJIN_TESTS_SCRIPT_H
#define GAIJIN_TESTS_SCRIPT_H

/* Runs the test in the file. A failure ends the test as bed_fail does, the text starting with the file's name;
 * on_failure and user are as in bed_options, NULL for Check's way. */
void script_run(const char *path, void (*on_failure)(void *user, const char *text), void *user);

#endif
