/* SPDX-License-Identifier: MIT
 *
 * Garbage in cycles over several programs: a part of <gaijin/gaijin.h>, which includes it.
 *
 * The broker asks which of some tokens, the suspects, a program uses apart from each other
 * (docs/protocol.md, "cycle, condemn, resume, withdraw"). A program without the event `cycle`
 * answers `unsupported`, and its tokens and holdings are never suspected. One that has it answers
 * the truth, and while halted runs nothing that could change it.
 *
 * options.cycle_pause_ms says for how long, in milliseconds, it stands still for the answers of
 * others, beside what its own takes: the broker asks for no more. A bound is 1,500.
 *
 * After a HALT one of two events of its round follows, or the end of the connection: `condemn` says
 * that nobody uses these tokens of ours, perhaps none, `resume` that nothing was decided.
 */
#ifndef GAIJIN_CYCLES_H
#define GAIJIN_CYCLES_H

#include <stddef.h>
#include <stdint.h>

#include <gaijin/protocol.h>
#include <gaijin/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gaijin_cycle_phase {
  GAIJIN_CYCLE_SCAN,
  GAIJIN_CYCLE_CHECK,
  GAIJIN_CYCLE_HALT /* from the event on nothing of the program's runs until condemn or resume */
};

/* What is asked; the lists are valid during the event. The PTs only name, nothing has arrived. */
struct gaijin_cycle {
  uint64_t id; /* of the request, which is answered once, now or later: with gaijin_answer_cycle or
                  gaijin_answer_error (unsupported, busy) */
  uint64_t round;
  unsigned phase; /* enum gaijin_cycle_phase */
  uint32_t n_hosted, n_held;
  const uint64_t *hosted; /* ids of our tokens; some may be gone */
  const struct gaijin_pt *held; /* of others; for some there may be no holding */
};

/* Sends the releases queued, then the answer, behind all that is queued. ms: how long it took. The
 * bytes of `live` are a bit for each token hosted, then for each held, the lowest first. `edges`
 * (of a SCAN, perhaps none) are pairs of places in the lists, hosted and held, of 4 bytes each, the
 * highest first. */
GAIJIN_API int gaijin_answer_cycle(gaijin *g, uint64_t id, uint32_t ms, const uint8_t *live,
                                   size_t live_size, const uint8_t *edges, size_t edges_size);

/* References to a home token that are on their way to the program: values of bodies not read yet,
 * targets of requests whose bodies are not freed. */
GAIJIN_API uint32_t gaijin_token_pins(const gaijin_token *t);
/* It was decided that nobody uses the token. It has no tag from now on, nothing that names it finds
 * it (GAIJIN_STALE, gaijin_token_find), and its forget event follows when it has been given back.
 * It must not be pinned. */
GAIJIN_API void gaijin_token_condemn(gaijin *g, gaijin_token *t);
/* Values of a holding not read yet, claims under way; and its users (gaijin_hold). */
GAIJIN_API uint32_t gaijin_holding_pending(const gaijin_holding *h);
GAIJIN_API uint32_t gaijin_holding_users(const gaijin_holding *h);

/* Halted in this round we cannot wait any longer; condemn or resume follows all the same. */
GAIJIN_API int gaijin_withdraw(gaijin *g, uint64_t round);
/* The broker hangs: the next gaijin_dispatch ends the connection, for this reason (one line). It
 * may come back. */
GAIJIN_API void gaijin_give_up(gaijin *g, const char *reason);

#ifdef __cplusplus
}
#endif

#endif
