#include "pg/query.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "pg/conn_internal.h"

struct result {
    PGresult *raw;
};

static int answered(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);

    return s == PGRES_TUPLES_OK || s == PGRES_COMMAND_OK || s == PGRES_EMPTY_QUERY;
}

static int is_copy(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);

    return s == PGRES_COPY_IN || s == PGRES_COPY_OUT || s == PGRES_COPY_BOTH;
}

/* The start of SQL, for the message about a result that nobody expected. */
static int shape(const struct query *q, const PGresult *r, struct err *err)
{
    int rows = PQntuples(r), columns = PQnfields(r);

    if (q->columns >= 0 && columns != q->columns)
        return err_set(err, ERR_FAILED, "the server answered %d columns where %d were expected: %.60s",
                       columns, q->columns, q->sql);
    if (rows < q->min_rows || (q->max_rows > 0 && rows > q->max_rows))
        return err_set(err, ERR_FAILED, "the server answered %d rows where %d to %d were expected: %.60s",
                       rows, q->min_rows, q->max_rows, q->sql);
    return 0;
}

/* The server waits for rows: Q's.  What it thinks of them is in the next result. */
static int feed(struct conn *c, const struct query *q, struct err *err)
{
    size_t at = 0;

    while (at < q->copy_len) {
        size_t n = q->copy_len - at < 65536 ? q->copy_len - at : 65536;

        if (PQputCopyData(conn_raw(c), q->copy_data + at, (int)n) != 1)
            return conn_failure(c, NULL, err);
        at += n;
    }
    return PQputCopyEnd(conn_raw(c), NULL) == 1 ? 0 : conn_failure(c, NULL, err);
}

/* The last result of the running command; the first error wins.  NULL on failure. */
static PGresult *collect(struct conn *c, const struct query *q, struct err *err)
{
    int fed = 0;

    PGresult *last = NULL, *r = NULL;

    for (;;) {
        if (conn_next(c, &r, err) != 0)
            break;
        if (r == NULL) {
            if (err->kind == ERR_NONE && last == NULL)
                err_set(err, ERR_FAILED, "the server gave no answer");
            break;
        }
        if (PQresultStatus(r) == PGRES_COPY_IN && q != NULL && q->copy_data != NULL && !fed++) {
            PQclear(r);
            r = NULL;
            if (feed(c, q, err) != 0)
                break;
            continue;
        }
        if (is_copy(r)) {
            PQclear(r);
            err_set(err, ERR_FAILED, "COPY to or from the client is not possible here");
            conn_drain(c);
            break;
        }
        if (!answered(r))
            (void)conn_failure(c, r, err);
        PQclear(last);
        last = r;
        r = NULL;
        if (conn_lost(c))
            break;
    }
    if (err->kind != ERR_NONE) {
        PQclear(last);
        return NULL;
    }
    return last;
}

static struct result *wrap(PGresult *raw, struct err *err)
{
    struct result *r = malloc(sizeof(*r));

    if (r == NULL) {
        PQclear(raw);
        err_oom(err);
        return NULL;
    }
    r->raw = raw;
    return r;
}

static int is_named(const struct conn *c, const struct query *q)
{
    return q->name != NULL && !conn_pooled(c);
}

/* Where Q has a name and is new in this session. */
static int prepare(struct conn *c, const struct query *q, struct err *err)
{
    char ***names = conn_prepared(c);
    PGresult *raw;

    if (!is_named(c, q) || (*names != NULL && strings_find(*names, q->name) >= 0))
        return 0;
    if (!PQsendPrepare(conn_raw(c), q->name, q->sql, q->nparams, NULL))
        return conn_failure(c, NULL, err);
    if ((raw = collect(c, NULL, err)) == NULL)
        return -1;
    PQclear(raw);
    return strings_add(names, q->name, err);
}

static int send(struct conn *c, const struct query *q)
{
    return is_named(c, q) ? PQsendQueryPrepared(conn_raw(c), q->name, q->nparams, q->params, NULL, NULL, 0)
                           : PQsendQueryParams(conn_raw(c), q->sql, q->nparams, NULL, q->params, NULL, NULL, 0);
}

