/* What fails because of what is not there, or because of what depends on it. */
#include <string.h>

#include "core/buf.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/statement.h"
#include "validate/detect.h"
#include "validate/facts.h"
#include "validate/inquiry.h"
#include "validate/probe.h"

static const char dependents_sql[] =
#include "validate/sql/facts_dependents.sql.h"
    ;

/* Does the script make a relation of this name, however qualified? */
static int made_here(const struct inquiry *q, const struct effect *e)
{
    size_t i, k;

    for (i = 0; i <= q->step; i++)
        for (k = 0; q->steps[i] != NULL && k < q->steps[i]->count; k++) {
            const struct effect *x = &q->steps[i]->items[k];
            const char *as = x->kind == EFFECT_CREATE_INDEX || x->kind == EFFECT_RENAME_TABLE ||
                                     x->kind == EFFECT_RENAME_OTHER
                                 ? x->detail
                                 : x->name;

            if (x == e)
                return 0;
            if ((x->kind == EFFECT_CREATE_TABLE || x->kind == EFFECT_CREATE_OTHER ||
                 x->kind == EFFECT_CREATE_INDEX || x->kind == EFFECT_RENAME_TABLE ||
                 x->kind == EFFECT_RENAME_OTHER) &&
                as != NULL && e->name != NULL &&
                (strcmp(as, e->name) == 0 ||
                 (strrchr(as, '.') != NULL && strcmp(strrchr(as, '.') + 1, e->name) == 0)))
                return 1;
        }
    return 0;
}

static int needs_relation(enum effect_kind kind)
{
    static const enum effect_kind kinds[] = {
        EFFECT_DROP_TABLE,     EFFECT_DROP_COLUMN,    EFFECT_DROP_MATVIEW,   EFFECT_DROP_VIEW,
        EFFECT_DROP_SEQUENCE,  EFFECT_ALTER_TYPE,     EFFECT_TRUNCATE,       EFFECT_DELETE,
        EFFECT_UPDATE,         EFFECT_INSERT,         EFFECT_COPY_IN,        EFFECT_ADD_COLUMN,
        EFFECT_RENAME_TABLE,   EFFECT_RENAME_COLUMN,  EFFECT_SET_NOT_NULL,   EFFECT_DROP_NOT_NULL,
        EFFECT_SET_DEFAULT,    EFFECT_DROP_DEFAULT,   EFFECT_ADD_CONSTRAINT, EFFECT_DROP_CONSTRAINT,
        EFFECT_CREATE_INDEX,   EFFECT_DROP_INDEX,     EFFECT_DROP_TRIGGER,   EFFECT_CREATE_TRIGGER,
        EFFECT_DROP_TYPE,      EFFECT_ALTER_ENUM,     EFFECT_VALIDATE_CONSTRAINT,
    };
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i] == kind)
            return 1;
    return 0;
}

static int linked(const struct inquiry *q, const struct effect *e)
{
    size_t i;

    for (i = 0; i < q->closure->nlinks; i++)
        if (q->closure->links[i].effect == e && !q->closure->links[i].partner &&
            q->closure->links[i].oid != 0)
            return 1;
    return 0;
}

/* A constraint goes with any of its columns. */
static int column_gone(const struct inquiry *q, uint32_t relation, const char *constraint)
{
    struct facts_constraint k;
    size_t i, n;

    for (i = 0; constraint != NULL && facts_constraint(q->facts, i, &k); i++) {
        const struct catalog_table *t;

        if (k.table != relation || strcmp(k.name, constraint) != 0 ||
            (t = inquiry_table_by_oid(q, relation)) == NULL)
            continue;
        for (n = 0; n < t->ncolumns; n++)
            if (facts_names(k.columns, t->columns[n].name) &&
                inquiry_past(q, q->past.dropped, relation, t->columns[n].name))
                return 1;
    }
    return 0;
}

