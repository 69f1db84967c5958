/* SPDX-License-Identifier: MIT
 *
 * States that the model must be able to reach. A model that cannot get into the situations that the rules are for would
 * prove nothing; so each of these has a run of its own, which has to find it.
 */
#if GOAL == 1 /* a drop crosses another PT of the token */
#define goal (down[H]??[DROP,_] && up[H]??[VALUE,_])
#elif GOAL == 2 /* a release crosses a delivery */
#define goal (up[A]??[UNSUB,_] && down[A]??[VALUE,_])
#elif GOAL == 3 /* a hand-off with the giver's release right behind it, and nothing else that keeps the object */
#define goal (up[A]??[VALUE,B] && up[A]??[UNSUB,_] && held[B] == 0 && empty(up[H]) && pins == 0)
#elif GOAL == 4 /* only a pin keeps the object: its drop has been read */
#define goal (life == KEPT && sent == 0 && pins > 0)
#elif GOAL == 5 /* a use right before the last release */
#define goal (up[A]??[USE,_] && up[A]??[UNSUB,_] && held[B] == 0)
#elif GOAL == 6 /* forgotten, with every message sent */
#define goal (life == FORGOTTEN && sends == 0)
#elif GOAL == 7 /* a holder that knows of the death passes the tombstone on */
#define goal (gone[H] && told[A] && up[A]??[VALUE,B] && !knows[B])
#elif GOAL == 8 /* the giver is dead and buried, its gift on its way from the broker is all that is left */
#define goal (gone[A] && alive[H] && held[B] == 1 && down[B]??[VALUE,_] && !used(B))
#elif GOAL == 9 /* a claim is granted after the release had left */
#define goal (down[A]??[GRANTED,_] && held[A] == 1 && count[A] == 0)
#elif GOAL == 10 /* after a restart: a claim waits for its host */
#define goal (waiting[A] && alive[H])
#elif GOAL == 11 /* after a restart all is as before, for both clients */
#define goal (restarts < RESTARTS && !grace && alive[H] && at[A] && at[B] && count[A] > 0 && count[B] > 0)
#elif GOAL == 12 /* after a restart the object is dropped in the end */
#define goal (restarts < RESTARTS && !grace && life == FORGOTTEN && sends == 0)
#elif GOAL == 13 /* the host sends to itself; the drop is behind the message */
#define goal (life == KEPT && !client_met && down[H]??[VALUE,_] && down[H]??[DROP,_])
#elif GOAL == 14 /* a restart refuses a claim, as the host died meanwhile, while a value waits to be decoded */
#define goal (!alive[H] && told[A] && pending[A] > 0 && count[A] == 0)
#elif GOAL == 15 /* an expelled client still has its AT, but the object has been dropped */
#define goal (lapsed[A] && at[A] && life == FORGOTTEN)
#elif GOAL == 16 /* grace ended without the host: a client was told of its death, the host does not know yet */
#define goal (lapsed[H] && alive[H] && told[A] && restarts < RESTARTS && link[H] == OFF)
#elif GOAL == 17 /* the last holder has let go; a loan on its way is all that keeps the object (SENDS=1: nobody else sent it) */
#define goal (loans == 0 && sends == 0 && life == KEPT && held[A] == 0 && held[B] == 1 && down[B]??[VALUE,_])
#elif GOAL == 18 /* the host has died behind a loan that is on its way */
#define goal (loans == 0 && sends == 0 && gone[H] && !told[B] && down[B]??[VALUE,_] && down[B]??[DEAD,_])
#endif
