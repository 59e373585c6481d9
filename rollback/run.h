/*
 * run: one transaction that holds the copy, the change and its proof, or nothing.
 */
#ifndef MIG_ROLLBACK_RUN_H
#define MIG_ROLLBACK_RUN_H

#include <jansson.h>
#include <stdint.h>

#include "core/err.h"

struct guard;
struct inventory;
struct outcome_report;
struct restore_target;

/* What undo adds to a run: one of these per backup. */
struct run_values {
    const char *file;
    const struct restore_target *targets;
    size_t ntargets;
    int by_upgrade;            /* --to-backup: what the upgrade changed in place; others may have since */
    size_t segment, nsegments; /* of the run that took it: which of how many */
};

struct run_options {
    const char *undo_of;             /* the run that is undone; NULL: a rollback */
    const struct run_values *values; /* put back where the schema is again what it was when
                                        they were saved, else after the last transaction's */
    size_t nvalues;
    const struct inventory *inventory; /* what belonged to the tables before that run; NULL: not kept */
    uint64_t since_xid;              /* the transaction of the run that is undone */
    char *const *writers;            /* all of its transactions, the first segment's first; NULL: not known */
    const json_t *left;              /* how many rows it left in which table (meanwhile), or NULL */
    char *const *wrote;              /* resume of an undo: those of its segments that are done */
    const char *resume;              /* a run to go on with, or NULL */
    size_t first;                    /* resume: its segments before this one are done */
    int again;                       /* resume: that one was begun, outside of a transaction */
};

/* The guard has examined, answered and been confirmed.  *OUT is filled whatever happens
 * (outcome_free); -1 and *ERR where it did not commit, or where something failed after it did
 * (ERR_UNFINISHED). */
int run_guarded(struct guard *g, const struct run_options *o, struct outcome_report *out,
                struct err *err) MIG_MUST_CHECK;

#endif
