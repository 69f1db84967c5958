/* SPDX-License-Identifier: MIT
 *
 * Every number that both ends of the wire must agree on, with its reason. What one end may choose
 * for itself is in settings.def.
 */
#ifndef GAIJIN_PROTO_LIMITS_H
#define GAIJIN_PROTO_LIMITS_H

/* The versions of the wire that this code speaks; both ends of a connection agree on one in hello.
 * 1: the first. 2: hello has a range of versions, and hello and its reply have options. 3: null
 * pointers, weights, labels with their values, workers that stop say so,
 * windows of one-way requests. 4: windows of all requests. 5: workers come back to a broker that
 * was started again. 6: objects are lent to observers, which see messages; workers say that they
 * live. 7: rings in shared memory; cycles of garbage are found. 8: workers are succeeded in their
 * name. docs/protocol.md, "Versions", says when to raise which. */
#define WIRE_VERSION_LEAST 1
#define WIRE_VERSION_MOST 8
/* From this one on bodies may have null pointers. */
#define WIRE_VERSION_NULL 3
/* From this one on the depth of an error says whose position a text that was raised is to get. */
#define WIRE_VERSION_LEVEL 3
/* From this one on requests that are answered count in windows, too. */
#define WIRE_VERSION_COUNTED 4
/* From this one on workers come back (proto/returning.h), and the status `away` is known. */
#define WIRE_VERSION_RETURN 5
/* From this one on clients are asked what is used of suspects (op cycle). */
#define WIRE_VERSION_CYCLES 7
/* From this one on a worker can be told that another has its name now (op succeeded). */
#define WIRE_VERSION_SUCCEED 8
/* Option of hello: for so many milliseconds a worker stands still in halt for others. */
#define CYCLE_PAUSE_KEY "cycle_pause"
/* What the programs call themselves (`--version`, the hello reply). */
#define GAIJIN_VERSION "0.1.0"

/* Largest message (bytes after the length prefix) unless the broker says otherwise. */
#define MAX_MESSAGE_DEFAULT (16u << 20)
/* Bounds of the broker's --max-message: the least that holds a hello, the most a u32 prefix should
 * announce. */
#define MAX_MESSAGE_LEAST 4096u
#define MAX_MESSAGE_MOST (1u << 30)

/* Options of hello and of its reply: pairs, bytes of a key, bytes of all together. A hello has to
 * fit into MAX_MESSAGE_LEAST, and to look one up is a walk over all. */
#define HELLO_OPTIONS_MOST 32u
#define HELLO_KEY_MOST 64u
#define HELLO_OPTIONS_BYTES 2048

/* PTs in one message. A message takes effect in one step, and a PT costs the broker about half a
 * microsecond: so many about 2 ms, for which everybody else waits. The broker tells its limit in
 * the reply to hello; it is no less than the least, so that a page of 1,000 keys and values always
 * passes. */
#define REFS_MOST 4096u
#define REFS_MOST_LEAST 2048u
#define REFS_MOST_KEY "refs_most"

/* A worker's name: a str8 on the wire, short enough for a table column. */
#define NAME_MAX_BYTES 64
/* What others are told as somebody's name: an observer's own name has an '@' before it. */
#define TOLD_NAME_MAX_BYTES (1 + NAME_MAX_BYTES)
/* Nesting of arrays in a body. msgpack-c's reader stops at 32; copies are flat, so 8 is ample. */
#define BODY_DEPTH_MAX 8
/* Depth of a chain of calls (u16 on the wire). */
#define CALL_DEPTH_MOST 65000

#endif
