/*
 * standing: tables that hold rows before the change, and must still after it.
 *
 * TRUNCATE by a trigger or a function leaves no count behind, and its lock may be one that the plan takes anyway: only
 * a new file without the rows tells.  Tables that the plan itself drops or empties are no matter of this.
 */
#ifndef MIG_ROLLBACK_STANDING_H
#define MIG_ROLLBACK_STANDING_H

#include "core/err.h"

struct aftermath;
struct closure;
struct conn;
struct proof;
struct standing;

/* Under our own settings, locks held. */
struct standing *standing_read(struct conn *c, const struct closure *closure, struct err *err) MIG_MUST_CHECK;
/* After the change, in its transaction: ERR_REFUSED naming the tables that lost all their rows. */
int standing_check(const struct standing *s, struct conn *c, const struct proof *before, const struct aftermath *e,
                   struct err *err) MIG_MUST_CHECK;
/* NULL is harmless. */
void standing_free(struct standing *s);

#endif
