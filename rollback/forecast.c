#include "rollback/forecast.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "migration/plan.h"
#include "pg/array.h"
#include "pg/query.h"
#include "rollback/guard.h"
#include "rollback/refusal.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"

static const char forecast_sql[] =
#include "rollback/sql/forecast.sql.h"
    ;

enum { PG_TYPE = 1247 };

/* The parts of the plan that are asked about. */
struct asked {
    struct buf kinds, oids, roles;
    size_t n;
};

static int add_part(struct asked *a, char kind, uint32_t oid, struct err *err)
{
    char text[2] = {kind, '\0'};

    a->n++;
    return array_text(&a->kinds, text, err) != 0 ? -1 : array_number(&a->oids, oid, err);
}

static char write_of(const struct effect *e)
{
    switch ((int)e->kind) {
    case EFFECT_INSERT:
        return 'i';
    case EFFECT_UPDATE:
        return 'u';
    case EFFECT_DELETE:
        return 'd';
    default:
        return '\0';
    }
}

/* ALTER TYPE ... CASCADE of an attribute, RENAME ATTRIBUTE ... CASCADE too. */
static int cascades(const struct effect *e)
{
    if (e->kind == EFFECT_ALTER_TABLE_OTHER)
        return (e->flags & EFFECT_CASCADE) != 0 && e->detail != NULL && strstr(e->detail, "Attribute") != NULL;
    return e->kind == EFFECT_RENAME_OTHER && node_is(e->node, "renameType", "OBJECT_ATTRIBUTE") && node_is(e->node, "behavior", "DROP_CASCADE");
}

static int add_effect(struct asked *a, const struct closure *c, const struct effect *e, struct err *err)
{
    const json_t *roles = e->detail != NULL && strcmp(e->detail, "ReassignOwnedStmt") == 0 ? node_get(e->node, "roles") : NULL;
    char write = write_of(e);

    for (size_t i = 0; i < node_count(roles); i++)
        if (array_text(&a->roles, node_text(node_as(node_at(roles, i), "RoleSpec"), "rolename"), err) != 0)
            return -1;
    a->n += node_count(roles) > 0;
    if (write == '\0' && !cascades(e))
        return 0;
    for (size_t i = 0; i < c->nlinks; i++) {
        const struct closure_link *l = &c->links[i];

        if (l->effect != e || l->partner || l->oid == 0)
            continue;
        if (write != '\0' ? (l->kind == 'v' && add_part(a, 'v', l->oid, err) != 0) || add_part(a, write, l->oid, err) != 0
                          : add_part(a, l->classid == PG_TYPE ? 't' : 'r', l->oid, err) != 0)
            return -1;
    }
    return 0;
}

/* Does the plan name one of OIDS ("1 2 3")? */
static int names_one(const struct closure *c, const char *oids)
{
    while (*oids != '\0') {
        char *end;
        unsigned long oid = strtoul(oids, &end, 10);

        if (end == oids)
            break;
        if (closure_table_of(c, (uint32_t)oid) != NULL)
            return 1;
        oids = end;
    }
    return 0;
}

static int names_all(const struct closure *c, const char *oids)
{
    while (*oids != '\0') {
        char *end;
        unsigned long oid = strtoul(oids, &end, 10);

        if (end == oids)
            break;
        if (closure_table_of(c, (uint32_t)oid) == NULL)
            return 0;
        oids = end;
    }
    return 1;
}

static int beside(struct guard *g, struct err *err)
{
    struct asked a = {.n = 0};
    struct result *r = NULL;
    const char *params[3];
    struct query q = {.sql = forecast_sql, .params = params, .nparams = 3, .columns = 4};
    int rc = -1;

    for (size_t i = 0; i < g->plan->nsteps; i++) {
        const struct effects *e = g->plan->steps[i].effects;

        for (size_t k = 0; e != NULL && k < e->count; k++)
            if ((e->items[k].flags & (EFFECT_VERSION | EFFECT_OWN)) == 0 && add_effect(&a, g->closure, &e->items[k], err) != 0)
                goto out;
    }
    if (a.n == 0) {
        rc = 0;
        goto out;
    }
    if (array_end(&a.kinds, err) != 0 || array_end(&a.oids, err) != 0 || array_end(&a.roles, err) != 0)
        goto out;
    params[0] = a.kinds.data;
    params[1] = a.oids.data;
    params[2] = a.roles.data;
    if ((r = query_run(g->control, &q, err)) == NULL)
        goto out;
    for (int i = 0; i < result_rows(r); i++) {
        const char *what = result_text(r, i, 1), *oids = result_text(r, i, 2);
        /* Of the tables behind a view or in a rule one is written; a type's tables and a role's are changed all. */
        int all = strncmp(what, "type ", 5) == 0 || strncmp(what, "REASSIGN ", 9) == 0;

        if (all ? names_all(g->closure, oids) : names_one(g->closure, oids))
            continue;
        if (refusal_add(g, err, "beside", 0,
                        all ? "name these tables in the script, each by its own statement" : "write to the table itself",
                        "%s: %s would be locked and changed, which the plan does not name, lock or save", what,
                        result_text(r, i, 3)) != 0)
            goto out;
    }
    rc = 0;
out:
    result_free(r);
    buf_free(&a.kinds);
    buf_free(&a.oids);
    buf_free(&a.roles);
    return rc;
}

