#include "rollback/recorded.h"

#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"
#include "backup/manifest.h"
#include "backup/restore.h"
#include "backup/shelf.h"
#include "core/buf.h"
#include "core/state.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "migration/version.h"
#include "pg/environment.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/execute.h"
#include "rollback/guard.h"
#include "script/effect.h"

/* Tables of one kind of restore. */
struct recorded_set {
    struct restore_target *targets;
    char ***columns; /* one list per target, or NULL entries */
    size_t ntargets;
};

struct recorded {
    char *path;
    struct manifest *manifest;
    const char *target; /* of several version rows, the one that is not there now; else NULL */
    struct recorded_set again, changed, deleted;
    struct run_values values[3];
};

static void set_free(struct recorded_set *s);

static int same_database(const struct guard *g, const struct manifest *m, struct err *err)
{
    const struct environment *e = g->environment;

    if (m->system_id != NULL && m->system_id[0] != '\0' && e->system_id[0] != '\0' &&
        (strcmp(m->system_id, e->system_id) != 0 || m->database_oid != e->database_oid)) {
        (void)err_set(err, ERR_REFUSED, "the backup is of another database (\"%s\" on server %s)", m->database,
                      m->system_id);
        err_hint(err, "\"mig-backup list\" shows which one is of \"%s\"; a copy of a server is another server", e->database);
        return -1;
    }
    if (m->database == NULL || strcmp(m->database, e->database) != 0) {
        (void)err_set(err, ERR_REFUSED, "the backup is of database \"%s\", not \"%s\"",
                      m->database != NULL ? m->database : "?", e->database);
        err_hint(err, "\"mig-backup list\" shows which one is of \"%s\"", e->database);
        return -1;
    }
    return 0;
}

static int holds(char *const *rows, const char *row)
{
    for (size_t i = 0; rows != NULL && rows[i] != NULL; i++)
        if (strcmp(rows[i], row) == 0)
            return 1;
    return 0;
}

int recorded_choose(struct recorded *r, const struct guard *g, struct err *err)
{
    struct version_name name = {0};
    char **rows = NULL, *const *was = r->manifest->from;
    size_t gone = 0;
    int rc = -1;

    if (strings_count(was) <= 1)
        return 0;
    if (version_find(g->control, g->request->plan.version_table, &name, err) != 0 ||
        (name.table != NULL && (rows = version_rows(g->control, &name, err)) == NULL))
        goto out;
    r->target = was[0];
    for (size_t i = 0; was[i] != NULL; i++)
        if (!holds(rows, was[i])) {
            r->target = was[i];
            gone++;
        }
    if (gone <= 1) {
        rc = 0;
        goto out;
    }
    (void)err_set(err, ERR_USAGE, "\"%s\" was made at %zu version rows, and %zu branches have moved since; one of them can be "
                  "gone back with one command", r->path, strings_count(was), gone);
    err_hint(err, "go back branch by branch with mig-rollback run, then mig-backup restore");
out:
    version_name_free(&name);
    strings_free(rows);
    return rc;
}

struct recorded *recorded_open(const struct guard *g, const char *file, struct err *err)
{
    struct recorded *r = calloc(1, sizeof(*r));
    struct shelf_whose whose = {
        .keys = g->request->keys,
        .database = g->environment->database,
        .system_id = g->environment->system_id,
    };
    struct archive_reader *a = NULL;