/* Dropped by this statement or an earlier one. */
static int falls_too(const struct inquiry *q, const struct effect *e, uint32_t relation,
                     const char *constraint)
{
    size_t i;

    if (relation == 0)
        return 0;
    if (inquiry_past(q, q->past.tables, relation, NULL) ||
        (constraint != NULL && inquiry_past(q, q->past.constraints, relation, constraint)) ||
        column_gone(q, relation, constraint))
        return 1;
    for (i = 0; i < q->closure->nlinks; i++) {
        const struct closure_link *l = &q->closure->links[i];

        if (l->oid == relation && l->effect->statement == e->statement && l->effect != e &&
            (l->effect->kind == EFFECT_DROP_TABLE || l->effect->kind == EFFECT_DROP_VIEW))
            return 1;
    }
    return 0;
}

/* Does E's statement truncate table OID as well? */
static int emptied_too(const struct inquiry *q, const struct effect *e, uint32_t oid)
{
    size_t i;

    for (i = 0; i < q->closure->nlinks; i++)
        if (q->closure->links[i].oid == oid && q->closure->links[i].effect->statement == e->statement &&
            q->closure->links[i].effect->kind == EFFECT_TRUNCATE)
            return 1;
    return 0;
}

/* A key that foreign keys stand on does not go without them. */
static void key_needed(struct inquiry *q, const struct effect *e, const struct catalog_table *t, const char *object)
{
    struct facts_constraint key, k;
    struct buf b = {0};
    size_t i, n;

    for (i = 0; facts_constraint(q->facts, i, &key); i++) {
        if (key.table != t->oid || strcmp(key.name, e->detail) != 0 || strchr("pu", key.type) == NULL || key.index == 0)
            continue;
        for (n = 0; facts_constraint(q->facts, n, &k); n++)
            if (k.type == 'f' && k.index == key.index && !inquiry_past(q, q->past.constraints, k.table, k.name) &&
                !falls_too(q, e, k.table, k.name)) {
                if (buf_addf(&b, q->err, "%s: foreign key %s of %s.%s stands on %s", object, k.name, k.schema, k.relation, key.name) == 0)
                    inquiry_would_fail(q, e, object, b.data);
                buf_free(&b);
                return;
            }
    }
}

