#include "pg/tx.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "pg/conn_internal.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/session.h"

int tx_begin(struct conn *c, enum tx_isolation isolation, int read_only, struct err *err)
{
    static const char *const levels[] = {
        [TX_READ_COMMITTED] = "READ COMMITTED",
        [TX_REPEATABLE_READ] = "REPEATABLE READ",
        [TX_SERIALIZABLE] = "SERIALIZABLE",
    };

    if (query_execf(c, err, "BEGIN ISOLATION LEVEL %s, READ %s", levels[isolation],
                    read_only ? "ONLY" : "WRITE") != 0)
        return -1;
    /* The session has no settings of ours behind a pooler: the transaction gets them. */
    if (conn_pooled(c) && session_local(c, conn_profile_of(c), conn_lock_timeout(c), err) != 0) {
        tx_rollback(c);
        return -1;
    }
    return 0;
}

/* The server may have committed before it vanished. */
static int unknown(struct conn *c, struct err *err)
{
    err_set(err, ERR_UNKNOWN, "the connection to %s was lost while it committed", conn_title(c));
    err_detail(err, "%s", PQerrorMessage(conn_raw(c)));
    return -1;
}

int tx_commit(struct conn *c, struct err *err)
{
    PGresult *r = NULL, *next = NULL;
    struct err why = {0};
    int rc = -1, shielded = conn_shielded(c);

    if (conn_lost(c))
        return err_set(err, ERR_FAILED,
                       "the connection to %s was lost before COMMIT: nothing was committed",
                       conn_title(c));
    if (conn_check(c, err) != 0)
        return -1;
    conn_shield(c, 1);
    if (!PQsendQuery(conn_raw(c), "COMMIT")) {
        rc = unknown(c, err);
        goto out;
    }
    if (conn_next(c, &r, &why) != 0 || r == NULL || conn_lost(c)) {
        rc = unknown(c, err);
        goto out;
    }
    if (PQresultStatus(r) != PGRES_COMMAND_OK) {
        const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);

        if (severity == NULL || strcmp(severity, "ERROR") != 0) {
            rc = unknown(c, err);
            goto out;
        }
        (void)conn_failure(c, r, err);
        err_prefix(err, "the server rolled back instead of committing");
    } else if (strcmp(PQcmdStatus(r), "COMMIT") != 0) {
        err_set(err, ERR_FAILED, "the transaction had failed: the server answered %s to COMMIT",
                PQcmdStatus(r));
    } else {
        rc = 0;
    }
    while (conn_next(c, &next, &why) == 0 && next != NULL)
        PQclear(next);
out:
    PQclear(r);
    conn_shield(c, shielded);
    return rc;
}

void tx_rollback(struct conn *c)
{
    struct err ignored = {0};
    int shielded = conn_shielded(c);

    if (conn_lost(c))
        return;
    conn_shield(c, 1);
    if (PQtransactionStatus(conn_raw(c)) == PQTRANS_ACTIVE)
        conn_drain(c);
    if (PQtransactionStatus(conn_raw(c)) != PQTRANS_IDLE &&
        query_exec(c, "ROLLBACK", NULL, &ignored) != 0)
        err_clear(&ignored); /* the server rolls back when the connection goes */
    conn_shield(c, shielded);
}

static int with_name(struct conn *c, const char *command, const char *name, struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (buf_adds(&b, command, err) == 0 && quote_ident(&b, name, err) == 0)
        rc = query_exec(c, b.data, NULL, err);
    buf_free(&b);
    return rc;
}

int tx_savepoint(struct conn *c, const char *name, struct err *err)
{
    return with_name(c, "SAVEPOINT ", name, err);
}

int tx_rollback_to(struct conn *c, const char *name, struct err *err)
{
    return with_name(c, "ROLLBACK TO SAVEPOINT ", name, err);
}

char *tx_export_snapshot(struct conn *c, struct err *err)
{
    char *snapshot = NULL;

    if (query_value(c, "SELECT pg_catalog.pg_export_snapshot()", &snapshot, err) != 0)
        return NULL;
    return snapshot;
}

int tx_import_snapshot(struct conn *c, const char *snapshot, struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (buf_adds(&b, "SET TRANSACTION SNAPSHOT ", err) == 0 &&
        quote_literal(&b, snapshot, err) == 0)
        rc = query_exec(c, b.data, "SET", err);
    buf_free(&b);
    return rc;
}

int tx_current_id(struct conn *c, uint64_t *xid, struct err *err)
{
    const char *sql = "SELECT pg_catalog.pg_current_xact_id()";
    char *text = NULL;

    if (query_value(c, sql, &text, err) != 0)
        return -1;
    *xid = text != NULL ? strtoull(text, NULL, 10) : 0;
    free(text);
    return 0;
}

int tx_status(struct conn *c, uint64_t xid, enum tx_fate *fate, struct err *err)
{
    char text[32];
    const char *params[] = {text};
    struct query q = {.params = params, .nparams = 1, .columns = 1, .min_rows = 1, .max_rows = 1};
    struct err own = {0};
    struct result *r;
    const char *status;

    q.sql = "SELECT pg_catalog.pg_xact_status($1::pg_catalog.xid8)";
    (void)snprintf(text, sizeof(text), "%" PRIu64, xid);
    *fate = TX_FORGOTTEN;
    if ((r = query_run(c, &q, &own)) == NULL) {
        /* "transaction ID is in the future": another server, or one restored from before. */
        if (strcmp(own.sqlstate, "22023") == 0)
            return 0;
        if (err->kind == ERR_NONE)
            *err = own;
        return -1;
    }
    status = result_text(r, 0, 0);
    if (status == NULL)
        *fate = TX_FORGOTTEN;
    else if (strcmp(status, "committed") == 0)
        *fate = TX_COMMITTED;
    else if (strcmp(status, "aborted") == 0)
        *fate = TX_ABORTED;
    else
        *fate = TX_IN_PROGRESS;
    result_free(r);
    return 0;
}
