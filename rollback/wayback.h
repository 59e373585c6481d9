/*
 * wayback: the way forward again after a rollback, and whether undo will be exact, staged, inexact or impossible.
 */
#ifndef MIG_ROLLBACK_WAYBACK_H
#define MIG_ROLLBACK_WAYBACK_H

#include "core/err.h"

struct guard;

/* The guard's reverse, or why there is none. */
int wayback_find(struct guard *g, struct err *err) MIG_MUST_CHECK;
/* The rules of DESIGN.md, section 9: what undo could not put back is said beforehand. */
int wayback_weigh(struct guard *g, struct err *err) MIG_MUST_CHECK;

#endif
