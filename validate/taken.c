#include "validate/taken.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "pg/array.h"
#include "pg/query.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/inquiry.h"

static const char taken_sql[] =
#include "validate/sql/taken.sql.h"
    ;

/* A name that E gives. */
struct given {
    const struct effect *e;
    const char *what, *schema, *name; /* borrowed from E; WHAT as taken.sql has it */
    uint32_t owner;
    uint32_t classid, oid; /* what bears it; 0: nothing */
};

struct taken {
    struct given *items;
    size_t count, cap;
};

static int give(struct taken *t, const struct effect *e, const char *what, const char *schema, const char *name,
                uint32_t owner, struct err *err)
{
    if (name == NULL)
        return 0;
    if (t->count == t->cap) {
        size_t want = t->cap == 0 ? 32 : t->cap * 2;
        struct given *grown = realloc(t->items, want * sizeof(*grown));

        if (grown == NULL)
            return err_oom(err);
        t->items = grown;
        t->cap = want;
    }
    t->items[t->count++] = (struct given){e, what, schema, name, owner, 0, 0};
    return 0;
}

/* What E's own name was found to be, or NULL. */
static const struct closure_link *root_of(const struct closure *c, const struct effect *e)
{
    size_t i;

    for (i = 0; i < c->nlinks; i++)
        if (c->links[i].effect == e && !c->links[i].partner && c->links[i].oid != 0)
            return &c->links[i];
    return NULL;
}

static int temporary(const json_t *relation)
{
    return node_is(relation, "relpersistence", "t");
}

static int given_by_constraint(struct taken *t, const struct closure *c, const struct effect *e, struct err *err)
{
    const char *name = node_name(e->node, "conname");
    int indexed = strcmp(e->detail, "UNIQUE") == 0 || strcmp(e->detail, "PRIMARY KEY") == 0 ||
                  strcmp(e->detail, "EXCLUDE") == 0;
    uint32_t table = closure_relation(c, e);

    /* A table that is there already keeps its own. */
    if (node_true(node_as(e->statement->tree, "CreateStmt"), "if_not_exists"))
        return 0;
    if (table != 0 && give(t, e, "constraint", NULL, name, table, err) < 0)
        return -1;
    if (!indexed || node_name(e->node, "indexname") != NULL)
        return 0;
    return give(t, e, "relation", e->schema, name, table, err);
}

static int given_by_create(struct taken *t, const struct effect *e, struct err *err)
{
    static const char *const types[] = {"CreateEnumStmt", "CreateRangeStmt", "CompositeTypeStmt", "CreateDomainStmt"};
    size_t i;

    if (e->detail == NULL)
        return 0;
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(e->detail, types[i]) == 0)
            return give(t, e, "type", e->schema, e->name, 0, err);
    if (strcmp(e->detail, "ViewStmt") == 0 && !temporary(node_get(e->node, "view")) && !node_true(e->node, "replace"))
        return give(t, e, "relation", e->schema, e->name, 0, err);
    if (strcmp(e->detail, "CreateSeqStmt") == 0 && !temporary(node_get(e->node, "sequence")) &&
        !node_true(e->node, "if_not_exists"))
        return give(t, e, "relation", e->schema, e->name, 0, err);
    if (strcmp(e->detail, "CreateMatView") == 0)
        return give(t, e, "relation", e->schema, e->name, 0, err);
    if (strcmp(e->detail, "CreateSchemaStmt") == 0 && !node_true(e->node, "if_not_exists"))
        return give(t, e, "schema", NULL, e->name, 0, err);
    if (strcmp(e->detail, "CreateExtensionStmt") == 0 && !node_true(e->node, "if_not_exists"))
        return give(t, e, "extension", NULL, node_name(e->node, "extname"), 0, err);
    return 0;
}

