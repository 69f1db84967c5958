/* SPDX-License-Identifier: MIT
 *
 * Opcodes, from the one list in ops.def.
 */
#ifndef GAIJIN_PROTO_OPS_H
#define GAIJIN_PROTO_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum op_kind { OP_REQUEST, OP_NOTICE };
enum op_way { OP_ROUTED, OP_BROKER, OP_CLIENT, OP_BOTH };
enum op_target { OP_NONE, OP_NAME, OP_PT };

#define OP_ANY UINT32_MAX

enum op {
#define OP(number, name, kind, way, target, least, most, since, body, sentence) OP_##name = number,
#include "proto/ops.def"
#undef OP
  OP_COUNT
};

struct op_info {
  const char *name;
  enum op_kind kind;
  enum op_way way;
  enum op_target target;
  uint32_t least, most; /* values in the body in any version; OP_ANY is no bound */
  uint32_t since;       /* the version of the wire that brought the op, from 1 */
  uint32_t grew, before; /* before version `grew` at most `before` values; 0: never grew */
  const char *body;     /* what they are, for people */
  const char *sentence;
};

/* The rows by opcode; where there is no such op the name is NULL. */
extern const struct op_info op_rows[OP_COUNT];

/* The row of an opcode, or NULL when the number is not in the list. Static. */
static inline const struct op_info *op_info(uint64_t op) {
  return op < OP_COUNT && op_rows[op].name ? &op_rows[op] : NULL;
}
/* Whether a request or notice of this op with so many values exists in this version of the wire. */
static inline bool op_in_version(const struct op_info *info, uint32_t values, uint32_t version) {
  return version >= info->since && (version >= info->grew || values <= info->before);
}
/* Name of an opcode; "unknown" outside the list. Static text. */
const char *op_name(uint64_t op);

#endif
