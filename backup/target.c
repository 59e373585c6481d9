#include "backup/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/selection.h"
#include "backup/surround.h"
#include "core/buf.h"
#include "core/strings.h"
#include "pg/catalog.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"

static char *pretty(const char *schema, const char *name, struct err *err)
{
    struct buf b = {0};

    if (quote_pretty(&b, schema, name, err) == 0)
        return buf_take(&b, err);
    buf_free(&b);
    return NULL;
}

/* ---- what is asked for ---- */

/* SCHEMA NULL: the only one of that name. */
static const struct manifest_table *find_saved(const struct manifest *m, const char *schema,
                                               const char *name, struct err *err)
{
    const struct manifest_table *found = NULL;

    for (size_t i = 0; i < m->ntables; i++) {
        const struct manifest_table *t = &m->tables[i];

        if (strcmp(t->name, name) != 0 || (schema != NULL && strcmp(t->schema, schema) != 0))
            continue;
        if (found != NULL) {
            err_set(err, ERR_USAGE, "the backup holds %s.%s and %s.%s: say which", found->schema,
                    name, t->schema, name);
            return NULL;
        }
        found = t;
    }
    if (found == NULL) {
        err_set(err, ERR_USAGE, "the backup does not hold a table %s%s%s",
                schema != NULL ? schema : "", schema != NULL ? "." : "", name);
        err_hint(err, "mig-backup show lists what it holds");
    }
    return found;
}

static int is_key(const struct manifest_table *t, size_t column)
{
    return strings_find(t->key, t->columns[column].name) >= 0;
}

/* The columns that are asked for, in the file's order, and the key that finds the rows. */
static int choose_columns(struct target *t, const char *const *asked, struct err *err)
{
    const struct manifest_table *s = t->saved;

    if ((t->columns = calloc(s->ncolumns + 1, sizeof(*t->columns))) == NULL)
        return err_oom(err);
    for (const char *const *a = asked; a != NULL && *a != NULL; a++)
        if (manifest_column_find(s, *a) < 0) {
            err_set(err, ERR_USAGE, "the backup holds no column \"%s\" of %s", *a, t->title);
            if (strings_find(s->generated, *a) >= 0)
                err_hint(err, "it is computed from others, which are restored");
            return -1;
        }
    for (size_t i = 0; i < s->ncolumns; i++) {
        int wanted = asked == NULL || is_key(s, i);

        for (const char *const *a = asked; !wanted && *a != NULL; a++)
            wanted = strcmp(*a, s->columns[i].name) == 0;
        if (wanted)
            t->columns[t->ncolumns++] = i;
    }
    return 0;
}

static int needs_key(const struct target *t)
{
    return t->mode == RESTORE_MISSING || t->mode == RESTORE_MERGE || t->mode == RESTORE_COLUMNS;
}

static int add(struct target_list *l, const struct manifest_table *saved, enum restore_mode mode,
               const struct restore_target *asked, struct err *err)
{
    const char *const *columns = asked != NULL ? asked->columns : NULL;
    struct target *t = &l->items[l->n++];

    t->saved = saved;
    t->mode = mode;
    t->key = saved->key;
    t->asked = asked;
    t->result.key_changed = asked != NULL && asked->key_changed;
    if ((t->title = pretty(saved->schema, saved->name, err)) == NULL)
        return -1;
    for (size_t i = 0; i + 1 < l->n; i++)
        if (l->items[i].saved == saved)
            return err_set(err, ERR_USAGE, "%s is named twice", t->title);
    if (columns != NULL && mode != RESTORE_COLUMNS)
        return err_set(err, ERR_USAGE, "single columns of %s can be restored with --mode columns only",
                       t->title);
    if (needs_key(t) && t->key == NULL) {
        err_set(err, ERR_REFUSED, "%s has no key: its rows cannot be told apart", t->title);
        err_hint(err, "restore the whole of it: --mode empty or --mode replace");
        return -1;
    }
    if (!saved->complete && mode != RESTORE_COLUMNS) {
        err_set(err, ERR_REFUSED, "the backup holds only a part of %s (--scope loss)", t->title);
        err_hint(err, "put the saved values back by key: --mode columns");
        return -1;
    }
    return choose_columns(t, columns, err);
}