static int given_by(struct taken *t, const struct closure *c, const struct effect *e, struct err *err)
{
    const struct closure_link *root = root_of(c, e);

    if ((e->flags & (EFFECT_VERSION | EFFECT_IF_EXISTS)) != 0)
        return 0;
    switch ((int)e->kind) {
    case EFFECT_CREATE_TABLE:
        return temporary(node_get(e->node, "relation")) || temporary(node_get(node_get(e->node, "into"), "rel"))
                   ? 0
                   : give(t, e, "relation", e->schema, e->name, 0, err);
    case EFFECT_CREATE_INDEX:
        return give(t, e, "relation", e->schema, e->detail, closure_relation(c, e), err);
    case EFFECT_CREATE_OTHER:
        return given_by_create(t, e, err);
    case EFFECT_ADD_CONSTRAINT:
        return e->detail == NULL ? 0 : given_by_constraint(t, c, e, err);
    case EFFECT_CREATE_TRIGGER:
        return node_true(e->node, "replace") || root == NULL ? 0
                                                              : give(t, e, "trigger", NULL, e->detail, root->oid, err);
    case EFFECT_RENAME_TABLE:
        return root == NULL || node_get(e->node, "newschema") != NULL
                   ? 0
                   : give(t, e, "relation", NULL, e->detail, root->oid, err);
    case EFFECT_RENAME_COLUMN:
        return root == NULL ? 0 : give(t, e, "column", NULL, e->detail, root->oid, err);
    case EFFECT_RENAME_OTHER:
        if (root == NULL || (!node_is(e->node, "renameType", "OBJECT_INDEX") &&
                             !node_is(e->node, "renameType", "OBJECT_SEQUENCE") &&
                             !node_is(e->node, "renameType", "OBJECT_TYPE")))
            return 0;
        return give(t, e, node_is(e->node, "renameType", "OBJECT_TYPE") ? "type" : "relation", NULL, e->detail,
                    root->oid, err);
    case EFFECT_ALTER_ENUM:
        return root == NULL || node_true(e->node, "skipIfNewValExists")
                   ? 0
                   : give(t, e, "label", NULL, node_name(e->node, "newVal"), root->oid, err);
    default:
        return 0;
    }
}

static int look_up(struct taken *t, struct conn *c, struct err *err)
{
    struct query query = {.sql = taken_sql, .nparams = 4, .columns = 3};
    struct buf p[4] = {{0}, {0}, {0}, {0}};
    const char *params[4];
    struct result *r = NULL;
    size_t i;
    int row, rc = -1;

    for (i = 0; i < t->count; i++)
        if (array_text(&p[0], t->items[i].what, err) < 0 || array_text(&p[1], t->items[i].schema, err) < 0 ||
            array_text(&p[2], t->items[i].name, err) < 0 || array_number(&p[3], t->items[i].owner, err) < 0)
            goto out;
    for (i = 0; i < 4; i++) {
        if (array_end(&p[i], err) < 0)
            goto out;
        params[i] = p[i].data;
    }
    query.params = params;
    if ((r = query_run(c, &query, err)) == NULL) {
        (void)err_prefix(err, "cannot look up the names that the script gives");
        goto out;
    }
    for (row = 0; row < result_rows(r); row++) {
        size_t n = (size_t)result_int(r, row, 0) - 1;

        if (n < t->count) {
            t->items[n].classid = (uint32_t)result_int(r, row, 1);
            t->items[n].oid = (uint32_t)result_int(r, row, 2);
        }
    }
    rc = 0;
out:
    for (i = 0; i < 4; i++)
        buf_free(&p[i]);
    result_free(r);
    return rc;
}

struct taken *taken_read(struct conn *c, const struct closure *closure, struct effects *const *steps, size_t n,
                         struct err *err)
{
    struct taken *t = calloc(1, sizeof(*t));
    size_t i, k;

