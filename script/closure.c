#include "script/closure.h"

#include <stdlib.h>
#include <string.h>

#include "core/strings.h"
#include "pg/array.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "script/effect.h"
#include "script/follow.h"
#include "script/graph.h"
#include "script/impact.h"
#include "script/lock.h"
#include "script/node.h"
#include "script/question.h"
#include "script/resolve.h"

static const char relations_sql[] =
#include "script/sql/closure_relations.sql.h"
    ;
static const char sequences_sql[] =
#include "script/sql/closure_sequences.sql.h"
    ;

/* The OID of pg_class itself, fixed in every server. */
#define PG_CLASS 1259u

/* ---- what the script names ---- */

/* A statement on an index: its own lock, and its table's. */
static int apply_index(struct graph *g, const struct item *item)
{
    const struct effect *e = item->e;

    if (e->kind == EFFECT_DROP_INDEX)
        return 0;
    if (e->kind == EFFECT_REINDEX) {
        int concurrently = (e->flags & EFFECT_CONCURRENTLY) != 0;

        if (graph_touch(g, item->up, CLOSURE_ALTERED, e,
                        concurrently ? "ShareUpdateExclusiveLock" : "ShareLock",
                        "its index") == NULL)
            return -1;
        return graph_reach(g, item->oid, 0, e,
                           "AccessExclusiveLock", NULL);
    }
    return graph_reach(g, item->oid, 0, e, lock_of(e, conn_version(g->c)), NULL);
}

static int apply_named(struct graph *g)
{
    int version = conn_version(g->c);
    size_t i;

    for (i = 0; i < g->nitems; i++) {
        const struct item *item = &g->items[i];
        const struct effect *e = item->e;
        struct closure_table *t;

        if (!item->found) {
            if (!item->partner && (e->flags & EFFECT_IF_EXISTS) == 0 &&
                item->space != SPACE_CONSTRAINT && e->kind != EFFECT_READ &&
                e->kind != EFFECT_CREATE_OTHER) {
                char *object = effect_object(e);
                int rc = object == NULL ? err_oom(g->err) : 0;

                if (rc == 0 && strings_find(g->out->missing, object) < 0)
                    rc = strings_add(&g->out->missing, object, g->err);
                free(object);
                if (rc < 0)
                    return -1;
            }
            continue;
        }
        if (item->partner) {
            if (graph_touch(g, item->oid, CLOSURE_PARTNER, e, impact_partner_lock(e, version),
                            NULL) == NULL)
                return -1;
            continue;
        }
        if (item->space == SPACE_CONSTRAINT && item->kind == 'f' &&
            e->kind == EFFECT_VALIDATE_CONSTRAINT && item->up != 0 &&
            graph_touch(g, item->up, CLOSURE_PARTNER, e, "RowShareLock", "foreign key") == NULL)
            return -1;
        if (item->space == SPACE_STATISTICS &&
            graph_reach(g, item->up, 0, e, "ShareUpdateExclusiveLock", NULL) < 0)
            return -1;
        if (item->space != SPACE_RELATION)
            continue;
        if (item->kind == 'i' || item->kind == 'I') {
            if (apply_index(g, item) < 0)
                return -1;
            continue;
        }
        /* What is only read, and sequences that stay, are not the closure's: only their locks. */
        if (e->kind == EFFECT_READ || e->kind == EFFECT_CREATE_OTHER || (item->kind == 'S' && e->kind != EFFECT_DROP_SEQUENCE)) {
            if (graph_reach(g, item->oid, 0, e, lock_of(e, version), NULL) < 0)
                return -1;
            continue;
        }
        if (e->kind == EFFECT_DROP_TABLE && item->up != 0 &&
            graph_touch(g, item->up, CLOSURE_PARTNER, e, "AccessExclusiveLock", "its parent") ==
                NULL)
            return -1;
        if (e->kind == EFFECT_TRUNCATE && item->up != 0 && version < 140000 &&
            graph_reach(g, item->up, 0, e, "AccessShareLock", "its parent") < 0)
            return -1;
        if ((t = graph_touch(g, item->oid, impact_of(e), e, lock_of(e, version), NULL)) == NULL)
            return -1;
        t->kind = item->kind;
        if (impact_of_column(e) != 0 && (e->flags & EFFECT_VERSION) == 0 &&
            graph_column(g, t, impact_column_name(e), impact_of_column(e), e) < 0)
            return -1;
    }
    g->out->nmissing = strings_count(g->out->missing);
    return 0;
}

