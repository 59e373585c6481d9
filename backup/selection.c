#include "backup/selection.h"

#include <stdlib.h>
#include <string.h>

#include "backup/loss.h"
#include "backup/snapshot.h"
#include "core/buf.h"
#include "core/strings.h"
#include "pg/array.h"
#include "pg/catalog.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "script/closure.h"

static const char domains_sql[] =
#include "backup/sql/domains.sql.h"
    ;
static const char leaves_sql[] =
#include "backup/sql/leaves.sql.h"
    ;

char *selection_array(const uint32_t *oids, size_t n, struct err *err)
{
    struct buf b = {0};

    for (size_t i = 0; i < n; i++)
        if (array_number(&b, oids[i], err) != 0)
            goto fail;
    if (array_end(&b, err) == 0)
        return buf_take(&b, err);
fail:
    buf_free(&b);
    return NULL;
}

static int is_in(uint32_t oid, const uint32_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == oid)
            return 1;
    return 0;
}

/* What was asked for, as one array. */
static uint32_t *wanted(const struct snapshot_options *o, size_t *n, struct err *err)
{
    size_t most = o->closure != NULL ? o->closure->ntables : o->noids;
    uint32_t *oids = calloc(most + 1, sizeof(*oids));

    *n = 0;
    if (oids == NULL) {
        err_oom(err);
        return NULL;
    }
    for (size_t i = 0; o->closure != NULL && i < o->closure->ntables; i++)
        if (o->closure->tables[i].oid != 0 && closure_table_at_risk(&o->closure->tables[i]))
            oids[(*n)++] = o->closure->tables[i].oid;
    for (size_t i = 0; o->closure == NULL && i < o->noids; i++)
        oids[(*n)++] = o->oids[i];
    return oids;
}

static const struct closure_table *fate_of(const struct snapshot_options *o, uint32_t oid)
{
    for (size_t i = 0; o->closure != NULL && i < o->closure->ntables; i++)
        if (o->closure->tables[i].oid == oid)
            return &o->closure->tables[i];
    return NULL;
}

/* One row of leaves.sql. */
struct leaf {
    uint32_t oid;
    char kind, persistence;
    const char *parent_schema, *parent_name, *schema, *name, *extension;
};

static void leaf_of(const struct result *r, int row, struct leaf *l)
{
    l->oid = (uint32_t)result_int(r, row, 0);
    l->kind = result_text(r, row, 1)[0];
    l->parent_schema = result_text(r, row, 2);
    l->parent_name = result_text(r, row, 3);
    l->schema = result_text(r, row, 4);
    l->name = result_text(r, row, 5);
    l->persistence = result_text(r, row, 6)[0];
    l->extension = result_text(r, row, 7);
}

static int note(struct selection *s, const char *schema, const char *name, const char *what,
                struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (quote_pretty(&b, schema, name, err) == 0)
        rc = strings_addf(&s->notes, err, "%s: %s", b.data, what);
    buf_free(&b);
    return rc;
}

static int refuse(const struct leaf *l, struct err *err)
{
    struct buf b = {0};

    if (quote_pretty(&b, l->schema, l->name, err) == 0) {
        if (l->persistence == 't') {
            err_set(err, ERR_USAGE, "%s is a temporary table: it cannot be saved", b.data);
            err_hint(err, "leave it out with --exclude");
        } else {
            err_set(err, ERR_FAILED, "%s is an unlogged table: on a standby it has no rows to read", b.data);
            err_hint(err, "take the backup on the primary, or --exclude it");
        }
    }
    buf_free(&b);
    return -1;
}

static int is_table(const struct leaf *l, const struct snapshot_options *o)
{
    return (l->kind == 'r' || l->kind == 'p') && (l->extension == NULL || o->closure != NULL);
}

/* Why the rows of L are not saved, or NULL where they are or need no word. */
static const char *left_out(const struct leaf *l, const struct snapshot_options *o)
{
    switch (l->kind) {
    case 'r':
    case 'p':
        return is_table(l, o) ? NULL : "belongs to an extension: not saved";
    case 'm':
        return "a materialized view: its rows are not saved, REFRESH makes them again";
    case 'f':
        return "a foreign table: its rows are elsewhere and not saved";
    case 'v':
    case 'S':
        return NULL;
    default:
        return "not a table: nothing of it is saved";
    }
}

