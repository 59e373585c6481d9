/*
 * aftermath: what the server says when the change is done and not committed, asked in one round trip, for
 * readers wait: the version rows, what was locked and written, the catalog of what is locked, and what
 * the plan has made.
 */
#ifndef MIG_ROLLBACK_AFTERMATH_H
#define MIG_ROLLBACK_AFTERMATH_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct conn;
struct expected;
struct plan;
struct result;

struct aftermath {
    struct result *versions; /* or NULL: not asked (no version table, or no row is expected) */
    struct result *counting; /* track_counts */
    struct result *locks, *writes, *spaces, *locked; /* of footprint and proof */
    struct result *arrived;  /* or NULL: the plan makes nothing that is looked at */
    struct result *shapes;   /* of sums, or NULL: not asked */
    const uint32_t *held;    /* NHELD tables that we keep writers out of ourselves, beside the plan's; borrowed */
    size_t nheld;
};

/* Before the change: what would cost time later.  Under our own settings.  *SPACES (freed first): the schemas' names. */
int aftermath_prepare(struct conn *c, const struct expected *expected, char **spaces, struct err *err) MIG_MUST_CHECK;
/* In C's transaction: deferred checks and triggers fire first.  Our own settings are left behind, locally.  OIDS: sums_oids(). */
int aftermath_gather(struct conn *c, const struct plan *plan, const struct expected *expected, const char *oids,
                     struct aftermath *e, struct err *err) MIG_MUST_CHECK;
void aftermath_free(struct aftermath *e);

#endif
