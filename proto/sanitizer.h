/* SPDX-License-Identifier: MIT
 *
 * Whether AddressSanitizer is compiled in: gcc and clang say it differently. It has an allocator
 * and a handler of SIGSEGV of its own, keeps what has been freed for a while, and needs to be told
 * of stacks.
 */
#ifndef GAIJIN_PROTO_SANITIZER_H
#define GAIJIN_PROTO_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif

#endif