/* ---- names, order, sequences ---- */

/* Of a table that goes, no column needs a word. */
static void forget_columns(struct closure_table *t)
{
    size_t i;

    for (i = 0; i < t->ncolumns; i++) {
        free(t->columns[i].name);
        free(t->columns[i].using_sql);
        free(t->columns[i].new_type);
    }
    free(t->columns);
    t->columns = NULL;
    t->ncolumns = 0;
    t->fate &= ~(CLOSURE_COLUMNS | CLOSURE_ALTERED);
}

static void table_free(struct closure_table *t)
{
    forget_columns(t);
    free(t->schema);
    free(t->name);
    free(t->because);
    free(t->lock);
}

static int name_tables(struct graph *g)
{
    struct closure *out = g->out;
    struct closure_table *sorted = NULL;
    struct question q;
    size_t i, n = 0;
    int rc = -1;

    if (question_open(&q, g) < 0)
        goto out;
    for (i = 0; i < out->nreaches; i++)
        if (array_number(&q.p[0], out->reaches[i].oid, g->err) < 0)
            goto out;
    if (out->nreaches == 0) {
        rc = 0;
        goto out;
    }
    if (question_ask(&q, relations_sql, 1, 1, 4) < 0)
        goto out;
    if ((sorted = calloc(out->ntables + 1, sizeof(*sorted))) == NULL) {
        (void)err_oom(g->err);
        goto out;
    }
    /* In the server's order of names; what is neither table nor view leaves the list. */
    while (question_next(&q)) {
        const char *schema = result_text(q.r, q.row, 1), *name = result_text(q.r, q.row, 2);
        uint32_t oid = question_oid(&q, 0);
        char kind = result_text(q.r, q.row, 3)[0];

        for (i = 0; i < out->nreaches; i++) {
            struct closure_reach *reach = &out->reaches[i];

            if (reach->oid != oid || strncmp(schema, "pg_toast", 8) == 0)
                continue;
            reach->kind = kind;
            if (strings_dup(&reach->schema, schema, g->err) < 0 ||
                strings_dup(&reach->name, name, g->err) < 0)
                goto out;
        }
        for (i = 0; i < out->ntables && out->tables[i].oid != oid; i++)
            ;
        if (i == out->ntables)
            continue;
        if (kind == 'S') {
            if (graph_sequence(g, oid, schema, name) < 0)
                goto out;
            continue;
        }
        if (strchr("rpmfv", kind) == NULL)
            continue;
        if (strings_dup(&out->tables[i].schema, schema, g->err) < 0 ||
            strings_dup(&out->tables[i].name, name, g->err) < 0)
            goto out;
        out->tables[i].kind = kind;
        if (out->tables[i].fate & CLOSURE_DROPPED)
            forget_columns(&out->tables[i]);
        sorted[n++] = out->tables[i];
        memset(&out->tables[i], 0, sizeof(out->tables[i]));
    }
    for (i = 0; i < out->ntables; i++)
        table_free(&out->tables[i]);
    free(out->tables);
    out->tables = sorted;
    out->ntables = n;
    sorted = NULL;
    rc = 0;
out:
    /* On failure some tables were moved: give them back to be freed. */
    for (i = 0; sorted != NULL && i < n; i++)
        table_free(&sorted[i]);
    free(sorted);
    question_close(&q);
    return rc;
}

static int identity_clause(const struct effect *e)
{
    return e->kind == EFFECT_ALTER_TABLE_OTHER &&
           (strcmp(e->detail, "AT_DropIdentity") == 0 || strcmp(e->detail, "AT_SetIdentity") == 0);
}