/* Types whose text is ASCII whatever was stored; the rest of a database without an encoding may hold
 * any bytes. */
static int is_ascii_type(const char *type)
{
    static const char *const types[] = {
        "smallint", "integer", "bigint",  "numeric", "real", "double precision", "boolean",
        "uuid",     "date",    "time",    "interval", "bytea", "oid", "inet", "cidr", "macaddr",
        "bit",      "money",   "pg_lsn",  NULL};

    for (const char *const *t = types; *t != NULL; t++) {
        size_t n = strlen(*t);

        /* "time" covers timestamp too; arrays of these are as plain */
        if (strncmp(type, *t, n) == 0)
            return 1;
    }
    return 0;
}

static int save_column(struct manifest_column *to, const struct catalog_column *from, int ascii,
                       struct err *err)
{
    if (strings_dup(&to->name, from->name, err) != 0 ||
        strings_dup(&to->type, from->type, err) != 0 || strings_dup(&to->carried, from->carried, err) != 0 ||
        strings_dup(&to->collation, from->collation, err) != 0 ||
        strings_dup(&to->expression, from->expression, err) != 0)
        return -1;
    to->identity = from->identity;
    to->not_null = from->not_null;
    to->base64 = ascii && !is_ascii_type(from->type);
    to->number = from->attnum;
    return 0;
}

