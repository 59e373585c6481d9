/*
 * goback: the way back from the middle of a plan of several segments: the other direction's segments that
 * undo those which are done.
 */
#ifndef MIG_ROLLBACK_GOBACK_H
#define MIG_ROLLBACK_GOBACK_H

#include <stddef.h>

#include "core/err.h"

struct plan;

/* Can the middle of PLAN be gone back from at all?  ERR_REFUSED saying why not. */
int goback_possible(const struct plan *plan, const struct plan *reverse, struct err *err) MIG_MUST_CHECK;
/* DONE segments of PLAN are done, and the next one was begun outside of a transaction if LOOSE; ROWS are the
 * version rows now.  Version statements that have nothing to move are left out.  Owned. */
struct plan *goback_plan(const struct plan *plan, const struct plan *reverse, size_t done, int loose,
                         char *const *rows, struct err *err) MIG_MUST_CHECK;

#endif
