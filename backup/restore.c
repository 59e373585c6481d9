#include "backup/restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"
#include "backup/foreign.h"
#include "backup/judge.h"
#include "backup/keys.h"
#include "backup/manifest.h"
#include "backup/quiet.h"
#include "backup/recreate.h"
#include "backup/sequence.h"
#include "backup/shelf.h"
#include "backup/snapshot.h"
#include "backup/stage.h"
#include "backup/target.h"
#include "core/buf.h"
#include "core/strings.h"
#include "pg/catalog.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/session.h"
#include "pg/tx.h"

static const char savepoint[] = "mig_restore";

/* One run of restore_run. */
struct work {
    struct conn *c;
    const struct restore_options *o;
    struct archive_reader *reader;
    struct manifest *m;
    struct target_list l;
    struct stage *stages; /* one per target, in the same order */
    struct foreign *foreign;
    struct recreated *recreated;
    char **triggers; /* what switches them on again, and alters identity columns back */
    char **before;   /* the caller's session settings */
    char *safety_file;
    int begun, saved;
};

static int by_name(const void *a, const void *b)
{
    const struct target *x = a, *y = b;
    int rc = strcmp(x->saved->schema, y->saved->schema);

    return rc != 0 ? rc : strcmp(x->saved->name, y->saved->name);
}

static int begin(struct work *w, struct err *err)
{
    if (!w->o->held) {
        if (tx_begin(w->c, TX_READ_COMMITTED, 0, err) != 0)
            return -1;
        w->begun = 1;
        return 0;
    }
    if (w->o->dry_run) {
        if (tx_savepoint(w->c, savepoint, err) != 0)
            return -1;
        w->saved = 1;
    }
    return session_borrow(w->c, &w->before, err);
}

/* Missing tables are an error, or made. */
static int find_tables(struct work *w, struct err *err)
{
    if (w->o->create &&
        (w->recreated = recreate_missing(w->c, w->m, &w->l, w->o, err)) == NULL)
        return -1;
    for (size_t i = 0; i < w->l.n; i++) {
        struct target *t = &w->l.items[i];
        int there = target_look(w->c, w->o, t, err);

        if (there < 0)
            return -1;
        if (!there) {
            err_set(err, ERR_REFUSED, "there is no table %s.%s in %s", target_schema(t, w->o),
                    t->saved->name, conn_database(w->c));
            if (t->saved->parent_name != NULL && w->o->into == NULL)
                err_hint(err,
                         "it was a partition of %s.%s: --create makes it again from the backup; where that table "
                         "is partitioned otherwise now, restore with --into SCHEMA --create and INSERT from there",
                         t->saved->parent_schema, t->saved->parent_name);
            err_hint(err, "--create makes it again from the backup");
            return -1;
        }
    }
    return 0;
}

/* Writers are kept out, readers are not; the order is the same for everybody. */
static int lock_tables(struct work *w, struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (w->l.n == 0)
        return 0;
    for (size_t i = 0; i < w->l.n; i++)
        if (buf_adds(&b, i == 0 ? "LOCK TABLE ONLY " : ", ONLY ", err) != 0 ||
            quote_name(&b, w->l.items[i].table->schema, w->l.items[i].table->name, err) != 0)
            goto out;
    if (buf_adds(&b, " IN SHARE ROW EXCLUSIVE MODE", err) != 0)
        goto out;
    if (query_exec(w->c, b.data, "LOCK TABLE", err) != 0) {
        err_prefix(err, "cannot keep writers out of the tables");
        if (strcmp(err->sqlstate, "42501") == 0)
            err_hint(err, "restore as their owner (--role), or grant SELECT, INSERT, UPDATE and DELETE on them");
        goto out;
    }
    rc = 0;
out:
    buf_free(&b);
    return rc;
}

