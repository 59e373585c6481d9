/*
 * advisory: one migration of a database at a time; the lock that says so.
 */
#ifndef MIG_ROLLBACK_ADVISORY_H
#define MIG_ROLLBACK_ADVISORY_H

#include <stdint.h>

#include "core/err.h"

struct conn;

/* The advisory lock of this database's migrations, on C's session, polled until DEADLINE_MS.
 * ERR_REFUSED names the holder. */
int advisory_take(struct conn *c, int64_t deadline_ms, struct err *err) MIG_MUST_CHECK;

/* Before anything is planned: ERR_REFUSED where somebody holds it now.  What is planned while another run works may
 * be of neither before nor after. */
int advisory_alone(struct conn *c, struct err *err) MIG_MUST_CHECK;

/* Wait, as long as it takes, until no backend of a run that was killed is at work: a client's death stops
 * no statement.  With the advisory lock held, on its session. */
int advisory_outlive(struct conn *c, struct err *err) MIG_MUST_CHECK;

#endif
