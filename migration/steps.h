/*
 * steps: the revisions of a plan, with the SQL that each runs.
 *
 * Alembic is asked once for all of it where it can express that, else once
 * per revision.  Version statements that would not fit the real rows (Alembic
 * renders for one row alone) are written anew from the graph.
 */
#ifndef MIG_MIGRATION_STEPS_H
#define MIG_MIGRATION_STEPS_H

#include <stddef.h>

#include "core/err.h"
#include "migration/plan.h"
#include "migration/version.h"

struct history;
struct project;

struct steps_request {
    const struct plan_request *plan;
    const struct project *project;
    const struct history *history;
    struct version_name *name;     /* of the version table; may be empty, then filled */
    int on_server;                 /* the version table exists */
    char *const *rows;             /* to start from */
    const int *nodes;              /* in the order in which they run */
    size_t count;
    int up;
    const char *revision;          /* what the user asked for, or NULL */
};

/* Into P: steps and to.  Steps are rendered unless the plan says no_sql. */
int steps_make(const struct steps_request *r, struct plan *p, struct err *err) MIG_MUST_CHECK;

#endif