    if (t == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    for (i = 0; i < n; i++)
        for (k = 0; steps[i] != NULL && k < steps[i]->count; k++)
            if (given_by(t, closure, &steps[i]->items[k], err) < 0)
                goto fail;
    if (t->count > 0 && look_up(t, c, err) < 0)
        goto fail;
    return t;
fail:
    taken_free(t);
    return NULL;
}

void taken_free(struct taken *t)
{
    if (t == NULL)
        return;
    free(t->items);
    free(t);
}

/* ---- as the script goes on ---- */

/* The effects before E, from the first on; VISIT says when to stop. */
static const struct effect *before(const struct inquiry *q, const struct effect *e,
                                   int (*visit)(const struct effect *x, const void *arg), const void *arg)
{
    size_t i, k;

    for (i = 0; i <= q->step; i++)
        for (k = 0; q->steps[i] != NULL && k < q->steps[i]->count; k++) {
            const struct effect *x = &q->steps[i]->items[k];

            if (x == e)
                return NULL;
            if (visit(x, arg))
                return x;
        }
    return NULL;
}

static int is_effect(const struct effect *x, const void *arg)
{
    return x == arg;
}

/* What E names goes with what an earlier effect dropped: that one, or NULL. */
static const struct effect *fell_before(const struct inquiry *q, const struct effect *e)
{
    size_t i, k;

    for (k = 0; k < q->closure->nlinks; k++) {
        const struct closure_link *l = &q->closure->links[k];

        if (l->effect != e || l->partner || l->oid == 0)
            continue;
        for (i = 0; i < q->closure->nfalls; i++) {
            const struct closure_fall *f = &q->closure->falls[i];

            if (f->classid == l->classid && f->oid == l->oid && before(q, e, is_effect, f->effect) != NULL)
                return f->effect;
        }
    }
    return NULL;
}

/* Effects that may give a name without saying so, or that say it where it is not looked for. */
static int may_name(const struct effect *x, const void *arg)
{
    const struct effect *e = arg;
    const char *name = e->kind == EFFECT_DROP_CONSTRAINT || e->kind == EFFECT_VALIDATE_CONSTRAINT ? e->detail : e->name;
    const char *given = x->kind == EFFECT_ADD_CONSTRAINT ? node_name(x->node, "conname") : x->detail;

    switch ((int)x->kind) {
    case EFFECT_CREATE_TABLE:
    case EFFECT_CREATE_OTHER:
    case EFFECT_OPAQUE:
        return 1;
    case EFFECT_ADD_CONSTRAINT: /* without a name the server chooses one */
    case EFFECT_RENAME_TABLE:
    case EFFECT_RENAME_OTHER:
        return given == NULL || name == NULL || strcmp(given, name) == 0 || strchr(given, '.') != NULL;
    case EFFECT_CREATE_INDEX:
        return x->detail == NULL || (e->name != NULL && strcmp(x->detail, e->name) == 0);
    case EFFECT_ADD_COLUMN: /* a serial column brings its sequence */
        return e->kind == EFFECT_DROP_SEQUENCE;
    case EFFECT_TRANSACTION:
        return strncmp(x->detail == NULL ? "" : x->detail, "TRANS_STMT_ROLLBACK", 19) == 0;
    default:
        return 0;
    }
}

static void fallen(struct inquiry *q, const struct effect *e)
{
    const int part = e->kind == EFFECT_DROP_CONSTRAINT || e->kind == EFFECT_VALIDATE_CONSTRAINT;
    const struct effect *with;
    struct buf b = {0};
    char *object, *what;

    if ((e->flags & EFFECT_IF_EXISTS) != 0 ||
        (!part && e->kind != EFFECT_DROP_INDEX && e->kind != EFFECT_DROP_SEQUENCE && e->kind != EFFECT_DROP_VIEW &&
         e->kind != EFFECT_DROP_MATVIEW && e->kind != EFFECT_DROP_TABLE && e->kind != EFFECT_DROP_ROUTINE &&
         e->kind != EFFECT_RENAME_OTHER) ||
        (with = fell_before(q, e)) == NULL || before(q, e, may_name, e) != NULL)
        return;
    object = inquiry_object(q, e);
    what = inquiry_object(q, with);
    if (object == NULL || what == NULL)
        inquiry_oom(q);
    else if (buf_addf(&b, q->err, "%s%s%s: the script dropped it before, with %s", part ? e->detail : "",
                      part ? " of " : "", object, what) == 0)
        inquiry_would_fail(q, e, object, b.data);
    free(object);
    free(what);
    buf_free(&b);
}

/* Is it the one that bears the name, and does X free it? */
static int frees(const struct effect *x, const void *arg)
{
    const struct given *g = arg;
    int part = strcmp(g->what, "constraint") == 0 || strcmp(g->what, "trigger") == 0;

    switch ((int)x->kind) {
    case EFFECT_OPAQUE:
    case EFFECT_UNKNOWN:
    case EFFECT_DROP_OWNED:
        return 1;
    case EFFECT_TRANSACTION:
        return strncmp(x->detail == NULL ? "" : x->detail, "TRANS_STMT_ROLLBACK", 19) == 0;
    case EFFECT_SET:
        return x->detail != NULL && strcmp(x->detail, "search_path") == 0;
    case EFFECT_RENAME_OTHER: { /* of an index, or a part of a table by its name */
        const char *part_name = node_name(x->node, "subname");

        return strcmp(g->what, "label") == 0 || node_get(x->node, "newschema") != NULL ||
               ((part || strcmp(g->what, "relation") == 0) &&
                ((x->name != NULL && strcmp(x->name, g->name) == 0) ||
                 (part_name != NULL && strcmp(part_name, g->name) == 0)));
    }
    case EFFECT_RENAME_TABLE: /* SET SCHEMA takes indexes and sequences along */
        return node_get(x->node, "newschema") != NULL;
    case EFFECT_RENAME_COLUMN:
    case EFFECT_DROP_COLUMN:
        return strcmp(g->what, "column") == 0;
    case EFFECT_DROP_TRIGGER:
        return strcmp(g->what, "trigger") == 0;
    case EFFECT_ALTER_ENUM:
        return strcmp(g->what, "label") == 0 && node_name(x->node, "oldVal") != NULL;
    case EFFECT_ADD_CONSTRAINT: { /* USING INDEX renames the index */
        const char *index = node_name(x->node, "indexname");

        return index != NULL && strcmp(index, g->name) == 0;
    }
    default:
        return 0;
    }
}

static int drops(enum effect_kind kind)
{
    static const enum effect_kind kinds[] = {
        EFFECT_DROP_TABLE,   EFFECT_DROP_SCHEMA, EFFECT_DROP_TYPE,       EFFECT_DROP_EXTENSION, EFFECT_DROP_SEQUENCE,
        EFFECT_DROP_MATVIEW, EFFECT_DROP_VIEW,   EFFECT_DROP_CONSTRAINT, EFFECT_DROP_INDEX,     EFFECT_DROP_OTHER,
    };
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i] == kind)
            return 1;
    return 0;
}

