#include "script/closure.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "script/effect.h"
#include "script/lock.h"
#include "script/node.h"
#include "script/statement.h"

static const char path_sql[] =
#include "script/sql/closure_path.sql.h"
    ;
static const char resolve_sql[] =
#include "script/sql/closure_resolve.sql.h"
    ;
static const char cascade_sql[] =
#include "script/sql/closure_cascade.sql.h"
    ;
static const char children_sql[] =
#include "script/sql/closure_children.sql.h"
    ;
static const char keys_sql[] =
#include "script/sql/closure_keys.sql.h"
    ;
static const char relations_sql[] =
#include "script/sql/closure_relations.sql.h"
    ;
static const char partners_sql[] =
#include "script/sql/closure_partners.sql.h"
    ;
static const char views_sql[] =
#include "script/sql/closure_views.sql.h"
    ;
static const char users_sql[] =
#include "script/sql/closure_users.sql.h"
    ;
static const char sequences_sql[] =
#include "script/sql/closure_sequences.sql.h"
    ;

/* The OID of pg_class itself, fixed in every server. */
#define PG_CLASS 1259u

/* The spaces of closure_resolve.sql. */
enum space { RELATION, TYPE, SCHEMA, ROUTINE, EXTENSION, CONSTRAINT, STATISTICS, NOWHERE };

/* A name to look up, and what it was found to be. */
struct item {
    const struct effect *e;
    int partner; /* the name is E's partner */
    enum space space;
    const char *schema, *name, *part;
    size_t path;
    uint32_t classid, oid;
    uint32_t up; /* an index's table, a partition's parent, a foreign key's referenced table */
    char kind;
    int found;
};

struct finder {
    struct conn *c;
    struct closure *out;
    struct item *items;
    size_t nitems, cap;
    char **paths; /* search paths in the order the script sets them */
    size_t tables_cap, sequences_cap, reaches_cap;
    struct err *err;
};

/* ---- array parameters ---- */

static int element(struct buf *b, const char *text, struct err *err)
{
    if (buf_addc(b, b->len == 0 ? '{' : ',', err) < 0)
        return -1;
    if (text == NULL)
        return buf_adds(b, "NULL", err);
    if (buf_addc(b, '"', err) < 0)
        return -1;
    for (; *text != '\0'; text++)
        if (((*text == '"' || *text == '\\') && buf_addc(b, '\\', err) < 0) ||
            buf_addc(b, *text, err) < 0)
            return -1;
    return buf_addc(b, '"', err);
}

static int element_number(struct buf *b, long long number, struct err *err)
{
    return buf_addf(b, err, "%c%lld", b->len == 0 ? '{' : ',', number);
}

static int finish(struct buf *b, struct err *err)
{
    return buf_adds(b, b->len == 0 ? "{}" : "}", err);
}

static struct result *ask(struct finder *f, const char *sql, struct buf *params, int n, int columns)
{
    const char *texts[5] = {NULL};
    struct query q = {.sql = sql, .params = texts, .nparams = n, .columns = columns};
    struct result *r;
    int i;

    for (i = 0; i < n; i++)
        texts[i] = params[i].data;
    if ((r = query_run(f->c, &q, f->err)) == NULL)
        (void)err_prefix(f->err, "cannot follow what the script reaches");
    return r;
}

/* ---- the result under construction ---- */

static struct closure_table *table_at(struct finder *f, uint32_t oid)
{
    struct closure *out = f->out;
    struct closure_table *t;
    size_t i;

    for (i = 0; i < out->ntables; i++)
        if (out->tables[i].oid == oid)
            return &out->tables[i];
    if (out->ntables == f->tables_cap) {
        size_t want = f->tables_cap == 0 ? 16 : f->tables_cap * 2;
        struct closure_table *grown = realloc(out->tables, want * sizeof(*grown));

        if (grown == NULL) {
            (void)err_oom(f->err);
            return NULL;
        }
        out->tables = grown;
        f->tables_cap = want;
    }
    t = &out->tables[out->ntables++];
    memset(t, 0, sizeof(*t));
    t->oid = oid;
    return t;
}

static int add_reach(struct finder *f, uint32_t oid, unsigned fate, const struct effect *e,
                     const char *mode, const char *because)
{
    struct closure *out = f->out;
    struct closure_reach *r;

    if (out->nreaches == f->reaches_cap) {
        size_t want = f->reaches_cap == 0 ? 32 : f->reaches_cap * 2;

        if ((r = realloc(out->reaches, want * sizeof(*r))) == NULL)
            return err_oom(f->err);
        out->reaches = r;
        f->reaches_cap = want;
    }
    r = &out->reaches[out->nreaches++];
    memset(r, 0, sizeof(*r));
    r->effect = e;
    r->oid = oid;
    r->fate = fate;
    r->mode = lock_mode(lock_strength(mode));
    return strings_dup(&r->because, because, f->err);
}

/* Relation OID meets FATE by statement of E under a lock of MODE; BECAUSE or NULL. */
static struct closure_table *touch(struct finder *f, uint32_t oid, unsigned fate,
                                   const struct effect *e, const char *mode, const char *because)
{
    struct closure_table *t = oid == 0 ? NULL : table_at(f, oid);

    if (t == NULL || add_reach(f, oid, fate, e, mode, because) < 0)
        return NULL;
    if (t->statement == NULL)
        t->statement = e->statement;
    /* Named in the script outranks reached. */
    if (because == NULL && fate != CLOSURE_PARTNER) {
        free(t->because);
        t->because = NULL;
    } else if (because != NULL && t->because == NULL && t->fate == 0 &&
               strings_dup(&t->because, because, f->err) < 0) {
        return NULL;
    }
    t->fate |= fate;
    if (t->fate & ~CLOSURE_PARTNER)
        t->fate &= ~CLOSURE_PARTNER;
    if (lock_strength(mode) > lock_strength(t->lock)) {
        free(t->lock);
        t->lock = NULL;
        if (strings_dup(&t->lock, mode, f->err) < 0)
            return NULL;
    }
    return t;
}

