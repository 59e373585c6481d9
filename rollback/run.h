/*
 * run: one transaction that holds the copy, the change and its proof, or nothing.
 */
#ifndef MIG_ROLLBACK_RUN_H
#define MIG_ROLLBACK_RUN_H

#include <jansson.h>
#include <stdint.h>

#include "core/err.h"

struct guard;
struct journal_record;
struct outcome_report;
struct restore_target;

/* What undo adds to a run. */
struct run_restore {
    const char *of;              /* the run that is undone */
    const char *file;            /* its backup */
    const struct restore_target *targets;
    size_t ntargets;
    uint64_t since_xid;
};

/* The guard has examined, answered and been confirmed.  RESTORE NULL: a rollback.  *OUT is filled
 * whatever happens (outcome_free); -1 and *ERR where it did not commit, or where something failed
 * after it did (ERR_UNFINISHED). */
int run_guarded(struct guard *g, const struct run_restore *restore, struct outcome_report *out,
                struct err *err) MIG_MUST_CHECK;

/* The command to type, with the flags of this one that find the same database and state. Owned. */
char *run_command(const struct guard *g, const char *command, const char *run, struct err *err)
    MIG_MUST_CHECK;

#endif