/* A caller that keeps going after a failure hands in a clean err: ours must be, to see the first. */
struct result *query_run(struct conn *c, const struct query *q, struct err *err)
{
    struct err own = {0};
    PGresult *raw;
    struct result *r = NULL;

    if (conn_check(c, &own) != 0)
        goto out;
    if (conn_lost(c)) {
        err_set(&own, ERR_FAILED, "the connection to %s is lost", conn_title(c));
        goto out;
    }
    if (prepare(c, q, &own) != 0)
        goto out;
    if (!send(c, q)) {
        (void)conn_failure(c, NULL, &own);
        goto out;
    }
    if ((raw = collect(c, q, &own)) == NULL)
        goto out;
    if (shape(q, raw, &own) != 0)
        PQclear(raw);
    else
        r = wrap(raw, &own);
out:
    if (r == NULL && err->kind == ERR_NONE)
        *err = own;
    return r;
}

int query_exec(struct conn *c, const char *sql, const char *tag, struct err *err)
{
    struct err own = {0};
    PGresult *raw = NULL;

    if (conn_check(c, &own) != 0)
        goto out;
    if (conn_lost(c)) {
        err_set(&own, ERR_FAILED, "the connection to %s is lost", conn_title(c));
        goto out;
    }
    if (!PQsendQuery(conn_raw(c), sql)) {
        (void)conn_failure(c, NULL, &own);
        goto out;
    }
    if ((raw = collect(c, NULL, &own)) == NULL)
        goto out;
    if (tag != NULL && strcmp(PQcmdStatus(raw), tag) != 0)
        err_set(&own, ERR_FAILED, "the server answered \"%s\" to a command that should answer \"%s\"",
                PQcmdStatus(raw), tag);
out:
    PQclear(raw);
    if (own.kind == ERR_NONE)
        return 0;
    if (err->kind == ERR_NONE)
        *err = own;
    return -1;
}

int query_countf(struct conn *c, uint64_t *n, struct err *err, const char *fmt, ...)
{
    struct buf b = {0};
    int64_t v = 0;
    va_list ap;
    int len, rc = -1;

    va_start(ap, fmt);
    len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0 || buf_reserve(&b, (size_t)len, err) != 0)
        return len < 0 ? err_oom(err) : -1;
    va_start(ap, fmt);
    (void)vsnprintf(b.data, (size_t)len + 1, fmt, ap);
    va_end(ap);
    rc = query_int(c, b.data, &v, err);
    buf_free(&b);
    *n = (uint64_t)v;
    return rc;
}

int query_execf(struct conn *c, struct err *err, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;
    int n, rc = -1;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return err_set_errno(err, ERR_FAILED, "cannot format a command");
    if (buf_reserve(&b, (size_t)n, err) != 0)
        return -1;
    va_start(ap, fmt);
    (void)vsnprintf(b.data, (size_t)n + 1, fmt, ap);
    va_end(ap);
    rc = query_exec(c, b.data, NULL, err);
    buf_free(&b);
    return rc;
}

int query_value(struct conn *c, const char *sql, char **value, struct err *err)
{
    struct query q = {.sql = sql, .columns = 1, .min_rows = 1, .max_rows = 1};
    struct result *r = query_run(c, &q, err);
    const char *text;
    int rc = 0;

    *value = NULL;
    if (r == NULL)
        return -1;
    if ((text = result_text(r, 0, 0)) != NULL && (*value = strdup(text)) == NULL)
        rc = err_oom(err);
    result_free(r);
    return rc;
}

int query_int(struct conn *c, const char *sql, int64_t *value, struct err *err)
{
    struct query q = {.sql = sql, .columns = 1, .min_rows = 1, .max_rows = 1};
    struct result *r = query_run(c, &q, err);

    if (r == NULL)
        return -1;
    *value = result_int(r, 0, 0);
    result_free(r);
    return 0;
}

/* Results of one query up to its Sync; BEFORE: another's answer comes first.  -1 where the connection failed. */
static int pipeline_one(struct conn *c, int before, const struct query *q, struct result **result,
                        struct err *one, struct err *err)
{
    PGresult *raw = NULL, *kept = NULL;
    int over = 0;