static const struct catalog_column *stored(const struct catalog_table *t, const char *name)
{
    for (size_t i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return t->columns[i].generated ? NULL : &t->columns[i];
    return NULL;
}

/* NONE: a column of it is not stored. */
static enum selection_key key_becomes(const struct catalog_table *t, const struct catalog_key *k,
                                      const struct closure_table *fate)
{
    enum selection_key becomes = SELECTION_KEY_STAYS;

    if (k->ncolumns == 0)
        return SELECTION_KEY_NONE;
    for (size_t i = 0; i < k->ncolumns; i++) {
        unsigned why = fate != NULL ? closure_column_why(fate, k->columns[i]) : 0;
        enum selection_key one = (why & CLOSURE_COLUMN_DROPPED) != 0   ? SELECTION_KEY_DROPPED
                                 : (why & CLOSURE_COLUMN_UPDATED) != 0 ? SELECTION_KEY_UPDATED
                                 : (why & CLOSURE_COLUMN_RETYPED) != 0 ? SELECTION_KEY_RETYPED
                                                                       : SELECTION_KEY_STAYS;

        if (stored(t, k->columns[i]) == NULL)
            return SELECTION_KEY_NONE;
        if (one > becomes)
            becomes = one;
    }
    return becomes;
}

const struct catalog_key *selection_key(const struct catalog_table *t, const struct closure_table *fate,
                                        enum selection_key *becomes)
{
    const struct catalog_key *best = NULL;

    *becomes = SELECTION_KEY_NONE;
    for (size_t i = 0; i < t->nkeys; i++) {
        enum selection_key one = key_becomes(t, &t->keys[i], fate);

        if (one < *becomes) {
            *becomes = one;
            best = &t->keys[i];
        }
    }
    return best;
}

static int add_key(const struct catalog_key *k, char ***key, struct err *err)
{
    for (size_t i = 0; k != NULL && i < k->ncolumns; i++)
        if (strings_add(key, k->columns[i], err) != 0)
            return -1;
    return 0;
}

static int save_table(struct selection *s, struct manifest_table *m, const struct catalog_table *t,
                      const struct snapshot_options *o, int ascii, struct err *err)
{
    const struct closure_table *fate = fate_of(o, t->oid);
    struct loss loss = {0};
    enum selection_key becomes;
    int rc = -1;

    m->oid = t->oid;
    m->kind = t->kind;
    m->persistence = t->persistence;
    m->complete = 1;
    if (strings_dup(&m->schema, t->schema, err) != 0 || strings_dup(&m->name, t->name, err) != 0 ||
        strings_dup(&m->owner, t->owner, err) != 0 ||
        (fate != NULL && strings_dup(&m->because, fate->because, err) != 0) ||
        add_key(selection_key(t, fate, &becomes), &m->key, err) != 0)
        goto out;
    if (o->scope == SNAPSHOT_LOSS && fate != NULL && t->kind == 'r' &&
        loss_find(t, fate, m->key, becomes == SELECTION_KEY_DROPPED, s->domains, s->indirect, o, &loss, err) != 0)
        goto out;
    if (loss.note != NULL && note(s, t->schema, t->name, loss.note, err) != 0)
        goto out;
    m->filter = loss.filter;
    loss.filter = NULL;
    for (size_t i = 0; o->filters != NULL && i < o->noids; i++)
        if (o->oids[i] == t->oid && strings_dup(&m->filter, o->filters[i], err) != 0)
            goto out;
    if ((m->columns = calloc(t->ncolumns + 1, sizeof(*m->columns))) == NULL) {
        err_oom(err);
        goto out;
    }
    for (size_t i = 0; i < t->ncolumns; i++) {
        const struct catalog_column *c = &t->columns[i];

        if (c->generated) {
            if (strings_add(&m->generated, c->name, err) != 0)
                goto out;
        } else if (loss.columns != NULL && strings_find(loss.columns, c->name) < 0) {
            m->complete = 0;
        } else if (save_column(&m->columns[m->ncolumns++], c, ascii, err) != 0) {
            goto out;
        }
    }
    if (m->filter != NULL)
        m->complete = 0;
    rc = 0;
out:
    loss_free(&loss);
    return rc;
}

static struct result *read_leaves(struct conn *c, const uint32_t *oids, size_t n, struct err *err)
{
    char *array = selection_array(oids, n, err);
    const char *params[] = {array};
    struct query q = {.sql = leaves_sql, .params = params, .nparams = 1, .columns = 8};
    struct result *r = array == NULL ? NULL : query_run(c, &q, err);

    free(array);
    return r;
}

int selection_expand(struct conn *c, const uint32_t *oids, size_t n, uint32_t **all, size_t *nall,
                     struct err *err)
{
    struct result *r = read_leaves(c, oids, n, err);

    *all = NULL;
    *nall = 0;
    if (r == NULL)
        return -1;
    if ((*all = calloc((size_t)result_rows(r) + 1, sizeof(**all))) == NULL) {
        result_free(r);
        return err_oom(err);
    }
    for (int i = 0; i < result_rows(r); i++)
        (*all)[(*nall)++] = (uint32_t)result_int(r, i, 0);
    result_free(r);
    return 0;
}

int selection_names(struct conn *c, const struct snapshot_options *o, struct selection *s,
                    struct err *err)
{
    struct result *r = NULL;
    uint32_t *asked = NULL;
    size_t nasked = 0, n = 0;
    struct buf b = {0};
    int rc = -1;

    memset(s, 0, sizeof(*s));
    if ((asked = wanted(o, &nasked, err)) == NULL ||
        (r = read_leaves(c, asked, nasked, err)) == NULL)
        goto out;
    if ((s->locks = calloc((size_t)result_rows(r) + 1, sizeof(*s->locks))) == NULL) {
        err_oom(err);
        goto out;
    }
    for (int i = 0; i < result_rows(r); i++) {
        struct leaf l;

        leaf_of(r, i, &l);
        if (is_in(l.oid, o->exclude, o->nexclude) || !is_table(&l, o) || l.persistence == 't')
            continue;
        buf_reset(&b);
        if (quote_name(&b, l.schema, l.name, err) != 0 ||
            strings_add(&s->lock_names, b.data, err) != 0)
            goto out;
        s->locks[n++] = l.oid;
    }
    rc = 0;
out:
    result_free(r);
    buf_free(&b);
    free(asked);
    if (rc != 0)
        selection_free(s);
    return rc;
}

/* Room for every relation of R. */
static int make_room(struct selection *s, size_t rows, size_t sequences, struct err *err)
{
    s->tables = calloc(rows + 1, sizeof(*s->tables));
    s->pages = calloc(rows + 1, sizeof(*s->pages));
    s->oids = calloc(rows + 1, sizeof(*s->oids));
    s->sequences = calloc(rows + sequences + 1, sizeof(*s->sequences));
    if (s->tables == NULL || s->pages == NULL || s->oids == NULL || s->sequences == NULL)
        return err_oom(err);
    return 0;
}

static int read_domains(struct conn *c, const uint32_t *oids, size_t n, struct selection *s,
                        struct err *err)
{
    char *array = selection_array(oids, n, err);
    const char *params[] = {array};
    struct query q = {.sql = domains_sql, .params = params, .nparams = 1, .columns = 1};
    struct result *r = array == NULL ? NULL : query_run(c, &q, err);
    int rc = r == NULL ? -1 : 0;

    for (int i = 0; rc == 0 && i < result_rows(r); i++)
        rc = strings_add(&s->domains, result_text(r, i, 0), err);
    result_free(r);
    free(array);
    return rc;
}

int selection_make(struct conn *c, const struct snapshot_options *o, int ascii, int standby,
                   struct selection *s, struct err *err)
{
    struct catalog_table **tables = NULL;
    struct result *r = NULL;
    uint32_t *oids = NULL, *asked = NULL;
    size_t rows = 0, n = 0, nasked = 0;
    int *at = NULL;
    int rc = -1;

    memset(s, 0, sizeof(*s));
    if ((asked = wanted(o, &nasked, err)) == NULL ||
        (r = read_leaves(c, asked, nasked, err)) == NULL)
        goto out;
    rows = (size_t)result_rows(r);
    oids = calloc(rows + 1, sizeof(*oids));
    at = calloc(rows + 1, sizeof(*at));
    if (oids == NULL || at == NULL) {
        err_oom(err);
        goto out;
    }
    if (make_room(s, rows, o->closure != NULL ? o->closure->nsequences : 0, err) != 0)
        goto out;
    for (size_t i = 0; o->closure != NULL && i < o->closure->nsequences; i++)
        s->sequences[s->nsequences++] = o->closure->sequences[i].oid;
    for (size_t i = 0; i < rows; i++) {
        struct leaf l;
        const char *why;

        leaf_of(r, (int)i, &l);
        if (is_in(l.oid, o->exclude, o->nexclude))
            continue;
        if (l.kind == 'S')
            s->sequences[s->nsequences++] = l.oid;
        if ((why = left_out(&l, o)) != NULL && note(s, l.schema, l.name, why, err) != 0)
            goto out;
        if (!is_table(&l, o))
            continue;
        if (l.persistence == 't' || (l.persistence == 'u' && standby)) {
            (void)refuse(&l, err);
            goto out;
        }
        at[n] = (int)i;
        oids[n++] = l.oid;
    }
    if (n > 0 && (tables = catalog_tables_get(c, oids, n, err)) == NULL)
        goto out;
    if (o->scope == SNAPSHOT_LOSS &&
        (read_domains(c, oids, n, s, err) != 0 || loss_indirect(c, o, &s->indirect, err) != 0))
        goto out;
    for (size_t i = 0; i < n; i++) {
        struct manifest_table *m = &s->tables[s->n];

        if (tables[i] == NULL)
            continue;
        s->n++;
        if (save_table(s, m, tables[i], o, ascii, err) != 0 ||
            strings_dup(&m->parent_schema, result_text(r, at[i], 2), err) != 0 ||
            strings_dup(&m->parent_name, result_text(r, at[i], 3), err) != 0)
            goto out;
        m->stream = tables[i]->kind == 'r' ? (uint32_t)s->n : 0;
        memset(m->digest, '0', 32);
        s->oids[s->n - 1] = oids[i];
        s->pages[s->n - 1] = tables[i]->pages;
    }
    rc = 0;
out:
    result_free(r);
    free(oids);
    free(asked);
    free(at);
    catalog_tables_free(tables, n);
    if (rc != 0)
        selection_free(s);
    return rc;
}

void selection_free(struct selection *s)
{
    for (size_t i = 0; i < s->n; i++)
        manifest_table_clear(&s->tables[i]);
    free(s->tables);
    free(s->pages);
    free(s->oids);
    free(s->locks);
    strings_free(s->lock_names);
    free(s->sequences);
    strings_free(s->notes);
    strings_free(s->domains);
    memset(s, 0, sizeof(*s));
}
