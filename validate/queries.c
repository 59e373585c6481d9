#include "validate/queries.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/log.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "script/closure.h"
#include "script/deparse.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/inquiry.h"
#include "validate/names.h"
#include "validate/offered.h"

/* What statements after E may understand otherwise than now. */
enum change { NOTHING, TABLES, EVERYTHING };

static enum change change_of(const struct inquiry *q, const struct effect *e)
{
    switch ((int)e->kind) {
    case EFFECT_READ:
    case EFFECT_INSERT:
    case EFFECT_UPDATE:
    case EFFECT_DELETE:
    case EFFECT_MERGE:
    case EFFECT_COPY_IN:
    case EFFECT_TRUNCATE:
    case EFFECT_TRANSACTION:
        return NOTHING;
    case EFFECT_SET:
        /* A limit of time changes nothing. */
        return e->detail != NULL && strstr(e->detail, "_timeout") != NULL ? NOTHING : EVERYTHING;
    case EFFECT_OTHER:
        if (e->detail != NULL && (strcmp(e->detail, "CommentStmt") == 0 || strcmp(e->detail, "LockStmt") == 0))
            return NOTHING;
        return e->detail != NULL && strcmp(e->detail, "GrantStmt") == 0 ? TABLES : EVERYTHING;
    case EFFECT_ADD_COLUMN:
        return effect_serial(node_as(node_get(e->node, "def"), "ColumnDef")) != NULL ? EVERYTHING : TABLES;
    case EFFECT_DROP_TABLE:
    case EFFECT_DROP_COLUMN:
    case EFFECT_ALTER_TYPE:
    case EFFECT_SET_NOT_NULL:
    case EFFECT_DROP_NOT_NULL:
    case EFFECT_SET_DEFAULT:
    case EFFECT_DROP_DEFAULT:
    case EFFECT_ADD_CONSTRAINT:
    case EFFECT_DROP_CONSTRAINT:
    case EFFECT_VALIDATE_CONSTRAINT:
    case EFFECT_CREATE_INDEX:
    case EFFECT_DROP_INDEX:
    case EFFECT_REINDEX:
    case EFFECT_CREATE_TRIGGER:
    case EFFECT_DROP_TRIGGER:
    case EFFECT_DROP_VIEW:
        return TABLES;
    default:
        return q->closure != NULL && effect_calls(e) && !closure_opaque(q->closure, e) ? NOTHING : EVERYTHING;
    }
}

/* What an index reads, as a query. */
static char *query_of_index(const struct statement *st, const json_t *body)
{
    const json_t *params = node_get(body, "indexParams"), *table = node_get(body, "relation"), *where = node_get(body, "whereClause");
    struct err err = {0};
    struct buf b = {0};
    char *text = NULL, *out = NULL;
    size_t i;
    int rc = buf_adds(&b, "SELECT ", &err);

    for (i = 0; rc == 0 && i < node_count(params); i++) {
        const json_t *element = node_as(node_at(params, i), "IndexElem");
        const char *name = node_name(element, "name");

        if (i > 0)
            rc = buf_adds(&b, ", ", &err);
        if (rc == 0 && name == NULL && (text = deparse_expression(st->text, st->tree, node_get(element, "expr"))) == NULL)
            rc = -1;
        if (rc == 0)
            rc = name != NULL ? quote_ident(&b, name, &err) : buf_addf(&b, &err, "(%s)", text);
        free(text);
        text = NULL;
    }
    if (rc == 0 && (i == 0 || node_name(table, "relname") == NULL || buf_adds(&b, " FROM ", &err) < 0 ||
                    (node_name(table, "schemaname") != NULL
                         ? quote_name(&b, node_name(table, "schemaname"), node_name(table, "relname"), &err)
                         : quote_ident(&b, node_name(table, "relname"), &err)) < 0))
        rc = -1;
    if (rc == 0 && where != NULL &&
        ((text = deparse_expression(st->text, st->tree, where)) == NULL || buf_addf(&b, &err, " WHERE %s", text) < 0))
        rc = -1;
    free(text);
    if (rc == 0)
        out = buf_take(&b, &err);
    buf_free(&b);
    return out;
}

/* A view's query, that of a table that is made from it, or what an index reads, as SQL.  Owned; NULL: none. */
static char *query_within(const struct statement *st)
{
    if (st->tree == NULL)
        return NULL;
    if (strcmp(node_kind(st->tree), "IndexStmt") == 0)
        return query_of_index(st, node_body(st->tree));
    if (strcmp(node_kind(st->tree), "ViewStmt") != 0 && strcmp(node_kind(st->tree), "CreateTableAsStmt") != 0)
        return NULL;
    return deparse_query(st->text, st->tree, node_get(node_body(st->tree), "query"));
}

static int is_query(const struct statement *st)
{
    static const char *const kinds[] = {"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"};
    const json_t *body = node_body(st->tree);
    size_t i;

    if (st->tree == NULL || st->unknown != NULL || node_get(body, "intoClause") != NULL)
        return 0;
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(node_kind(st->tree), kinds[i]) == 0)
            return 1;
    return 0;
}

/* Is it about names and types?  Anything else (a lock that does not come, a standby) says nothing. */
static int is_refusal(const char *sqlstate)
{
    return (strncmp(sqlstate, "42", 2) == 0 && strcmp(sqlstate, "42501") != 0 && strcmp(sqlstate, "42P18") != 0) ||
           strncmp(sqlstate, "22", 2) == 0 || strcmp(sqlstate, "428C9") == 0 || strcmp(sqlstate, "3F000") == 0;
}