/* The lock on a sequence that a column of the table owns; NULL: it is let alone. */
static const char *owned_lock(const struct effect *e, const char *column, char deptype,
                              const char *owner, int version)
{
    const char *own = impact_column_name(e);

    if (identity_clause(e))
        return column == NULL || own == NULL || strcmp(column, own) != 0 ? NULL
               : strcmp(e->detail, "AT_DropIdentity") == 0               ? "AccessExclusiveLock"
                                                           : "ShareRowExclusiveLock";
    switch ((int)e->kind) {
    case EFFECT_ALTER_TABLE_OTHER:
        return strcmp(e->detail, "AT_ChangeOwner") == 0 &&
                       !node_is(node_get(e->node, "newowner"), "rolename", owner)
                   ? "AccessExclusiveLock"
                   : NULL;
    case EFFECT_RENAME_TABLE:
        return node_get(e->node, "newschema") != NULL ? "AccessExclusiveLock" : NULL;
    case EFFECT_TRUNCATE:
        return node_true(e->node, "restart_seqs") ? "AccessExclusiveLock" : NULL;
    case EFFECT_READ:
        /* CREATE TABLE (LIKE ... INCLUDING DEFAULTS), which libpg_query has as a bit. */
        return version >= 140000 && deptype == 'a' && e->detail != NULL &&
                       strcmp(e->detail, "TableLikeClause") == 0 &&
                       (node_int(e->node, "options") & 8) != 0
                   ? "AccessShareLock"
                   : NULL;
    case EFFECT_ALTER_TYPE:
        /* The default is made anew, and leans on the sequence again. */
        return version >= 140000 && deptype == 'a' && column != NULL && own != NULL &&
                       strcmp(column, own) == 0
                   ? "AccessShareLock"
                   : NULL;
    default:
        return NULL;
    }
}

/* SET/DROP IDENTITY, OWNER TO, SET SCHEMA and their like work on the columns' own sequences. */
static int lock_owned(struct graph *g, const struct result *r, int row)
{
    int dropped = 0;
    size_t i;

    for (i = 0; i < g->nitems; i++) {
        const struct item *item = &g->items[i];
        const char *mode;

        if (!item->found || item->partner || item->space != SPACE_RELATION ||
            item->oid != (uint32_t)result_int(r, row, 3))
            continue;
        mode = owned_lock(item->e, result_text(r, row, 4), result_text(r, row, 5)[0],
                          result_text(r, row, 6), conn_version(g->c));
        if (mode != NULL &&
            graph_reach(g, (uint32_t)result_int(r, row, 0), 0, item->e, mode, NULL) < 0)
            return -1;
        dropped = dropped || (mode != NULL && identity_clause(item->e) &&
                              strcmp(item->e->detail, "AT_DropIdentity") == 0);
    }
    return dropped;
}

/* Sequences that fall with their tables; called before the names are read. */
static int add_owned_sequences(struct graph *g)
{
    struct question q;
    size_t i;
    int rc = -1;

    if (question_open(&q, g) < 0)
        goto out;
    for (i = 0; i < g->out->nreaches; i++)
        if (array_number(&q.p[0], g->out->reaches[i].oid, g->err) < 0)
            goto out;
    if (question_ask(&q, sequences_sql, 1, 1, 7) < 0)
        goto out;
    while (question_next(&q)) {
        const struct closure_table *t = closure_table_of(g->out, question_oid(&q, 3));
        int dropped = lock_owned(g, q.r, q.row);

        if (dropped < 0)
            goto out;
        if (!dropped && (t == NULL || (t->fate & (CLOSURE_DROPPED | CLOSURE_EMPTIED)) == 0))
            continue;
        if (graph_sequence(g, question_oid(&q, 0), result_text(q.r, q.row, 1),
                           result_text(q.r, q.row, 2)) < 0)
            goto out;
    }
    rc = 0;
out:
    question_close(&q);
    return rc;
}

static int remember_links(struct graph *g)
{
    struct closure *out = g->out;
    size_t i;

    if ((out->links = calloc(g->nitems + 1, sizeof(*out->links))) == NULL)
        return err_oom(g->err);
    for (i = 0; i < g->nitems; i++) {
        const struct item *item = &g->items[i];

        out->links[out->nlinks++] =
            (struct closure_link){item->e, item->classid, item->oid, item->kind, item->partner};
    }
    return 0;
}