    if (r == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    if ((r->path = shelf_find(state_shelf(g->request->common, g->request->config), file, &whose, err)) ==
            NULL ||
        (a = archive_open(r->path, g->request->keys, err)) == NULL ||
        (r->manifest = manifest_read(archive_manifest(a), err)) == NULL ||
        same_database(g, r->manifest, err) != 0)
        goto fail;
    if (r->manifest->from == NULL) {
        (void)err_set(err, ERR_USAGE, "\"%s\" does not say at which version it was made", r->path);
        err_hint(err, "it was taken without revisions (-t, --all, --for-sql). Go back with: mig-rollback run REV; then mig-backup restore");
        goto fail;
    }
    archive_reader_free(a);
    return r;
fail:
    archive_reader_free(a);
    recorded_free(r);
    return NULL;
}

void recorded_free(struct recorded *r)
{
    if (r == NULL)
        return;
    set_free(&r->again);
    set_free(&r->changed);
    set_free(&r->deleted);
    manifest_free(r->manifest);
    free(r->path);
    free(r);
}

const char *recorded_revision(const struct recorded *r)
{
    if (r->target != NULL)
        return r->target;
    return r->manifest->from[0] != NULL ? r->manifest->from[0] : "base";
}

/* Does E mean T?  1, 0, or -1.  Without a schema: where the migration's session finds it, or would make it. */
static int names(const struct guard *g, const struct effect *e, const struct manifest_table *t, struct err *err)
{
    static const char made_sql[] = "SELECT pg_catalog.current_schema() OPERATOR(pg_catalog.=) $2 WHERE $1::pg_catalog.text IS NOT NULL";
    static const char found_sql[] =
        "SELECT coalesce((SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid "
        "OPERATOR(pg_catalog.=) c.relnamespace WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)), "
        "pg_catalog.current_schema()) OPERATOR(pg_catalog.=) $2";
    const char *params[2] = {NULL, t->schema};
    struct query q = {.sql = e->kind == EFFECT_CREATE_TABLE ? made_sql : found_sql, .params = params, .nparams = 2,
                      .columns = 1, .min_rows = 1, .max_rows = 1};
    struct buf name = {0};
    struct result *r = NULL;
    int yes = -1;

    if (e->name == NULL || strcmp(e->name, t->name) != 0)
        return 0;
    if (e->schema != NULL)
        return strcmp(e->schema, t->schema) == 0;
    if (quote_ident(&name, e->name, err) == 0) {
        params[0] = name.data;
        if ((r = query_run(g->main, &q, err)) != NULL)
            yes = result_bool(r, 0, 0);
    }
    result_free(r);
    buf_free(&name);
    return yes;
}

/* WHOLE: made again whole; columns made again are added to COLUMNS; LOST: one of them that belongs to the key. */
static int made_again(const struct guard *g, const struct manifest_table *t, int *whole, const char **lost,
                      char ***columns, struct err *err)
{
    const struct plan *p = g->plan;

    *whole = 0;
    *lost = NULL;
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct effects *all = p->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++) {
            const struct effect *e = &all->items[k];
            int yes = names(g, e, t, err);

            if (yes < 0)
                return -1;
            if (!yes)
                continue;
            if (e->kind == EFFECT_CREATE_TABLE)
                *whole = 1;
            if (e->kind == EFFECT_ADD_COLUMN && e->column != NULL && t->key != NULL &&
                strings_find(t->key, e->column) >= 0)
                *lost = e->column;
            if ((e->kind == EFFECT_ADD_COLUMN || e->kind == EFFECT_ALTER_TYPE) && e->column != NULL &&
                manifest_column_find(t, e->column) >= 0 &&
                (*columns == NULL || strings_find(*columns, e->column) < 0) &&
                strings_add(columns, e->column, err) != 0)
                return -1;
        }
    }
    return 0;
}

/* What the upgrade changed or deleted in place and nothing makes again: 1 and a target, or 0. */
static int changed_in_place(const struct guard *g, const struct manifest_table *t, char *const *again,
                            int *deleted, char ***columns, struct err *err)
{
    *deleted = 0;
    for (size_t i = 0; g->reverse != NULL && i < g->reverse->nsteps; i++) {
        const struct effects *all = g->reverse->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++) {
            const struct effect *e = &all->items[k];
            int yes = (e->flags & EFFECT_OWN) != 0 ? 0 : names(g, e, t, err);

            if (yes < 0)
                return -1;
            if (!yes)
                continue;
            if (e->kind == EFFECT_DELETE || e->kind == EFFECT_TRUNCATE)
                *deleted = 1;
            if (e->kind == EFFECT_UPDATE && e->column != NULL && manifest_column_find(t, e->column) >= 0 &&
                (again == NULL || strings_find(again, e->column) < 0) &&
                (*columns == NULL || strings_find(*columns, e->column) < 0) &&
                strings_add(columns, e->column, err) != 0)
                return -1;
        }
    }
    return 0;
}

