/*
 * footprint: what our own transaction has locked and written, as the server knows it.
 *
 * Whatever a transaction alters, drops or writes it keeps a lock on to its end, and the server counts the rows that
 * it writes: a trigger, a cascade, a function or a DO block leaves these traces where no parser looks.
 */
#ifndef MIG_ROLLBACK_FOOTPRINT_H
#define MIG_ROLLBACK_FOOTPRINT_H

#include <stdint.h>

#include "core/err.h"

struct aftermath;
struct closure;
struct conn;
struct plan;
struct proof;
struct query;
struct result;

/* What is asked: prepared once per session. */
struct query footprint_locks_query(void);
struct query footprint_writes_query(void);

/* Is row ROW of the locks one on a relation? */
int footprint_is_relation(const struct result *locks, int row);
/* A script that writes in the catalog by hand keeps its lock on it. */
int footprint_hacked(const struct result *locks);

/* ERR_REFUSED naming tables of BEFORE that were locked or written outside of the plan.  VERSION: the version
 * table's OID, or 0.  LOSS_SCOPE: of tables whose columns are lost the backup holds these alone. */
int footprint_check(const struct aftermath *e, uint32_t version, const struct proof *before, const struct plan *plan,
                    const struct closure *closure, int loss_scope, struct err *err) MIG_MUST_CHECK;
/* Between two transactions of one session: wait until the server has put away the counters of the
 * last one, or footprint_check would charge the next one with them. */
int footprint_settle(struct conn *c, struct err *err) MIG_MUST_CHECK;

#endif