static uint32_t linked(const struct closure *c, const struct effect *e, int partner)
{
    size_t i;

    for (i = 0; c != NULL && i < c->nlinks; i++)
        if (c->links[i].effect == e && c->links[i].partner == partner &&
            c->links[i].classid == PG_CLASS)
            return c->links[i].oid;
    return 0;
}

int closure_opaque(const struct closure *c, const struct effect *e)
{
    if (effect_calls(e) && (e->flags & EFFECT_OWN) == 0)
        return strings_find(c->readers, e->name) < 0;
    return e->kind == EFFECT_OPAQUE || e->kind == EFFECT_UNKNOWN || e->kind == EFFECT_DROP_OWNED ||
           e->kind == EFFECT_DROP_DATABASE;
}

uint32_t closure_relation(const struct closure *c, const struct effect *e)
{
    return linked(c, e, 0);
}

uint32_t closure_partner(const struct closure *c, const struct effect *e)
{
    return linked(c, e, 1);
}

const struct closure_table *closure_table_of(const struct closure *c, uint32_t oid)
{
    size_t i;

    for (i = 0; c != NULL && i < c->ntables; i++)
        if (c->tables[i].oid == oid)
            return &c->tables[i];
    return NULL;
}

unsigned closure_column_why(const struct closure_table *t, const char *column)
{
    for (size_t i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, column) == 0)
            return t->columns[i].why;
    return 0;
}

int closure_bystander(const struct closure_reach *r, int *scans)
{
    const struct effect *e = r->effect;
    int is = r->because != NULL && (strcmp(r->because, "the default partition") == 0 ||
                                    strcmp(r->because, "a partition of its") == 0);

    *scans = is && strchr("rm", r->kind) != NULL && e->kind != EFFECT_DROP_TABLE &&
             (e->detail == NULL || strcmp(e->detail, "AT_DetachPartition") != 0);
    return is;
}

int closure_table_at_risk(const struct closure_table *t)
{
    return (t->kind == 'r' || t->kind == 'p' || t->kind == 'm' || t->kind == 'f') &&
           (t->fate & (CLOSURE_DROPPED | CLOSURE_COLUMNS | CLOSURE_EMPTIED | CLOSURE_ROWS)) != 0;
}

struct closure *closure_find(struct conn *c, struct effects *const *effects, size_t n,
                             struct err *err)
{
    struct graph g = {.c = c, .err = err};
    int rc = -1;

    if ((g.out = calloc(1, sizeof(*g.out))) == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    if (resolve_names(&g, effects, n) < 0 || apply_named(&g) < 0 || follow_drops(&g) < 0 ||
        follow_children(&g) < 0 || follow_moved(&g) < 0 || follow_defaults(&g) < 0 || follow_keys(&g) < 0 || follow_partners(&g) < 0 ||
        follow_views(&g) < 0 || follow_users(&g) < 0 || follow_attributes(&g) < 0 || add_owned_sequences(&g) < 0 ||
        name_tables(&g) < 0 || remember_links(&g) < 0)
        goto out;
    rc = 0;
out:
    free(g.items);
    strings_free(g.paths);
    if (rc < 0) {
        closure_free(g.out);
        return NULL;
    }
    return g.out;
}

void closure_free(struct closure *c)
{
    size_t i;

    if (c == NULL)
        return;
    for (i = 0; i < c->ntables; i++)
        table_free(&c->tables[i]);
    free(c->tables);
    for (i = 0; i < c->nsequences; i++) {
        free(c->sequences[i].schema);
        free(c->sequences[i].name);
    }
    free(c->sequences);
    strings_free(c->missing);
    strings_free(c->readers);
    for (i = 0; i < c->nreaches; i++) {
        free(c->reaches[i].schema);
        free(c->reaches[i].name);
        free(c->reaches[i].column);
        free(c->reaches[i].because);
    }
    free(c->reaches);
    free(c->links);
    free(c->falls);
    free(c);
}
