#include "script/graph.h"

#include <stdlib.h>
#include <string.h>

#include "core/strings.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/lock.h"

static struct closure_table *table_at(struct graph *g, uint32_t oid)
{
    struct closure *out = g->out;
    struct closure_table *t;
    size_t i;

    for (i = 0; i < out->ntables; i++)
        if (out->tables[i].oid == oid)
            return &out->tables[i];
    if (out->ntables == g->tables_cap) {
        size_t want = g->tables_cap == 0 ? 16 : g->tables_cap * 2;
        struct closure_table *grown = realloc(out->tables, want * sizeof(*grown));

        if (grown == NULL) {
            (void)err_oom(g->err);
            return NULL;
        }
        out->tables = grown;
        g->tables_cap = want;
    }
    t = &out->tables[out->ntables++];
    memset(t, 0, sizeof(*t));
    t->oid = oid;
    return t;
}

int graph_reach(struct graph *g, uint32_t oid, unsigned fate, const struct effect *e,
                const char *mode, const char *because)
{
    struct closure *out = g->out;
    struct closure_reach *r;

    if (out->nreaches == g->reaches_cap) {
        size_t want = g->reaches_cap == 0 ? 32 : g->reaches_cap * 2;

        if ((r = realloc(out->reaches, want * sizeof(*r))) == NULL)
            return err_oom(g->err);
        out->reaches = r;
        g->reaches_cap = want;
    }
    r = &out->reaches[out->nreaches++];
    memset(r, 0, sizeof(*r));
    r->effect = e;
    r->oid = oid;
    r->fate = fate;
    r->mode = lock_mode(lock_strength(mode));
    return strings_dup(&r->because, because, g->err);
}

struct closure_table *graph_touch(struct graph *g, uint32_t oid, unsigned fate,
                                  const struct effect *e, const char *mode, const char *because)
{
    struct closure_table *t = oid == 0 ? NULL : table_at(g, oid);

    if (t == NULL || graph_reach(g, oid, fate, e, mode, because) < 0)
        return NULL;
    if (t->statement == NULL)
        t->statement = e->statement;
    /* Named in the script outranks reached. */
    if (because == NULL && fate != CLOSURE_PARTNER) {
        free(t->because);
        t->because = NULL;
    } else if (because != NULL && t->because == NULL && t->fate == 0 &&
               strings_dup(&t->because, because, g->err) < 0) {
        return NULL;
    }
    t->fate |= fate;
    if (t->fate & ~CLOSURE_PARTNER)
        t->fate &= ~CLOSURE_PARTNER;
    if (lock_strength(mode) > lock_strength(t->lock)) {
        free(t->lock);
        t->lock = NULL;
        if (strings_dup(&t->lock, mode, g->err) < 0)
            return NULL;
    }
    return t;
}

int graph_column(struct graph *g, struct closure_table *t, const char *name, unsigned why,
                 const struct effect *e)
{
    struct closure_column *grown, *col;
    struct closure_reach *reach;
    size_t i;

    if (name == NULL)
        return 0;
    /* The reach was just recorded by touch. */
    reach = &g->out->reaches[g->out->nreaches - 1];
    reach->why = why;
    if (reach->column == NULL && strings_dup(&reach->column, name, g->err) < 0)
        return -1;
    for (i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            break;
    if (i == t->ncolumns) {
        if ((grown = realloc(t->columns, (t->ncolumns + 1) * sizeof(*grown))) == NULL)
            return err_oom(g->err);
        t->columns = grown;
        memset(&grown[i], 0, sizeof(*grown));
        t->ncolumns++;
        if (strings_dup(&grown[i].name, name, g->err) < 0)
            return -1;
        grown[i].statement = e->statement;
    }
    col = &t->columns[i];
    col->why |= why;
    if (why == CLOSURE_COLUMN_RETYPED && col->new_type == NULL) {
        col->statement = e->statement;
        col->using_sql = effect_expression(e);
        col->new_type = effect_type(e);
    }
    return 0;
}

int graph_sequence(struct graph *g, uint32_t oid, const char *schema, const char *name)
{
    struct closure *out = g->out;
    struct closure_sequence *s;
    size_t i;

    for (i = 0; i < out->nsequences; i++)
        if (out->sequences[i].oid == oid)
            return 0;
    if (out->nsequences == g->sequences_cap) {
        size_t want = g->sequences_cap == 0 ? 16 : g->sequences_cap * 2;

        if ((s = realloc(out->sequences, want * sizeof(*s))) == NULL)
            return err_oom(g->err);
        out->sequences = s;
        g->sequences_cap = want;
    }
    s = &out->sequences[out->nsequences++];
    memset(s, 0, sizeof(*s));
    s->oid = oid;
    if (strings_dup(&s->schema, schema, g->err) < 0 || strings_dup(&s->name, name, g->err) < 0)
        return -1;
    return 0;
}

int graph_fall(struct graph *g, const struct effect *e, uint32_t classid, uint32_t oid)
{
    struct closure *out = g->out;

    if (out->nfalls == g->falls_cap) {
        size_t want = g->falls_cap == 0 ? 32 : g->falls_cap * 2;
        struct closure_fall *grown = realloc(out->falls, want * sizeof(*grown));

        if (grown == NULL)
            return err_oom(g->err);
        out->falls = grown;
        g->falls_cap = want;
    }
    out->falls[out->nfalls++] = (struct closure_fall){e, classid, oid};
    return 0;
}
