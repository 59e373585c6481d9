/*
 * belongings: what a run keeps of the objects that it reaches, and what undo does with it (inventory).
 */
#ifndef MIG_ROLLBACK_BELONGINGS_H
#define MIG_ROLLBACK_BELONGINGS_H

#include "core/err.h"

struct conn;
struct fate;
struct guard;
struct inventory;
struct running;

/* A rollback: the inventory of the whole plan's objects, read on C and sealed into the journal.  Nothing
 * where there is no key, and in an undo. */
int belongings_keep(struct running *r, struct conn *c, struct err *err) MIG_MUST_CHECK;
/* What the run of F kept; *V owned, NULL where it kept none. */
int belongings_kept(const struct guard *g, const struct fate *f, struct inventory **v, struct err *err)
    MIG_MUST_CHECK;
/* An undo, in its transaction, under our own settings: put back what the upgrade did not make; the report
 * says what, and what is not as it was. */
int belongings_back(struct running *r, struct err *err) MIG_MUST_CHECK;
/* The same in a transaction of its own, after the last segment. */
int belongings_back_alone(struct running *r, struct err *err) MIG_MUST_CHECK;
/* After COMMIT: ERR_UNFINISHED where something is not as it was. */
int belongings_answer(const struct running *r, struct err *err) MIG_MUST_CHECK;

#endif
