#include "backup/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/archive.h"
#include "backup/crew.h"
#include "backup/ddl.h"
#include "backup/keys.h"
#include "backup/manifest.h"
#include "backup/selection.h"
#include "backup/shelf.h"
#include "backup/surround.h"
#include "core/buf.h"
#include "core/log.h"
#include "core/strings.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/session.h"
#include "pg/tx.h"
#include "script/closure.h"

static const char blockers_sql[] =
#include "backup/sql/blockers.sql.h"
    ;

enum { LOCK_TIMEOUT_MS = 2000, ATTEMPTS = 3 };

/* One run of snapshot_create. */
struct work {
    struct conn *leader;
    const struct snapshot_options *o;
    struct manifest *m;
    struct selection s;
    struct archive_writer *archive;
    struct ddl *ddl;
    char *snapshot; /* exported, or NULL: the leader is alone */
    char *oids;     /* of the tables, as oid[] */
    char **before;  /* the caller's session settings */
    int standby, begun;
};

static int is_ascii(const struct manifest *m)
{
    return strcmp(m->encoding, "SQL_ASCII") == 0;
}

/* ---- locks ---- */

/* "LOCK TABLE ONLY a, ONLY b IN ACCESS SHARE MODE"; *SQL is NULL where there is nothing to lock. */
static int lock_statement(char *const *names, int nowait, char **sql, struct err *err)
{
    struct buf b = {0};

    *sql = NULL;
    if (strings_count(names) == 0)
        return 0;
    for (size_t i = 0; names[i] != NULL; i++)
        if (buf_addf(&b, err, "%s ONLY %s", i == 0 ? "LOCK TABLE" : ",", names[i]) != 0)
            goto fail;
    if (buf_adds(&b, nowait ? " IN ACCESS SHARE MODE NOWAIT" : " IN ACCESS SHARE MODE", err) == 0 &&
        (*sql = buf_take(&b, err)) != NULL)
        return 0;
fail:
    buf_free(&b);
    return -1;
}

/* The lock was not to be had: who has it? */
static void name_blockers(struct work *w, const struct selection *s, struct err *err)
{
    struct err ignored = {0};
    char *array = selection_array(s->locks, strings_count(s->lock_names), &ignored);
    const char *params[] = {array};
    struct query q = {.sql = blockers_sql, .params = params, .nparams = 1, .columns = 8};
    struct result *r = array == NULL ? NULL : query_run(w->leader, &q, &ignored);
    char detail[sizeof(err->detail)] = "";
    size_t n = 0;

    for (int i = 0; r != NULL && i < result_rows(r) && n < sizeof(detail); i++) {
        const char *user = result_text(r, i, 1), *app = result_text(r, i, 2);
        const char *age = result_text(r, i, 5);
        int more = snprintf(detail + n, sizeof(detail) - n,
                            "%sprocess %s (%s, %s) %s an exclusive lock on %s.%s%s%s", n > 0 ? "; " : "",
                            result_text(r, i, 0), user != NULL ? user : "?",
                            app != NULL && app[0] != '\0' ? app : "no application name",
                            result_bool(r, i, 4) ? "holds" : "waits for", result_text(r, i, 6),
                            result_text(r, i, 7), age != NULL ? ", its transaction runs since " : "",
                            age != NULL ? age : "");

        n += more > 0 ? (size_t)more : 0;
    }
    err->detail[0] = '\0';
    if (n > 0)
        err_detail(err, "%s", detail);
    err_hint(err, "wait for it to end, or raise --lock-timeout");
    result_free(r);
    free(array);
}

static int lock_tables(struct work *w, const struct selection *s, struct err *err)
{
    int64_t timeout = w->o->lock_timeout_ms > 0 ? w->o->lock_timeout_ms : LOCK_TIMEOUT_MS;
    char *sql = NULL;
    int rc = -1;

    if (lock_statement(s->lock_names, 0, &sql, err) != 0)
        return -1;
    /* SET takes no snapshot, and LOCK none either: the first that does comes after all locks. */
    if (query_execf(w->leader, err, "SET LOCAL lock_timeout = '%" PRId64 "ms'", timeout) != 0)
        goto out;
    if (sql != NULL && query_exec(w->leader, sql, NULL, err) != 0) {
        tx_rollback(w->leader);
        w->begun = 0;
        if (strcmp(err->sqlstate, "55P03") == 0) {
            err_prefix(err, "the tables could not be locked for reading within %.3g s",
                       (double)timeout / 1000);
            name_blockers(w, s, err);
        } else {
            err_prefix(err, "cannot lock the tables for reading");
        }
        goto out;
    }
    rc = 0;
out:
    free(sql);
    return rc;
}

