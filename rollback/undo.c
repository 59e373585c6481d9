#include "rollback/undo.h"

#include <jansson.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>

#include "backup/keys.h"
#include "backup/restore.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "rollback/belongings.h"
#include "rollback/fate.h"
#include "rollback/execute.h"
#include "rollback/goback.h"
#include "rollback/guard.h"
#include "rollback/inventory.h"
#include "rollback/kept.h"
#include "rollback/next.h"
#include "rollback/run.h"

/* The values of one backup. */
struct values {
    struct restore_target *targets;
    const char ***columns; /* one array per target, or NULL entries */
    size_t ntargets;
};

struct undo {
    struct fate fate;     /* of the run that is undone, or gone on with */
    struct fate origin;   /* gone on with an undo: of the run that it undoes */
    int resume, back;
    json_t *kept;
    struct values *values;
    struct run_values *given; /* as run_guarded takes them */
    size_t nvalues;
    char **writers, **wrote; /* transactions, as run_guarded takes them */
    struct inventory *inventory; /* of the run that is undone, or NULL */
};

/* NULL-terminated, the names borrowed. */
static const char **column_names(const json_t *columns)
{
    const char **names = calloc(json_array_size(columns) + 1, sizeof(*names));
    const json_t *c;
    size_t i;

    json_array_foreach(columns, i, c)
        if (names != NULL)
            names[i] = json_string_value(c);
    return names;
}

static int one_target(struct values *v, const json_t *t, const char *file, struct err *err)
{
    struct restore_target *target = &v->targets[v->ntargets];
    const char *mode = json_string_value(json_object_get(t, "mode"));
    const char *key = json_string_value(json_object_get(t, "key"));
    const json_t *columns = json_object_get(t, "columns");

    target->key_changed = key != NULL && strcmp(key, "changes") == 0;
    target->schema = json_string_value(json_object_get(t, "schema"));
    target->name = json_string_value(json_object_get(t, "name"));
    target->mode = RESTORE_MERGE;
    if (key != NULL && strcmp(key, "goes") == 0) {
        (void)err_set(err, ERR_REFUSED, "the values of %s.%s cannot be put back one by one: the key that told its rows apart "
                      "went with the rollback", target->schema, target->name);
        err_hint(err, "nothing was changed. Upgrade by hand; then mig-backup restore %s -t %s.%s --mode replace puts the table "
                      "back as it was, without what was written since", file, target->schema, target->name);
        return -1;
    }
    if (mode != NULL && strcmp(mode, "replace") == 0)
        target->mode = RESTORE_REPLACE;
    if (mode != NULL && strcmp(mode, "columns") == 0 && json_array_size(columns) > 0) {
        if ((v->columns[v->ntargets] = column_names(columns)) == NULL)
            return err_oom(err);
        target->columns = v->columns[v->ntargets];
        target->mode = RESTORE_COLUMNS;
    }
    if (target->mode == RESTORE_MERGE && json_is_false(json_object_get(t, "whole"))) {
        if ((v->columns[v->ntargets] = column_names(columns)) == NULL)
            return err_oom(err);
        target->changed = v->columns[v->ntargets];
    }
    target->stays = json_is_false(json_object_get(t, "went"));
    v->ntargets++;
    return 0;
}

static int one_backup(struct undo *u, const json_t *entry, size_t nsegments, struct err *err)
{
    const json_t *list = json_object_get(entry, "targets"), *t;
    struct values *v = &u->values[u->nvalues];
    size_t i;

    if (json_array_size(list) == 0)
        return 0;
    v->targets = calloc(json_array_size(list) + 1, sizeof(*v->targets));
    v->columns = calloc(json_array_size(list) + 1, sizeof(*v->columns));
    u->nvalues++;
    if (v->targets == NULL || v->columns == NULL)
        return err_oom(err);
    json_array_foreach(list, i, t)
        if (one_target(v, t, json_string_value(json_object_get(entry, "file")), err) != 0)
            return -1;
    u->given[u->nvalues - 1] = (struct run_values){
        .file = json_string_value(json_object_get(entry, "file")),
        .targets = v->targets,
        .ntargets = v->ntargets,
        .segment = (size_t)json_integer_value(json_object_get(entry, "segment")),
        .nsegments = nsegments,
    };
    return 0;
}

