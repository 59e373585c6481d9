/*
 * query: SQL whose caller declares the shape of the answer.
 *
 * A result of another shape than declared is an error, not a surprise.  The
 * server's SQLSTATE, DETAIL and HINT arrive in struct err; the message is
 * prefixed by the caller with what it was doing.  Parameters are text, $1...
 */
#ifndef MIG_PG_QUERY_H
#define MIG_PG_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct conn;
struct result;

struct query {
    const char *sql;
    const char *name; /* prepared under it, once per session, so that its plan is made once (never behind a pooler,
                         where the next statement may meet another backend); or NULL */
    const char *const *params; /* NULL entries are SQL NULL */
    int nparams;
    int columns;  /* declared number of columns; 0: no rows expected (DDL, DML); -1: any */
    int min_rows; /* with max_rows: 0,0 any number; 1,1 exactly one; 0,1 at most one */
    int max_rows;
    const char *copy_data; /* COPY ... FROM STDIN: its rows as a script carries them, without "\\."; or NULL */
    size_t copy_len;
};

/* Any shape; ERR_FAILED (or ERR_INTERRUPTED when cancelled by a signal). */
struct result *query_run(struct conn *c, const struct query *q, struct err *err) MIG_MUST_CHECK;
/* A command without parameters whose tag must be TAG ("ALTER TABLE"), or any where TAG is NULL. */
int query_exec(struct conn *c, const char *sql, const char *tag, struct err *err) MIG_MUST_CHECK;
/* The one number of the query that FMT makes. */
int query_countf(struct conn *c, uint64_t *n, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5))) MIG_MUST_CHECK;
/* printf-built command; quoting is the caller's (pg/quote.h). */
int query_execf(struct conn *c, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))) MIG_MUST_CHECK;
/* One row of one column; *VALUE owned, NULL for SQL NULL.  ERR_FAILED if there is no such row. */
int query_value(struct conn *c, const char *sql, char **value, struct err *err) MIG_MUST_CHECK;
int query_int(struct conn *c, const char *sql, int64_t *value, struct err *err) MIG_MUST_CHECK;

/* A batch in libpq's pipeline mode: one round trip, a Sync after each, so that one failure stops no
 * other.  RESULTS[i] is NULL and ERRS[i] set where query i failed.  -1: the connection itself failed. */
int query_pipeline(struct conn *c, const struct query *queries, int n, struct result **results,
                   struct err *errs, struct err *err) MIG_MUST_CHECK;

/* The same, and BEFORE each query, in its implicit transaction, this one: what it sets with
 * set_config(..., true) is over with the query. */
int query_pipeline_under(struct conn *c, const char *before, const struct query *queries, int n,
                         struct result **results, struct err *errs, struct err *err)
    MIG_MUST_CHECK;

void result_free(struct result *r);
int result_rows(const struct result *r);
int result_columns(const struct result *r);
/* Borrowed from R; NULL for SQL NULL. */
const char *result_text(const struct result *r, int row, int col);
/* Of rows that are sorted by the number in COL: the first that has NUMBER or more (result_rows: none). */
int result_first(const struct result *r, int col, int64_t number);
/* 0 for NULL. */
int64_t result_int(const struct result *r, int row, int col);
double result_double(const struct result *r, int row, int col);
int result_bool(const struct result *r, int row, int col);
/* "DELETE 3": the command tag, and the rows that it names (-1: none). */
const char *result_tag(const struct result *r);
int64_t result_affected(const struct result *r);

#endif
