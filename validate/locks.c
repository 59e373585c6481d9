#include "validate/locks.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "script/block.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/lock.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/column.h"
#include "validate/cost.h"
#include "validate/facts.h"
#include "validate/inquiry.h"

static const struct statement *statement_of(const struct inquiry *q, const struct effect *e)
{
    return q->within != NULL ? q->within->statement : e->statement;
}

/* E's statement locks ROW's relation (owned here); the strongest mode of a statement counts. */
static void add(struct inquiry *q, const struct effect *e, struct lock_row row)
{
    struct judgement *out = q->out;
    struct lock_row *grown, *known;
    size_t i;

    if (row.relation == NULL) {
        inquiry_oom(q);
        return;
    }
    for (i = out->nlocks; i > 0; i--) {
        known = &out->locks[i - 1];
        if (known->statement != statement_of(q, e))
            break;
        if (strcmp(known->relation, row.relation) == 0) {
            if (lock_strength(row.mode) > lock_strength(known->mode))
                known->mode = row.mode;
            known->rewrite |= row.rewrite;
            known->scan |= row.scan;
            free(row.relation);
            return;
        }
    }
    if ((grown = realloc(out->locks, (out->nlocks + 1) * sizeof(*grown))) == NULL) {
        free(row.relation);
        inquiry_oom(q);
        return;
    }
    out->locks = grown;
    row.step = q->step;
    row.statement = statement_of(q, e);
    row.possible = q->within != NULL;
    grown[out->nlocks++] = row;
}

static char *qualified(struct inquiry *q, const char *schema, const char *name)
{
    struct buf b = {0};
    char *out = NULL;

    if (buf_addf(&b, q->err, schema == NULL ? "%s%s" : "%s.%s", schema == NULL ? "" : schema,
                 name) == 0)
        out = buf_take(&b, q->err);
    buf_free(&b);
    return out;
}

/* Offline: the relation that the statement names, and its partner. */
static void by_text(struct inquiry *q, const struct effect *e)
{
    const char *mode = lock_of(e, q->version);

    if (mode != NULL && e->name != NULL && (e->flags & (EFFECT_OWN | EFFECT_GONE)) == 0)
        add(q, e,
            (struct lock_row){
                .relation = qualified(q, e->on_server != NULL ? e->schema_on_server : e->schema,
                                      e->on_server != NULL ? e->on_server : e->name),
                .mode = mode});
}

/* ---- indexes ---- */

static const char as[] = "AccessShareLock", rs[] = "RowShareLock", re[] = "RowExclusiveLock",
                  sue[] = "ShareUpdateExclusiveLock", sh[] = "ShareLock",
                  ae[] = "AccessExclusiveLock";

/* One effect on one relation, whose indexes are looked at. */
struct visit {
    const struct effect *e;
    uint32_t table;
    const char *mode; /* on the table */
    int partner;      /* it is the effect's other relation */
    int rewritten;
    const struct cost *cost;
};

/* A foreign key that E adds or that is made anew because a column of it changes its type. */
static int key_referenced(const struct inquiry *q, const struct visit *v,
                          const struct facts_index *x)
{
    const json_t *wanted = node_get(v->e->node, "pk_attrs");
    size_t i, n;

    if (!v->partner || q->version < 140000 || !x->unique || x->special)
        return 0;
    if (wanted == NULL)
        return x->primary;
    for (i = 0; i < node_count(wanted); i++)
        if (!facts_names(x->columns, node_string(node_at(wanted, i))))
            return 0;
    for (i = 0, n = 1; x->columns != NULL && x->columns[i] != '\0'; i++)
        n += x->columns[i] == '\n';
    return n == node_count(wanted);
}

