/*
 * blockers: who is in the way of the plan's locks.
 */
#ifndef MIG_ROLLBACK_BLOCKERS_H
#define MIG_ROLLBACK_BLOCKERS_H

#include "core/err.h"

struct buf;
struct conn;
struct locks_options;
struct result;

/* Say who is in the way of the locks (RAISED or not, as for locks_take) into TEXT, which is emptied, and cancel or terminate them where O allows it: client backends
 * alone.  C is the session that wants the locks, WATCH the one that asks. */
int blockers_of(struct conn *c, struct conn *watch, const struct locks_options *o, int raised, struct buf *text, struct err *err)
    MIG_MUST_CHECK;
/* Row ROW of an answer with the columns of holders.sql, behind what TEXT has. */
int blockers_describe(const struct result *r, int row, struct buf *text, struct err *err) MIG_MUST_CHECK;

#endif