    while (!over) {
        if (conn_next(c, &raw, err) != 0)
            goto lost;
        if (raw == NULL && conn_lost(c)) {
            err_set(err, ERR_FAILED, "the connection to %s is lost", conn_title(c));
            goto lost;
        }
        if (raw == NULL)
            continue; /* the end of this query; its Sync follows */
        if (PQresultStatus(raw) == PGRES_PIPELINE_SYNC) {
            over = 1;
        } else if (answered(raw) && before) {
            before = 0;
        } else if (answered(raw) && kept == NULL) {
            kept = raw;
            raw = NULL;
        } else if (!answered(raw)) {
            (void)conn_failure(c, raw, one);
        }
        PQclear(raw);
        if (conn_lost(c)) {
            *err = *one;
            err_set(err, ERR_FAILED, "the connection to %s is lost", conn_title(c));
            goto lost;
        }
    }
    if (one->kind == ERR_NONE && kept == NULL)
        err_set(one, ERR_FAILED, "the server gave no answer");
    if (one->kind == ERR_NONE && shape(q, kept, one) == 0) {
        *result = wrap(kept, one);
        kept = NULL;
    }
    PQclear(kept);
    return 0;
lost:
    PQclear(kept);
    return -1;
}

int query_pipeline(struct conn *c, const struct query *queries, int n, struct result **results,
                   struct err *errs, struct err *err)
{
    return query_pipeline_under(c, NULL, queries, n, results, errs, err);
}

int query_pipeline_under(struct conn *c, const char *before, const struct query *queries, int n,
                         struct result **results, struct err *errs, struct err *err)
{
    PGconn *raw = conn_raw(c);
    int i, rc = -1;

    for (i = 0; i < n; i++)
        results[i] = NULL;
    if (conn_check(c, err) != 0)
        return -1;
    if (conn_lost(c))
        return err_set(err, ERR_FAILED, "the connection to %s is lost", conn_title(c));
    for (i = 0; i < n; i++)
        if (prepare(c, &queries[i], err) != 0)
            return -1;
    if (PQsetnonblocking(raw, 1) != 0 || !PQenterPipelineMode(raw))
        return conn_failure(c, NULL, err);
    for (i = 0; i < n; i++)
        if ((before != NULL &&
             !PQsendQueryParams(raw, before, 0, NULL, NULL, NULL, NULL, 0)) ||
            !send(c, &queries[i]) ||
            !PQpipelineSync(raw)) {
            (void)conn_failure(c, NULL, err);
            goto out;
        }
    for (i = 0; i < n; i++)
        if (pipeline_one(c, before != NULL, &queries[i], &results[i], &errs[i], err) != 0)
            goto out;
    if (conn_check(c, err) != 0)
        goto out;
    rc = 0;
out:
    if (rc != 0)
        for (i = 0; i < n; i++) {
            result_free(results[i]);
            results[i] = NULL;
        }
    if (!conn_lost(c) && (!PQexitPipelineMode(raw) || PQsetnonblocking(raw, 0) != 0) && rc == 0)
        rc = conn_failure(c, NULL, err);
    return rc;
}

void result_free(struct result *r)
{
    if (r == NULL)
        return;
    PQclear(r->raw);
    free(r);
}

int result_rows(const struct result *r)
{
    return PQntuples(r->raw);
}

int result_columns(const struct result *r)
{
    return PQnfields(r->raw);
}

const char *result_text(const struct result *r, int row, int col)
{
    return PQgetisnull(r->raw, row, col) ? NULL : PQgetvalue(r->raw, row, col);
}

int64_t result_int(const struct result *r, int row, int col)
{
    const char *text = result_text(r, row, col);

    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

int result_first(const struct result *r, int col, int64_t number)
{
    int low = 0, high = result_rows(r);

    while (low < high) {
        int middle = low + (high - low) / 2;

        if (result_int(r, middle, col) < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

double result_double(const struct result *r, int row, int col)
{
    const char *text = result_text(r, row, col);

    return text != NULL ? strtod(text, NULL) : 0;
}

int result_bool(const struct result *r, int row, int col)
{
    const char *text = result_text(r, row, col);

    return text != NULL && text[0] == 't';
}

const char *result_tag(const struct result *r)
{
    return PQcmdStatus(r->raw);
}

int64_t result_affected(const struct result *r)
{
    const char *n = PQcmdTuples(r->raw);

    return n[0] != '\0' ? strtoll(n, NULL, 10) : -1;
}