static const char *by_constraint(const struct inquiry *q, const struct visit *v,
                                 const struct facts_index *x)
{
    const struct effect *e = v->e;
    const char *index = node_name(e->node, "indexname"), *name = node_name(e->node, "conname");

    if (index != NULL) {
        if (strcmp(index, x->name) != 0)
            return NULL;
        /* Where the constraint has another name, the index is renamed. */
        return name == NULL || strcmp(name, index) == 0 ? as : q->version >= 120000 ? sue : ae;
    }
    if (e->detail == NULL || strcmp(e->detail, "FOREIGN KEY") != 0)
        return NULL;
    /* The rows are looked up by a query, which plans with every index of both tables. */
    if (v->cost->scan && strcmp(node_kind(e->statement->tree), "CreateStmt") != 0)
        return x->kind == 'I' && (!v->partner || q->version < 160000) ? NULL : as;
    return key_referenced(q, v, x) ? as : NULL;
}

/* VALIDATE CONSTRAINT, RENAME CONSTRAINT: what kind of constraint is it, and which index is its? */
static int named_constraint(const struct inquiry *q, uint32_t table, const char *name,
                            struct facts_constraint *out)
{
    size_t i;

    for (i = 0; name != NULL && facts_constraint(q->facts, i, out); i++)
        if (out->table == table && strcmp(out->name, name) == 0)
            return 1;
    return 0;
}

static const char *by_alter_type(const struct visit *v, const struct facts_index *x)
{
    const char *column = v->e->column_on_server != NULL ? v->e->column_on_server : v->e->column;

    /* Made anew, be it over the old file. */
    return !v->partner && facts_names(x->stands_on, column) ? ae : NULL;
}

static const char *by_subcommand(const struct inquiry *q, const struct visit *v,
                                 const struct facts_index *x)
{
    const struct effect *e = v->e;
    const struct catalog_table *t = inquiry_table_by_oid(q, v->table);
    const json_t *identity = node_as(node_get(e->node, "def"), "ReplicaIdentityStmt");

    if (strcmp(e->detail, "AT_ClusterOn") == 0)
        return node_is(e->node, "name", x->name) ? sue : NULL;
    if (strcmp(e->detail, "AT_ReplicaIdentity") == 0)
        return node_is(identity, "name", x->name) ? sh : NULL;
    if (strcmp(e->detail, "AT_DetachPartition") == 0)
        return v->partner && x->whole != 0 ? ae : NULL;
    if (strcmp(e->detail, "AT_AttachPartition") == 0)
        return !v->partner && x->kind == 'I' ? sue : NULL;
    if (strcmp(e->detail, "AT_ChangeOwner") == 0)
        return t == NULL || !node_is(node_get(e->node, "newowner"), "rolename", t->owner) ? ae
                                                                                          : NULL;
    return NULL;
}

static const char *by_other(const struct visit *v, const struct facts_index *x)
{
    const struct effect *e = v->e;

    if (strcmp(e->detail, "VacuumStmt") == 0)
        return x->kind != 'i' || strcmp(v->mode, as) == 0 ? NULL : node_true(e->node, "is_vacuumcmd") ? re : as;
    if (strcmp(e->detail, "RefreshMatViewStmt") == 0 && strcmp(v->mode, as) != 0)
        return node_true(e->node, "concurrent") ? re : NULL;
    /* What a materialized view reads. */
    if (strcmp(e->detail, "RefreshMatViewStmt") == 0)
        return as;
    return NULL;
}