/* These quote a literal, which may be a row's value. */
static int quotes_value(const char *sqlstate)
{
    return strncmp(sqlstate, "22", 2) == 0 || strcmp(sqlstate, "42601") == 0;
}

static int is_told(const struct inquiry *q, const struct statement *st)
{
    size_t i;

    for (i = 0; i < q->out->nfindings; i++)
        if (q->out->findings[i].statement == st && q->out->findings[i].predicted_failure)
            return 1;
    return 0;
}

/* -1: nothing more can be asked. */
static int ask(struct inquiry *q, struct conn *c, const struct statement *st, const char *sql)
{
    struct effect whole = {.statement = st, .kind = EFFECT_OTHER};
    struct err why = {0}, ignored = {0};
    struct buf b = {0};
    int rc = -1;

    if (tx_savepoint(c, "mig_query", &why) < 0)
        return -1;
    if (query_execf(c, &why, "PREPARE mig_query AS %s", sql) == 0) {
        rc = query_exec(c, "DEALLOCATE mig_query", NULL, &why);
    } else if (conn_lost(c) || why.kind == ERR_INTERRUPTED) {
        log_debug("a query could not be shown to the server: %s", why.message);
    } else {
        rc = 0;
        if (is_refusal(why.sqlstate)) {
            if (buf_addf(&b, q->err, quotes_value(why.sqlstate) ? "the server does not take it: SQLSTATE %s" : "the server does not take it: %s",
                         quotes_value(why.sqlstate) ? why.sqlstate : why.message) < 0)
                q->failed = 1;
            else
                inquiry_would_fail(q, &whole, "", b.data);
        }
    }
    /* Its locks go with it. */
    if (rc == 0)
        rc = tx_rollback_to(c, "mig_query", &ignored);
    buf_free(&b);
    return rc;
}

/* What ST changes, its effects being those from *AT on. */
static enum change change_by(const struct inquiry *q, const struct effects *effects, const struct statement *st, size_t *at)
{
    enum change all = NOTHING;

    for (; effects != NULL && *at < effects->count && effects->items[*at].statement == st; (*at)++) {
        enum change one = change_of(q, &effects->items[*at]);

        all = one > all ? one : all;
    }
    return all;
}

/* All that is asked takes no longer than this. */
static int is_late(const struct timespec *begun)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - begun->tv_sec > 3;
}

static struct conn *open_session(const struct inquiry *q)
{
    static const char *const settings[] = {"SET LOCAL lock_timeout = '1s'", "SET LOCAL statement_timeout = '3s'", "SET LOCAL row_security = off"};
    struct err err = {0};
    struct conn *c = conn_again(q->conn, CONN_MIGRATION, &err);
    size_t i;
    int rc = c == NULL ? -1 : tx_begin(c, TX_READ_COMMITTED, 1, &err);

    for (i = 0; rc == 0 && i < sizeof(settings) / sizeof(settings[0]); i++)
        rc = query_exec(c, settings[i], "SET", &err);
    if (rc == 0)
        return c;
    log_debug("the statements were not shown to the server: %s", err.message);
    conn_free(c);
    return NULL;
}

/* ST's INSERT, from AT on. */
static const struct effect *insert_of(const struct effects *effects, const struct statement *st, size_t at)
{
    if (strcmp(node_kind(st->tree), "InsertStmt") != 0)
        return NULL;
    for (; effects != NULL && at < effects->count && effects->items[at].statement == st; at++)
        if (effects->items[at].kind == EFFECT_INSERT)
            return &effects->items[at];
    return NULL;
}

/* ST, whose effects are those from AT on; CHANGED before it.  -1: nothing more can be asked. */
static int look_at(struct inquiry *q, struct conn *c, const struct statement *st, size_t at, enum change changed)
{
    char *within = query_within(st);
    const struct effect *insert = insert_of(q->steps[q->step], st, at);
    int rc = 0;

    if (changed == NOTHING && (within != NULL || is_query(st)))
        rc = ask(q, c, st, within != NULL ? within : st->text);
    if (rc == 0 && changed == NOTHING && insert != NULL && !is_told(q, st))
        offered_check(q, c, insert);
    if (rc == 0 && !is_told(q, st))
        rc = names_check(q, c, st);
    free(within);
    return rc;
}

void queries_detect(struct inquiry *q)
{
    enum change changed = NOTHING, more;
    struct conn *c = NULL;
    struct timespec begun;
    size_t i, k, at;

    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    for (i = 0; q->conn != NULL && i < q->plan->nsteps && !q->failed && changed != EVERYTHING; i++) {
        const struct script *s = q->plan->steps[i].script;

        if (s == NULL || (c == NULL && (c = open_session(q)) == NULL))
            break;
        q->step = i;
        for (k = 0, at = 0; k < s->count && changed != EVERYTHING; k++) {
            const struct statement *st = &s->statements[k];

            if (st->tree == NULL || st->unknown != NULL || is_late(&begun) ||
                (!is_told(q, st) && look_at(q, c, st, at, changed) < 0))
                goto out;
            more = change_by(q, q->steps[i], st, &at);
            changed = more > changed ? more : changed;
        }
    }
out:
    if (c != NULL)
        tx_rollback(c);
    conn_free(c);
}
