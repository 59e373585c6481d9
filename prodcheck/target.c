#include "prodcheck/target.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/plan.h"
#include "pg/array.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/statement.h"

/* Tables of C with one of the fates in ANY and none of those in NONE. */
static char *oids(const struct closure *c, unsigned any, unsigned none, struct err *err)
{
    struct buf b = {0};
    size_t i;

    for (i = 0; c != NULL && i < c->ntables; i++)
        if ((c->tables[i].fate & any) != 0 && (c->tables[i].fate & none) == 0 &&
            array_number(&b, c->tables[i].oid, err) != 0)
            goto fail;
    return array_take(&b, err);
fail:
    buf_free(&b);
    return NULL;
}

static char *at_risk(const struct closure *c, struct err *err)
{
    struct buf b = {0};
    size_t i;

    for (i = 0; c != NULL && i < c->ntables; i++)
        if (closure_table_at_risk(&c->tables[i]) &&
            array_number(&b, c->tables[i].oid, err) != 0)
            goto fail;
    return array_take(&b, err);
fail:
    buf_free(&b);
    return NULL;
}

/* The server's tables that new foreign keys of the plan point to. */
static char *referenced(const struct closure *c, const struct plan *plan, struct err *err)
{
    struct buf b = {0};
    size_t i, j;

    for (i = 0; c != NULL && plan != NULL && i < plan->nsteps; i++)
        for (j = 0; plan->steps[i].effects != NULL && j < plan->steps[i].effects->count; j++) {
            const struct effect *e = &plan->steps[i].effects->items[j];
            uint32_t oid;

            if (e->kind != EFFECT_ADD_CONSTRAINT || e->detail == NULL ||
                strcmp(e->detail, "FOREIGN KEY") != 0 || (oid = closure_partner(c, e)) == 0)
                continue;
            if (array_number(&b, oid, err) != 0)
                goto fail;
        }
    return array_take(&b, err);
fail:
    buf_free(&b);
    return NULL;
}

/* Does the statement put something into a schema? */
static int makes(const struct effect *e)
{
    static const char *const kinds[] = {
        "CreateEnumStmt", "CompositeTypeStmt", "CreateRangeStmt", "CreateDomainStmt",
        "CreateFunctionStmt", "ViewStmt", "CreateSeqStmt", "CreateTableAsStmt",
    };
    size_t i;

    if (e->kind == EFFECT_CREATE_TABLE)
        return 1;
    if (e->kind != EFFECT_CREATE_OTHER || e->statement == NULL)
        return 0;
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (json_object_get(e->statement->tree, kinds[i]) != NULL)
            return 1;
    return 0;
}

static int scan_effects(const struct effects *all, struct buf *schemas, struct buf *extensions,
                        struct err *err)
{
    size_t i;

    for (i = 0; i < all->count; i++) {
        const struct effect *e = &all->items[i];
        const json_t *extension =
            e->statement != NULL ? json_object_get(e->statement->tree, "CreateExtensionStmt") : NULL;
        const char *name = json_string_value(json_object_get(extension, "extname"));

        if (name != NULL && array_text(extensions, name, err) != 0)
            return -1;
        if (makes(e) && array_text(schemas, e->schema != NULL ? e->schema : "", err) != 0)
            return -1;
    }
    return 0;
}

int target_find(const struct plan *plan, const struct closure *closure, struct target *t,
                struct err *err)
{
    const unsigned all = ~0u;
    const unsigned rows = CLOSURE_ROWS | CLOSURE_INSERTED | CLOSURE_EMPTIED;
    struct buf schemas = {0}, extensions = {0};
    size_t i;
    int rc = -1;

    memset(t, 0, sizeof(*t));
    t->known = plan != NULL;
    if (plan != NULL) {
        t->version_schema = plan->version_schema;
        t->version_table = plan->version_table;
        for (i = 0; i < plan->nsteps; i++)
            if (plan->steps[i].effects != NULL &&
                scan_effects(plan->steps[i].effects, &schemas, &extensions, err) != 0)
                goto out;
    }
    /* Where a statement's reach is not known, the whole database is looked at. */
    if (closure != NULL && closure->opaque == 0 && (t->tables = oids(closure, all, 0, err)) == NULL)
        goto out;
    if ((t->named = oids(closure, all, 0, err)) == NULL ||
        (t->large = oids(closure, ~CLOSURE_PARTNER, 0, err)) == NULL ||
        (t->owned = oids(closure, CLOSURE_DROPPED | CLOSURE_COLUMNS | CLOSURE_ALTERED, 0, err)) == NULL ||
        (t->written = oids(closure, rows, CLOSURE_DROPPED, err)) == NULL ||
        (t->saved = at_risk(closure, err)) == NULL ||
        (t->referenced = referenced(closure, plan, err)) == NULL ||
        (t->schemas = array_take(&schemas, err)) == NULL ||
        (t->extensions = array_take(&extensions, err)) == NULL)
        goto out;
    rc = 0;
out:
    buf_free(&schemas);
    buf_free(&extensions);
    if (rc != 0)
        target_free(t);
    return rc;
}

void target_free(struct target *t)
{
    free(t->tables);
    free(t->named);
    free(t->large);
    free(t->owned);
    free(t->written);
    free(t->referenced);
    free(t->saved);
    free(t->schemas);
    free(t->extensions);
    memset(t, 0, sizeof(*t));
}
