/*
 * census: views, functions, types, sequences, indexes, policies, ... before and after: none may go that
 * the plan does not drop, by name or through pg_depend.  (Tables, columns, constraints and triggers are proof's.)
 */
#ifndef MIG_ROLLBACK_CENSUS_H
#define MIG_ROLLBACK_CENSUS_H

#include "core/err.h"

struct census;
struct closure;
struct conn;
struct plan;
struct query;
struct result;

/* In C's transaction, before the change, under our own settings: what there is, and what of it hangs on the
 * objects that CLOSURE names. */
struct census *census_take(struct conn *c, const struct closure *closure, struct err *err) MIG_MUST_CHECK;
/* What is asked: prepared once per session. */
struct query census_query(void);
/* After it: may something have gone that should not?  Whatever is dropped was locked to the end (LOCKS, of
 * proof_locks_query); where 0, there is no need to look. */
int census_touched(const struct census *before, const struct result *locks);
/* Of the answer to census_query, which it takes: ERR_REFUSED naming what went and should not have. */
int census_check(const struct census *before, struct result *now, const struct plan *plan, struct err *err)
    MIG_MUST_CHECK;
void census_free(struct census *s);

#endif
