#include "rollback/proof.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "migration/plan.h"
#include "pg/query.h"
#include "rollback/footprint.h"
#include "rollback/objections.h"
#include "rollback/said.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"

static const char catalog_sql[] =
#include "rollback/sql/catalog.sql.h"
    ;
enum kind { RELATION, COLUMN, CONSTRAINT, TRIGGER };

struct object {
    enum kind kind;
    uint32_t oid, table;
    int sub;
    const char *name, *definition; /* borrowed from the result */
    int64_t file;
    int invalid;
};

struct proof {
    struct result *result;
    struct object *objects; /* sorted by kind, oid, sub */
    size_t count;
};

static int by_identity(const void *a, const void *b)
{
    const struct object *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->oid != y->oid)
        return x->oid < y->oid ? -1 : 1;
    return x->sub < y->sub ? -1 : x->sub > y->sub;
}

struct query proof_catalog_query(void)
{
    return (struct query){.name = "mig_catalog", .sql = catalog_sql, .columns = 8};
}

/* The catalog as CATALOG.SQL has it, or with the line that begins with LOCKED. */
struct query proof_locked_query(void)
{
    static const char mark[] = "--LOCKED ";
    static char narrow[sizeof(catalog_sql)];

    if (narrow[0] == '\0') {
        const char *at = strstr(catalog_sql, mark);
        size_t n = at != NULL ? (size_t)(at - catalog_sql) : 0;

        memcpy(narrow, catalog_sql, n);
        if (at != NULL)
            memcpy(narrow + n, at + sizeof(mark) - 1, strlen(at + sizeof(mark) - 1) + 1);
    }
    return (struct query){.name = "mig_locked", .sql = narrow, .columns = 8};
}

struct query proof_spaces_query(void)
{
    return (struct query){.name = "mig_spaces", .columns = 1, .min_rows = 1, .max_rows = 1,
                          .sql = "SELECT coalesce(pg_catalog.string_agg(oid::pg_catalog.text || ' ' || nspname, ' ' ORDER BY oid), '') "
                                 "FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'"};
}

struct proof *proof_read(struct conn *c, struct err *err)
{
    struct query q = proof_catalog_query();
    struct result *r = query_run(c, &q, err);

    if (r != NULL)
        return proof_of(r, err);
    (void)err_prefix(err, "cannot read the catalog");
    return NULL;
}

/* Takes R; room for MORE objects. */
static struct proof *make(struct result *r, size_t more, struct err *err)
{
    struct proof *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        result_free(r);
        (void)err_oom(err);
        return NULL;
    }
    p->result = r;
    p->count = (size_t)result_rows(p->result);
    if ((p->objects = calloc(p->count + more + 1, sizeof(*p->objects))) == NULL) {
        (void)err_oom(err);
        proof_free(p);
        return NULL;
    }
    for (size_t i = 0; i < p->count; i++) {
        struct object *o = &p->objects[i];
        const char *kind = result_text(p->result, (int)i, 0);

        o->kind = kind[0] == 'r'   ? RELATION
                  : kind[0] == 't' ? TRIGGER
                  : kind[2] == 'l' ? COLUMN
                                   : CONSTRAINT;
        o->oid = (uint32_t)result_int(p->result, (int)i, 1);
        o->sub = (int)result_int(p->result, (int)i, 2);
        o->table = (uint32_t)result_int(p->result, (int)i, 3);
        o->name = result_text(p->result, (int)i, 4);
        o->definition = result_text(p->result, (int)i, 5);
        o->file = result_int(p->result, (int)i, 6);
        o->invalid = result_bool(p->result, (int)i, 7);
    }
    return p;
}

static struct proof *sorted(struct proof *p)
{
    if (p != NULL)
        qsort(p->objects, p->count, sizeof(*p->objects), by_identity);
    return p;
}

struct proof *proof_of(struct result *r, struct err *err)
{
    return sorted(make(r, 0, err));
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

struct proof *proof_after(const struct proof *before, const struct result *locks, struct result *locked, struct err *err)
{
    struct proof *p = make(locked, before->count, err);
    uint32_t *oids = calloc((size_t)result_rows(locks) + 1, sizeof(*oids));
    size_t n = 0;

