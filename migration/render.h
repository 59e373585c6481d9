/*
 * render: the SQL of revisions, by `alembic ... --sql` as a child process.
 *
 * Standard input is closed, output stays in memory.  What a failed run printed
 * is thrown away: Alembic leaves the first part of a script behind.
 */
#ifndef MIG_MIGRATION_RENDER_H
#define MIG_MIGRATION_RENDER_H

#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

struct plan_request;
struct project;

struct rendering {
    int status;       /* alembic's exit code */
    struct buf sql;   /* empty where STATUS is not 0 */
    char *complaint;  /* the last line of its standard error that says something; or NULL */
};

/* RANGE: "from:to".  0: it ran, see STATUS.  -1: it could not be started, took too long or printed too
 * much. */
int render_run(const struct plan_request *r, const struct project *p, int up, const char *range,
               struct rendering *out, struct err *err) MIG_MUST_CHECK;
/* Without --sql: alembic runs it itself, on the database that env.py names.  ARGUMENT: a revision, or NULL
 * for `alembic current`.  MORE is added to the environment ("NAME=value", NULL-terminated).  OUT.sql gets
 * what it printed. */
int render_online(const struct plan_request *r, const struct project *p, int up, const char *argument,
                  const char *const *more, int64_t timeout_ms, struct rendering *out, struct err *err)
    MIG_MUST_CHECK;
/* Is the alembic that would run older than A.B.C?  0 where it does not say. */
int render_is_older(const struct plan_request *r, const struct project *p, int a, int b, int c, int *older,
                    struct err *err) MIG_MUST_CHECK;
void rendering_free(struct rendering *r);

#endif
