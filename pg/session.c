#include "pg/session.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "pg/conn_internal.h"
#include "pg/query.h"
#include "pg/quote.h"

static const struct setting {
    const char *name, *value;
    int since; /* the server version that has it */
    int own;   /* for our own sessions only: a migration keeps the role's */
} settings[] = {
    {"search_path", "", 0, 1},
    {"DateStyle", "ISO", 0, 1},
    {"IntervalStyle", "postgres", 0, 1},
    {"extra_float_digits", "3", 0, 1},
    {"lc_monetary", "C", 0, 1},
    {"bytea_output", "hex", 0, 1},
    {"TimeZone", "UTC", 0, 1},
    {"synchronize_seqscans", "off", 0, 1},
    {"row_security", "off", 0, 1},
    {"standard_conforming_strings", "on", 0, 1},
    {"quote_all_identifiers", "off", 0, 1},
    {"array_nulls", "on", 0, 1}, /* else a NULL in an array comes back as text */
    {"xmloption", "content", 0, 1},
    {"gin_fuzzy_search_limit", "0", 0, 1}, /* else an index may give a part of the rows */
    {"jit", "off", 110000, 1},
    {"default_transaction_read_only", "off", 0, 1},
    {"statement_timeout", "0", 0, 0},
    {"idle_in_transaction_session_timeout", "0", 0, 0},
    {"idle_session_timeout", "0", 140000, 0},
    {"transaction_timeout", "0", 170000, 0},
    {"synchronous_commit", "on", 0, 0},
};

static int restricts_kinds(int version)
{
    static const int since[] = {120020, 130016, 140013, 150008, 160004};
    size_t i;

    for (i = 0; i < sizeof(since) / sizeof(since[0]); i++)
        if (version / 10000 == since[i] / 10000)
            return version >= since[i];
    return version >= 170000;
}

/* What a superuser's role may have been left with. */
static const struct {
    const char *name, *bad, *good;
    int own;
} unwelcome[] = {
    {"session_replication_role", "replica", "origin", 1}, /* rows go past foreign keys */
    {"zero_damaged_pages", "on", "off", 0},               /* rows of a damaged page vanish */
    {"ignore_checksum_failure", "on", "off", 0},
};

/* ", set_config(...)" for each; pg_catalog said everywhere, for the role's search_path may name
 * look-alikes. */
static int add_settings(struct buf *b, struct conn *c, enum conn_profile profile,
                        int64_t lock_timeout_ms, int local, struct err *err)
{
    const char *scope = local ? "true" : "false";
    size_t i;

    if (buf_addf(b, err, ", pg_catalog.set_config('lock_timeout', '%lldms', %s)",
                 (long long)lock_timeout_ms, scope) != 0)
        return -1;
    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (conn_version(c) < settings[i].since || (profile != CONN_OWN && settings[i].own))
            continue;
        if (buf_addf(b, err, ", pg_catalog.set_config('%s', '%s', %s)", settings[i].name,
                     settings[i].value, scope) != 0)
            return -1;
    }
    /* Not set where it is right already, for that takes a privilege. */
    for (i = 0; i < sizeof(unwelcome) / sizeof(unwelcome[0]); i++)
        if ((profile == CONN_OWN || !unwelcome[i].own) &&
            buf_addf(b, err,
                     ", CASE WHEN pg_catalog.current_setting('%s', true) OPERATOR(pg_catalog.=) '%s' "
                     "THEN pg_catalog.set_config('%s', '%s', %s) END",
                     unwelcome[i].name, unwelcome[i].bad, unwelcome[i].name, unwelcome[i].good,
                     scope) != 0)
            return -1;
    /* CVE-2024-7348: in minor releases since August 2024. */
    if (profile == CONN_OWN && restricts_kinds(conn_version(c)))
        return buf_addf(b, err,
                        ", pg_catalog.set_config('restrict_nonsystem_relation_kind', 'foreign-table', %s)",
                        scope);
    return 0;
}

/* Behind a pooler that hands out transactions, what we set would stay with a backend that the
 * application gets next: an empty search_path would break it.  So nothing is set unless the backend
 * that answers is the one that we logged in to. */
static int build(struct buf *b, struct conn *c, enum conn_profile profile, int64_t lock_timeout_ms,
                 struct err *err)
{
    struct buf list = {0};
    int rc = -1;

    if (add_settings(&list, c, profile, lock_timeout_ms, 0, err) == 0)
        rc = buf_addf(b, err,
                      "SELECT pg_catalog.pg_backend_pid(), CASE WHEN pg_catalog.pg_backend_pid() "
                      "OPERATOR(pg_catalog.=) %d THEN ROW(0%s) END",
                      PQbackendPID(conn_raw(c)), list.data);
    buf_free(&list);
    return rc;
}

int session_local(struct conn *c, enum conn_profile profile, int64_t lock_timeout_ms,
                  struct err *err)
{
    struct buf b = {0};
    char *ignored = NULL;
    int rc = -1;

    if (buf_adds(&b, "SELECT ROW(0", err) == 0 &&
        add_settings(&b, c, profile, lock_timeout_ms, 1, err) == 0 && buf_addc(&b, ')', err) == 0)
        rc = query_value(c, b.data, &ignored, err);
    free(ignored);
    buf_free(&b);
    return rc;
}

static int set_role(struct conn *c, const char *role, struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (buf_adds(&b, "SET ROLE ", err) == 0 && quote_ident(&b, role, err) == 0)
        rc = query_exec(c, b.data, "SET", err);
    if (rc != 0)
        err_prefix(err, "cannot take the role \"%s\"", role);
    buf_free(&b);
    return rc;
}