/* The lock on index X of V's table; NULL: none that outlives the statement. */
static const char *index_mode(const struct inquiry *q, const struct visit *v,
                              const struct facts_index *x)
{
    const struct effect *e = v->e;
    const json_t *conflict;
    struct facts_constraint k;

    if (v->rewritten)
        return x->kind == 'i' ? ae : NULL;
    switch ((int)e->kind) {
    case EFFECT_READ:
    case EFFECT_DELETE:
    case EFFECT_UPDATE:
    case EFFECT_MERGE:
        /* The planner opens them all; those of a partitioned table since 16. */
        return lock_plans(e) && (x->kind == 'i' || q->version >= 160000) ? v->mode : NULL;
    case EFFECT_INSERT:
        conflict = node_get(node_get(e->node, "onConflictClause"), "infer");
        if (conflict == NULL || v->partner)
            return NULL;
        return node_name(conflict, "conname") == NULL || node_is(conflict, "conname", x->name) ? re
                                                                                               : NULL;
    case EFFECT_TRUNCATE:
        return x->kind == 'i' && strcmp(v->mode, ae) == 0 ? ae : NULL;
    case EFFECT_REINDEX:
        /* REINDEX INDEX is about that alone; of a partitioned table those of its partitions.  CONCURRENTLY ends by
         * taking the old index away. */
        return x->kind == 'I' || strcmp(e->detail, "REINDEX_OBJECT_INDEX") == 0 ? NULL : ae;
    case EFFECT_ALTER_TYPE:
        return by_alter_type(v, x);
    case EFFECT_ADD_CONSTRAINT:
        return by_constraint(q, v, x);
    case EFFECT_VALIDATE_CONSTRAINT:
        return v->partner ||
                       (named_constraint(q, v->table, e->detail, &k) && k.type == 'f' && !k.valid)
                   ? as
                   : NULL;
    case EFFECT_CREATE_TABLE:
        return v->partner && x->kind == 'I' && node_get(e->node, "partbound") != NULL ? sue : NULL;
    case EFFECT_RENAME_OTHER:
        if (node_is(e->node, "renameType", "OBJECT_TABCONSTRAINT") &&
            named_constraint(q, v->table, node_name(e->node, "subname"), &k) && k.type != 'f' &&
            k.index == x->oid)
            return q->version >= 120000 ? sue : ae;
        return NULL;
    case EFFECT_ALTER_TABLE_OTHER:
        return by_subcommand(q, v, x);
    case EFFECT_OTHER:
        return by_other(v, x);
    default:
        return NULL;
    }
}

static void add_index(struct inquiry *q, const struct effect *e, const struct facts_index *x,
                      const char *mode, int rebuilt)
{
    add(q, e,
        (struct lock_row){.relation = qualified(q, x->schema, x->name), .mode = mode, .index = 1,
                          .rewrite = rebuilt});
}

/* Each index of TABLE, or only INDEX of it, in MODE. */
static void lock_indexes(struct inquiry *q, const struct effect *e, uint32_t table, uint32_t index,
                         const char *mode)
{
    struct facts_index x;
    size_t i;

    for (i = 0; table != 0 && facts_index(q->facts, i, &x); i++)
        if (x.table == table && (index == 0 || x.oid == index))
            add_index(q, e, &x, mode, 0);
}

static void visit_indexes(struct inquiry *q, const struct visit *v)
{
    struct facts_index x;
    const char *mode;
    size_t i;

    for (i = 0; facts_index(q->facts, i, &x); i++)
        if (x.table == v->table && (mode = index_mode(q, v, &x)) != NULL)
            add_index(q, v->e, &x, mode,
                      x.kind == 'i' && (v->rewritten || cost_rebuilds(q, v->e, &x)));
}

/* A key on a column that changes its type is made anew, and looked up again where the table is. */
static void retype_keys(struct inquiry *q, const struct effect *e, uint32_t table,
                        const struct cost *cost)
{
    const char *column = e->column_on_server != NULL ? e->column_on_server : e->column;
    struct facts_constraint k;
    size_t i;

    for (i = 0; facts_constraint(q->facts, i, &k); i++) {
        if (k.type != 'f' || !((k.table == table && facts_names(k.columns, column)) ||
                               (k.partner == table && facts_names(k.partner_columns, column))))
            continue;
        if (k.valid && cost->rewrite) {
            lock_indexes(q, e, k.table, 0, as);
            lock_indexes(q, e, k.partner, 0, as);
        } else if (q->version >= 140000) {
            lock_indexes(q, e, k.partner, k.index, as);
        }
    }
}

/* ---- one effect ---- */

