/*
 * cut: rendered SQL, cut into the revisions that it runs.
 *
 * A revision ends where the version table has come to the rows that the graph
 * predicts.  Comments are not believed: a migration can print one.
 */
#ifndef MIG_MIGRATION_CUT_H
#define MIG_MIGRATION_CUT_H

#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "migration/version.h"

struct script;

struct cut {
    char *const *after;     /* in: the version rows behind this revision; borrowed */
    const char *revision;   /* in: its id, for Alembic's comments; NULL: they are not looked at.  Borrowed */
    struct buf body;        /* out: its SQL without version statements, BEGIN and COMMIT around it */
    struct buf versions;    /* out: its version statements */
    int wrapped;            /* out: it begins in a transaction */
    int begins;             /* out: Alembic begins one for it (transaction_per_migration) */
    int autocommit;         /* out: it ends and begins transactions itself */
    int left_open;          /* out: it ends in a transaction */
    int unknown_line;       /* out: a statement that does not parse, in the rendered text, or 0 */
    int select_line;        /* out: a bare SELECT, or 0 */
};

struct cut_request {
    const struct script *script;
    const struct version_name *name;
    char *const *before;    /* the version rows that it starts from */
    struct cut *cuts;
    size_t ncuts;
    int keep_create;        /* the first revision creates the version table; else the server's is used */
};

/* 0: cut.  1: the SQL and the graph disagree; WHY says how.  SCHEMA and TABLE: how the version
 * statements call the table; owned, set if they are NULL. */
int cut_run(const struct cut_request *r, struct version_name *seen, struct buf *why,
            struct err *err) MIG_MUST_CHECK;
void cut_free(struct cut *cuts, size_t n);

#endif