int target_list_make(const struct manifest *m, const struct restore_options *o,
                     struct target_list *l, struct err *err)
{
    memset(l, 0, sizeof(*l));
    if ((l->items = calloc(m->ntables + o->ntargets + 1, sizeof(*l->items))) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < o->ntargets; i++) {
        const struct restore_target *a = &o->targets[i];
        const struct manifest_table *s = find_saved(m, a->schema, a->name, err);

        if (s == NULL)
            goto fail;
        if (s->stream != 0) {
            if (add(l, s, a->mode, a, err) != 0)
                goto fail;
            continue;
        }
        /* a partitioned table: its partitions */
        for (size_t k = 0; k < m->ntables; k++)
            if (m->tables[k].stream != 0 && m->tables[k].parent_name != NULL &&
                strcmp(m->tables[k].parent_name, s->name) == 0 &&
                strcmp(m->tables[k].parent_schema, s->schema) == 0 &&
                add(l, &m->tables[k], a->mode, a, err) != 0)
                goto fail;
    }
    for (size_t i = 0; o->ntargets == 0 && i < m->ntables; i++)
        if (m->tables[i].stream != 0 && add(l, &m->tables[i], o->mode, NULL, err) != 0)
            goto fail;
    return 0;
fail:
    target_list_free(l);
    return -1;
}

void target_list_free(struct target_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        catalog_table_free(l->items[i].table);
        free(l->items[i].columns);
        free(l->items[i].stage);
        free(l->items[i].title);
        free(l->items[i].result.schema);
        free(l->items[i].result.name);
    }
    free(l->items);
    memset(l, 0, sizeof(*l));
}

const char *target_schema(const struct target *t, const struct restore_options *o)
{
    return o->into != NULL ? o->into : t->saved->schema;
}

/* ---- what is there ---- */

int target_look(struct conn *c, const struct restore_options *o, struct target *t, struct err *err)
{
    const char *schema = target_schema(t, o);
    uint32_t oid = 0;

    catalog_table_free(t->table);
    t->table = NULL;
    if (catalog_find(c, schema, t->saved->name, NULL, &oid, err) != 0)
        return -1;
    if (oid == 0)
        return 0;
    if ((t->table = catalog_table_get(c, oid, err)) == NULL)
        return -1;
    if (t->table->kind != 'r')
        return err_set(err, ERR_REFUSED, "%s.%s is not a plain table now: its rows cannot be restored",
                       schema, t->saved->name);
    return 1;
}

const struct catalog_column *target_column(const struct catalog_table *t, const char *name)
{
    for (size_t i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

static const struct manifest_type *find_type(const struct manifest *m,
                                             const struct manifest_type *like)
{
    for (size_t i = 0; i < m->ntypes; i++)
        if (strcmp(m->types[i].name, like->name) == 0 &&
            strcmp(m->types[i].schema, like->schema) == 0)
            return &m->types[i];
    return NULL;
}

static int join_members(struct buf *b, char *const *members, struct err *err)
{
    for (size_t i = 0; members != NULL && members[i] != NULL; i++)
        if ((i > 0 && buf_adds(b, ", ", err) != 0) || buf_adds(b, members[i], err) != 0)
            return -1;
    return 0;
}

/* Every saved label still there and in the same order; more of them do no harm. */
static int labels_kept(char *const *saved, char *const *now)
{
    for (; saved != NULL && *saved != NULL; saved++) {
        while (now != NULL && *now != NULL && strcmp(*now, *saved) != 0)
            now++;
        if (now == NULL || *now == NULL)
            return 0;
        now++;
    }
    return 1;
}

static int same_members(char *const *a, char *const *b)
{
    size_t n = strings_count(a);

    if (n != strings_count(b))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i], b[i]) != 0)
            return 0;
    return 1;
}

