#include "backup/loss.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/snapshot.h"
#include "core/buf.h"
#include "core/log.h"
#include "core/strings.h"
#include "pg/array.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/value.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/function.h"
#include "script/node.h"

static const char forward_sql[] =
#include "backup/sql/forward.sql.h"
    ;

/* What going forward again leaves in a column. */
enum fill {
    FILL_UNKNOWN, /* cannot be proven: every row is saved */
    FILL_NULL,
    FILL_CONSTANT,
};

static int same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Does the text of TYPE mean the same on any day and whatever a session's settings are?  Not where it is a time, an
 * amount of money, a name that is looked up: DateStyle, TimeZone, 'TODAY', search_path. */
static int is_timeless(const char *type)
{
    static const char *const others[] = {"enum", "int", "int2", "int4", "int8", "float4", "float8", "bool", "varchar", "char"};
    size_t n = strlen(type);
    char one[64];

    /* An array's values are read as its elements are. */
    if (n > 2 && strcmp(type + n - 2, "[]") == 0)
        n -= 2;
    (void)snprintf(one, sizeof(one), "%.*s", (int)n, type);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(one, others[i]) == 0)
            return 1;
    switch (value_kind(one)) {
    case 0:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_TIMESTAMP:
    case VALUE_TIMESTAMPTZ:
        return 0;
    default:
        return 1;
    }
}

/* A literal, perhaps cast, signed or a boolean: what ADD COLUMN stores once and for all rows of a column of TYPE.
 * Anything with a call or an operator in it might differ by row or by day. */
static int is_constant(const char *sql, const char *type)
{
    const char *p = sql;

    if (type == NULL || !is_timeless(type))
        return 0;
    if (strcmp(sql, "true") == 0 || strcmp(sql, "false") == 0)
        return 1;
    if (*p == '-')
        p++;
    if (*p >= '0' && *p <= '9') {
        p += strspn(p, "0123456789.");
        return *p == '\0';
    }
    if (*sql != '\'')
        return 0;
    for (p = sql + 1; *p != '\0'; p++)
        if (*p == '\'' && *++p != '\'')
            break;
    /* now behind the closing quote */
    if (*p == '\0')
        return 1;
    if (strncmp(p, "::", 2) != 0)
        return 0;
    return strcmp(type, "enum") == 0 ? strspn(p + 2, "abcdefghijklmnopqrstuvwxyz0123456789_. \"") == strlen(p + 2)
                                     : is_timeless(p + 2);
}

/* The script's name for a relation may or may not carry the schema. */
static int speaks_of(const struct effect *e, const struct catalog_table *t)
{
    return same(e->name, t->name) && (e->schema == NULL || strcmp(e->schema, t->schema) == 0);
}

/* A domain may have a default of its own, which ADD COLUMN fills in. */
static int is_domain(const struct catalog_table *t, const char *column, char *const *domains)
{
    char name[128];

    (void)snprintf(name, sizeof(name), "%" PRIu32 ".%s", t->oid, column);
    return strings_find(domains, name) >= 0;
}

/* What ADD COLUMN itself fills in. */
static enum fill added(const struct effect *e, const struct catalog_column *c, char **constant)
{
    const json_t *def = node_as(node_get(e->node, "def"), "ColumnDef");
    const json_t *list = node_get(def, "constraints");
    char *type = effect_type(e);
    enum fill fill = FILL_NULL;

    if (def == NULL || type == NULL || strstr(type, "serial") != NULL)
        fill = FILL_UNKNOWN;
    free(type);
    for (size_t i = 0; fill == FILL_NULL && i < node_count(list); i++) {
        const json_t *k = node_as(node_at(list, i), "Constraint");

        if (node_is(k, "contype", "CONSTR_GENERATED") || node_is(k, "contype", "CONSTR_IDENTITY"))
            return FILL_UNKNOWN;
        if (node_is(k, "contype", "CONSTR_DEFAULT"))
            fill = FILL_CONSTANT;
    }
    if (fill != FILL_CONSTANT)
        return fill;
    if ((*constant = effect_expression(e)) == NULL)
        return FILL_UNKNOWN;
    if (strcmp(*constant, "NULL") == 0 || strncmp(*constant, "NULL::", 6) == 0) {
        free(*constant);
        *constant = NULL;
        return FILL_NULL;
    }
    return is_constant(*constant, c->carried) ? FILL_CONSTANT : FILL_UNKNOWN;
}