/* A segment that was begun twice has two backups (or two of what changed since): its last one saw what was
 * really lost. */
static int is_superseded(const json_t *entries, size_t at)
{
    json_int_t segment = json_integer_value(json_object_get(json_array_get(entries, at), "segment"));
    const char *own = json_string_value(json_object_get(json_array_get(entries, at), "step"));

    for (size_t i = at + 1; i < json_array_size(entries); i++) {
        const json_t *e = json_array_get(entries, i);
        const char *step = json_string_value(json_object_get(e, "step"));

        if (step != NULL && (strcmp(step, "backup") == 0 || strcmp(step, own) == 0) &&
            json_integer_value(json_object_get(e, "segment")) == segment)
            return 1;
    }
    return 0;
}

static int read_values(struct undo *u, const struct fate *f, struct err *err)
{
    const json_t *entries = f->record->entries, *e;
    size_t i;

    u->values = calloc(json_array_size(entries) + 1, sizeof(*u->values));
    u->given = calloc(json_array_size(entries) + 1, sizeof(*u->given));
    if (u->values == NULL || u->given == NULL)
        return err_oom(err);
    json_array_foreach(entries, i, e) {
        const char *step = json_string_value(json_object_get(e, "step"));

        if (step != NULL && (strcmp(step, "backup") == 0 || strcmp(step, "backup-more") == 0) &&
            !is_superseded(entries, i) &&
            one_backup(u, e, f->segments, err) != 0)
            return -1;
    }
    return 0;
}

static int may_undo(const struct undo *u, const struct guard *g, struct err *err)
{
    const struct outcome_report *r = &u->fate.report;

    if (strcmp(r->kind, "rollback") != 0) {
        (void)err_set(err, ERR_REFUSED, "run %s is an undo; only a rollback can be undone", r->run);
        err_hint(err, "to go back again: mig-rollback run");
        return -1;
    }
    if (u->fate.undone_by != NULL) {
        (void)err_set(err, ERR_REFUSED, "run %s was undone by run %s", r->run, u->fate.undone_by);
        next_hint(g, "list", NULL, "nothing is left to undo of it; all runs: ", err);
        return -1;
    }
    if (r->running) {
        (void)err_set(err, ERR_REFUSED, "run %s is still running", r->run);
        next_hint(g, "status", r->run, "wait for it, or end it; where it is: ", err);
        return -1;
    }
    if (r->outcome == OUTCOME_PARTIAL) {
        (void)err_set(err, ERR_REFUSED, "run %s stopped halfway: it is to be finished or gone back from", r->run);
        next_hint(g, "resume --back", r->run, "back: ", err);
        return -1;
    }
    if (r->outcome != OUTCOME_COMMITTED) {
        (void)err_set(err, ERR_REFUSED, "run %s changed nothing (%s): there is nothing to undo", r->run,
                      outcome_name(r->outcome));
        next_hint(g, "list", NULL, "name the run that did; all runs: ", err);
        return -1;
    }
    return 0;
}

/* What the journal kept of the run: both directions. */
static int unseal(struct undo *u, const struct guard *g, struct err *err)
{
    const char *sealed = json_string_value(json_object_get(journal_last(u->fate.record, "plan"), "sealed"));

    if (sealed == NULL) {
        (void)err_set(err, ERR_REFUSED, "run %s kept no plan, for it had no key: this command cannot %s it",
                      u->fate.report.run, u->resume || u->back ? "go on with" : "undo");
        err_hint(err, "nothing was changed by this. Migrate with the tool itself: the run went from %s to %s%s%s",
                 u->fate.report.from, u->fate.report.to,
                 u->fate.report.backup != NULL ? "; the values are in " : "; it took no backup",
                 u->fate.report.backup != NULL ? u->fate.report.backup : "");
        return -1;
    }
    if (keyring_can_read(g->request->keys, err) != 0)
        return -1;
    if ((u->kept = kept_open(sealed, g->request->keys, err)) == NULL)
        return err_prefix(err, "run %s", u->fate.report.run);
    return 0;
}

/* PLAN and REVERSE as keys of what the journal kept: undo takes them the other way round. */
static int open_kept(struct undo *u, struct guard *g, const char *plan_key, const char *reverse_key,
                     struct err *err)
{
    const json_t *forth, *back;
    struct plan *plan = NULL, *reverse = NULL;