static void absent(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const char *column = e->column_on_server != NULL ? e->column_on_server : e->column;
    struct facts_constraint k;
    struct buf b = {0};
    char *object;
    size_t i;

    if (q->closure == NULL || q->opaque_before || !needs_relation(e->kind) ||
        (e->flags & (EFFECT_OWN | EFFECT_IF_EXISTS | EFFECT_VERSION)) != 0)
        return;
    if ((object = inquiry_object(q, e)) == NULL)
        return;
    if ((e->flags & EFFECT_GONE) != 0) {
        if (buf_addf(&b, q->err, "%s: the script itself dropped or renamed it before", object) == 0)
            inquiry_would_fail(q, e, object, b.data);
    } else if (!linked(q, e)) {
        if (!made_here(q, e) && buf_addf(&b, q->err, "%s does not exist", object) == 0)
            inquiry_would_fail(q, e, object, b.data);
    } else if (t != NULL && e->kind == EFFECT_ADD_COLUMN && probe_column_of(t, column) != NULL &&
               (e->flags & EFFECT_FREED) == 0) {
        if (buf_addf(&b, q->err, "%s exists already", object) == 0)
            inquiry_would_fail(q, e, object, b.data);
    } else if (t != NULL && column != NULL && e->kind != EFFECT_ADD_COLUMN &&
               e->kind != EFFECT_ADD_CONSTRAINT && probe_column_of(t, column) == NULL &&
               strchr("rpmf", t->kind) != NULL) {
        if (buf_addf(&b, q->err, "column %s does not exist", object) == 0)
            inquiry_would_fail(q, e, object, b.data);
    } else if (t != NULL && e->kind == EFFECT_ADD_CONSTRAINT && e->detail != NULL &&
               strcmp(e->detail, "PRIMARY KEY") == 0) {
        for (i = 0; facts_constraint(q->facts, i, &k); i++)
            if (k.table == t->oid && k.type == 'p' &&
                !inquiry_past(q, q->past.constraints, t->oid, k.name) &&
                buf_addf(&b, q->err, "%s has a primary key already (%s)", object, k.name) == 0)
                inquiry_would_fail(q, e, object, b.data);
    } else if (t != NULL && e->kind == EFFECT_TRUNCATE && (e->flags & EFFECT_CASCADE) == 0) {
        for (i = 0; facts_constraint(q->facts, i, &k); i++)
            if (k.type == 'f' && k.partner == t->oid && k.table != t->oid &&
                !inquiry_past(q, q->past.constraints, k.table, k.name) && !falls_too(q, e, k.table, k.name) &&
                !emptied_too(q, e, k.table) &&
                buf_addf(&b, q->err, "%s: %s.%s references it (foreign key %s)", object, k.schema, k.relation, k.name) == 0) {
                inquiry_would_fail(q, e, object, b.data);
                break;
            }
    } else if (e->kind == EFFECT_DROP_INDEX) {
        uint32_t oid = closure_relation(q->closure, e);

        for (i = 0; facts_constraint(q->facts, i, &k); i++)
            if (oid != 0 && k.index == oid && strchr("pux", k.type) != NULL &&
                !inquiry_past(q, q->past.constraints, k.table, k.name) &&
                buf_addf(&b, q->err, "%s stands behind constraint %s: DROP CONSTRAINT would drop it", object,
                         k.name) == 0) {
                inquiry_would_fail(q, e, object, b.data);
                break;
            }
    } else if (t != NULL && (e->kind == EFFECT_DROP_CONSTRAINT || e->kind == EFFECT_VALIDATE_CONSTRAINT)) {
        int found = 0, made = 0;

        for (i = 0; facts_constraint(q->facts, i, &k); i++)
            found |= k.table == t->oid && strcmp(k.name, e->detail) == 0;
        for (i = 0; i <= q->step; i++)
            for (size_t n = 0; q->steps[i] != NULL && n < q->steps[i]->count; n++)
                made |= q->steps[i]->items[n].kind == EFFECT_ADD_CONSTRAINT ||
                        (q->steps[i]->items[n].kind == EFFECT_RENAME_OTHER);
        if (!found && !made &&
            buf_addf(&b, q->err, "constraint %s of %s does not exist", e->detail, object) == 0)
            inquiry_would_fail(q, e, object, b.data);
        else if (found && e->kind == EFFECT_DROP_CONSTRAINT && (e->flags & EFFECT_CASCADE) == 0 && (q->loosened & LOOSENED_ANY) == 0)
            key_needed(q, e, t, object);
    }
    free(object);
    buf_free(&b);
}

/* May the script have dropped a dependent of CLASS before?  Then nobody says that it stands in the
 * way: a failure that is foretold must come. */
static int loosened(const struct inquiry *q, const char *class)
{
    static const struct {
        const char *class;
        unsigned flag;
    } kinds[] = {
        {"pg_trigger", LOOSENED_TRIGGER}, {"pg_proc", LOOSENED_ROUTINE},
        {"pg_attrdef", LOOSENED_DEFAULT}, {"pg_policy", LOOSENED_OTHER},
        {"pg_rewrite", 0},                {"pg_constraint", 0},
        {"pg_class", 0},
    };
    size_t i;

    if ((q->loosened & LOOSENED_ANY) != 0 ||
        (strcmp(class, "pg_attrdef") == 0 && q->past.dropped != NULL))
        return 1;
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].class, class) == 0)
            return (q->loosened & kinds[i].flag) != 0;
    return (q->loosened & LOOSENED_OTHER) != 0;
}

