/*
 * origin: where a plan of Alembic's starts: the project, its history, the
 * version table and its rows.
 */
#ifndef MIG_MIGRATION_ORIGIN_H
#define MIG_MIGRATION_ORIGIN_H

#include <stddef.h>

#include "core/err.h"
#include "migration/version.h"

struct conn;
struct history;
struct plan_request;
struct project;

struct origin {
    const struct plan_request *request; /* borrowed */
    struct project *project;
    struct history *history;
    struct version_name name;           /* of the version table; empty: not known yet */
    int on_server;                      /* the version table exists */
    char **rows;                        /* in the database's order; NULL before origin_rows */
};

/* X's project and history, checked, and the version table where there is a C.  Close X on failure too. */
int origin_open(struct origin *x, const struct plan_request *r, struct conn *c, struct err *err) MIG_MUST_CHECK;
/* X's rows: those that the request names, else the database's (C).  ERR_USAGE where neither is there,
 * ERR_FAILED where these files do not have one of them. */
int origin_rows(struct origin *x, struct conn *c, struct err *err) MIG_MUST_CHECK;
/* Whether a row that another one covers stays when its child goes is a matter of Alembic's release.  It is
 * asked only where that makes a difference for the N of NODES. */
int origin_settle(struct origin *x, const int *nodes, size_t n, int up, struct err *err) MIG_MUST_CHECK;
void origin_close(struct origin *x);

#endif
