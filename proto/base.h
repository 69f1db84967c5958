/* SPDX-License-Identifier: MIT
 *
 * The few helpers that every part of the project may use. Nothing here
 * allocates, does I/O or knows a module.
 */
#ifndef GAIJIN_PROTO_BASE_H
#define GAIJIN_PROTO_BASE_H

#include <stddef.h>
#include <stdint.h>

/* The struct of type `type` whose member `member` is at `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Big-endian loads and stores at unaligned addresses, as msgpack has them. */
static inline uint16_t load_be16(const uint8_t *p) { return (uint16_t)((p[0] << 8) | p[1]); }
static inline uint32_t load_be32(const uint8_t *p) {
  return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}
static inline uint64_t load_be64(const uint8_t *p) {
  return ((uint64_t)load_be32(p) << 32) | load_be32(p + 4);
}
static inline void store_be16(uint8_t *p, uint16_t v) {
  p[0] = (uint8_t)(v >> 8);
  p[1] = (uint8_t)v;
}
static inline void store_be32(uint8_t *p, uint32_t v) {
  store_be16(p, (uint16_t)(v >> 16));
  store_be16(p + 2, (uint16_t)v);
}
static inline void store_be64(uint8_t *p, uint64_t v) {
  store_be32(p, (uint32_t)(v >> 32));
  store_be32(p + 4, (uint32_t)v);
}

/* A 64-bit mix for hash tables (the finaliser of SplitMix64, Steele et al. 2014). */
static inline uint64_t mix64(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/* A hash of x whose runs of 8 (8n to 8n + 7) stay neighbours: keys that are counted up share cache lines. Whoever
 * chooses keys himself makes chains 8 times as long by it, not more. */
static inline uint64_t mix64_runs(uint64_t x, uint64_t seed) { return mix64((x >> 3) ^ seed) << 3 | (x & 7); }

#endif