    if (unseal(u, g, err) != 0)
        return -1;
    forth = json_object_get(u->kept, plan_key);
    back = json_object_get(u->kept, reverse_key);
    if (forth == NULL) {
        (void)err_set(err, ERR_REFUSED, "run %s kept no way forward: it cannot be undone by this command",
                      u->fate.report.run);
        if (u->fate.report.backup != NULL)
            err_hint(err, "upgrade by hand, then: mig-backup restore %s", u->fate.report.backup);
        return -1;
    }
    if ((plan = kept_read(forth, err)) == NULL)
        return -1;
    if (back != NULL && (reverse = kept_read(back, err)) == NULL) {
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
        /* One that cannot be read may be it: what stands before it is not the newest then. */
        int fits = (r != NULL && r->damaged) || (kind != NULL && strcmp(kind, "rollback") == 0 &&
                                                 !json_is_true(json_object_get(begin, "dry_run")));

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
    if (rc == 0 && !u->fate.report.running)
        rc = fate_undone(g, &u->fate, err);
    if (rc != 0 || may_undo(u, g, err) != 0 || open_kept(u, g, "reverse", "plan", err) != 0 ||
        read_values(u, &u->fate, err) != 0 || belongings_kept(g, &u->fate, &u->inventory, err) != 0) {
        undo_free(u);
        return NULL;
    }
    return u;
}

/* Both directions as the run kept them, and from them the way back from where it stands. */
static int open_back(struct undo *u, struct guard *g, struct err *err)
{
    struct plan *plan = NULL, *reverse = NULL, *back = NULL;
    char **rows = NULL;
    int rc = -1;

    if (unseal(u, g, err) != 0)
        return -1;
    if ((plan = kept_read(json_object_get(u->kept, "plan"), err)) == NULL)
        goto out;
    if (json_object_get(u->kept, "reverse") != NULL &&
        (reverse = kept_read(json_object_get(u->kept, "reverse"), err)) == NULL)
        goto out;
    if (plan->version_table != NULL && execute_version_rows(g->control, plan, &rows, err) != 0)
        goto out;
    if ((back = goback_plan(plan, reverse, u->fate.done, u->fate.loose, rows, err)) == NULL) {
        next_hint(g, "resume", u->fate.report.run, "go on instead, and undo that then: ", err);
        goto out;
    }
    rc = guard_examine_kept(g, back, NULL, 0, err);
out:
    plan_free(plan);
    plan_free(reverse);
    strings_free(rows);
    return rc;
}

/* RUN, which must have stopped between two segments.  WHAT and SETTLED: for the messages. */
static struct undo *open_stopped(const struct guard *g, const char *run, const char *what, const char *settled,
                                 struct err *err)
{
    struct undo *u = calloc(1, sizeof(*u));
    const struct outcome_report *r;

    if (u == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    r = &u->fate.report;
    if (fate_read(g, run, &u->fate, err) != 0)
        goto fail;
    if (r->running) {
        (void)err_set(err, ERR_REFUSED, "run %s is still running", r->run);
        next_hint(g, "status", r->run, "wait for it, or end it; where it is: ", err);
        goto fail;
    }
    if (fate_undone(g, &u->fate, err) != 0)
        goto fail;
    if (r->outcome != OUTCOME_PARTIAL || u->fate.undone_by != NULL) {
        (void)err_set(err, ERR_REFUSED, "there is nothing to %s: run %s is settled (%s)", what, r->run,
                      u->fate.undone_by != NULL ? settled : outcome_name(r->outcome));
        goto fail;
    }
    return u;
fail:
    undo_free(u);
    return NULL;
}

static int may_go_back(const struct undo *u, const struct guard *g, struct err *err)
{
    const struct outcome_report *r = &u->fate.report;

    if (strcmp(r->kind, "rollback") != 0) {
        (void)err_set(err, ERR_REFUSED, "run %s is an undo: it can only be gone on with", r->run);
        next_hint(g, "resume", r->run, "", err);
        return -1;
    }
    if (u->fate.command) {
        (void)err_set(err, ERR_REFUSED, "run %s was alembic's own: how far it came is not known", r->run);
        err_hint(err, "\"alembic current\" says where it stands; alembic goes on from there, and the values are in %s",
                 r->backup != NULL ? r->backup : "no backup");
        return -1;
    }
    return 0;
}

struct undo *undo_back(struct guard *g, const char *run, struct err *err)
{
    struct undo *u = open_stopped(g, run, "go back from", "undone", err);

