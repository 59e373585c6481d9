#include "rollback/undo.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "backup/keys.h"
#include "backup/restore.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "rollback/fate.h"
#include "rollback/guard.h"
#include "rollback/kept.h"
#include "rollback/run.h"

struct undo {
    struct fate fate;
    json_t *kept;
    struct restore_target *targets;
    const char ***columns; /* one array per target, or NULL entries */
    size_t ntargets;
};

static int one_target(struct undo *u, const json_t *t, struct err *err)
{
    struct restore_target *target = &u->targets[u->ntargets];
    const char *mode = json_string_value(json_object_get(t, "mode"));
    const json_t *columns = json_object_get(t, "columns"), *v;
    size_t i;

    target->schema = json_string_value(json_object_get(t, "schema"));
    target->name = json_string_value(json_object_get(t, "name"));
    target->mode = RESTORE_MERGE;
    if (mode != NULL && strcmp(mode, "replace") == 0)
        target->mode = RESTORE_REPLACE;
    if (mode != NULL && strcmp(mode, "columns") == 0 && json_array_size(columns) > 0) {
        const char **names = calloc(json_array_size(columns) + 1, sizeof(*names));

        if (names == NULL)
            return err_oom(err);
        json_array_foreach(columns, i, v)
            names[i] = json_string_value(v);
        u->columns[u->ntargets] = names;
        target->columns = names;
        target->mode = RESTORE_COLUMNS;
    }
    u->ntargets++;
    return 0;
}

static int read_targets(struct undo *u, struct err *err)
{
    const json_t *list = json_object_get(u->kept, "targets"), *t;
    size_t i;

    u->targets = calloc(json_array_size(list) + 1, sizeof(*u->targets));
    u->columns = calloc(json_array_size(list) + 1, sizeof(*u->columns));
    if (u->targets == NULL || u->columns == NULL)
        return err_oom(err);
    json_array_foreach(list, i, t)
        if (one_target(u, t, err) != 0)
            return -1;
    return 0;
}

static int may_undo(const struct undo *u, struct err *err)
{
    const struct outcome_report *r = &u->fate.report;

    if (strcmp(r->kind, "rollback") != 0) {
        (void)err_set(err, ERR_REFUSED, "run %s is an undo; only a rollback can be undone", r->run);
        err_hint(err, "to go back again: mig-rollback run");
        return -1;
    }
    if (u->fate.undone_by != NULL)
        return err_set(err, ERR_REFUSED, "run %s was undone by run %s", r->run, u->fate.undone_by);
    if (r->running)
        return err_set(err, ERR_REFUSED, "run %s is still running", r->run);
    if (r->outcome != OUTCOME_COMMITTED)
        return err_set(err, ERR_REFUSED, "run %s changed nothing (%s): there is nothing to undo", r->run,
                       outcome_name(r->outcome));
    return 0;
}

static int open_kept(struct undo *u, struct guard *g, struct err *err)
{
    const char *sealed =
        json_string_value(json_object_get(journal_last(u->fate.record, "plan"), "sealed"));
    const json_t *up, *down;
    struct plan *plan = NULL, *reverse = NULL;

    if (sealed == NULL) {
        (void)err_set(err, ERR_REFUSED, "run %s kept no plan (it had no key): it cannot be undone by this command",
                      u->fate.report.run);
        return -1;
    }
    if (keyring_can_read(g->request->keys, err) != 0)
        return -1;
    if ((u->kept = kept_open(sealed, g->request->keys, err)) == NULL)
        return err_prefix(err, "run %s", u->fate.report.run);
    up = json_object_get(u->kept, "reverse");
    down = json_object_get(u->kept, "plan");
    if (up == NULL) {
        (void)err_set(err, ERR_REFUSED, "run %s kept no way forward: it cannot be undone by this command",
                      u->fate.report.run);
        if (u->fate.report.backup != NULL)
            err_hint(err, "upgrade by hand, then: mig-backup restore %s", u->fate.report.backup);
        return -1;
    }
    if ((plan = kept_read(up, err)) == NULL)
        return -1;
    if ((reverse = kept_read(down, err)) == NULL) {
        plan_free(plan);
        return -1;
    }
    return guard_examine_kept(g, plan, reverse, 0, err);
}

/* The newest rollback, whatever was tried since: a dry run of undo must not stand in its way. */
static int newest_rollback(const struct guard *g, char **run, struct err *err)
{
    char **runs;
    size_t n;
    int rc = -1;

    *run = NULL;
    if (journal_list(g->state_dir, g->key, &runs, &n, err) != 0)
        return -1;
    for (size_t i = 0; i < n && *run == NULL; i++) {
        struct journal_record *r = journal_read(g->state_dir, g->key, runs[i], err);
        const json_t *begin = r != NULL ? journal_last(r, "begin") : NULL;
        const char *kind = json_string_value(json_object_get(begin, "kind"));
        int fits = kind != NULL && strcmp(kind, "rollback") == 0 &&
                   !json_is_true(json_object_get(begin, "dry_run"));

        journal_record_free(r);
        if (r == NULL || (fits && strings_dup(run, runs[i], err) != 0))
            goto out;
    }
    rc = 0;
out:
    journal_list_free(runs, n);
    return rc;
}

struct undo *undo_open(struct guard *g, const char *run, struct err *err)
{
    struct undo *u = calloc(1, sizeof(*u));
    char *newest = NULL;
    int rc = -1;

    if (u == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    if (run != NULL || newest_rollback(g, &newest, err) == 0)
        rc = fate_read(g, run != NULL ? run : newest, &u->fate, err);
    free(newest);
    if (rc != 0 || may_undo(u, err) != 0 || open_kept(u, g, err) != 0 || read_targets(u, err) != 0) {
        undo_free(u);
        return NULL;
    }
    if (u->ntargets > 0 && u->fate.report.backup == NULL) {
        (void)err_set(err, ERR_REFUSED, "run %s took no backup: its lost values cannot be put back",
                      u->fate.report.run);
        undo_free(u);
        return NULL;
    }
    return u;
}

const char *undo_of(const struct undo *u)
{
    return u->fate.report.run;
}

const char *undo_backup(const struct undo *u)
{
    return u->fate.report.backup;
}

int undo_run(struct undo *u, struct guard *g, struct outcome_report *out, struct err *err)
{
    struct run_restore restore = {
        .of = u->fate.report.run,
        .file = u->fate.report.backup,
        .targets = u->targets,
        .ntargets = u->ntargets,
        .since_xid = u->fate.xid,
    };

    return run_guarded(g, &restore, out, err);
}

void undo_free(struct undo *u)
{
    if (u == NULL)
        return;
    for (size_t i = 0; u->columns != NULL && i < u->ntargets; i++)
        free((void *)(uintptr_t)u->columns[i]);
    free(u->columns);
    free(u->targets);
    json_decref(u->kept);
    fate_free(&u->fate);
    free(u);
}