/* Takes COLUMNS. */
static void add_target(struct recorded_set *s, const struct manifest_table *t, enum restore_mode mode,
                       char **columns)
{
    s->targets[s->ntargets] = (struct restore_target){
        .schema = t->schema,
        .name = t->name,
        .columns = (const char *const *)columns,
        .mode = mode,
    };
    s->columns[s->ntargets++] = columns;
}

static int one_table(struct recorded *r, const struct guard *g, const struct manifest_table *t, char ***notes,
                     struct err *err)
{
    char **again = NULL, **updated = NULL;
    const char *lost;
    int whole, deleted, rc = -1;

    if (made_again(g, t, &whole, &lost, &again, err) != 0)
        goto out;
    if (whole) {
        strings_free(again);
        add_target(&r->again, t, RESTORE_REPLACE, NULL);
        return 0;
    }
    if (lost != NULL) {
        (void)err_set(err, ERR_REFUSED, "the values of %s.%s cannot be put back one by one: the upgrade dropped \"%s\" of the key "
                      "that told its rows apart", t->schema, t->name, lost);
        err_hint(err, "go back with mig-rollback run; then mig-backup restore %s -t %s.%s --mode replace puts the table back "
                      "as it was, without what was written since", r->path, t->schema, t->name);
        goto out;
    }
    if (changed_in_place(g, t, again, &deleted, &updated, err) != 0)
        goto out;
    rc = 0;
    /* One table is one target of a set: rows first, for what is missing cannot have been changed. */
    if (deleted) {
        add_target(&r->deleted, t, RESTORE_MISSING, NULL);
        rc = strings_addf(notes, err, "%s.%s: rows that the upgrade deleted are put back; so is any that the "
                          "application deleted since the backup", t->schema, t->name);
    }
    if (rc == 0 && again == NULL && g->reverse == NULL && t->rows > 0)
        rc = strings_addf(notes, err, "%s.%s is in the backup, but what the upgrade did to its rows is not known: "
                          "mig-backup restore puts them back", t->schema, t->name);
    if (updated != NULL) {
        add_target(&r->changed, t, RESTORE_COLUMNS, updated);
        updated = NULL;
    }
    if (again != NULL) {
        add_target(&r->again, t, RESTORE_COLUMNS, again);
        again = NULL;
    }
out:
    strings_free(again);
    strings_free(updated);
    return rc;
}

static int set_make(struct recorded_set *s, size_t n, struct err *err)
{
    s->targets = calloc(n + 1, sizeof(*s->targets));
    s->columns = calloc(n + 1, sizeof(*s->columns));
    return s->targets != NULL && s->columns != NULL ? 0 : err_oom(err);
}

static void set_free(struct recorded_set *s)
{
    for (size_t i = 0; s->columns != NULL && i < s->ntargets; i++)
        strings_free(s->columns[i]);
    free(s->columns);
    free(s->targets);
}

static void add_values(struct recorded *r, const struct recorded_set *s, int by_upgrade, size_t *n)
{
    if (s->ntargets > 0)
        r->values[(*n)++] = (struct run_values){
            .file = r->path, .targets = s->targets, .ntargets = s->ntargets, .by_upgrade = by_upgrade};
}

int recorded_values(struct recorded *r, const struct guard *g, const struct run_values **values,
                    size_t *n, char ***notes, struct err *err)
{
    const struct manifest *m = r->manifest;

    *values = r->values;
    *n = 0;
    if (execute_version_same(g->plan->to, m->from, "after the plan", err) != 0) {
        err_hint(err, "another branch was made, or moved, since the backup: go back branch by branch with mig-rollback run, then "
                      "mig-backup restore");
        return -1;
    }
    if (set_make(&r->again, m->ntables, err) != 0 || set_make(&r->changed, m->ntables, err) != 0 ||
        set_make(&r->deleted, m->ntables, err) != 0)
        return -1;
    for (size_t i = 0; i < m->ntables; i++)
        if (m->tables[i].stream != 0 && one_table(r, g, &m->tables[i], notes, err) != 0)
            return -1;
    /* Who wrote a row last is asked first: putting values back writes it. */
    add_values(r, &r->changed, 1, n);
    add_values(r, &r->again, 0, n);
    add_values(r, &r->deleted, 0, n);
    return 0;
}
