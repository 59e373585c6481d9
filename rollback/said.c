#include "rollback/said.h"

#include <string.h>

#include "core/buf.h"
#include "migration/plan.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"

void said_part(const char *ident, int which, char *out, size_t size)
{
    int quoted = 0, at = 0;
    size_t n = 0;

    for (const char *p = ident; *p != '\0'; p++) {
        if (*p == '"' && quoted && p[1] == '"')
            p++; /* "" stands for one */
        else if (*p == '"') {
            quoted = !quoted;
            continue;
        } else if (*p == '.' && !quoted) {
            at++;
            continue;
        }
        if (at == which && n + 1 < size)
            out[n++] = *p;
    }
    out[n] = '\0';
}

int said_renamed(const struct plan *plan, const struct closure *closure, uint32_t oid, const char *schema)
{
    for (size_t i = 0; i < closure->nreaches; i++)
        if (closure->reaches[i].oid == oid && (closure->reaches[i].effect->kind == EFFECT_RENAME_TABLE))
            return 1;
    for (size_t i = 0; i < plan->nsteps; i++) {
        const struct effects *e = plan->steps[i].effects;

        for (size_t k = 0; e != NULL && k < e->count; k++)
            if (e->items[k].kind == EFFECT_RENAME_OTHER && e->items[k].node != NULL &&
                node_is(e->items[k].node, "renameType", "OBJECT_SCHEMA") && e->items[k].name != NULL &&
                (strcmp(e->items[k].name, schema) == 0 ||
                 (e->items[k].on_server != NULL && strcmp(e->items[k].on_server, schema) == 0)))
                return 1;
    }
    return 0;
}

int said_renamed_column(const struct closure *closure, uint32_t oid, const char *name)
{
    for (size_t i = 0; i < closure->nreaches; i++) {
        const struct effect *e = closure->reaches[i].effect;
        const char *column = e->column_on_server != NULL ? e->column_on_server : e->column;

        if (closure->reaches[i].oid == oid && e->kind == EFFECT_RENAME_COLUMN && column != NULL &&
            strcmp(column, name) == 0)
            return 1;
    }
    return 0;
}

static int same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Do A and B call their relation by the same name?  A rename in between changes the script's, not the
 * server's. */
static int same_name(const struct effect *a, const struct effect *b)
{
    const char *x = a->on_server != NULL ? a->on_server : a->name;
    const char *y = b->on_server != NULL ? b->on_server : b->name;

    return x != NULL && y != NULL && strcmp(x, y) == 0 &&
           same_text(a->on_server != NULL ? a->schema_on_server : a->schema,
                     b->on_server != NULL ? b->schema_on_server : b->schema);
}

/* Is OID what E names?  A write to a column that the script itself adds is not looked up on the server;
 * then what else has that name in the script tells. */
static int names(const struct plan *plan, const struct closure *closure, const struct effect *e, uint32_t oid)
{
    uint32_t found = closure_relation(closure, e);

    if (found != 0)
        return found == oid;
    for (size_t i = 0; i < plan->nsteps; i++) {
        const struct effects *all = plan->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++)
            if (same_name(&all->items[k], e) && closure_relation(closure, &all->items[k]) == oid)
                return 1;
    }
    return 0;
}

static int said(const struct plan *plan, const struct closure *closure, uint32_t oid,
                int (*kind)(const struct effect *e))
{
    for (size_t i = 0; i < plan->nsteps; i++) {
        const struct effects *all = plan->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++)
            if (kind(&all->items[k]) && names(plan, closure, &all->items[k], oid))
                return 1;
    }
    /* Partitions and children. */
    for (size_t i = 0; i < closure->nreaches; i++)
        if (closure->reaches[i].oid == oid && kind(closure->reaches[i].effect) &&
            (closure->reaches[i].fate & ~CLOSURE_PARTNER) != 0)
            return 1;
    return 0;
}

static int updates(const struct effect *e)
{
    return e->kind == EFFECT_UPDATE || e->kind == EFFECT_MERGE;
}

static int changes(const struct effect *e)
{
    return updates(e) || e->kind == EFFECT_DELETE ||
           (e->kind == EFFECT_INSERT && node_get(e->node, "onConflictClause") != NULL);
}

int said_updated(const struct plan *plan, const struct closure *closure, uint32_t oid)
{
    return said(plan, closure, oid, updates);
}

int said_changed(const struct plan *plan, const struct closure *closure, uint32_t oid)
{
    return said(plan, closure, oid, changes);
}

int said_version(const struct plan *plan, struct conn *c, uint32_t *oid, struct err *err)
{
    const char *param;
    struct query q = {.sql = "SELECT coalesce(pg_catalog.to_regclass($1)::oid::bigint, 0)",
                      .params = &param, .nparams = 1, .columns = 1, .min_rows = 1, .max_rows = 1};
    struct buf name = {0};
    struct result *r = NULL;

    *oid = 0;
    /* Without a schema it was not on the server when the plan was made. */
    if (plan->version_table == NULL || plan->version_schema == NULL)
        return 0;
    if (quote_name(&name, plan->version_schema, plan->version_table, err) == 0) {
        param = name.data;
        if ((r = query_run(c, &q, err)) != NULL)
            *oid = (uint32_t)result_int(r, 0, 0);
    }
    buf_free(&name);
    result_free(r);
    return r != NULL ? 0 : -1;
}