/* The same relations under the same names. */
static int unchanged(const struct selection *a, const struct selection *b)
{
    size_t n = strings_count(a->lock_names);

    if (n != strings_count(b->lock_names))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (a->locks[i] != b->locks[i] || strcmp(a->lock_names[i], b->lock_names[i]) != 0)
            return 0;
    return 1;
}

/* Names are needed for the locks, and what they stand for may change until the locks are there:
 * look, lock, look again. */
static int begin_own(struct work *w, struct err *err)
{
    struct selection before = {0}, after = {0};
    int rc = -1;

    for (int i = 0; i < ATTEMPTS; i++) {
        selection_free(&before);
        selection_free(&after);
        if (selection_names(w->leader, w->o, &before, err) != 0 ||
            tx_begin(w->leader, TX_REPEATABLE_READ, 1, err) != 0)
            goto out;
        w->begun = 1;
        if (lock_tables(w, &before, err) != 0 ||
            selection_names(w->leader, w->o, &after, err) != 0)
            goto out;
        if (unchanged(&before, &after)) {
            rc = selection_make(w->leader, w->o, is_ascii(w->m), w->standby, &w->s, err);
            goto out;
        }
        tx_rollback(w->leader);
        w->begun = 0;
    }
    err_set(err, ERR_FAILED,
            "tables keep being created, renamed or dropped while they are being locked");
out:
    w->s.locks = after.locks;
    w->s.lock_names = after.lock_names;
    after.locks = NULL;
    after.lock_names = NULL;
    selection_free(&before);
    selection_free(&after);
    return rc;
}

/* Within a caller's transaction, who holds stronger locks already; helpers need theirs. */
static int begin_held(struct work *w, struct err *err)
{
    struct selection names = {0};

    if (session_borrow(w->leader, &w->before, err) != 0 ||
        selection_names(w->leader, w->o, &names, err) != 0)
        return -1;
    if (selection_make(w->leader, w->o, is_ascii(w->m), w->standby, &w->s, err) != 0) {
        selection_free(&names);
        return -1;
    }
    w->s.locks = names.locks;
    w->s.lock_names = names.lock_names;
    return 0;
}

static int begin(struct work *w, struct err *err)
{
    if (surround_identity(w->leader, w->m, &w->standby, err) != 0)
        return -1;
    if ((w->o->held ? begin_held(w, err) : begin_own(w, err)) != 0)
        return -1;
    if ((w->oids = selection_array(w->s.oids, w->s.n, err)) == NULL)
        return -1;
    if (!w->o->alone && (w->snapshot = tx_export_snapshot(w->leader, err)) == NULL)
        return -1;
    return 0;
}

/* ---- the file ---- */

static int copy_list(char ***to, const char *const *from, struct err *err)
{
    if (from == NULL)
        return 0;
    if ((*to = calloc(2, sizeof(**to))) == NULL)
        return err_oom(err);
    for (; *from != NULL; from++)
        if (strings_add(to, *from, err) != 0)
            return -1;
    return 0;
}

/* What is known before the first row. */
static int describe(struct work *w, struct err *err)
{
    const struct snapshot_options *o = w->o;
    struct manifest *m = w->m;

    if (strings_dup(&m->tool, "mig-backup " MIG_VERSION, err) != 0 ||
        strings_dup(&m->name, o->name, err) != 0 ||
        strings_dup(&m->purpose, o->purpose, err) != 0 ||
        strings_dup(&m->reason, o->reason, err) != 0 ||
        strings_dup(&m->environment, o->environment, err) != 0 ||
        strings_dup(&m->command, o->command, err) != 0 ||
        strings_dup(&m->scope, o->scope == SNAPSHOT_LOSS ? "loss" : "tables", err) != 0 ||
        copy_list(&m->from, o->from, err) != 0 || copy_list(&m->to, o->to, err) != 0)
        return -1;
    /* The selection's tables are the manifest's from here on. */
    m->tables = w->s.tables;
    m->ntables = w->s.n;
    m->notes = w->s.notes;
    w->s.tables = NULL;
    w->s.notes = NULL;
    w->s.n = 0;
    if (conn_untested(w->leader) != 0 &&
        strings_addf(&m->notes, err, "the server is PostgreSQL %d, newer than any that this mig was tested with",
                     conn_untested(w->leader)) != 0)
        return -1;
    return manifest_check_names(m, err);
}