static int compare_types(const struct manifest *m, const struct manifest *now, struct buf *diff,
                         struct err *err)
{
    for (size_t i = 0; i < now->ntypes; i++) {
        const struct manifest_type *n = &now->types[i], *s = find_type(m, n);

        if (s == NULL || (s->kind == n->kind && (s->kind == 'e' ? labels_kept(s->members, n->members)
                                                                : same_members(s->members, n->members))))
            continue;
        if (buf_addf(diff, err, "%stype %s.%s was (", diff->len > 0 ? "; " : "", n->schema, n->name) != 0 ||
            join_members(diff, s->members, err) != 0 || buf_adds(diff, ") and is (", err) != 0 ||
            join_members(diff, n->members, err) != 0 || buf_addc(diff, ')', err) != 0)
            return -1;
    }
    return 0;
}

static int compare_columns(const struct target *t, struct buf *diff, struct err *err)
{
    for (size_t i = 0; i < t->ncolumns; i++) {
        const struct manifest_column *s = &t->saved->columns[t->columns[i]];
        const struct catalog_column *n = target_column(t->table, s->name);
        const char *sep = diff->len > 0 ? "; " : "";
        int rc = 0;

        if (n == NULL)
            rc = buf_addf(diff, err, "%sthere is no column \"%s\" any more", sep, s->name);
        else if (n->generated)
            rc = buf_addf(diff, err, "%scolumn \"%s\" is computed now", sep, s->name);
        else if (strcmp(n->type, s->type) != 0)
            rc = buf_addf(diff, err, "%scolumn \"%s\" was %s and is %s", sep, s->name, s->type, n->type);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* A key that was dropped and made again numbers the rows anew: the saved one tells them apart no more. */
static int compare_key(struct conn *c, const struct manifest *m, const struct target *t, struct err *err)
{
    int64_t database = 0;

    if (!needs_key(t) || t->table->oid != t->saved->oid || m->database_oid == 0)
        return 0;
    for (char *const *k = t->key; k != NULL && *k != NULL; k++) {
        int saved = manifest_column_find(t->saved, *k);
        const struct catalog_column *now = target_column(t->table, *k);

        if (saved < 0 || now == NULL || t->saved->columns[saved].number == 0 || t->saved->columns[saved].number == now->attnum)
            continue;
        /* Another database may have a table of that number. */
        if (query_int(c, "SELECT oid::pg_catalog.int8 FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()",
                      &database, err) != 0)
            return -1;
        if (database != (int64_t)m->database_oid)
            return 0;
        err_set(err, ERR_REFUSED, "the column \"%s\" of %s was dropped and made again since: by it the saved rows would be taken for "
                                  "others", *k, t->title);
        err_hint(err, "--mode replace puts the table back as it was saved; or restore beside it (--into SCHEMA --create) and decide "
                      "row by row");
        return -1;
    }
    return 0;
}

int target_compare(struct conn *c, const struct manifest *m, struct target *t, struct err *err)
{
    struct manifest *now = calloc(1, sizeof(*now));
    char *array = selection_array(&t->table->oid, 1, err);
    struct buf diff = {0};
    int rc = -1;

    if (now == NULL) {
        err_oom(err);
        goto out;
    }
    if (array == NULL || compare_key(c, m, t, err) != 0 || surround_types(c, array, now, err) != 0 ||
        compare_columns(t, &diff, err) != 0 || compare_types(m, now, &diff, err) != 0)
        goto out;
    if (diff.len > 0) {
        err_set(err, ERR_REFUSED, "%s is not as it was when it was saved", t->title);
        err_detail(err, "%s", diff.data);
        err_hint(err, "bring the schema to where the backup was taken, name the columns that still fit "
                      "(-t %s:COLUMN,... --mode columns), or restore beside it with --into SCHEMA --create",
                 t->title);
        goto out;
    }
    rc = 0;
out:
    manifest_free(now);
    free(array);
    buf_free(&diff);
    return rc;
}