/* A row that references another looks at it under ROW SHARE, by a query of its own. */
static void look_up(struct inquiry *q, const struct effect *e, uint32_t own)
{
    struct facts_constraint k;
    size_t i;

    if (e->kind != EFFECT_INSERT && e->kind != EFFECT_UPDATE && e->kind != EFFECT_COPY_IN &&
        e->kind != EFFECT_MERGE)
        return;
    for (i = 0; own != 0 && facts_constraint(q->facts, i, &k); i++)
        if (k.type == 'f' && k.table == own && k.partner_relation != NULL &&
            (e->kind != EFFECT_UPDATE || facts_names(k.columns, e->column))) {
            add(q, e,
                (struct lock_row){.relation =
                                      qualified(q, k.partner_schema, k.partner_relation),
                                  .mode = rs});
            lock_indexes(q, e, k.partner, 0, rs);
        }
}

/* E on the relation of R. */
static void reach(struct inquiry *q, const struct effect *e, const struct closure_reach *r, uint32_t own)
{
    struct cost cost;
    struct visit v = {.e = e, .table = r->oid, .mode = r->mode, .cost = &cost};
    int heap, partner, scans;

    if (closure_bystander(r, &scans)) {
        add(q, e,
            (struct lock_row){.relation = qualified(q, r->schema, r->name), .mode = r->mode, .scan = scans});
        return;
    }
    cost_of(q, e, r->oid, &cost);
    /* A partitioned table has no rows of its own. */
    heap = strchr("rm", r->kind) != NULL &&
           (r->because == NULL ? r->fate != 0 || r->oid == own
                               : strcmp(r->because, "child or partition") == 0 ||
                                     strcmp(r->because, "its index") == 0);
    partner = (r->fate & CLOSURE_PARTNER) != 0 && r->because == NULL;
    v.rewritten = heap && !partner && cost.rewrite && !cost.moved;
    v.partner = (r->fate & CLOSURE_PARTNER) != 0;
    add(q, e,
        (struct lock_row){.relation = qualified(q, r->schema, r->name), .mode = r->mode,
                          .index = r->kind == 'i' || r->kind == 'I',
                          .rewrite = (heap && !partner && cost.rewrite) ||
                                     (r->kind == 'i' && e->kind == EFFECT_REINDEX),
                          .scan = heap && cost.scan && cost.on_partner == partner});
    visit_indexes(q, &v);
    if (e->kind == EFFECT_ALTER_TYPE && !v.partner)
        retype_keys(q, e, r->oid, &cost);
}

/* A column that the script made stands in a table of the server's: what is done to it reaches what ADDED,
 * its ADD COLUMN, reached. */
static void reach_own(struct inquiry *q, const struct effect *e, const struct effect *added)
{
    uint32_t own = closure_relation(q->closure, added);
    const char *mode = lock_of(e, q->version);
    size_t i;

    for (i = 0; mode != NULL && i < q->closure->nreaches; i++) {
        struct closure_reach r = q->closure->reaches[i];

        if (r.effect != added || r.name == NULL || r.mode == NULL || (r.fate & CLOSURE_PARTNER) != 0 ||
            strchr("rpf", r.kind) == NULL)
            continue;
        r.effect = e;
        r.mode = mode;
        reach(q, e, &r, own);
    }
}

static void one(struct inquiry *q, const struct effect *e)
{
    const struct effect *added;
    uint32_t own;
    size_t i;

    if (q->closure == NULL) {
        by_text(q, e);
        return;
    }
    if ((added = column_added(q, e)) != NULL)
        reach_own(q, e, added);
    own = closure_relation(q->closure, e);
    look_up(q, e, own);
    for (i = 0; i < q->closure->nreaches; i++) {
        const struct closure_reach *r = &q->closure->reaches[i];

        if (r->effect == e && r->mode != NULL && r->name != NULL)
            reach(q, e, r, own);
    }
}

void locks_predict(struct inquiry *q, struct effects *const *steps)
{
    size_t i, k;

    for (i = 0; i < q->plan->nsteps; i++) {
        q->step = i;
        for (k = 0; steps[i] != NULL && k < steps[i]->count && !q->failed; k++) {
            const struct effect *e = &steps[i]->items[k];

            one(q, e);
            if (e->block == NULL)
                continue;
            q->within = e;
            for (size_t n = 0; n < e->block->effects->count && !q->failed; n++)
                one(q, &e->block->effects->items[n]);
            q->within = NULL;
        }
    }
}
