/* SPDX-License-Identifier: MIT
 *
 * What fuzz targets share. A target is one file, fuzz_NAME.c, with libFuzzer's entry. It is linked
 * twice: with libFuzzer (make fuzz), and with replay.c, which feeds it the files of corpus/NAME
 * (make check).
 *
 * A run depends on its input only: random numbers and the monotonic clock are our own
 * (steady.c). What must always be true is said with FUZZ_REQUIRE, which ends the program.
 */
#ifndef GAIJIN_TESTS_FUZZ_H
#define GAIJIN_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs one input; returns 0. It must leave nothing behind. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* In targets with mutate.c: makes another input of one, in place; returns its size. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
/* Where in an input its message starts; such targets define it. */
extern const uint32_t mutate_at;
/* libFuzzer's own mutations. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

#define FUZZ_REQUIRE(condition, ...)                      \
  do {                                                    \
    if (!(condition)) {                                   \
      fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);     \
      fprintf(stderr, __VA_ARGS__);                       \
      fputc('\n', stderr);                                \
      abort();                                            \
    }                                                     \
  } while (0)

/* steady.c: begins a run. The clock stands until it is advanced. */
void steady_begin(void);
void steady_advance(uint64_t milliseconds);

/* dial.c: the next connect() of this program leads to a peer played by the target. Returns the
 * peer's end, non-blocking, which is the caller's; what is written to it before waits for the
 * reader. */
int dial_expect(void);

/* pairs.c: two connected sockets, non-blocking, each the caller's, whose bytes the kernel does not
 * see. */
void pairs_make(int ends[2]);

/* ---- An input as the steps of a program ---- */

struct script {
  const uint8_t *at, *end;
};

/* 0 at the end. */
static inline uint8_t script_byte(struct script *s) { return s->at < s->end ? *s->at++ : 0; }
/* 0 to n - 1. */
static inline uint32_t script_below(struct script *s, uint32_t n) { return script_byte(s) % n; }
static inline uint32_t script_word(struct script *s) {
  uint32_t high = script_byte(s);
  return high << 8 | script_byte(s);
}
/* Small numbers, and those at which something may overflow. */
static inline uint64_t script_number(struct script *s) {
  static const uint64_t edges[] = {0,          1,          2,          UINT8_MAX, UINT16_MAX,
                                   INT32_MAX,  UINT32_MAX, 1ull << 32, 1ull << 53, INT64_MAX,
                                   1ull << 63, UINT64_MAX, UINT64_MAX - 1};
  uint8_t b = script_byte(s);
  if (b < 128) return b;
  if (b < 192) return script_word(s);
  return edges[b % (sizeof edges / sizeof *edges)];
}
/* Up to `most` bytes of the input. */
static inline const uint8_t *script_bytes(struct script *s, uint32_t most, uint32_t *size) {
  const uint8_t *start = s->at;
  size_t left = (size_t)(s->end - s->at);
  *size = most < left ? most : (uint32_t)left;
  s->at += *size;
  return start;
}

#endif