void session_along_free(struct session_along *along)
{
    for (int i = 0; along != NULL && i < SESSION_ALONG; i++)
        result_free(along->results[i]);
    free(along);
}

static struct result *ask_along(struct conn *c, const struct query *q, struct session_along *along, struct err *err)
{
    struct query queries[1 + SESSION_ALONG] = {*q};
    struct result *results[1 + SESSION_ALONG] = {NULL};
    struct err errs[1 + SESSION_ALONG] = {{0}};

    memcpy(queries + 1, along->queries, sizeof(along->queries));
    if (query_pipeline(c, queries, 1 + SESSION_ALONG, results, errs, err) != 0)
        return NULL;
    if (results[0] == NULL)
        *err = errs[0];
    for (int i = 0; i < SESSION_ALONG; i++) {
        result_free(along->results[i]);
        along->results[i] = results[1 + i];
        along->errs[i] = errs[1 + i];
    }
    return results[0];
}

/* The role's own statement_timeout, which this query is about to lift, may cut it short on a busy
 * machine: nothing was set then, and it is asked again. */
static struct result *ask(struct conn *c, const struct query *q, struct session_along *along, struct err *err)
{
    enum { ATTEMPTS = 20 };

    for (int i = 1;; i++) {
        struct err why = {0};
        struct result *r = along != NULL ? ask_along(c, q, along, &why) : query_run(c, q, &why);

        if (r != NULL)
            return r;
        if (i < ATTEMPTS && why.kind == ERR_FAILED && strcmp(why.sqlstate, "57014") == 0)
            continue;
        if (err->kind == ERR_NONE)
            *err = why;
        return NULL;
    }
}

int session_secure(struct conn *c, enum conn_profile profile, const char *role,
                   int64_t lock_timeout_ms, int *pid, struct session_along *along, struct err *err)
{
    const char *encoding = PQparameterStatus(conn_raw(c), "server_encoding");
    struct result *r = NULL;
    struct buf b = {0};
    struct query q = {0};
    int rc = -1;

    if (build(&b, c, profile, lock_timeout_ms, err) != 0)
        goto out;
    /* Nothing says what bytes in such a database mean: they must arrive as they are. */
    if (encoding != NULL && strcmp(encoding, "SQL_ASCII") == 0 &&
        buf_adds(&b, ", pg_catalog.set_config('client_encoding', 'SQL_ASCII', false)", err) != 0)
        goto out;
    q.sql = b.data;
    q.columns = -1;
    q.min_rows = 1;
    q.max_rows = 1;
    if ((r = ask(c, &q, along, err)) == NULL) {
        err_prefix(err, "cannot prepare the session at %s", conn_title(c));
        goto out;
    }
    *pid = (int)result_int(r, 0, 0);
    if (role != NULL && *pid != PQbackendPID(conn_raw(c))) {
        err_set(err, ERR_REFUSED, "--role cannot be used through a pooler (%s)", conn_title(c));
        err_hint(err, "SET ROLE would stay with a connection that the application gets next; give the "
                      "server's own address");
        goto out;
    }
    if (role != NULL && set_role(c, role, err) != 0)
        goto out;
    rc = 0;
out:
    result_free(r);
    buf_free(&b);
    return rc;
}

/* One set_config per own setting that this server has: to our value, or to BEFORE's. */
static int local_sql(struct conn *c, char *const *before, struct buf *b, struct err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (!settings[i].own || conn_version(c) < settings[i].since)
            continue;
        if (buf_addf(b, err, "%s pg_catalog.set_config('%s', ", n == 0 ? "SELECT" : ",", settings[i].name) != 0 ||
            quote_literal(b, before == NULL ? settings[i].value : before[n], err) != 0 ||
            buf_adds(b, ", true)", err) != 0)
            return -1;
        n++;
    }
    return 0;
}

int session_own_sql(struct conn *c, struct buf *sql, struct err *err)
{
    return local_sql(c, NULL, sql, err);
}

static int set_locally(struct conn *c, char *const *before, struct err *err)
{
    struct query q = {.columns = -1, .min_rows = 1, .max_rows = 1};
    struct result *r = NULL;
    struct buf b = {0};

    if (local_sql(c, before, &b, err) == 0) {
        q.sql = b.data;
        if ((r = query_run(c, &q, err)) == NULL)
            (void)err_prefix(err, "cannot prepare the session at %s", conn_title(c));
    }
    result_free(r);
    buf_free(&b);
    return r != NULL ? 0 : -1;
}

int session_current(struct conn *c, char ***now, struct err *err)
{
    struct query q = {.columns = -1, .min_rows = 1, .max_rows = 1};
    struct result *r = NULL;
    struct buf b = {0};
    size_t n = 0;
    int rc = -1;

    *now = NULL;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (settings[i].own && conn_version(c) >= settings[i].since &&
            buf_addf(&b, err, "%s pg_catalog.current_setting('%s')", n++ == 0 ? "SELECT" : ",",
                     settings[i].name) != 0)
            goto out;
    q.sql = b.data;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    for (int i = 0; i < (int)n; i++)
        if (strings_add(now, result_text(r, 0, i) != NULL ? result_text(r, 0, i) : "", err) != 0)
            goto out;
    rc = 0;
out:
    result_free(r);
    buf_free(&b);
    if (rc != 0) {
        strings_free(*now);
        *now = NULL;
    }
    return rc;
}

int session_borrow(struct conn *c, char ***before, struct err *err)
{
    if (session_current(c, before, err) != 0)
        return -1;
    if (set_locally(c, NULL, err) == 0)
        return 0;
    strings_free(*before);
    *before = NULL;
    return -1;
}

int session_return(struct conn *c, char *const *before, struct err *err)
{
    return set_locally(c, before, err);
}
