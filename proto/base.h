/* SPDX-License-Identifier: MIT
 *
 * The few helpers that every part of the project may use. Nothing here
 * allocates, does I/O or knows a module.
 */
#ifndef GAIJIN_PROTO_BASE_H
#define GAIJIN_PROTO_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The struct of type `type` whose member `member` is at `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Big-endian loads and stores at unaligned addresses, as msgpack has them. */
static inline uint16_t load_be16(const uint8_t *p) { return (uint16_t)((p[0] << 8) | p[1]); }
static inline uint32_t load_be32(const uint8_t *p) {
  return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}
/* One load, which compilers do not always see in eight of bytes. */
static inline uint64_t load_be64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? v : __builtin_bswap64(v);
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
  if (__BYTE_ORDER__ != __ORDER_BIG_ENDIAN__) v = __builtin_bswap64(v);
  memcpy(p, &v, sizeof v);
}

/* A 64-bit mix for hash tables (the finaliser of SplitMix64, Steele et al. 2014). */
static inline uint64_t mix64(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/* A hash for keys that others choose; `seed` is random and never leaves the process. mix64 alone
 * can be inverted, so with a known seed anybody finds keys whose hashes end alike. The seed
 * therefore enters twice: what it adds before the second mix depends on it in all bits, so no
 * difference between two keys is known to survive to the low bits more often than chance has it,
 * for seeds one does not know. This is no cryptographic hash: one who could watch single steps
 * along a chain could learn the seed in the end. Hence a seed belongs to one connection, and
 * nothing that is sent depends on the order within a table. */
static inline uint64_t mix64_seeded(uint64_t x, uint64_t seed) {
  return mix64(mix64(x ^ seed) + seed);
}

/* The same with runs of 8 (8n to 8n + 7) kept as neighbours: keys that are counted up share cache
 * lines. The low 3 bits are the key's own. Whoever chooses keys that all end alike uses one slot in
 * 8 and makes chains 8 times as long by it, not more: which of these slots a run gets is up to
 * mix64_seeded. */
static inline uint64_t mix64_runs(uint64_t x, uint64_t seed) {
  return mix64_seeded(x >> 3, seed) << 3 | (x & 7);
}

#endif