/* What ROLLBACK TO SAVEPOINT takes back is predicted all the same. */
static int taken_back(struct guard *g, struct err *err)
{
    const struct effect *dropped = NULL;

    for (size_t i = 0; i < g->plan->nsteps; i++) {
        const struct effects *e = g->plan->steps[i].effects;

        for (size_t k = 0; e != NULL && k < e->count; k++) {
            const struct effect *x = &e->items[k];

            if (x->kind == EFFECT_DROP_TABLE || x->kind == EFFECT_DROP_COLUMN || x->kind == EFFECT_DROP_SCHEMA ||
                x->kind == EFFECT_DROP_TYPE || x->kind == EFFECT_DROP_EXTENSION || x->kind == EFFECT_DROP_OWNED)
                dropped = x;
            else if (x->kind == EFFECT_TRANSACTION && x->detail != NULL && strcmp(x->detail, "TRANS_STMT_SAVEPOINT") == 0)
                dropped = NULL;
            else if (x->kind == EFFECT_TRANSACTION && x->detail != NULL && strcmp(x->detail, "TRANS_STMT_ROLLBACK_TO") == 0 &&
                     dropped != NULL) {
                return refusal_add(g, err, "savepoint", 0, "leave out what is taken back",
                                   "line %d: ROLLBACK TO SAVEPOINT takes back what line %d drops, and what then is left cannot be foretold",
                                   x->statement->line, dropped->statement->line);
            }
        }
    }
    return 0;
}

/* Event triggers that the plan's statements would fire. */
static int event_triggers(struct guard *g, struct err *err)
{
    static const char sql[] =
        "SELECT pg_catalog.quote_ident(t.evtname), t.evtfoid::pg_catalog.regprocedure::pg_catalog.text FROM pg_catalog.pg_event_trigger t "
        "WHERE t.evtenabled IN ('O', 'A') AND (t.evttags IS NULL OR t.evttags && $1::pg_catalog.text[]) AND NOT EXISTS (SELECT FROM "
        "pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e') "
        "ORDER BY 1";
    struct buf tags = {0};
    const char *param;
    struct query q = {.sql = sql, .params = &param, .nparams = 1, .columns = 2};
    struct result *r = NULL;
    int ddl = 0, rc = -1;

    for (size_t i = 0; i < g->plan->nsteps; i++) {
        const struct script *s = g->plan->steps[i].script;

        for (size_t k = 0; s != NULL && k < s->count; k++) {
            const char *tag = s->statements[k].tag;

            if (tag == NULL || (strncmp(tag, "ALTER", 5) != 0 && strncmp(tag, "CREATE", 6) != 0 && strncmp(tag, "DROP", 4) != 0))
                continue;
            ddl = 1;
            if (array_text(&tags, tag, err) != 0)
                goto out;
        }
    }
    if (array_end(&tags, err) != 0)
        goto out;
    param = tags.data;
    if (ddl && (r = query_run(g->control, &q, err)) == NULL)
        goto out;
    for (int i = 0; r != NULL && i < result_rows(r); i++)
        log_warn("event trigger %s calls %s for statements of this plan, and what that does cannot be foretold: if it writes to a table, "
                 "the run ends before COMMIT with nothing changed; \"mig-rollback run --dry-run\" tries it",
                 result_text(r, i, 0), result_text(r, i, 1));
    rc = 0;
out:
    result_free(r);
    buf_free(&tags);
    return rc;
}

int forecast_examine(struct guard *g, struct err *err)
{
    if (g->command)
        return 0;
    return beside(g, err) != 0 || taken_back(g, err) != 0 ? -1 : event_triggers(g, err);
}