    if (u == NULL)
        return NULL;
    u->back = 1;
    if (may_go_back(u, g, err) == 0 && read_values(u, &u->fate, err) == 0 &&
        belongings_kept(g, &u->fate, &u->inventory, err) == 0 && open_back(u, g, err) == 0)
        return u;
    undo_free(u);
    return NULL;
}

struct undo *undo_resume(struct guard *g, const char *run, struct err *err)
{
    struct undo *u = open_stopped(g, run, "go on with", "gone back from", err);
    const char *of;

    if (u == NULL)
        return NULL;
    u->resume = 1;
    of = json_string_value(json_object_get(journal_last(u->fate.record, "begin"), "of"));
    if ((of == NULL || (fate_read(g, of, &u->origin, err) == 0 && read_values(u, &u->origin, err) == 0 &&
                        belongings_kept(g, &u->origin, &u->inventory, err) == 0)) &&
        open_kept(u, g, "plan", "reverse", err) == 0)
        return u;
    undo_free(u);
    return NULL;
}

const char *undo_of(const struct undo *u)
{
    return u->fate.report.run;
}

const char *undo_backup(const struct undo *u)
{
    return u->fate.report.backup;
}

/* The transactions of the run of F.  Of a segment that was tried more than once the last one counts; the first
 * segment's comes first. */
static int find_transactions(const struct fate *f, char ***list, struct err *err)
{
    const json_t *entries = f->record->entries, *e, *first = NULL;
    size_t i;

    json_array_foreach(entries, i, e) {
        const char *step = json_string_value(json_object_get(e, "step"));

        if (step != NULL && strcmp(step, "execute") == 0 &&
            (first == NULL || json_integer_value(json_object_get(e, "segment")) <=
                                  json_integer_value(json_object_get(first, "segment"))))
            first = e;
    }
    if (first == NULL)
        return 0;
    if (strings_addf(list, err, "%lld", (long long)(json_integer_value(json_object_get(first, "xid")) & UINT32_MAX)) != 0)
        return -1;
    json_array_foreach(entries, i, e) {
        const char *step = json_string_value(json_object_get(e, "step"));

        if (step != NULL && strcmp(step, "execute") == 0 && e != first &&
            strings_addf(list, err, "%lld", (long long)(json_integer_value(json_object_get(e, "xid")) & UINT32_MAX)) != 0)
            return -1;
    }
    return 0;
}

int undo_run(struct undo *u, struct guard *g, struct outcome_report *out, struct err *err)
{
    struct run_options o = {.values = u->given, .nvalues = u->nvalues, .inventory = u->inventory};

    if (u->resume) {
        o.resume = u->fate.report.run;
        o.first = u->fate.done;
        o.again = u->fate.loose;
        o.undo_of = u->origin.record != NULL ? u->origin.report.run : NULL;
        o.since_xid = u->origin.xid;
        if (u->origin.record != NULL &&
            (find_transactions(&u->origin, &u->writers, err) != 0 || find_transactions(&u->fate, &u->wrote, err) != 0))
            return -1;
    } else {
        if (find_transactions(&u->fate, &u->writers, err) != 0)
            return -1;
        o.undo_of = u->fate.report.run;
        o.again = u->back && u->fate.loose;
        o.since_xid = u->fate.xid;
    }
    o.left = json_object_get(journal_last(u->origin.record != NULL ? u->origin.record : u->fate.record, "left"), "tables");
    o.writers = u->writers;
    o.wrote = u->wrote;
    return run_guarded(g, &o, out, err);
}

void undo_free(struct undo *u)
{
    if (u == NULL)
        return;
    for (size_t i = 0; u->values != NULL && i < u->nvalues; i++) {
        struct values *v = &u->values[i];

        for (size_t k = 0; v->columns != NULL && k < v->ntargets; k++)
            free((void *)(uintptr_t)v->columns[k]);
        free(v->columns);
        free(v->targets);
    }
    free(u->values);
    free(u->given);
    strings_free(u->writers);
    strings_free(u->wrote);
    inventory_free(u->inventory);
    json_decref(u->kept);
    fate_free(&u->fate);
    fate_free(&u->origin);
    free(u);
}