/* What the forward scripts leave in column C of T; *CONSTANT is owned, or NULL. */
static enum fill forward_fill(const struct snapshot_options *o, const struct catalog_table *t,
                              const struct catalog_column *c, char **constant)
{
    enum fill fill = FILL_UNKNOWN;

    if (!o->forward_known)
        return FILL_UNKNOWN;
    for (size_t i = 0; i < o->nforward; i++) {
        if (o->forward[i] == NULL)
            return FILL_UNKNOWN;
        for (size_t k = 0; k < o->forward[i]->count; k++) {
            const struct effect *e = &o->forward[i]->items[k];

            if (e->kind == EFFECT_OPAQUE || e->kind == EFFECT_UNKNOWN ||
                e->kind == EFFECT_RENAME_TABLE || e->kind == EFFECT_RENAME_COLUMN ||
                e->kind == EFFECT_CREATE_TRIGGER)
                return FILL_UNKNOWN;
            if (!speaks_of(e, t))
                continue;
            if (e->kind == EFFECT_UPDATE || e->kind == EFFECT_MERGE || e->kind == EFFECT_CREATE_TABLE ||
                (e->kind == EFFECT_INSERT && node_get(e->node, "onConflictClause") != NULL))
                return FILL_UNKNOWN;
            if (!same(e->column, c->name))
                continue;
            if (e->kind == EFFECT_ADD_COLUMN && fill == FILL_UNKNOWN) {
                if ((fill = added(e, c, constant)) == FILL_UNKNOWN)
                    return FILL_UNKNOWN;
            } else if (e->kind != EFFECT_SET_DEFAULT && e->kind != EFFECT_DROP_DEFAULT &&
                       e->kind != EFFECT_SET_NOT_NULL && e->kind != EFFECT_DROP_NOT_NULL) {
                return FILL_UNKNOWN;
            }
        }
    }
    return fill;
}

/* What of a write can fire a trigger, as in pg_trigger.tgtype; 0: it is none. */
static int events_of(const struct effect *e)
{
    enum { INSERTS = 4, DELETES = 8, UPDATES = 16, TRUNCATES = 32 };

    switch ((int)e->kind) {
    case EFFECT_INSERT:
        return node_get(e->node, "onConflictClause") != NULL ? INSERTS | UPDATES : INSERTS;
    case EFFECT_COPY_IN:
        return INSERTS;
    case EFFECT_UPDATE: /* from one partition to another it is a DELETE and an INSERT */
    case EFFECT_MERGE:
        return INSERTS | UPDATES | DELETES;
    case EFFECT_DELETE:
        return DELETES;
    case EFFECT_TRUNCATE:
        return TRUNCATES;
    default:
        return 0;
    }
}

static int visit_call(const char *kind, const json_t *body, void *arg)
{
    const char *schema, *name;
    int *calls = arg;

    if (strcmp(kind, "FuncCall") == 0) {
        node_qualified(node_get(body, "funcname"), &schema, &name);
        *calls |= name == NULL || !function_harmless(schema, name);
    }
    /* behind an operator stands a function too */
    *calls |= strcmp(kind, "A_Expr") == 0;
    return 0;
}

/* May E have a user's function called that its own effects do not tell of: in a default, a check, a USING,
 * or behind what it reads and writes?  (What a query calls in its text is opaque.) */
static int evaluates(const struct effect *e)
{
    int calls = 0;

    switch ((int)e->kind) {
    case EFFECT_INSERT:
    case EFFECT_UPDATE:
    case EFFECT_DELETE:
    case EFFECT_MERGE:
    case EFFECT_COPY_IN:
        return (e->flags & EFFECT_VERSION) == 0;
    case EFFECT_ADD_CONSTRAINT:
    case EFFECT_ADD_COLUMN:
        node_walk(e->node, visit_call, &calls);
        return calls;
    case EFFECT_ALTER_TYPE:
    case EFFECT_VALIDATE_CONSTRAINT:
    case EFFECT_READ:
        return 1;
    case EFFECT_OTHER:
        return same(e->detail, "RefreshMatViewStmt");
    default:
        return 0;
    }
}

static int ask_indirect(struct conn *c, const char *const params[4], int *indirect, struct err *err)
{
    struct query q = {.sql = forward_sql, .params = params, .nparams = 4, .columns = 2};
    struct result *r = query_run(c, &q, err);

    if (r == NULL)
        return -1;
    if ((*indirect = result_rows(r) > 0) != 0) {
        const char *what = result_text(r, 0, 0), *name = result_text(r, 0, 1);

        log_info("%s %s, by which other tables may be written too: key and column of every row are saved",
                 *what == 'r'   ? "the way forward writes"
                 : *what == 'e' ? "the way forward fires the event trigger"
                                : "the way forward may call the function",
                 name);
    }
    result_free(r);
    return 0;
}