static int touch_column(struct finder *f, struct closure_table *t, const char *name, unsigned why,
                        const struct effect *e)
{
    struct closure_column *grown, *col;
    struct closure_reach *reach;
    size_t i;

    if (name == NULL)
        return 0;
    /* The reach was just recorded by touch. */
    reach = &f->out->reaches[f->out->nreaches - 1];
    reach->why = why;
    if (reach->column == NULL && strings_dup(&reach->column, name, f->err) < 0)
        return -1;
    for (i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            break;
    if (i == t->ncolumns) {
        if ((grown = realloc(t->columns, (t->ncolumns + 1) * sizeof(*grown))) == NULL)
            return err_oom(f->err);
        t->columns = grown;
        memset(&grown[i], 0, sizeof(*grown));
        t->ncolumns++;
        if (strings_dup(&grown[i].name, name, f->err) < 0)
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

static int add_sequence(struct finder *f, uint32_t oid, const char *schema, const char *name)
{
    struct closure *out = f->out;
    struct closure_sequence *s;
    size_t i;

    for (i = 0; i < out->nsequences; i++)
        if (out->sequences[i].oid == oid)
            return 0;
    if (out->nsequences == f->sequences_cap) {
        size_t want = f->sequences_cap == 0 ? 16 : f->sequences_cap * 2;

        if ((s = realloc(out->sequences, want * sizeof(*s))) == NULL)
            return err_oom(f->err);
        out->sequences = s;
        f->sequences_cap = want;
    }
    s = &out->sequences[out->nsequences++];
    memset(s, 0, sizeof(*s));
    s->oid = oid;
    if (strings_dup(&s->schema, schema, f->err) < 0 || strings_dup(&s->name, name, f->err) < 0)
        return -1;
    return 0;
}

/* ---- which names to look up ---- */

static int add_item(struct finder *f, struct item item)
{
    if (item.name == NULL)
        return 0;
    if (f->nitems == f->cap) {
        size_t want = f->cap == 0 ? 64 : f->cap * 2;
        struct item *grown = realloc(f->items, want * sizeof(*grown));

        if (grown == NULL)
            return err_oom(f->err);
        f->items = grown;
        f->cap = want;
    }
    f->items[f->nitems++] = item;
    return 0;
}

static enum space space_of(const struct effect *e)
{
    switch ((int)e->kind) {
    case EFFECT_DROP_SCHEMA:
        return SCHEMA;
    case EFFECT_DROP_TYPE:
    case EFFECT_ALTER_ENUM:
        return TYPE;
    case EFFECT_DROP_EXTENSION:
        return EXTENSION;
    case EFFECT_DROP_ROUTINE:
        return ROUTINE;
    case EFFECT_DROP_CONSTRAINT:
    case EFFECT_VALIDATE_CONSTRAINT:
        return CONSTRAINT;
    case EFFECT_CREATE_TABLE:
    case EFFECT_CREATE_OTHER:
    case EFFECT_SET:
    case EFFECT_TRANSACTION:
    case EFFECT_OPAQUE:
    case EFFECT_UNKNOWN:
    case EFFECT_DROP_DATABASE:
    case EFFECT_DROP_OWNED:
        return NOWHERE;
    case EFFECT_RENAME_OTHER:
        if (node_is(e->node, "renameType", "OBJECT_TYPE") ||
            node_is(e->node, "renameType", "OBJECT_DOMAIN") ||
            node_is(e->node, "objectType", "OBJECT_TYPE"))
            return TYPE;
        return node_get(e->node, "relation") != NULL ? RELATION : NOWHERE;
    case EFFECT_DROP_OTHER:
        if (e->detail != NULL && strcmp(e->detail, "OBJECT_STATISTIC_EXT") == 0)
            return STATISTICS;
        return e->name != NULL && e->detail != NULL &&
                       (strcmp(e->detail, "OBJECT_FOREIGN_TABLE") == 0 ||
                        strcmp(e->detail, "OBJECT_POLICY") == 0 ||
                        strcmp(e->detail, "OBJECT_RULE") == 0)
                   ? RELATION
                   : NOWHERE;
    case EFFECT_ALTER_TABLE_OTHER:
        return strstr(e->detail, "Attribute") != NULL ? TYPE : RELATION;
    case EFFECT_OTHER:
        return e->detail != NULL && strcmp(e->detail, "AlterDomainStmt") == 0 ? TYPE : RELATION;
    default:
        return RELATION;
    }
}

/* SET search_path: the list as SHOW would print it; NULL and no error where it is the default. */
static char *path_set(const struct effect *e, struct err *err)
{
    const json_t *args = node_get(e->node, "args");
    struct buf b = {0};
    size_t i, k;

    if (node_is(e->node, "kind", "VAR_RESET") || node_is(e->node, "kind", "VAR_SET_DEFAULT") ||
        node_is(e->node, "kind", "VAR_RESET_ALL") || args == NULL)
        return NULL;
    if (node_get(e->node, "funcname") != NULL) {
        /* set_config('search_path', 'a, b', ...) */
        const json_t *value = node_as(node_at(args, 1), "A_Const");

        return strdup(node_text(node_get(value, "sval"), "sval"));
    }
    for (i = 0; i < node_count(args); i++) {
        const char *s = node_text(node_get(node_as(node_at(args, i), "A_Const"), "sval"), "sval");

        if (buf_adds(&b, i == 0 ? "\"" : ", \"", err) < 0)
            goto fail;
        for (k = 0; s[k] != '\0'; k++)
            if ((s[k] == '"' && buf_addc(&b, '"', err) < 0) || buf_addc(&b, s[k], err) < 0)
                goto fail;
        if (buf_addc(&b, '"', err) < 0)
            goto fail;
    }
    return buf_take(&b, err);
fail:
    buf_free(&b);
    return NULL;
}

static int collect_items(struct finder *f, struct effects *const *effects, size_t n)
{
    size_t i, k;
    char *path;

    for (i = 0; i < n; i++)
        for (k = 0; effects[i] != NULL && k < effects[i]->count; k++) {
            const struct effect *e = &effects[i]->items[k];
            struct item item = {.e = e, .space = space_of(e)};

            item.path = strings_count(f->paths) - 1;
            if (e->kind == EFFECT_OPAQUE || e->kind == EFFECT_UNKNOWN ||
                e->kind == EFFECT_DROP_OWNED || e->kind == EFFECT_DROP_DATABASE)
                f->out->opaque++;
            if (e->kind == EFFECT_SET && e->detail != NULL &&
                strcmp(e->detail, "search_path") == 0) {
                path = path_set(e, f->err);
                if (f->err->kind != ERR_NONE ||
                    strings_add(&f->paths, path != NULL ? path : f->paths[0], f->err) < 0) {
                    free(path);
                    return -1;
                }
                free(path);
                continue;
            }
            if (e->partner != NULL) {
                struct item other = item;

                other.partner = 1;
                other.space = RELATION;
                other.schema = e->partner_schema;
                other.name = e->partner;
                if (add_item(f, other) < 0)
                    return -1;
            }
            if ((e->flags & (EFFECT_OWN | EFFECT_GONE)) != 0 || item.space == NOWHERE)
                continue;
            item.schema = e->on_server != NULL ? e->schema_on_server : e->schema;
            item.name = e->on_server != NULL ? e->on_server : e->name;
            if (item.space == CONSTRAINT) {
                struct item table = item;

                item.part = e->detail;
                table.space = RELATION;
                if (add_item(f, table) < 0)
                    return -1;
            }
            if (add_item(f, item) < 0)
                return -1;
        }
    return 0;
}

/* ---- look them up ---- */

static int resolve(struct finder *f, size_t path)
{
    struct buf p[5] = {{0}};
    struct result *r = NULL;
    size_t *numbers = calloc(f->nitems + 1, sizeof(*numbers)), n = 0, i;
    int rc = -1, row;

    if (numbers == NULL) {
        (void)err_oom(f->err);
        goto out;
    }
    for (i = 0; i < f->nitems; i++) {
        const struct item *item = &f->items[i];

        if (item->path != path || item->found)
            continue;
        numbers[n++] = i;
        if (element_number(&p[0], item->space, f->err) < 0 ||
            element(&p[1], item->schema, f->err) < 0 || element(&p[2], item->name, f->err) < 0 ||
            element(&p[3], item->part, f->err) < 0)
            goto out;
    }
    if (n == 0) {
        rc = 0;
        goto out;
    }
    for (i = 0; i < 4; i++)
        if (finish(&p[i], f->err) < 0)
            goto out;
    if (buf_adds(&p[4], f->paths[path], f->err) < 0 ||
        (r = ask(f, resolve_sql, p, 5, 5)) == NULL)
        goto out;
    for (row = 0; row < result_rows(r); row++) {
        size_t number = (size_t)result_int(r, row, 0) - 1;
        struct item *item, copy;

        if (number >= n)
            continue;
        item = &f->items[numbers[number]];
        if (item->found) {
            /* Several routines of one name: each is an item of its own. */
            copy = *item;
            if (add_item(f, copy) < 0)
                goto out;
            item = &f->items[f->nitems - 1];
        }
        item->found = 1;
        item->classid = (uint32_t)result_int(r, row, 1);
        item->oid = (uint32_t)result_int(r, row, 2);
        item->kind = result_text(r, row, 3)[0];
        item->up = (uint32_t)result_int(r, row, 4);
    }
    rc = 0;
out:
    for (i = 0; i < 5; i++)
        buf_free(&p[i]);
    free(numbers);
    result_free(r);
    return rc;
}

/* ---- what happens to them ---- */

static unsigned fate_of(const struct effect *e)
{
    if (e->flags & EFFECT_VERSION)
        return CLOSURE_VERSION;
    switch ((int)e->kind) {
    case EFFECT_DROP_TABLE:
    case EFFECT_DROP_MATVIEW:
        return CLOSURE_DROPPED;
    case EFFECT_DROP_COLUMN:
    case EFFECT_ALTER_TYPE:
        return CLOSURE_COLUMNS;
    case EFFECT_TRUNCATE:
        return CLOSURE_EMPTIED;
    case EFFECT_DELETE:
        return e->flags & EFFECT_WHOLE ? CLOSURE_EMPTIED : CLOSURE_ROWS;
    case EFFECT_UPDATE:
        return CLOSURE_ROWS;
    case EFFECT_MERGE:
        return CLOSURE_ROWS | CLOSURE_INSERTED;
    case EFFECT_INSERT:
        return node_is(node_get(e->node, "onConflictClause"), "action", "ONCONFLICT_UPDATE")
                   ? CLOSURE_ROWS | CLOSURE_INSERTED
                   : CLOSURE_INSERTED;
    case EFFECT_COPY_IN:
        return CLOSURE_INSERTED;
    default:
        return CLOSURE_ALTERED;
    }
}

static unsigned column_fate_of(const struct effect *e)
{
    return e->kind == EFFECT_DROP_COLUMN   ? CLOSURE_COLUMN_DROPPED
           : e->kind == EFFECT_ALTER_TYPE  ? CLOSURE_COLUMN_RETYPED
           : e->kind == EFFECT_UPDATE      ? CLOSURE_COLUMN_UPDATED
                                           : 0;
}

/* The lock on the effect's other relation. */
static const char *partner_lock(const struct effect *e)
{
    if (e->kind == EFFECT_ADD_CONSTRAINT)
        return "ShareRowExclusiveLock";
    if (e->kind == EFFECT_CREATE_TABLE)
        return node_get(e->node, "partbound") != NULL ? "AccessExclusiveLock"
                                                      : "ShareUpdateExclusiveLock";
    if (e->detail != NULL && strcmp(e->detail, "AT_AddInherit") == 0)
        return "ShareUpdateExclusiveLock";
    if (e->detail != NULL && strcmp(e->detail, "AT_DropInherit") == 0)
        return "AccessShareLock";
    return "AccessExclusiveLock";
}

static const char *column_name(const struct effect *e)
{
    return e->column_on_server != NULL ? e->column_on_server : e->column;
}

/* A statement on an index: its own lock, and its table's. */
static int apply_index(struct finder *f, const struct item *item)
{
    const struct effect *e = item->e;

    if (e->kind == EFFECT_DROP_INDEX)
        return 0;
    if (e->kind == EFFECT_REINDEX) {
        int concurrently = (e->flags & EFFECT_CONCURRENTLY) != 0;

        if (touch(f, item->up, CLOSURE_ALTERED, e,
                  concurrently ? "ShareUpdateExclusiveLock" : "ShareLock", "its index") == NULL)
            return -1;
        return add_reach(f, item->oid, 0, e,
                         concurrently ? "ShareUpdateExclusiveLock" : "AccessExclusiveLock", NULL);
    }
    return add_reach(f, item->oid, 0, e, lock_of(e, conn_version(f->c)), NULL);
}

static int apply_named(struct finder *f)
{
    int version = conn_version(f->c);
    size_t i;

    for (i = 0; i < f->nitems; i++) {
        const struct item *item = &f->items[i];
        const struct effect *e = item->e;
        struct closure_table *t;

        if (!item->found) {
            if (!item->partner && (e->flags & EFFECT_IF_EXISTS) == 0 &&
                item->space != CONSTRAINT && e->kind != EFFECT_READ) {
                char *object = effect_object(e);
                int rc = object == NULL ? err_oom(f->err) : 0;

                if (rc == 0 && strings_find(f->out->missing, object) < 0)
                    rc = strings_add(&f->out->missing, object, f->err);
                free(object);
                if (rc < 0)
                    return -1;
            }
            continue;
        }
        if (item->partner) {
            if (touch(f, item->oid, CLOSURE_PARTNER, e, partner_lock(e), NULL) == NULL)
                return -1;
            continue;
        }
        if (item->space == CONSTRAINT && item->kind == 'f' &&
            e->kind == EFFECT_VALIDATE_CONSTRAINT && item->up != 0 &&
            touch(f, item->up, CLOSURE_PARTNER, e, "RowShareLock", "foreign key") == NULL)
            return -1;
        if (item->space == STATISTICS &&
            add_reach(f, item->up, 0, e, "ShareUpdateExclusiveLock", NULL) < 0)
            return -1;
        if (item->space != RELATION)
            continue;
        if (item->kind == 'i' || item->kind == 'I') {
            if (apply_index(f, item) < 0)
                return -1;
            continue;
        }
        /* What is only read, and sequences that stay, are not the closure's: only their locks. */
        if (e->kind == EFFECT_READ || (item->kind == 'S' && e->kind != EFFECT_DROP_SEQUENCE)) {
            if (add_reach(f, item->oid, 0, e, lock_of(e, version), NULL) < 0)
                return -1;
            continue;
        }
        if (e->kind == EFFECT_DROP_TABLE && item->up != 0 &&
            touch(f, item->up, CLOSURE_PARTNER, e, "AccessExclusiveLock", "its parent") == NULL)
            return -1;
        if ((t = touch(f, item->oid, fate_of(e), e, lock_of(e, version), NULL)) == NULL)
            return -1;
        t->kind = item->kind;
        if (column_fate_of(e) != 0 && (e->flags & EFFECT_VERSION) == 0 &&
            touch_column(f, t, column_name(e), column_fate_of(e), e) < 0)
            return -1;
    }
    f->out->nmissing = strings_count(f->out->missing);
    return 0;
}

/* Is E a root of pg_depend's closure? */
static int falls(const struct item *item)
{
    switch ((int)item->e->kind) {
    case EFFECT_DROP_TABLE:
    case EFFECT_DROP_COLUMN:
    case EFFECT_DROP_SCHEMA:
    case EFFECT_DROP_TYPE:
    case EFFECT_DROP_EXTENSION:
    case EFFECT_DROP_SEQUENCE:
    case EFFECT_DROP_MATVIEW:
    case EFFECT_DROP_VIEW:
    case EFFECT_DROP_INDEX:
    case EFFECT_DROP_ROUTINE:
        return !item->partner;
    case EFFECT_DROP_CONSTRAINT:
        return item->space == CONSTRAINT;
    case EFFECT_DROP_OTHER:
        return item->kind == 'f';
    default:
        return 0;
    }
}

static int apply_fallen(struct finder *f, const struct result *r, int row, const struct item *item)
{
    const char *what = result_text(r, row, 1), *kind = result_text(r, row, 3);
    uint32_t on = (uint32_t)result_int(r, row, 2), partner = (uint32_t)result_int(r, row, 5);
    const struct effect *e = item->e;
    const char *column = result_text(r, row, 4), *ae = "AccessExclusiveLock";
    char k = kind == NULL ? '\0' : kind[0];
    struct closure_table *t;
    struct buf because = {0};
    char *object = effect_object(e);
    int root = result_bool(r, row, 7), rc = -1;

    if (object == NULL || buf_addf(&because, f->err, "%s %s %s",
                                   e->flags & EFFECT_CASCADE ? "CASCADE from" : "falls with",
                                   effect_name(e->kind) + (strncmp(effect_name(e->kind), "drop-", 5) == 0
                                                               ? 5
                                                               : 0),
                                   object) < 0) {
        (void)err_oom(f->err);
        goto out;
    }
    if (strcmp(what, "relation") == 0 && strchr("rpfm", k) != NULL && k != '\0') {
        if (root)
            goto done;
        if ((t = touch(f, on, CLOSURE_DROPPED, e, ae, because.data)) == NULL)
            goto out;
        t->kind = k;
    } else if (strcmp(what, "relation") == 0 && k == 'S') {
        /* Its name comes with the relations' names. */
        if ((t = touch(f, on, CLOSURE_DROPPED, e, ae, root ? NULL : because.data)) == NULL)
            goto out;
        t->kind = k;
    } else if (strcmp(what, "relation") == 0 && (k == 'i' || k == 'I')) {
        if (partner != 0 && touch(f, partner, CLOSURE_ALTERED, e, ae, because.data) == NULL)
            goto out;
    } else if (strcmp(what, "relation") == 0 && k == 'v') {
        if ((t = touch(f, on, CLOSURE_ALTERED, e, ae, root ? NULL : because.data)) == NULL)
            goto out;
        t->kind = k;
    } else if (strcmp(what, "column") == 0 && k != 'v' && k != 'c') {
        if (root)
            goto done;
        if ((t = touch(f, on, CLOSURE_COLUMNS, e, ae, because.data)) == NULL ||
            touch_column(f, t, column, CLOSURE_COLUMN_DROPPED, e) < 0)
            goto out;
    } else if (on != 0 && strcmp(what, "rule") != 0 && strcmp(what, "relation") != 0 &&
               strcmp(what, "column") != 0) {
        if (touch(f, on, CLOSURE_ALTERED, e, ae, because.data) == NULL ||
            (k == 'f' && partner != 0 && partner != on &&
             touch(f, partner, CLOSURE_PARTNER, e, ae, because.data) == NULL))
            goto out;
    }
done:
    rc = 0;
out:
    free(object);
    buf_free(&because);
    return rc;
}

static int follow_drops(struct finder *f)
{
    struct buf p[4] = {{0}};
    struct result *r = NULL;
    size_t *numbers = calloc(f->nitems + 1, sizeof(*numbers)), n = 0, i;
    int rc = -1, row;

    if (numbers == NULL) {
        (void)err_oom(f->err);
        goto out;
    }
    for (i = 0; i < f->nitems; i++) {
        const struct item *item = &f->items[i];

        if (!item->found || !falls(item) || (item->e->flags & EFFECT_VERSION) != 0)
            continue;
        numbers[n++] = i;
        if (element_number(&p[0], item->classid, f->err) < 0 ||
            element_number(&p[1], item->oid, f->err) < 0 ||
            element(&p[2], item->e->kind == EFFECT_DROP_COLUMN ? column_name(item->e) : NULL,
                    f->err) < 0 ||
            element(&p[3], item->e->flags & EFFECT_CASCADE ? "t" : "f", f->err) < 0)
            goto out;
    }
    if (n == 0) {
        rc = 0;
        goto out;
    }
    for (i = 0; i < 4; i++)
        if (finish(&p[i], f->err) < 0)
            goto out;
    if ((r = ask(f, cascade_sql, p, 4, 8)) == NULL)
        goto out;
    for (row = 0; row < result_rows(r); row++) {
        size_t number = (size_t)result_int(r, row, 0) - 1;

        if (number < n && apply_fallen(f, r, row, &f->items[numbers[number]]) < 0)
            goto out;
    }
    rc = 0;
out:
    for (i = 0; i < 4; i++)
        buf_free(&p[i]);
    free(numbers);
    result_free(r);
    return rc;
}

/* These stay with the parent. */
static int stays(const struct effect *e)
{
    static const char *const subtypes[] = {
        "AT_AttachPartition", "AT_DetachPartition", "AT_DetachPartitionFinalize", "AT_AddInherit",
        "AT_DropInherit", "AT_ReplicaIdentity", "AT_EnableRowSecurity", "AT_DisableRowSecurity",
        "AT_ForceRowSecurity", "AT_NoForceRowSecurity", "AT_ChangeOwner", "AT_SetRelOptions",
        "AT_ResetRelOptions", "AT_ClusterOn", "AT_DropCluster", "AT_SetTableSpace",
    };
    size_t i;

    if (e->kind == EFFECT_DROP_TABLE || e->kind == EFFECT_RENAME_TABLE ||
        e->kind == EFFECT_RENAME_OTHER || e->kind == EFFECT_DROP_OTHER)
        return 1;
    if (e->kind == EFFECT_OTHER)
        return e->detail == NULL || strcmp(e->detail, "LockStmt") != 0;
    for (i = 0; e->kind == EFFECT_ALTER_TABLE_OTHER && i < sizeof(subtypes) / sizeof(subtypes[0]);
         i++)
        if (strcmp(e->detail, subtypes[i]) == 0)
            return 1;
    return 0;
}

/* A change of a parent is one of its partitions and children, unless ONLY. */
static int follow_children(struct finder *f)
{
    struct buf p[1] = {{0}};
    struct result *r = NULL;
    size_t *numbers = calloc(f->nitems + 1, sizeof(*numbers)), n = 0, i;
    int rc = -1, row;

    if (numbers == NULL) {
        (void)err_oom(f->err);
        goto out;
    }
    for (i = 0; i < f->nitems; i++) {
        const struct item *item = &f->items[i];

        if (!item->found || item->partner || item->space != RELATION ||
            (item->kind != 'r' && item->kind != 'p' && item->kind != 'f') ||
            (item->e->flags & EFFECT_VERSION) != 0 || stays(item->e) ||
            /* ONLY spares the children, but for DROP COLUMN's look at them. */
            ((item->e->flags & EFFECT_ONLY) != 0 && item->e->kind != EFFECT_DROP_COLUMN))
            continue;
        numbers[n++] = i;
        if (element_number(&p[0], item->oid, f->err) < 0)
            goto out;
    }
    if (n == 0) {
        rc = 0;
        goto out;
    }
    if (finish(&p[0], f->err) < 0 || (r = ask(f, children_sql, p, 1, 2)) == NULL)
        goto out;
    for (row = 0; row < result_rows(r); row++) {
        size_t number = (size_t)result_int(r, row, 0) - 1;
        const struct effect *e;
        struct closure_table *t;

        if (number >= n)
            continue;
        e = f->items[numbers[number]].e;
        if (e->kind == EFFECT_READ || (e->flags & EFFECT_ONLY) != 0) {
            if (add_reach(f, (uint32_t)result_int(r, row, 1), 0, e,
                          lock_of(e, conn_version(f->c)), NULL) < 0)
                goto out;
            continue;
        }
        if ((t = touch(f, (uint32_t)result_int(r, row, 1), fate_of(e), e,
                       lock_of(e, conn_version(f->c)), "child or partition")) == NULL ||
            (column_fate_of(e) != 0 && touch_column(f, t, column_name(e), column_fate_of(e), e) < 0))
            goto out;
    }
    rc = 0;
out:
    buf_free(&p[0]);
    free(numbers);
    result_free(r);
    return rc;
}

static uint32_t closure_own(const struct finder *f, const struct effect *e)
{
    size_t i;

    for (i = 0; i < f->nitems; i++)
        if (f->items[i].e == e && !f->items[i].partner && f->items[i].found)
            return f->items[i].oid;
    return 0;
}

/* A change of type looks through the foreign keys on the column: both tables are locked alike. */
static int follow_partners(struct finder *f)
{
    struct buf p[2] = {{0}};
    struct result *r = NULL;
    size_t *numbers = calloc(f->nitems + 1, sizeof(*numbers)), n = 0, i;
    int rc = -1, row;

    if (numbers == NULL) {
        (void)err_oom(f->err);
        goto out;
    }
    for (i = 0; i < f->nitems; i++) {
        const struct item *item = &f->items[i];

        if (!item->found || item->partner || item->e->kind != EFFECT_ALTER_TYPE)
            continue;
        numbers[n++] = i;
        if (element_number(&p[0], item->oid, f->err) < 0 ||
            element(&p[1], column_name(item->e), f->err) < 0)
            goto out;
    }
    if (n == 0) {
        rc = 0;
        goto out;
    }
    if (finish(&p[0], f->err) < 0 || finish(&p[1], f->err) < 0 ||
        (r = ask(f, partners_sql, p, 2, 2)) == NULL)
        goto out;
    for (row = 0; row < result_rows(r); row++) {
        size_t number = (size_t)result_int(r, row, 0) - 1;

        if (number < n && touch(f, (uint32_t)result_int(r, row, 1), CLOSURE_PARTNER,
                                f->items[numbers[number]].e, "AccessExclusiveLock",
                                "foreign key") == NULL)
            goto out;
    }
    rc = 0;
out:
    buf_free(&p[0]);
    buf_free(&p[1]);
    free(numbers);
    result_free(r);
    return rc;
}

/* A domain's new constraint is checked in every table that uses it. */
static int follow_users(struct finder *f)
{
    struct buf p[1] = {{0}};
    struct result *r = NULL;
    size_t *numbers = calloc(f->nitems + 1, sizeof(*numbers)), n = 0, i;
    int rc = -1, row;

    if (numbers == NULL) {
        (void)err_oom(f->err);
        goto out;
    }
    for (i = 0; i < f->nitems; i++) {
        const struct effect *e = f->items[i].e;

        if (!f->items[i].found || e->kind != EFFECT_OTHER || e->detail == NULL ||
            strcmp(e->detail, "AlterDomainStmt") != 0 ||
            !(node_is(e->node, "subtype", "O") || node_is(e->node, "subtype", "V") ||
              (node_is(e->node, "subtype", "C") &&
               !node_true(node_as(node_get(e->node, "def"), "Constraint"), "skip_validation"))))
            continue;
        numbers[n++] = i;
        if (element_number(&p[0], f->items[i].oid, f->err) < 0)
            goto out;
    }
    if (n == 0) {
        rc = 0;
        goto out;
    }
    if (finish(&p[0], f->err) < 0 || (r = ask(f, users_sql, p, 1, 2)) == NULL)
        goto out;
    for (row = 0; row < result_rows(r); row++) {
        size_t number = (size_t)result_int(r, row, 0) - 1;

        if (number < n &&
            touch(f, (uint32_t)result_int(r, row, 1), CLOSURE_PARTNER, f->items[numbers[number]].e,
                  "ShareLock", "uses the domain") == NULL)
            goto out;
    }
    rc = 0;
out:
    buf_free(&p[0]);
    free(numbers);
    result_free(r);
    return rc;
}

/* Reading a view reads what is behind it. */
static int follow_views(struct finder *f)
{
    struct buf p[1] = {{0}};
    struct result *r = NULL;
    size_t *numbers = calloc(f->nitems + 1, sizeof(*numbers)), n = 0, i;
    int rc = -1, row;

    if (numbers == NULL) {
        (void)err_oom(f->err);
        goto out;
    }
    for (i = 0; i < f->nitems; i++) {
        const struct item *item = &f->items[i];

        if (!item->found || item->partner || item->space != RELATION ||
            !((item->e->kind == EFFECT_READ && item->kind == 'v') ||
              (item->kind == 'm' && item->e->detail != NULL &&
               strcmp(item->e->detail, "RefreshMatViewStmt") == 0)))
            continue;
        numbers[n++] = i;
        if (element_number(&p[0], item->oid, f->err) < 0)
            goto out;
    }
    if (n == 0) {
        rc = 0;
        goto out;
    }
    if (finish(&p[0], f->err) < 0 || (r = ask(f, views_sql, p, 1, 2)) == NULL)
        goto out;
    for (row = 0; row < result_rows(r); row++) {
        size_t number = (size_t)result_int(r, row, 0) - 1;

        if (number < n && add_reach(f, (uint32_t)result_int(r, row, 1), 0,
                                    f->items[numbers[number]].e, "AccessShareLock", NULL) < 0)
            goto out;
    }
    rc = 0;
out:
    buf_free(&p[0]);
    free(numbers);
    result_free(r);
    return rc;
}

/* Rows that foreign keys drag along. */
static int follow_keys(struct finder *f)
{
    struct buf p[2] = {{0}};
    struct result *r = NULL;
    const struct effect **by = calloc(f->nitems + f->out->ntables + 1, sizeof(*by));
    size_t n = 0, i, k;
    int rc = -1, row;

    if (by == NULL) {
        (void)err_oom(f->err);
        goto out;
    }
    /* Every table whose rows go by a statement: the named one and its partitions. */
    for (i = 0; i < f->nitems; i++) {
        const struct item *item = &f->items[i];
        const struct effect *e = item->e;
        const char *how = e->kind == EFFECT_DELETE || e->kind == EFFECT_MERGE ? "d"
                          : e->kind == EFFECT_UPDATE                          ? "u"
                          : e->kind == EFFECT_TRUNCATE && (e->flags & EFFECT_CASCADE) != 0
                              ? "t"
                              : NULL;

        if (!item->found || item->partner || how == NULL || item->space != RELATION ||
            (e->flags & EFFECT_VERSION) != 0)
            continue;
        by[n++] = e;
        if (element_number(&p[0], item->oid, f->err) < 0 || element(&p[1], how, f->err) < 0)
            goto out;
    }
    if (n == 0) {
        rc = 0;
        goto out;
    }
    if (finish(&p[0], f->err) < 0 || finish(&p[1], f->err) < 0 ||
        (r = ask(f, keys_sql, p, 2, 7)) == NULL)
        goto out;
    for (row = 0; row < result_rows(r); row++) {
        const char *action = result_text(r, row, 2), *column = result_text(r, row, 3);
        struct closure_table *t;
        struct buf because = {0};
        const struct effect *e;
        unsigned fate;
        char how;

        k = (size_t)result_int(r, row, 0) - 1;
        if (k >= n)
            continue;
        e = by[k];
        how = e->kind == EFFECT_TRUNCATE ? 't' : e->kind == EFFECT_UPDATE ? 'u' : 'd';
        /* A column that no key references carries nothing. */
        if (how == 'u' && column_name(e) != NULL &&
            (uint32_t)result_int(r, row, 5) == closure_own(f, e) &&
            strcmp(result_text(r, row, 6), column_name(e)) != 0)
            continue;
        fate = how == 't' ? CLOSURE_EMPTIED : CLOSURE_ROWS;
        /* RESTRICT and NO ACTION carry nothing, but are looked at under ROW SHARE. */
        if (how != 't' && strchr("cnd", action[0]) == NULL)
            fate = CLOSURE_PARTNER;
        if (buf_addf(&because, f->err, "foreign key %s", result_text(r, row, 4)) < 0)
            goto out;
        t = touch(f, (uint32_t)result_int(r, row, 1), fate, e,
                  how == 't'                 ? "AccessExclusiveLock"
                  : fate == CLOSURE_PARTNER  ? "RowShareLock"
                                             : "RowExclusiveLock",
                  because.data);
        buf_free(&because);
        if (t == NULL ||
            (fate == CLOSURE_ROWS && (how == 'u' || action[0] != 'c') &&
             touch_column(f, t, column, CLOSURE_COLUMN_UPDATED, e) < 0))
            goto out;
    }
    rc = 0;
out:
    buf_free(&p[0]);
    buf_free(&p[1]);
    free(by);
    result_free(r);
    return rc;
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

static int name_tables(struct finder *f)
{
    struct closure *out = f->out;
    struct buf p[1] = {{0}};
    struct result *r = NULL;
    struct closure_table *sorted = NULL;
    size_t i, n = 0;
    int rc = -1, row;

    for (i = 0; i < out->nreaches; i++)
        if (element_number(&p[0], out->reaches[i].oid, f->err) < 0)
            goto out;
    if (out->nreaches == 0) {
        rc = 0;
        goto out;
    }
    if (finish(&p[0], f->err) < 0 || (r = ask(f, relations_sql, p, 1, 4)) == NULL)
        goto out;
    if ((sorted = calloc(out->ntables + 1, sizeof(*sorted))) == NULL) {
        (void)err_oom(f->err);
        goto out;
    }
    /* In the server's order of names; what is neither table nor view leaves the list. */
    for (row = 0; row < result_rows(r); row++) {
        uint32_t oid = (uint32_t)result_int(r, row, 0);
        char kind = result_text(r, row, 3)[0];

        for (i = 0; i < out->nreaches; i++) {
            struct closure_reach *reach = &out->reaches[i];

            if (reach->oid != oid || kind == 't')
                continue;
            reach->kind = kind;
            if (strings_dup(&reach->schema, result_text(r, row, 1), f->err) < 0 ||
                strings_dup(&reach->name, result_text(r, row, 2), f->err) < 0)
                goto out;
        }
        for (i = 0; i < out->ntables && out->tables[i].oid != oid; i++)
            ;
        if (i == out->ntables)
            continue;
        if (kind == 'S') {
            if (add_sequence(f, oid, result_text(r, row, 1), result_text(r, row, 2)) < 0)
                goto out;
            continue;
        }
        if (strchr("rpmfv", kind) == NULL)
            continue;
        if (strings_dup(&out->tables[i].schema, result_text(r, row, 1), f->err) < 0 ||
            strings_dup(&out->tables[i].name, result_text(r, row, 2), f->err) < 0)
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
    buf_free(&p[0]);
    result_free(r);
    return rc;
}

static int about_identity(const struct effect *e)
{
    return e->kind == EFFECT_ALTER_TABLE_OTHER &&
           (strcmp(e->detail, "AT_DropIdentity") == 0 || strcmp(e->detail, "AT_SetIdentity") == 0);
}

/* SET/DROP IDENTITY and their like work on the column's own sequence. */
static int identity_sequence(struct finder *f, const struct result *r, int row)
{
    size_t i;

    for (i = 0; i < f->nitems; i++) {
        const struct item *item = &f->items[i];
        const struct effect *e = item->e;
        const char *column = result_text(r, row, 4);

        if (!item->found || item->partner || !about_identity(e) ||
            item->oid != (uint32_t)result_int(r, row, 3) || column == NULL ||
            column_name(e) == NULL || strcmp(column, column_name(e)) != 0)
            continue;
        if (add_reach(f, (uint32_t)result_int(r, row, 0), 0, e,
                      strcmp(e->detail, "AT_DropIdentity") == 0 ? "AccessExclusiveLock"
                                                                : "ShareRowExclusiveLock",
                      NULL) < 0)
            return -1;
        if (strcmp(e->detail, "AT_DropIdentity") == 0)
            return 1;
    }
    return 0;
}

/* Sequences that fall with their tables; called before the names are read. */
static int add_owned_sequences(struct finder *f)
{
    struct buf p[1] = {{0}};
    struct result *r = NULL;
    size_t i;
    int rc = -1, row;

    for (i = 0; i < f->out->ntables; i++)
        if (element_number(&p[0], f->out->tables[i].oid, f->err) < 0)
            goto out;
    if (p[0].len == 0) {
        rc = 0;
        goto out;
    }
    if (finish(&p[0], f->err) < 0 || (r = ask(f, sequences_sql, p, 1, 6)) == NULL)
        goto out;
    for (row = 0; row < result_rows(r); row++) {
        const struct closure_table *t = closure_table_of(f->out, (uint32_t)result_int(r, row, 3));
        int dropped = identity_sequence(f, r, row);

        if (dropped < 0)
            goto out;
        if (!dropped &&
            (t == NULL || (t->fate & (CLOSURE_DROPPED | CLOSURE_EMPTIED)) == 0))
            continue;
        if (add_sequence(f, (uint32_t)result_int(r, row, 0), result_text(r, row, 1),
                         result_text(r, row, 2)) < 0)
            goto out;
    }
    rc = 0;
out:
    buf_free(&p[0]);
    result_free(r);
    return rc;
}

static int remember_links(struct finder *f)
{
    struct closure *out = f->out;
    size_t i;

    if ((out->links = calloc(f->nitems + 1, sizeof(*out->links))) == NULL)
        return err_oom(f->err);
    for (i = 0; i < f->nitems; i++) {
        const struct item *item = &f->items[i];

        out->links[out->nlinks++] = (struct closure_link){item->e, item->classid, item->oid,
                                                          item->kind, item->partner};
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

int closure_table_at_risk(const struct closure_table *t)
{
    return (t->kind == 'r' || t->kind == 'p' || t->kind == 'm' || t->kind == 'f') &&
           (t->fate & (CLOSURE_DROPPED | CLOSURE_COLUMNS | CLOSURE_EMPTIED | CLOSURE_ROWS)) != 0;
}

struct closure *closure_find(struct conn *c, struct effects *const *effects, size_t n,
                             struct err *err)
{
    struct finder f = {.c = c, .err = err};
    char *path = NULL;
    size_t i;
    int rc = -1;

    if ((f.out = calloc(1, sizeof(*f.out))) == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    if (query_value(c, path_sql, &path, err) < 0 ||
        strings_add(&f.paths, path == NULL ? "" : path, err) < 0 ||
        collect_items(&f, effects, n) < 0)
        goto out;
    for (i = 0; i < strings_count(f.paths); i++)
        if (resolve(&f, i) < 0)
            goto out;
    if (apply_named(&f) < 0 || follow_drops(&f) < 0 || follow_children(&f) < 0 ||
        follow_keys(&f) < 0 || follow_partners(&f) < 0 || follow_views(&f) < 0 || follow_users(&f) < 0 ||
        add_owned_sequences(&f) < 0 || name_tables(&f) < 0 || remember_links(&f) < 0)
        goto out;
    rc = 0;
out:
    free(path);
    free(f.items);
    strings_free(f.paths);
    if (rc < 0) {
        closure_free(f.out);
        return NULL;
    }
    return f.out;
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
    for (i = 0; i < c->nreaches; i++) {
        free(c->reaches[i].schema);
        free(c->reaches[i].name);
        free(c->reaches[i].column);
        free(c->reaches[i].because);
    }
    free(c->reaches);
    free(c->links);
    free(c);
}
