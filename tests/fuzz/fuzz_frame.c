/* SPDX-License-Identifier: MIT
 *
 * Framing: bytes in pieces of any size give the messages that the same bytes at once give, each
 * byte for byte what was fed. The input: largest message (2 bytes), size of a piece, then bytes.
 */
#include "proto/frame.h"
#include "proto/message.h"
#include "tests/fuzz/fuzz.h"

const uint32_t mutate_at = 3;

struct seen {
  uint32_t count, fed; /* whole messages; their bytes */
  enum frame_outcome end;
};

/* Takes what is whole; false when the frame has come to its end for good. */
static bool take(struct frame *f, const uint8_t *all, struct seen *seen) {
  uint8_t *bytes;
  uint32_t size;
  while ((seen->end = frame_next(f, &bytes, &size)) == FRAME_MESSAGE) {
    FUZZ_REQUIRE(size >= MESSAGE_PREFIX_BYTES && size - MESSAGE_PREFIX_BYTES <= f->max_message,
                 "a message of %u bytes", size);
    FUZZ_REQUIRE(memcmp(bytes, all + seen->fed, size) == 0, "not the bytes that came");
    seen->fed += size;
    seen->count++;
    FUZZ_REQUIRE(f->start <= f->in.size && f->in.size <= f->in.capacity, "a start past its end");
  }
  return seen->end == FRAME_MORE;
}

static struct seen feed(const uint8_t *bytes, uint32_t size, uint32_t most, uint32_t piece) {
  struct frame f;
  struct seen seen = {.end = FRAME_MORE};
  frame_init(&f, most);
  for (uint32_t at = 0; at < size && seen.end == FRAME_MORE;) {
    uint32_t room, n = size - at < piece ? size - at : piece;
    uint8_t *to = frame_room(&f, n, &room);
    FUZZ_REQUIRE(to && room >= n, "no room for %u bytes", n);
    memcpy(to, bytes + at, n);
    frame_filled(&f, n);
    at += n;
    take(&f, bytes, &seen);
  }
  frame_deinit(&f);
  return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct script s = {data, data + size};
  uint32_t most = script_word(&s), piece = 1 + script_byte(&s);
  uint32_t left = (uint32_t)(s.end - s.at);
  struct seen whole = feed(s.at, left, most, left), pieces = feed(s.at, left, most, piece);
  FUZZ_REQUIRE(whole.count == pieces.count && whole.fed == pieces.fed && whole.end == pieces.end,
               "%u messages and %d at once, %u and %d in pieces", whole.count, (int)whole.end,
               pieces.count, (int)pieces.end);
  return 0;
}