    if (p == NULL || oids == NULL) {
        if (p != NULL)
            (void)err_oom(err);
        proof_free(p);
        free(oids);
        return NULL;
    }
    for (int i = 0; i < result_rows(locks); i++)
        if (footprint_is_relation(locks, i))
            oids[n++] = (uint32_t)result_int(locks, i, 1);
    qsort(oids, n, sizeof(*oids), by_number);
    for (size_t i = 0; i < before->count; i++)
        if (bsearch(&before->objects[i].table, oids, n, sizeof(*oids), by_number) == NULL)
            p->objects[p->count++] = before->objects[i];
    free(oids);
    return sorted(p);
}

void proof_free(struct proof *p)
{
    if (p == NULL)
        return;
    result_free(p->result);
    free(p->objects);
    free(p);
}

static const struct object *find(const struct proof *p, enum kind kind, uint32_t oid, int sub)
{
    struct object key = {.kind = kind, .oid = oid, .sub = sub};

    return p->objects != NULL ? bsearch(&key, p->objects, p->count, sizeof(*p->objects), by_identity) : NULL;
}

int proof_has(const struct proof *p, uint32_t oid)
{
    return find(p, RELATION, oid, 0) != NULL;
}

int64_t proof_file(const struct proof *p, uint32_t oid)
{
    const struct object *o = find(p, RELATION, oid, 0);

    return o != NULL ? o->file : -1;
}

int proof_rewritten(const struct proof *before, const struct proof *after, uint32_t oid)
{
    const struct object *x = find(before, RELATION, oid, 0), *y = find(after, RELATION, oid, 0);

    return x != NULL && y != NULL && x->file != y->file;
}

static int is_table(const struct object *o)
{
    return o->kind == RELATION && strchr("rpmf", o->definition[0]) != NULL;
}

static const struct closure_column *column_of(const struct closure_table *t, const struct object *o)
{
    char name[256];

    said_part(o->name, 2, name, sizeof(name));
    for (size_t i = 0; t != NULL && i < t->ncolumns; i++)
        if (strcmp(name, t->columns[i].name) == 0)
            return &t->columns[i];
    return NULL;
}

int proof_same(const struct proof *planned, const struct proof *now, const struct closure *closure,
               struct err *err)
{
    size_t i = 0, k = 0;

