#include "validate/thing.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"

const char *thing_kind(enum thing_kind kind)
{
    static const char *const names[] = {
        [THING_TABLE] = "table",       [THING_VIEW] = "view",         [THING_COLUMN] = "column",
        [THING_INDEX] = "index",       [THING_CONSTRAINT] = "constraint", [THING_TYPE] = "type",
        [THING_SEQUENCE] = "sequence", [THING_FUNCTION] = "function", [THING_TRIGGER] = "trigger",
        [THING_POLICY] = "policy",     [THING_SCHEMA] = "schema",     [THING_EXTENSION] = "extension",
        [THING_STATE] = "column",      [THING_VALUE] = "type",
    };

    return names[kind];
}

int thing_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A name without its schema may be any schema's. */
static int same_schema(const char *a, const char *b)
{
    return a == NULL || b == NULL || strcmp(a, b) == 0;
}

static char *joined(const char *schema, const char *table, const char *name, const char *column, struct err *err)
{
    struct buf b = {0};
    char *out = NULL;

    if ((schema == NULL || (buf_adds(&b, schema, err) == 0 && buf_addc(&b, '.', err) == 0)) &&
        (table == NULL || (buf_adds(&b, table, err) == 0 && buf_addc(&b, '.', err) == 0)) &&
        buf_adds(&b, column != NULL ? column : name != NULL ? name : "", err) == 0)
        out = buf_take(&b, err);
    buf_free(&b);
    return out;
}

/* Its name does not begin with the table that it is a part of. */
static int said_alone(const struct thing *t)
{
    return t->kind == THING_INDEX || t->kind == THING_TABLE;
}

char *thing_object(const struct thing *t, struct err *err)
{
    return joined(t->schema, said_alone(t) ? NULL : t->table, t->name, t->column, err);
}

char *thing_start(const struct thing *t, struct err *err)
{
    return joined(t->start_schema, said_alone(t) ? NULL : t->start_table, t->start_name, t->column, err);
}

static void thing_free(struct thing *t)
{
    free(t->schema);
    free(t->name);
    free(t->table);
    free(t->column);
    free(t->start_schema);
    free(t->start_name);
    free(t->start_table);
    strings_free(t->columns);
    strings_free(t->refs);
}

void things_free(struct things *l)
{
    size_t i;

    for (i = 0; i < l->count; i++)
        thing_free(&l->items[i]);
    free(l->items);
    l->items = NULL;
    l->count = 0;
}

int thing_rename(char **to, const char *text, struct err *err)
{
    char *copy = NULL;

    if (strings_dup(&copy, text, err) < 0)
        return -1;
    free(*to);
    *to = copy;
    return 0;
}

struct thing *things_find(struct play *p, enum thing_kind kind, const char *schema, const char *table,
                          const char *name)
{
    struct thing *other = NULL;
    size_t i;

    /* One that is written alike before one in another schema, or in any. */
    for (i = p->l->count; i-- > 0;) {
        struct thing *t = &p->l->items[i];

        if (t->kind != kind || t->gone != 0 || !thing_same(t->name, name) || !same_schema(t->schema, schema) ||
            (table != NULL && kind != THING_INDEX && !thing_same(t->table, table)))
            continue;
        if (thing_same(t->schema, schema))
            return t;
        if (other == NULL)
            other = t;
    }
    return other;
}

struct thing *things_append(struct play *p, enum thing_kind kind, const char *schema, const char *table,
                            const char *name)
{
    struct thing *grown = realloc(p->l->items, (p->l->count + 1) * sizeof(*grown)), *t;

    if (grown == NULL) {
        (void)err_oom(p->err);
        return NULL;
    }
    p->l->items = grown;
    t = &grown[p->l->count++];
    memset(t, 0, sizeof(*t));
    t->kind = kind;
    t->by = p->e;
    t->named = 1;
    if (strings_dup(&t->schema, schema, p->err) < 0 || strings_dup(&t->name, name, p->err) < 0 ||
        strings_dup(&t->table, table, p->err) < 0 || strings_dup(&t->start_schema, schema, p->err) < 0 ||
        strings_dup(&t->start_name, name, p->err) < 0 || strings_dup(&t->start_table, table, p->err) < 0)
        return NULL;
    return t;
}

struct thing *things_make(struct play *p, enum thing_kind kind, const char *schema, const char *table,
                          const char *name, int maybe)
{
    struct thing *t;

    /* OR REPLACE, IF NOT EXISTS of one that is known. */
    if (maybe && (t = things_find(p, kind, schema, table, name)) != NULL)
        return t;
    if ((t = things_append(p, kind, schema, table, name)) != NULL) {
        t->made = (int)p->pass;
        t->maybe = maybe;
    }
    return t;
}

int things_made(struct play *p, const char *schema, const char *name)
{
    const struct thing *t = name == NULL ? NULL : things_find(p, THING_TABLE, schema, NULL, name);

    return t != NULL && t->made != 0;
}

int things_drop(struct play *p, enum thing_kind kind, const char *schema, const char *table, const char *name)
{
    struct thing *t = things_find(p, kind, schema, table, name);

    if (t == NULL && table != NULL && things_made(p, schema, table))
        return 0;
    if (t == NULL && (t = things_append(p, kind, schema, table, name)) == NULL)
        return -1;
    t->gone = (int)p->pass;
    if (t->made == 0)
        t->by = p->e;
    return 0;
}

void things_drop_parts(struct play *p, const char *table, const char *column, int cascade)
{
    size_t i;

    for (i = 0; i < p->l->count; i++) {
        struct thing *t = &p->l->items[i];

        if (t->gone != 0 || table == NULL)
            continue;
        if (thing_same(t->table, table) &&
            (column == NULL || strings_find(t->columns, column) >= 0 || thing_same(t->column, column))) {
            t->gone = (int)p->pass;
            if (t->kind == THING_TABLE) /* a partition, with its own */
                things_drop_parts(p, t->name, NULL, cascade);
        }
        else if (cascade && strings_find(t->refs, table) >= 0)
            t->gone = (int)p->pass;
    }
}
