#include "validate/pace.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/log.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "script/closure.h"
#include "validate/hold.h"
#include "validate/inquiry.h"

#define PAGE 8192
#define MOST_PAGES 1024 /* 8 MiB */
#define LEAST_PAGES 64  /* less than this is all overhead */

/* The largest table that has pages enough, or NULL. */
static const struct catalog_table *largest(const struct inquiry *q)
{
    const struct catalog_table *best = NULL;
    size_t i;

    for (i = 0; q->closure != NULL && i < q->closure->ntables; i++) {
        const struct catalog_table *t = q->tables[i];

        if (t != NULL && (t->kind == 'r' || t->kind == 'm') && t->pages >= LEAST_PAGES &&
            (best == NULL || t->pages > best->pages))
            best = t;
    }
    return best;
}

/* Seconds that SQL takes; -1: it failed.  It answers rows and bytes. */
static double timed(struct conn *c, const char *sql, double *rows, int64_t *bytes)
{
    struct query query = {.sql = sql, .columns = 2, .min_rows = 1, .max_rows = 1};
    struct timespec from, to;
    struct err why = {0};
    struct result *r;

    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    r = query_run(c, &query, &why);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    if (r == NULL) {
        log_debug("the small read failed: %s", why.message);
        return -1;
    }
    *rows = result_double(r, 0, 0);
    *bytes = result_int(r, 0, 1);
    result_free(r);
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

/* The same pages again and again: the first time they may come from the disk. */
static int read_again(struct conn *c, const char *sql, struct pace *out)
{
    struct err why = {0};
    double rows = 0, cold, warm, again, model;
    int i;
    int64_t bytes = 0;

    if (tx_savepoint(c, "pace", &why) < 0)
        return -1;
    cold = timed(c, sql, &rows, &bytes);
    warm = cold < 0 ? -1 : timed(c, sql, &rows, &bytes);
    /* Others use the machine too: the quickest counts. */
    for (i = 0; i < 3 && warm > 0; i++)
        if ((again = timed(c, sql, &rows, &bytes)) > 0 && again < warm)
            warm = again;
    if (warm <= 0 || bytes <= 0) {
        if (!conn_lost(c) && tx_rollback_to(c, "pace", &why) < 0)
            log_debug("%s", why.message);
        return -1;
    }
    model = hold_scan_seconds(rows, (double)bytes);
    out->scale = warm / model;
    out->scale = out->scale < 0.3 ? 0.3 : out->scale > 30 ? 30 : out->scale;
    out->disk = (double)bytes / (cold > warm ? cold : warm);
    out->bytes = bytes;
    out->seconds = warm;
    return 0;
}

void pace_take(struct inquiry *q, struct pace *out)
{
    static const char catalog[] =
        "SELECT pg_catalog.count(*), pg_catalog.pg_relation_size('pg_catalog.pg_proc') FROM pg_catalog.pg_proc";
    const struct catalog_table *t = largest(q);
    struct err why = {0};
    struct buf sql = {0}, name = {0};
    struct conn *c = conn_again(q->conn, CONN_OWN, &why);
    int64_t pages;

    if (c == NULL || tx_begin(c, TX_READ_COMMITTED, 1, &why) < 0 ||
        query_exec(c, "SET LOCAL statement_timeout = 2000", "SET", &why) < 0 ||
        query_exec(c, "SET LOCAL max_parallel_workers_per_gather = 0", "SET", &why) < 0)
        goto out;
    if (t != NULL) {
        pages = t->pages < MOST_PAGES ? t->pages : MOST_PAGES;
        if (buf_adds(&sql, "SELECT count(*), ", &why) < 0 ||
            buf_addf(&sql, &why, "%lld::bigint FROM ONLY ", (long long)pages * PAGE) < 0 ||
            quote_name(&sql, t->schema, t->name, &why) < 0 ||
            buf_addf(&sql, &why, " TABLESAMPLE SYSTEM (%.9f) REPEATABLE (1)",
                     100.0 * (double)pages / (double)t->pages) < 0 ||
            buf_addf(&name, &why, "%s.%s", t->schema, t->name) < 0)
            goto out;
        if (read_again(c, sql.data, out) == 0) {
            out->relation = buf_take(&name, &why);
            goto out;
        }
    }
    if (!conn_lost(c) && read_again(c, catalog, out) == 0 && buf_adds(&name, "pg_catalog.pg_proc", &why) == 0)
        out->relation = buf_take(&name, &why);
out:
    if (why.kind != ERR_NONE)
        log_debug("the server's pace was not measured: %s", why.message);
    if (c != NULL)
        tx_rollback(c);
    conn_free(c);
    buf_free(&sql);
    buf_free(&name);
}