    while (i < planned->count || k < now->count) {
        const struct object *x = i < planned->count ? &planned->objects[i] : NULL;
        const struct object *y = k < now->count ? &now->objects[k] : NULL;
        int order = x == NULL ? 1 : y == NULL ? -1 : by_identity(x, y);
        const struct object *one = order <= 0 ? x : y;

        if (order <= 0)
            i++;
        if (order >= 0)
            k++;
        assert(one != NULL); /* one of the lists has not ended */
        if (one->kind == RELATION && !is_table(one))
            continue;
        if (one->kind == TRIGGER || one->kind == CONSTRAINT || closure_table_of(closure, one->table) == NULL)
            continue;
        if (order == 0 && strcmp(x->definition, y->definition) == 0 &&
            strcmp(x->name, y->name) == 0)
            continue;
        (void)err_set(err, ERR_REFUSED, "%s %s since the plan was made", one->name,
                      order < 0   ? "disappeared"
                      : order > 0 ? "appeared"
                                  : "changed");
        err_hint(err, "look at the plan again: mig-rollback plan");
        return -1;
    }
    return 0;
}

static int check_gone(struct objections *c, const struct object *o, const struct proof *after,
                      const struct closure *closure, struct err *err)
{
    const struct closure_table *t = closure_table_of(closure, o->table);
    int table_gone = !proof_has(after, o->table);

    switch (o->kind) {
    case RELATION:
        if (!is_table(o))
            return 0;
        /* A foreign table that goes takes nothing stored with it: its fate is no more than altered. */
        if (t == NULL || ((t->fate & CLOSURE_DROPPED) == 0 && o->definition[0] != 'f'))
            return objections_add(c, err, o->name, "was dropped, which the plan does not say");
        return 0;
    case COLUMN: {
        const struct closure_column *column = column_of(t, o);

        if (table_gone)
            return 0;
        if (column == NULL || (column->why & CLOSURE_COLUMN_DROPPED) == 0)
            return objections_add(c, err, o->name, "was dropped, which the plan does not say");
        return 0;
    }
    case CONSTRAINT:
    case TRIGGER:
        if (t == NULL)
            return objections_add(c, err, o->name, "was dropped, on a table that is not in the plan");
        return 0;
    }
    return 0;
}

/* What the plan says of X's name, which is now Y's. */
static int says_renamed(const struct plan *plan, const struct closure *closure, const struct object *x,
                        const struct object *y)
{
    char was[256], is[256], schema[256];

    said_part(x->name, 0, schema, sizeof(schema));
    if (x->kind == COLUMN) {
        said_part(x->name, 2, was, sizeof(was));
        said_part(y->name, 2, is, sizeof(is));
        if (strcmp(was, is) != 0 && !said_renamed_column(closure, x->table, was))
            return 0;
        said_part(x->name, 1, was, sizeof(was));
        said_part(y->name, 1, is, sizeof(is));
        if (strcmp(was, is) == 0) {
            said_part(y->name, 0, is, sizeof(is));
            if (strcmp(schema, is) == 0)
                return 1;
        }
    }
    return said_renamed(plan, closure, x->table, schema);
}

static int check_kept(struct objections *c, const struct object *x, const struct object *y,
                      const struct plan *plan, const struct closure *closure, struct err *err)
{
    const struct closure_table *t = closure_table_of(closure, x->table);
    const struct closure_column *column;

    if (y->invalid && !x->invalid &&
        objections_add(c, err, y->name, "became invalid") != 0)
        return -1;
    switch (x->kind) {
    case RELATION:
        if (!is_table(x))
            return 0;
        if (t != NULL && (t->fate & CLOSURE_DROPPED) != 0)
            return objections_add(c, err, x->name, "should have been dropped and is still there");
        if (strcmp(x->name, y->name) != 0 && !says_renamed(plan, closure, x, y))
            return objections_add(c, err, x->name, "was renamed or moved, which the plan does not say");
        if (strcmp(x->definition, y->definition) != 0 && t == NULL)
            return objections_add(c, err, x->name, "changed its kind or persistence");
        return 0;
    case COLUMN:
        column = column_of(t, x);
        if (column != NULL && (column->why & CLOSURE_COLUMN_DROPPED) != 0)
            return objections_add(c, err, x->name, "should have been dropped and is still there");
        if (strcmp(x->definition, y->definition) != 0 &&
            (column == NULL || (column->why & CLOSURE_COLUMN_RETYPED) == 0))
            return objections_add(c, err, x->name, "changed its type, which the plan does not say");
        if (strcmp(x->name, y->name) != 0 && !says_renamed(plan, closure, x, y))
            return objections_add(c, err, x->name, "was renamed, which the plan does not say");
        return 0;
    case CONSTRAINT:
    case TRIGGER:
        if (strcmp(x->definition, y->definition) != 0 && t == NULL)
            return objections_add(c, err, x->name, "changed, on a table that is not in the plan");
        return 0;
    }
    return 0;
}

/* An index of a partitioned table ONLY is not valid until each partition has its own attached; none breaks off. */
static int is_parent_index(const struct object *o)
{
    return o->kind == RELATION && o->definition[0] == 'I';
}

/* Does the script itself make constraint O as NOT VALID?  Then that is what was meant. */
static int says_not_valid(const struct plan *plan, const struct object *o)
{
    for (size_t i = 0; o->kind == CONSTRAINT && i < plan->nsteps; i++) {
        const struct effects *e = plan->steps[i].effects;

        for (size_t k = 0; e != NULL && k < e->count; k++) {
            const json_t *c = e->items[k].kind == EFFECT_ADD_CONSTRAINT ? e->items[k].node : NULL;
            const char *name, *at;

            if (c == NULL || !node_true(c, "skip_validation"))
                continue;
            name = node_name(c, "conname");
            if (name == NULL)
                return 1; /* the server chose its name */
            at = strstr(o->name, " constraint ");
            at = at != NULL ? at + strlen(" constraint ") : o->name;
            if (strcmp(at, name) == 0 ||
                (at[0] == '"' && strncmp(at + 1, name, strlen(name)) == 0 && strcmp(at + 1 + strlen(name), "\"") == 0))
                return 1;
        }
    }
    return 0;
}

int proof_check(const struct proof *before, const struct proof *after, const struct plan *plan,
                const struct closure *closure, struct err *err)
{
    struct objections c = {.count = 0};
    size_t i = 0, k = 0;
    int rc = -1;

    while (i < before->count || k < after->count) {
        const struct object *x = i < before->count ? &before->objects[i] : NULL;
        const struct object *y = k < after->count ? &after->objects[k] : NULL;
        int order = x == NULL ? 1 : y == NULL ? -1 : by_identity(x, y);

        if (x != NULL && (y == NULL || order < 0)) {
            if (check_gone(&c, x, after, closure, err) != 0)
                goto out;
        } else if (y != NULL && (x == NULL || order > 0)) {
            if (y->invalid && !is_parent_index(y) && !says_not_valid(plan, y) &&
                objections_add(&c, err, y->name, "is new and not valid") != 0)
                goto out;
        } else if (x != NULL && y != NULL &&
                   check_kept(&c, x, y, plan, closure, err) != 0) {
            goto out;
        }
        i += order <= 0;
        k += order >= 0;
    }
    if (c.count > 0) {
        (void)err_set(err, ERR_REFUSED, "the catalog is not as the plan predicted (%d difference%s)",
                      c.count, c.count == 1 ? "" : "s");
        err_detail(err, "%s", c.text.data);
        err_hint(err, "nothing was changed; correct the downgrade");
        goto out;
    }
    rc = 0;
out:
    objections_free(&c);
    return rc;
}

int proof_gone(const struct proof *before, const struct proof *after,
               int (*visit)(void *arg, uint32_t oid, const char *name, const char *column, struct err *err),
               void *arg, struct err *err)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct object *o = &before->objects[i];
        const struct object *table;