static int compare(struct work *w, struct err *err)
{
    for (size_t i = 0; i < w->l.n; i++)
        if (target_compare(w->c, w->m, &w->l.items[i], err) != 0)
            return -1;
    return 0;
}

static int silence(struct work *w, struct err *err)
{
    uint32_t *oids = calloc(w->l.n + 1, sizeof(*oids));
    int rc;

    if (oids == NULL)
        return err_oom(err);
    for (size_t i = 0; i < w->l.n; i++)
        oids[i] = w->l.items[i].table->oid;
    rc = quiet_begin(w->c, oids, w->l.n, &w->triggers, err);
    free(oids);
    return rc;
}

static int prepare(struct work *w, struct err *err)
{
    if ((w->stages = calloc(w->l.n + 1, sizeof(*w->stages))) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < w->l.n; i++) {
        struct target *t = &w->l.items[i];
        char name[32];

        (void)snprintf(name, sizeof(name), "mig_stage_%zu", i + 1);
        if (strings_dup(&t->stage, name, err) != 0 ||
            stage_prepare(w->c, w->reader, w->o, t, &w->stages[i], err) != 0)
            return -1;
    }
    for (size_t i = 0; i < w->l.n; i++)
        if (judge_stage(w->c, &w->l, &w->stages[i], &w->triggers, err) != 0)
            return -1;
    return 0;
}

/* Rows that are about to change or go, as they are now, into a file of their own. */
static int save_first(struct work *w, struct err *err)
{
    struct snapshot_options o = {.keys = w->o->keys,
                                 .dir = w->o->safety_dir,
                                 .purpose = SHELF_SAFETY,
                                 .name = "rows that a restore was about to change",
                                 .environment = w->o->environment,
                                 .command = w->o->command,
                                 .reason = w->o->reason,
                                 .held = 1,
                                 .alone = 1,
                                 .no_ddl = 1};
    uint32_t *oids = calloc(w->l.n + 1, sizeof(*oids));
    const char **filters = calloc(w->l.n + 1, sizeof(*filters));
    struct snapshot_result r = {0};
    int rc = -1;

    if (oids == NULL || filters == NULL) {
        err_oom(err);
        goto out;
    }
    for (size_t i = 0; i < w->l.n; i++)
        if (w->stages[i].unsafe != NULL) {
            oids[o.noids] = w->l.items[i].table->oid;
            filters[o.noids++] = w->stages[i].unsafe;
        }
    if (o.noids == 0) {
        rc = 0;
        goto out;
    }
    o.oids = oids;
    o.filters = filters;
    if (snapshot_create(w->c, &o, &r, err) != 0) {
        err_prefix(err, "cannot save the rows that would change");
        /* The writer's own hint, of a full disk, does not know of the other way on. */
        err_detail(err, "--no-safety-copy restores without it");
        err_hint(err, "--dir names a folder with room for them, --no-safety-copy does without");
        goto out;
    }
    if (strings_dup(&w->safety_file, r.file, err) != 0)
        goto out;
    rc = 0;
out:
    snapshot_result_free(&r);
    free(oids);
    free(filters);
    return rc;
}

static int change(struct work *w, struct err *err)
{
    for (size_t i = w->l.n; i-- > 0;)
        if (stage_delete(w->c, &w->stages[i], err) != 0)
            return -1;
    for (size_t i = 0; i < w->l.n; i++)
        if (stage_write(w->c, w->reader, &w->stages[i], err) != 0)
            return -1;
    if (w->recreated != NULL && recreate_finish(w->c, w->recreated, err) != 0)
        return -1;
    if (w->o->into == NULL &&
        sequence_restore(w->c, w->m, &w->l, w->o->ntargets == 0, err) != 0)
        return -1;
    if (foreign_check(w->c, w->foreign, err) != 0 || quiet_end(w->c, w->triggers, err) != 0)
        return -1;
    for (size_t i = 0; w->o->verify_full && i < w->l.n; i++)
        if (stage_verify(w->c, &w->stages[i], err) != 0)
            return -1;
    return 0;
}

