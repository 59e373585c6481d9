/*
 * locks: every lock of a plan, taken before anything is read, or none.
 */
#ifndef MIG_ROLLBACK_LOCKS_H
#define MIG_ROLLBACK_LOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct conn;
struct plan;
struct closure;
struct closure_table;

struct locks_options {
    const struct plan *plan;
    const struct closure *closure;
    int64_t timeout_ms;   /* one attempt; raised above deadlock_timeout */
    int64_t deadline_ms;  /* all attempts together */
    int cancel, terminate; /* --cancel-blockers, --terminate-blockers */
};

/* Begin a READ COMMITTED transaction on C and lock the plan's tables, sorted, the version table among
 * them, retrying with jitter.  RAISED: in the modes that the plan needs; else SHARE ROW EXCLUSIVE
 * (readers go on; locks_raise follows).  WATCH is another session, to see who is in the way.
 * ERR_REFUSED at the deadline, naming them; then no transaction is open. */
int locks_take(struct conn *c, struct conn *watch, const struct locks_options *o, int raised,
               struct err *err) MIG_MUST_CHECK;
/* In the transaction of locks_take: from SHARE ROW EXCLUSIVE to what the plan needs, under a
 * savepoint, for a deadlock (40P01) must not cost the snapshot.  ERR_REFUSED as above; the
 * transaction is still open then. */
int locks_raise(struct conn *c, struct conn *watch, const struct locks_options *o,
                struct err *err) MIG_MUST_CHECK;

/* Would raising be a deadlock?  Somebody has read one of the tables and waits already to write. */
int locks_knotted(struct conn *watch, const struct locks_options *o, int *knotted, struct err *err)
    MIG_MUST_CHECK;
/* As locks_raise, but one attempt and a short wait; *RAISED is 0 where the locks did not come, and the
 * transaction is then to be rolled back. */
int locks_raise_soon(struct conn *c, const struct locks_options *o, int *raised, struct err *err)
    MIG_MUST_CHECK;

/* A bit for each mode, the weakest first, that keeps us from the one in which T is wanted (NULL: the version table, where
 * the plan does not name it): as locks_take takes it, RAISED or not. */
unsigned locks_against(const struct locks_options *o, const struct closure_table *t, int raised);

/* "ACCESS EXCLUSIVE" of "AccessExclusiveLock". */
const char *locks_mode(const char *lock);

#endif