static int open_archive(struct work *w, struct err *err)
{
    const struct snapshot_options *o = w->o;
    struct archive_label label = {.name = o->name,
                                  .purpose = o->purpose,
                                  .database = w->m->database,
                                  .system_id = w->m->system_id,
                                  .environment = o->environment,
                                  .reason = o->reason,
                                  .created = w->m->created,
                                  .database_oid = w->m->database_oid,
                                  .from = o->from,
                                  .to = o->to};
    struct archive_options a = {.keys = o->keys, .path = o->file, .dir = o->dir, .label = &label};

    if (o->file == NULL && shelf_make(o->dir, err) != 0)
        return -1;
    return (w->archive = archive_create(&a, err)) == NULL ? -1 : 0;
}

/* ---- what stands beside the rows ---- */

static int count_large_objects(struct work *w, struct err *err)
{
    int64_t n = 0;

    if (query_int(w->leader, "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata", &n, err) != 0)
        return -1;
    if (n > 0)
        return strings_addf(&w->m->notes, err,
                            "the database holds %" PRId64
                            " large objects: their contents are not saved, only their numbers in tables",
                            n);
    return 0;
}

static int wants_ddl(const struct work *w)
{
    return !w->o->no_ddl && w->m->ntables > 0;
}

static int start_ddl(struct work *w, struct err *err)
{
    int64_t timeout = w->o->lock_timeout_ms > 0 ? w->o->lock_timeout_ms : LOCK_TIMEOUT_MS;

    if (!wants_ddl(w))
        return strings_dup(&w->m->no_ddl, w->m->ntables == 0 ? "nothing is affected" : "it was not asked for", err);
    if (w->o->held)
        return w->o->ddl != NULL ? strings_dup(&w->m->ddl, w->o->ddl, err)
                                 : strings_dup(&w->m->no_ddl, w->o->ddl_why != NULL ? w->o->ddl_why : "it was not asked for", err);
    w->ddl = ddl_start(w->leader, w->snapshot, w->m->role, is_ascii(w->m), timeout, err);
    return w->ddl == NULL ? -1 : 0;
}

static int finish_ddl(struct work *w, struct err *err)
{
    if (w->ddl != NULL && ddl_finish(w->ddl, &w->m->ddl, &w->m->no_ddl, err) != 0)
        return -1;
    if (w->m->ddl != NULL && !manifest_is_text(w->m->ddl)) {
        free(w->m->ddl);
        w->m->ddl = NULL;
        if (strings_dup(&w->m->no_ddl, "it has bytes that are not UTF-8", err) != 0)
            return -1;
    }
    if (w->m->ddl != NULL || !wants_ddl(w))
        return 0;
    if (w->o->require_ddl) {
        err_set(err, ERR_FAILED, "the backup would hold no DDL: %s", w->m->no_ddl);
        err_hint(err, "install the pg_dump of the server's version or a newer one, or leave out "
                      "--require-ddl");
        return -1;
    }
    return strings_addf(&w->m->notes, err, "no DDL, restore --create will not be possible: %s",
                        w->m->no_ddl);
}

static int copy_surroundings(void *arg, struct err *err)
{
    struct work *w = arg;
    char *sequences = selection_array(w->s.sequences, w->s.nsequences, err);
    int rc = -1;

    if (sequences != NULL && surround_sequences(w->leader, w->oids, sequences, w->m, err) == 0 &&
        surround_types(w->leader, w->oids, w->m, err) == 0 && count_large_objects(w, err) == 0)
        rc = 0;
    free(sequences);
    return rc;
}

static int copy_rows(struct work *w, struct err *err)
{
    struct crew_options k = {.leader = w->leader,
                             .archive = w->archive,
                             .tables = w->m->tables,
                             .pages = w->s.pages,
                             .ntables = w->m->ntables,
                             .snapshot = w->snapshot,
                             .jobs = w->o->jobs > 0 ? w->o->jobs : 2,
                             .aside = copy_surroundings,
                             .aside_arg = w,
                             .tick = w->o->tick,
                             .tick_arg = w->o->tick_arg};
    char *lock_sql = NULL;
    int rc;

    if (lock_statement(w->s.lock_names, 1, &lock_sql, err) != 0)
        return -1;
    k.lock_sql = lock_sql;
    rc = crew_run(&k, err);
    free(lock_sql);
    return rc;
}