static void dependents(struct inquiry *q, const struct effect *e)
{
    struct query query = {.name = "mig_dependents", .sql = dependents_sql, .nparams = 3, .columns = 7};
    const struct closure_link *root = NULL;
    const char *params[3];
    struct buf classid = {0}, objid = {0}, column = {0}, why = {0};
    struct result *r = NULL;
    char *object = NULL;
    size_t i, roots = 0;
    int row;

    if (q->closure == NULL || q->opaque_before ||
        (e->flags & (EFFECT_OWN | EFFECT_GONE | EFFECT_CASCADE | EFFECT_VERSION)) != 0 ||
        (e->kind != EFFECT_DROP_TABLE && e->kind != EFFECT_DROP_COLUMN &&
         e->kind != EFFECT_DROP_TYPE && e->kind != EFFECT_DROP_VIEW &&
         e->kind != EFFECT_DROP_MATVIEW && e->kind != EFFECT_DROP_SEQUENCE &&
         e->kind != EFFECT_DROP_ROUTINE && e->kind != EFFECT_DROP_EXTENSION &&
         e->kind != EFFECT_DROP_SCHEMA && e->kind != EFFECT_ALTER_TYPE))
        return;
    for (i = 0; i < q->closure->nlinks; i++)
        if (q->closure->links[i].effect == e && !q->closure->links[i].partner &&
            q->closure->links[i].oid != 0) {
            root = &q->closure->links[i];
            roots++;
        }
    /* Of overloaded routines the arguments say which; they are not looked at here. */
    if (root == NULL || (e->kind == EFFECT_DROP_ROUTINE && roots > 1))
        return;
    /* What has left the schema, or fell with an extension, is not in its way. */
    if (e->kind == EFFECT_DROP_SCHEMA &&
        (q->kinds & (UINT64_C(1) << EFFECT_RENAME_TABLE | UINT64_C(1) << EFFECT_RENAME_OTHER | UINT64_C(1) << EFFECT_DROP_EXTENSION)) != 0)
        return;
    /* A type whose columns the script changes or drops is free in the end. */
    if (e->kind == EFFECT_DROP_TYPE && q->retyped)
        return;
    if (buf_addf(&classid, q->err, "{%u}", root->classid) < 0 ||
        buf_addf(&objid, q->err, "{%u}", root->oid) < 0)
        goto oom;
    if (e->column != NULL) {
        const char *name = e->column_on_server != NULL ? e->column_on_server : e->column;

        if (buf_adds(&column, "{\"", q->err) < 0)
            goto oom;
        for (; *name != '\0'; name++)
            if (((*name == '"' || *name == '\\') && buf_addc(&column, '\\', q->err) < 0) ||
                buf_addc(&column, *name, q->err) < 0)
                goto oom;
        if (buf_adds(&column, "\"}", q->err) < 0)
            goto oom;
    } else if (buf_adds(&column, "{NULL}", q->err) < 0) {
        goto oom;
    }
    params[0] = classid.data;
    params[1] = objid.data;
    params[2] = column.data;
    query.params = params;
    if ((r = query_run(q->conn, &query, q->err)) == NULL || (object = inquiry_object(q, e)) == NULL) {
        q->failed = 1;
        goto out;
    }
    for (row = 0; row < result_rows(r); row++) {
        const char *kind = result_text(r, row, 3);
        const char *class = result_text(r, row, 6);
        uint32_t relation = (uint32_t)result_int(r, row, 2);

        if (falls_too(q, e, relation, result_text(r, row, 4)) || loosened(q, class))
            continue;
        /* A change of type minds views, rules and policies; it carries foreign keys along. */
        if (e->kind == EFFECT_ALTER_TYPE && strcmp(class, "pg_rewrite") != 0 &&
            strcmp(class, "pg_policy") != 0 && strcmp(class, "pg_trigger") != 0)
            continue;
        if (e->kind == EFFECT_DROP_TYPE && strcmp(class, "pg_class") == 0 && relation != 0 &&
            kind == NULL)
            continue;
        /* Of what stands in a schema, that which is certain to be there still. */
        if (e->kind == EFFECT_DROP_SCHEMA && (strcmp(class, "pg_class") != 0 || kind == NULL || strchr("rpvm", kind[0]) == NULL))
            continue;
        /* A column of the type that the script has dropped before. */
        if (e->kind == EFFECT_DROP_TYPE && q->past.dropped != NULL)
            continue;
        buf_reset(&why);
        if (buf_addf(&why, q->err, "%s: %s depends on it", object, result_text(r, row, 1)) < 0)
            goto oom;
        inquiry_would_fail(q, e, object, why.data);
        break;
    }
    goto out;
oom:
    q->failed = 1;
out:
    result_free(r);
    free(object);
    buf_free(&classid);
    buf_free(&objid);
    buf_free(&column);
    buf_free(&why);
}

void detect_object(struct inquiry *q, const struct effect *e)
{
    absent(q, e);
    dependents(q, e);
}
