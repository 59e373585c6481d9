#include "rollback/census.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/plan.h"
#include "pg/query.h"
#include "rollback/named.h"
#include "script/effect.h"

static const char census_sql[] =
#include "rollback/sql/census.sql.h"
    ;
static const char reached_sql[] =
#include "rollback/sql/reached.sql.h"
    ;

enum { NAMED = 12, PG_CLASS = 1259, PG_TYPE = 1247, PG_PROC = 1255 };

struct one {
    uint32_t classid, oid, relation;
    const char *name; /* borrowed from the result, or NULL */
};

struct list {
    struct result *result;
    struct one *items; /* sorted */
    size_t count;
};

struct census {
    struct list all, reached;
};

static int by_identity(const void *a, const void *b)
{
    const struct one *x = a, *y = b;

    if (x->classid != y->classid)
        return x->classid < y->classid ? -1 : 1;
    return x->oid < y->oid ? -1 : x->oid > y->oid;
}

static void list_free(struct list *l)
{
    result_free(l->result);
    free(l->items);
    memset(l, 0, sizeof(*l));
}

struct query census_query(void)
{
    return (struct query){.name = "mig_census", .sql = census_sql, .columns = 4};
}

/* Takes R. */
static int list_of(struct result *r, struct list *l, struct err *err)
{
    l->result = r;
    if ((l->items = calloc((size_t)result_rows(l->result) + 1, sizeof(*l->items))) == NULL)
        return err_oom(err);
    for (int i = 0; i < result_rows(l->result); i++)
        l->items[l->count++] = (struct one){
            .classid = (uint32_t)result_int(l->result, i, 0),
            .oid = (uint32_t)result_int(l->result, i, 1),
            .relation = result_columns(l->result) > 2 ? (uint32_t)result_int(l->result, i, 2) : 0,
            .name = result_columns(l->result) > 2 ? result_text(l->result, i, 3) : NULL,
        };
    qsort(l->items, l->count, sizeof(*l->items), by_identity);
    return 0;
}

static int list_read(struct conn *c, const struct query *q, struct list *l, struct err *err)
{
    struct result *r = query_run(c, q, err);

    return r != NULL ? list_of(r, l, err) : err_prefix(err, "cannot read the catalog");
}

static int has(const struct list *l, uint32_t classid, uint32_t oid)
{
    struct one key = {.classid = classid, .oid = oid};

    return l->count > 0 && bsearch(&key, l->items, l->count, sizeof(*l->items), by_identity) != NULL;
}

void census_free(struct census *s)
{
    if (s == NULL)
        return;
    list_free(&s->all);
    list_free(&s->reached);
    free(s);
}

struct census *census_take(struct conn *c, const struct closure *closure, struct err *err)
{
    struct query all = census_query();
    struct query reached = {.sql = reached_sql, .nparams = 2, .columns = 2};
    struct census *s = calloc(1, sizeof(*s));
    char *classes = NULL, *oids = NULL;
    const char *params[2];
    int rc = -1;

    if (s == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    if (named_objects(closure, 1, &classes, &oids, err) != 0)
        goto out;
    params[0] = classes;
    params[1] = oids;
    reached.params = params;
    rc = list_read(c, &all, &s->all, err) != 0 || list_read(c, &reached, &s->reached, err) != 0 ? -1 : 0;
out:
    free(classes);
    free(oids);
    if (rc != 0) {
        census_free(s);
        return NULL;
    }
    return s;
}

static int is_predicted(const struct census *before, const struct one *o)
{
    return has(&before->reached, o->classid, o->oid) ||
           (o->relation != 0 && has(&before->reached, PG_CLASS, o->relation));
}

int census_touched(const struct census *before, const struct result *locks)
{
    for (int i = 0; i < result_rows(locks); i++) {
        struct one key = {.classid = (uint32_t)result_int(locks, i, 0), .oid = (uint32_t)result_int(locks, i, 1)};
        const struct one *o = strcmp(result_text(locks, i, 2), "AccessExclusiveLock") == 0
                                  ? bsearch(&key, before->all.items, before->all.count, sizeof(key), by_identity)
                                  : NULL;

        if (o != NULL && !is_predicted(before, o))
            return 1;
    }
    return 0;
}

/* Drops whose names the closure does not resolve: then only the classes that it does are compared. */
static int drops_others(const struct plan *plan)
{
    for (size_t i = 0; i < plan->nsteps; i++) {
        const struct effects *e = plan->steps[i].effects;

        for (size_t k = 0; e != NULL && k < e->count; k++)
            if (e->items[k].kind == EFFECT_DROP_OTHER || e->items[k].kind == EFFECT_DROP_OWNED ||
                e->items[k].kind == EFFECT_DROP_EXTENSION || e->items[k].kind == EFFECT_DROP_SCHEMA)
                return 1;
    }
    return 0;
}

int census_check(const struct census *before, struct result *now, const struct plan *plan, struct err *err)
{
    struct list after = {0};
    struct buf text = {0};
    int others = drops_others(plan), gone = 0, rc = -1;

    if (list_of(now, &after, err) != 0)
        goto out;
    for (size_t i = 0; i < before->all.count; i++) {
        const struct one *o = &before->all.items[i];

        if (has(&after, o->classid, o->oid) || is_predicted(before, o))
            continue;
        if (others && o->classid != PG_CLASS && o->classid != PG_TYPE && o->classid != PG_PROC)
            continue;
        if (gone++ < NAMED && buf_addf(&text, err, "%s%s", gone > 1 ? "; " : "", o->name) != 0)
            goto out;
    }
    if (gone > 0) {
        (void)err_set(err, ERR_REFUSED, "%d object%s dropped, which the plan does not say", gone,
                      gone == 1 ? " was" : "s were");
        err_detail(err, "%s", text.data);
        err_hint(err, "a function, a DO block or a trigger did it; nothing was committed");
        goto out;
    }
    rc = 0;
out:
    list_free(&after);
    buf_free(&text);
    return rc;
}
