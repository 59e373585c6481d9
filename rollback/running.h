/* running: what one run holds while it runs.  Shared by the files that make up a run, and by nobody else. */
#ifndef MIG_ROLLBACK_RUNNING_H
#define MIG_ROLLBACK_RUNNING_H

#include <stddef.h>
#include <stdint.h>

#include "backup/restore.h"

struct census;
struct closure;
struct conn;
struct expected;
struct guard;
struct imprint;
struct inventory;
struct journal;
struct meanwhile;
struct outcome_report;
struct plan;
struct proof;
struct relax;
struct run_options;
struct saving;
struct segments;
struct standing;
struct sums;

struct running {
    struct guard *g;
    const struct run_options *o;
    struct segments *segments; /* NULL: the whole plan is one */
    struct plan *together;     /* a dry run of several segments, as one transaction */
    size_t nsegments, segment, last; /* LAST: the last one with a transaction */
    size_t done;           /* segments that are done */
    int loose;             /* a statement outside of a transaction was begun and is not done */
    const struct plan *plan;       /* of this segment */
    const struct closure *closure; /* of this segment */
    struct closure *own;           /* where it is not the guard's */
    struct expected *expected;     /* what its plan makes and changes */
    struct proof *planned;         /* the catalog when this segment was planned, where not the guard's */
    struct outcome_report *out;
    struct journal *journal;
    struct conn *lock;     /* the advisory lock's session */
    struct relax *relax;   /* undo: NOT NULL that waits for the values */
    struct imprint *imprint; /* of the catalog as it was read while readers went on, or NULL */
    struct proof *before, *after;
    struct census *census; /* what else there is */
    struct sums *sums;     /* what must stay as it is */
    struct standing *standing; /* which tables have rows, and keep some */
    struct saving *saving;
    struct restore_result restored;
    char *writers;         /* the transactions that wrote the version rows, an array literal, or NULL */
    size_t left;           /* undo: what is not as it was before the rollback */
    struct meanwhile *meanwhile; /* undo: what others wrote since the rollback; or NULL */
    uint64_t overwritten;  /* undo: rows of it that are not what was written */
    char **wrote;          /* undo: the transactions of its segments that are done */
    uint64_t xid;
    uint32_t version;      /* the version table, or 0 */
    char *spaces;          /* the schemas, before the change */
    int begun;             /* the script began to change the schema */
};

#endif