static int end(struct work *w, struct err *err)
{
    if (w->o->held) {
        if (w->saved) {
            w->saved = 0;
            return tx_rollback_to(w->c, savepoint, err); /* the settings go back with it */
        }
        /* The stages would otherwise live until the caller commits. */
        for (size_t i = 0; i < w->l.n; i++)
            if (!w->stages[i].direct &&
                query_execf(w->c, err, "DROP TABLE pg_temp.%s", w->l.items[i].stage) != 0)
                return -1;
        return session_return(w->c, w->before, err);
    }
    w->begun = 0;
    if (w->o->dry_run) {
        tx_rollback(w->c);
        return 0;
    }
    return tx_commit(w->c, err);
}

static int report(struct work *w, struct restore_result *r, struct err *err)
{
    if ((r->tables = calloc(w->l.n + 1, sizeof(*r->tables))) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < w->l.n; i++) {
        struct target *t = &w->l.items[i];

        if (strings_dup(&t->result.schema, target_schema(t, w->o), err) != 0 ||
            strings_dup(&t->result.name, t->saved->name, err) != 0)
            return -1;
        r->tables[r->ntables++] = t->result;
        t->result.schema = t->result.name = NULL;
    }
    r->safety_file = w->safety_file;
    w->safety_file = NULL;
    return 0;
}

static void clear(struct work *w)
{
    for (size_t i = 0; w->stages != NULL && i < w->l.n; i++)
        stage_clear(&w->stages[i]);
    free(w->stages);
    foreign_free(w->foreign);
    recreated_free(w->recreated);
    target_list_free(&w->l);
    manifest_free(w->m);
    if (w->o->reader == NULL)
        archive_reader_free(w->reader);
    strings_free(w->triggers);
    strings_free(w->before);
    free(w->safety_file);
}

int restore_run(struct conn *c, const struct restore_options *o, struct restore_result *r,
                struct err *err)
{
    struct work w = {.c = c, .o = o};
    struct restore_result result = {0};
    int rc = -1;

    memset(r, 0, sizeof(*r));
    w.reader = o->reader != NULL ? o->reader : archive_open(o->file, o->keys, err);
    if (w.reader == NULL ||
        (w.m = manifest_read(archive_manifest(w.reader), err)) == NULL ||
        target_list_make(w.m, o, &w.l, err) != 0)
        goto out;
    qsort(w.l.items, w.l.n, sizeof(*w.l.items), by_name);
    if (begin(&w, err) != 0 || find_tables(&w, err) != 0 || lock_tables(&w, err) != 0 ||
        compare(&w, err) != 0 || (w.foreign = foreign_order(c, &w.l, err)) == NULL ||
        silence(&w, err) != 0 || prepare(&w, err) != 0)
        goto out;
    if (o->safety_dir != NULL && !o->dry_run && save_first(&w, err) != 0)
        goto out;
    if (change(&w, err) != 0)
        goto out;
    /* What is to be told after COMMIT is ready before it. */
    if (report(&w, &result, err) != 0 || end(&w, err) != 0)
        goto out;
    *r = result;
    memset(&result, 0, sizeof(result));
    rc = 0;
out:
    if (w.begun)
        tx_rollback(c);
    if (w.saved && !conn_lost(c)) {
        struct err ignored = {0};

        if (tx_rollback_to(c, savepoint, &ignored) != 0)
            err_clear(&ignored); /* the caller's transaction is lost anyhow */
    }
    restore_result_free(&result);
    clear(&w);
    return rc;
}

void restore_result_free(struct restore_result *r)
{
    for (size_t i = 0; i < r->ntables; i++) {
        free(r->tables[i].schema);
        free(r->tables[i].name);
    }
    free(r->tables);
    free(r->safety_file);
    memset(r, 0, sizeof(*r));
}