int loss_indirect(struct conn *c, const struct snapshot_options *o, int *indirect, struct err *err)
{
    struct buf schemas = {0}, names = {0}, events = {0};
    int calls = 0, any = 0, rc = -1;

    *indirect = 0;
    for (size_t i = 0; o->forward_known && i < o->nforward; i++)
        for (size_t k = 0; o->forward[i] != NULL && k < o->forward[i]->count; k++) {
            const struct effect *e = &o->forward[i]->items[k];

            any = 1;
            calls |= evaluates(e);
            if (events_of(e) != 0 && e->name != NULL &&
                (array_text(&schemas, e->schema, err) != 0 || array_text(&names, e->name, err) != 0 ||
                 array_number(&events, events_of(e), err) != 0))
                goto out;
        }
    if (any) {
        const char *params[4] = {NULL, NULL, NULL, calls ? "t" : "f"};

        if (array_end(&schemas, err) != 0 || array_end(&names, err) != 0 || array_end(&events, err) != 0)
            goto out;
        params[0] = schemas.data;
        params[1] = names.data;
        params[2] = events.data;
        if (ask_indirect(c, params, indirect, err) != 0)
            goto out;
    }
    rc = 0;
out:
    buf_free(&schemas);
    buf_free(&names);
    buf_free(&events);
    return rc;
}

static const struct catalog_column *column_of(const struct catalog_table *t, const char *name)
{
    for (size_t i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

/* "t.c IS DISTINCT FROM NULL", which is right for composite values too, where IS NOT NULL asks every
 * field; texts are compared, for 1.0 and 1.00 are equal and not the same. */
static int add_condition(struct buf *b, const struct catalog_column *c, const char *constant,
                         struct err *err)
{
    if ((b->len > 0 && buf_adds(b, " OR ", err) != 0) || buf_adds(b, "t.", err) != 0 ||
        quote_ident(b, c->name, err) != 0)
        return -1;
    if (constant == NULL)
        return buf_adds(b, " IS DISTINCT FROM NULL", err);
    return buf_addf(b, err, "::pg_catalog.text IS DISTINCT FROM (%s)::%s::pg_catalog.text",
                    constant, c->type);
}

int loss_find(const struct catalog_table *t, const struct closure_table *fate, char *const *key,
              int key_goes, char *const *domains, int indirect, const struct snapshot_options *o, struct loss *l,
              struct err *err)
{
    struct buf filter = {0};
    int every = 0, rc = -1;

    memset(l, 0, sizeof(*l));
    if (fate->fate & (CLOSURE_DROPPED | CLOSURE_EMPTIED | CLOSURE_ROWS) || fate->ncolumns == 0)
        return 0;
    if (key == NULL || key_goes) {
        if ((l->note = strdup(key_goes ? "its key goes too, so it is saved whole" : "it has no key, so it is saved whole")) == NULL)
            return err_oom(err);
        return 0;
    }
    for (; *key != NULL; key++)
        if (strings_add(&l->columns, *key, err) != 0)
            goto out;
    for (size_t i = 0; i < fate->ncolumns; i++) {
        const struct closure_column *lost = &fate->columns[i];
        const struct catalog_column *c = column_of(t, lost->name);
        char *constant = NULL;
        int bad = 0;

        if (c == NULL || c->generated)
            continue;
        if (strings_find(l->columns, lost->name) >= 0)
            every = 1; /* the key itself is changed: each row of it is needed */
        else if (strings_add(&l->columns, lost->name, err) != 0)
            goto out;
        if (indirect || lost->why != CLOSURE_COLUMN_DROPPED || is_domain(t, lost->name, domains) ||
            forward_fill(o, t, c, &constant) == FILL_UNKNOWN)
            every = 1;
        else
            bad = add_condition(&filter, c, constant, err) != 0;
        free(constant);
        if (bad)
            goto out;
    }
    if (!every && filter.len > 0 && (l->filter = buf_take(&filter, err)) == NULL)
        goto out;
    rc = 0;
out:
    buf_free(&filter);
    if (rc != 0)
        loss_free(l);
    return rc;
}

void loss_free(struct loss *l)
{
    strings_free(l->columns);
    free(l->filter);
    free(l->note);
    memset(l, 0, sizeof(*l));
}
