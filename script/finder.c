#include "script/finder.h"

#include <stdlib.h>
#include <string.h>

#include "script/node.h"
#include "script/shadow.h"

void finder_oom(struct finder *f)
{
    (void)err_oom(f->err);
    f->failed = 1;
}

char *finder_copy(struct finder *f, const char *s)
{
    char *out;

    if (s == NULL)
        return NULL;
    if ((out = strdup(s)) == NULL)
        finder_oom(f);
    return out;
}

struct effect *finder_add(struct finder *f, enum effect_kind kind, struct about a)
{
    struct effect *e;

    if (f->failed)
        return NULL;
    if (f->out->count == f->cap) {
        size_t want = f->cap == 0 ? 16 : f->cap * 2;
        struct effect *grown = realloc(f->out->items, want * sizeof(*grown));

        if (grown == NULL) {
            finder_oom(f);
            return NULL;
        }
        f->out->items = grown;
        f->cap = want;
    }
    e = &f->out->items[f->out->count++];
    memset(e, 0, sizeof(*e));
    e->kind = kind;
    e->flags = a.flags | (f->within ? EFFECT_PERHAPS : 0);
    e->statement = f->st;
    e->schema = finder_copy(f, a.schema);
    e->name = finder_copy(f, a.name);
    e->column = finder_copy(f, a.column);
    e->detail = finder_copy(f, a.detail);
    e->node = a.node;
    return e;
}

void finder_check(struct finder *f, int rc)
{
    if (rc < 0)
        f->failed = 1;
}

/* Look SCHEMA.NAME up in the shadow: whose it is, and its name on the server. */
void finder_place(struct finder *f, struct effect *e, enum shadow_space space)
{
    struct shadow_seen seen;

    if (e == NULL || e->name == NULL)
        return;
    shadow_find(f->shadow, space, e->schema, e->name, &seen);
    if (seen.own)
        e->flags |= EFFECT_OWN;
    if (seen.gone)
        e->flags |= EFFECT_GONE;
    if (seen.name != NULL) {
        e->on_server = finder_copy(f, seen.name);
        e->schema_on_server = finder_copy(f, seen.schema);
    }
    if (space == SHADOW_RELATION && strcmp(e->name, f->version_name) == 0 &&
        (f->version_schema == NULL || e->schema == NULL ||
         strcmp(e->schema, f->version_schema) == 0))
        e->flags |= EFFECT_VERSION;
    if (space == SHADOW_RELATION && e->column != NULL) {
        shadow_find_column(f->shadow, e->schema, e->name, e->column, &seen);
        if (seen.own)
            e->flags |= EFFECT_OWN;
        if (seen.gone)
            e->flags |= e->kind == EFFECT_ADD_COLUMN ? EFFECT_FREED : EFFECT_GONE;
        e->column_on_server = finder_copy(f, seen.name);
    }
}

struct about about_relation(const json_t *rangevar)
{
    struct about a = {0};

    a.schema = node_name(rangevar, "schemaname");
    a.name = node_name(rangevar, "relname");
    if (rangevar != NULL && !node_true(rangevar, "inh"))
        a.flags |= EFFECT_ONLY;
    return a;
}

/* An effect on a relation. */
struct effect *finder_on(struct finder *f, enum effect_kind kind, struct about a)
{
    struct effect *e = finder_add(f, kind, a);

    finder_place(f, e, SHADOW_RELATION);
    return e;
}

/* RANGEVAR is what E also locks. */
void finder_partner(struct finder *f, struct effect *e, const json_t *rangevar)
{
    struct about a = about_relation(rangevar);
    struct shadow_seen seen;

    if (e == NULL || a.name == NULL)
        return;
    shadow_find(f->shadow, SHADOW_RELATION, a.schema, a.name, &seen);
    if (seen.own || seen.gone)
        return;
    e->partner = finder_copy(f, seen.name != NULL ? seen.name : a.name);
    e->partner_schema = finder_copy(f, seen.name != NULL ? seen.schema : a.schema);
}