/* X comes before E, or stands in one statement with it: ALTER TABLE drops before it adds. */
static int not_after(const struct inquiry *q, const struct effect *e, const struct effect *x)
{
    return x->statement == e->statement || before(q, e, is_effect, x) != NULL;
}

static int freed(const struct inquiry *q, const struct given *g)
{
    size_t i;

    if (before(q, g->e, frees, g) != NULL)
        return 1;
    for (i = 0; i < q->closure->nfalls; i++)
        if (q->closure->falls[i].classid == g->classid && q->closure->falls[i].oid == g->oid &&
            not_after(q, g->e, q->closure->falls[i].effect))
            return 1;
    for (i = 0; i < q->closure->nlinks; i++) {
        const struct closure_link *l = &q->closure->links[i];

        if (l->classid == g->classid && l->oid == g->oid && !l->partner && l->effect != g->e &&
            strcmp(g->what, "column") != 0 && strcmp(g->what, "label") != 0 &&
            (drops(l->effect->kind) || l->effect->kind == EFFECT_RENAME_TABLE ||
             l->effect->kind == EFFECT_RENAME_OTHER) &&
            not_after(q, g->e, l->effect))
            return 1;
    }
    return 0;
}

void taken_detect(struct inquiry *q, const struct effect *e)
{
    const struct taken *t = q->taken;
    size_t i;

    if (t == NULL || q->opaque_before)
        return;
    fallen(q, e);
    for (i = 0; i < t->count && !q->failed; i++) {
        const struct given *g = &t->items[i];
        struct buf b = {0};
        char *object;

        if (g->e != e || g->oid == 0 || freed(q, g))
            continue;
        if ((object = inquiry_object(q, e)) == NULL)
            return;
        if (buf_addf(&b, q->err, "%s %s exists already%s%s", g->what, g->name, g->owner != 0 ? ": " : "",
                     g->owner != 0 ? object : "") == 0)
            inquiry_would_fail(q, e, object, b.data);
        free(object);
        buf_free(&b);
        return;
    }
}