        if (is_table(o) && o->definition[0] == 'r' && !proof_has(after, o->oid) &&
            visit(arg, o->oid, o->name, NULL, err) != 0)
            return -1;
        if (o->kind != COLUMN || !proof_has(after, o->table))
            continue;
        table = find(before, RELATION, o->table, 0);
        if (table != NULL && table->definition[0] == 'r' && find(after, COLUMN, o->oid, o->sub) == NULL &&
            visit(arg, o->table, o->name, o->name + strlen(table->name) + 1, err) != 0)
            return -1;
    }
    return 0;
}

const char *proof_name(const struct proof *p, uint32_t oid)
{
    const struct object *o = find(p, RELATION, oid, 0);

    return o != NULL ? o->name : NULL;
}

const char *proof_table_name(const struct proof *p, uint32_t oid)
{
    const struct object *o = find(p, RELATION, oid, 0);

    return o != NULL && is_table(o) ? o->name : NULL;
}

uint32_t *proof_tables(const struct proof *p, size_t *n, struct err *err)
{
    uint32_t *oids = calloc(p->count + 1, sizeof(*oids));

    *n = 0;
    if (oids == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    for (size_t i = 0; i < p->count; i++)
        if (is_table(&p->objects[i]) && p->objects[i].definition[0] == 'r')
            oids[(*n)++] = p->objects[i].oid;
    return oids;
}

int proof_invalid(const struct proof *before, const struct proof *after, struct err *err)
{
    for (size_t i = 0; i < after->count; i++) {
        const struct object *y = &after->objects[i];
        const struct object *x = find(before, y->kind, y->oid, y->sub);

        if (y->invalid && (x == NULL ? !is_parent_index(y) : !x->invalid)) {
            (void)err_set(err, ERR_UNFINISHED, "%s is there, but not valid: what made it broke off", y->name);
            err_hint(err, "an index: REINDEX INDEX CONCURRENTLY, or drop it and make it again; a constraint: ALTER TABLE ... VALIDATE CONSTRAINT");
            return -1;
        }
    }
    return 0;
}
