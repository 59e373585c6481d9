#include "rollback/recorded.h"

#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"
#include "backup/manifest.h"
#include "backup/restore.h"
#include "backup/shelf.h"
#include "core/state.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/environment.h"
#include "rollback/execute.h"
#include "rollback/guard.h"
#include "script/effect.h"

struct recorded {
    char *path;
    struct manifest *manifest;
    struct restore_target *targets;
    char ***columns; /* one list per target, or NULL entries; the strings are the manifest's */
    size_t ntargets;
    struct run_values values;
};

static int same_database(const struct guard *g, const struct manifest *m, struct err *err)
{
    const struct environment *e = g->environment;

    if (m->system_id != NULL && m->system_id[0] != '\0' && e->system_id[0] != '\0' &&
        (strcmp(m->system_id, e->system_id) != 0 || m->database_oid != e->database_oid))
        return err_set(err, ERR_REFUSED, "the backup is of another database (\"%s\" on server %s)",
                       m->database, m->system_id);
    if (m->database == NULL || strcmp(m->database, e->database) != 0)
        return err_set(err, ERR_REFUSED, "the backup is of database \"%s\", not \"%s\"",
                       m->database != NULL ? m->database : "?", e->database);
    return 0;
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
        goto fail;
    }
    if (strings_count(r->manifest->from) > 1) {
        (void)err_set(err, ERR_USAGE, "\"%s\" was made at %zu version rows; only one can be gone back to",
                      r->path, strings_count(r->manifest->from));
        err_hint(err, "go back branch by branch with mig-rollback run, then mig-backup restore");
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
    for (size_t i = 0; r->columns != NULL && i < r->ntargets; i++)
        strings_free(r->columns[i]);
    free(r->columns);
    free(r->targets);
    manifest_free(r->manifest);
    free(r->path);
    free(r);
}

const char *recorded_revision(const struct recorded *r)
{
    return r->manifest->from[0] != NULL ? r->manifest->from[0] : "base";
}

static int names(const struct effect *e, const struct manifest_table *t)
{
    return e->name != NULL && strcmp(e->name, t->name) == 0 &&
           (e->schema == NULL || strcmp(e->schema, t->schema) == 0);
}

/* 1: made again whole; columns made again are added to COLUMNS. */
static int made_again(const struct plan *p, const struct manifest_table *t, int *whole, char ***columns,
                      struct err *err)
{
    *whole = 0;
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct effects *all = p->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++) {
            const struct effect *e = &all->items[k];

            if (!names(e, t))
                continue;
            if (e->kind == EFFECT_CREATE_TABLE)
                *whole = 1;
            if ((e->kind == EFFECT_ADD_COLUMN || e->kind == EFFECT_ALTER_TYPE) && e->column != NULL &&
                manifest_column_find(t, e->column) >= 0 &&
                (*columns == NULL || strings_find(*columns, e->column) < 0) &&
                strings_add(columns, e->column, err) != 0)
                return -1;
        }
    }
    return 0;
}

int recorded_values(struct recorded *r, const struct guard *g, const struct run_values **values,
                    size_t *n, char ***notes, struct err *err)
{
    const struct manifest *m = r->manifest;

    *values = &r->values;
    *n = 0;
    if (execute_version_same(g->plan->to, m->from, "after the plan", err) != 0)
        return -1;
    r->targets = calloc(m->ntables + 1, sizeof(*r->targets));
    r->columns = calloc(m->ntables + 1, sizeof(*r->columns));
    if (r->targets == NULL || r->columns == NULL)
        return err_oom(err);
    for (size_t i = 0; i < m->ntables; i++) {
        const struct manifest_table *t = &m->tables[i];
        char **columns = NULL;
        int whole;

        if (t->stream == 0)
            continue;
        if (made_again(g->plan, t, &whole, &columns, err) != 0) {
            strings_free(columns);
            return -1;
        }
        if (!whole && columns == NULL) {
            if (t->rows > 0 &&
                strings_addf(notes, err, "%s.%s is in the backup, but the downgrade does not make it again: "
                             "mig-backup restore puts its rows back", t->schema, t->name) != 0)
                return -1;
            continue;
        }
        r->targets[r->ntargets] = (struct restore_target){
            .schema = t->schema,
            .name = t->name,
            .columns = whole ? NULL : (const char *const *)columns,
            .mode = whole ? RESTORE_REPLACE : RESTORE_COLUMNS,
        };
        r->columns[r->ntargets++] = columns;
    }
    r->values = (struct run_values){.file = r->path, .targets = r->targets, .ntargets = r->ntargets};
    *n = r->ntargets > 0;
    return 0;
}