static int finish_file(struct work *w, struct snapshot_result *r, struct err *err)
{
    json_t *json = manifest_check_names(w->m, err) != 0 ? NULL : manifest_json(w->m, err);
    int rc;

    if (json == NULL)
        return -1;
    rc = archive_finish(w->archive, json, &r->file_bytes, &r->verified, err);
    json_decref(json);
    return rc;
}

/* ---- the result ---- */

static int report_table(const struct manifest_table *m, struct snapshot_table *t, struct err *err)
{
    char **columns = NULL;

    t->rows = m->rows;
    t->bytes = m->bytes;
    t->complete = m->complete;
    memcpy(t->digest, m->digest, sizeof(t->digest));
    for (size_t i = 0; i < m->ncolumns; i++)
        if (strings_add(&columns, m->columns[i].name, err) != 0 ||
            strings_add(&t->types, m->columns[i].type, err) != 0)
            break;
    t->columns = columns;
    t->ncolumns = strings_count(columns);
    if (t->ncolumns != m->ncolumns || strings_dup(&t->schema, m->schema, err) != 0 ||
        strings_dup(&t->name, m->name, err) != 0 || strings_dup(&t->filter, m->filter, err) != 0)
        return -1;
    return 0;
}

static int report(const struct work *w, struct snapshot_result *r, struct err *err)
{
    const char *path = archive_path(w->archive);
    char *full = strcmp(path, "-") == 0 ? NULL : realpath(path, NULL);

    (void)snprintf(r->archive_id, sizeof(r->archive_id), "%s", archive_id(w->archive));
    r->file = full;
    if ((full == NULL && strings_dup(&r->file, path, err) != 0) ||
        strings_dup(&r->created, w->m->created, err) != 0 ||
        strings_dup(&r->signer, archive_writer_signer(w->archive), err) != 0)
        return -1;
    if ((r->tables = calloc(w->m->ntables + 1, sizeof(*r->tables))) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < w->m->ntables; i++) {
        if (w->m->tables[i].stream == 0)
            continue;
        if (report_table(&w->m->tables[i], &r->tables[r->ntables++], err) != 0)
            return -1;
    }
    for (char **n = w->m->notes; n != NULL && *n != NULL; n++)
        if (strings_add(&r->notes, *n, err) != 0)
            return -1;
    r->nnotes = strings_count(r->notes);
    return wants_ddl(w) ? strings_dup(&r->no_ddl, w->m->no_ddl, err) : 0;
}

int snapshot_create(struct conn *leader, const struct snapshot_options *o,
                    struct snapshot_result *r, struct err *err)
{
    struct work w = {.leader = leader, .o = o};
    int rc = -1;

    memset(r, 0, sizeof(*r));
    if (keyring_can_write(o->keys, err) != 0)
        return -1;
    if ((w.m = calloc(1, sizeof(*w.m))) == NULL)
        return err_oom(err);
    if (begin(&w, err) != 0 || describe(&w, err) != 0 || open_archive(&w, err) != 0 ||
        start_ddl(&w, err) != 0 || copy_rows(&w, err) != 0 || finish_ddl(&w, err) != 0)
        goto out;
    /* Nothing more is read: others need not wait while the file is being finished. */
    if (w.before != NULL && session_return(leader, w.before, err) != 0)
        goto out;
    if (w.begun) {
        w.begun = 0;
        tx_rollback(leader);
    }
    if (finish_file(&w, r, err) != 0)
        goto out;
    if (o->receipt != NULL && archive_receipt(w.archive, o->receipt, err) != 0) {
        (void)err_prefix(err, "the backup \"%s\" is made; but its receipt is not", archive_path(w.archive));
        goto out;
    }
    rc = report(&w, r, err);
out:
    ddl_free(w.ddl);
    if (w.begun)
        tx_rollback(leader);
    archive_writer_free(w.archive);
    manifest_free(w.m);
    selection_free(&w.s);
    strings_free(w.before);
    free(w.snapshot);
    free(w.oids);
    if (rc != 0)
        snapshot_result_free(r);
    return rc;
}

void snapshot_result_free(struct snapshot_result *r)
{
    for (size_t i = 0; i < r->ntables; i++) {
        free(r->tables[i].schema);
        free(r->tables[i].name);
        free(r->tables[i].filter);
        strings_free(r->tables[i].columns);
        strings_free(r->tables[i].types);
    }
    free(r->tables);
    strings_free(r->notes);
    free(r->file);
    free(r->created);
    free(r->signer);
    free(r->no_ddl);
    memset(r, 0, sizeof(*r));
}
