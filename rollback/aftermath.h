/*
 * aftermath: what the server says when the change is done and not committed, asked in one round trip, for
 * readers wait: the version rows, what was locked and written, the catalog.
 */
#ifndef MIG_ROLLBACK_AFTERMATH_H
#define MIG_ROLLBACK_AFTERMATH_H

#include "core/err.h"

struct conn;
struct plan;
struct result;

struct aftermath {
    struct result *versions; /* or NULL: not asked (no version table, or no row is expected) */
    struct result *counting; /* track_counts */
    struct result *locks, *writes, *catalog, *census; /* of proof and census */
};

/* Before the change: what would cost time later.  Under our own settings. */
int aftermath_prepare(struct conn *c, struct err *err) MIG_MUST_CHECK;
/* In C's transaction: deferred checks and triggers fire first.  Our own settings are left behind, locally. */
int aftermath_gather(struct conn *c, const struct plan *plan, struct aftermath *e, struct err *err) MIG_MUST_CHECK;
/* The catalog and the census again, where something was changed since. */
int aftermath_catalog(struct conn *c, struct aftermath *e, struct err *err) MIG_MUST_CHECK;
void aftermath_free(struct aftermath *e);

#endif
