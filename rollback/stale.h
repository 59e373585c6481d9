/*
 * stale: statistics that tables lost when they were rewritten.
 */
#ifndef MIG_ROLLBACK_STALE_H
#define MIG_ROLLBACK_STALE_H

struct closure;
struct conn;
struct proof;

/* ANALYZE of what was rewritten between BEFORE and AFTER: of the columns that have no statistics, where that
 * suffices.  What fails is a warning: the change is committed. */
void stale_analyze(struct conn *c, const struct closure *closure, const struct proof *before, const struct proof *after);

#endif
