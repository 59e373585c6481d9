#include "rollback/command.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup/shelf.h"
#include "backup/snapshot.h"
#include "core/audit.h"
#include "core/buf.h"
#include "core/interrupt.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/state.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "migration/project.h"
#include "migration/render.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "rollback/advisory.h"
#include "rollback/begin.h"
#include "rollback/execute.h"
#include "rollback/guard.h"
#include "rollback/next.h"
#include "rollback/proof.h"
#include "rollback/smoke.h"
#include "rollback/rows.h"
#include "rollback/run.h"
#include "rollback/view.h"

static const char waiter_sql[] =
#include "rollback/sql/waiter.sql.h"
    ;
static const char watchdog_sql[] =
#include "rollback/sql/watchdog.sql.h"
    ;

/* One run of the alembic command, on a thread of its own. */
struct child {
    const struct guard *g;
    const struct project *project;
    const char *argument; /* NULL: current */
    int64_t timeout_ms;
    struct rendering out;
    struct err err;
    int rc;
    pthread_mutex_t lock;
    int over;
};

static void *child_main(void *arg)
{
    /* Direct children take these; a container does not, so that there is the watchdog too. */
    static const char *const environment[] = {"PGAPPNAME=mig-rollback alembic", NULL};
    struct child *c = arg;
    int rc = render_online(&c->g->request->plan, c->project, c->g->plan->direction == PLAN_UP, c->argument,
                           environment, c->timeout_ms, &c->out, &c->err);

    (void)pthread_mutex_lock(&c->lock);
    c->rc = rc;
    c->over = 1;
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

static int is_over(struct child *c)
{
    int over;

    (void)pthread_mutex_lock(&c->lock);
    over = c->over;
    (void)pthread_mutex_unlock(&c->lock);
    return over;
}

static void nap(void)
{
    struct timespec t = {.tv_nsec = 100000000};

    (void)nanosleep(&t, NULL);
}

/* "{1,2}" */
static int own_pids(const struct guard *g, const struct conn *other, char text[64])
{
    return snprintf(text, 64, "{%d,%d,%d}", conn_pid(g->control), conn_pid(g->main), conn_pid(other));
}

static int version_oid(struct conn *c, const struct plan *p, char text[24], struct err *err)
{
    struct buf name = {0};
    const char *param;
    struct query q = {.sql = "SELECT pg_catalog.to_regclass($1)::oid::bigint", .nparams = 1, .columns = 1,
                      .min_rows = 1, .max_rows = 1};
    struct result *r = NULL;
    int rc = -1;

    if (quote_name(&name, p->version_schema, p->version_table, err) != 0)
        goto out;
    param = name.data;
    q.params = &param;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    (void)snprintf(text, 24, "%lld", (long long)result_int(r, 0, 0));
    rc = 0;
out:
    result_free(r);
    buf_free(&name);
    return rc;
}

static int ask(struct conn *c, const char *sql, const char *const *params, int n, int64_t *answer,
               struct err *err)
{
    struct query q = {.sql = sql, .params = params, .nparams = n, .columns = 1, .min_rows = 1, .max_rows = 1};
    struct result *r = query_run(c, &q, err);

    if (r == NULL)
        return -1;
    *answer = result_int(r, 0, 0);
    result_free(r);
    return 0;
}

static int start(struct child *c, pthread_t *thread, struct err *err)
{
    (void)pthread_mutex_init(&c->lock, NULL);
    if (pthread_create(thread, NULL, child_main, c) != 0)
        return err_set_errno(err, ERR_FAILED, "cannot start a thread");
    return 0;
}

/* `alembic current` must wait for a lock that we hold on our version table: else env.py names another
 * database, and what it would change is not what was backed up. */
static int same_database(struct guard *g, const struct project *project, struct conn *watch, struct err *err)
{
    struct child c = {.g = g, .project = project, .timeout_ms = 120000};
    char own[64], oid[24];
    const char *params[2] = {oid, own};
    pthread_t thread;
    struct buf lock = {0};
    int64_t waiting = 0;
    int rc = -1, over = 0;

    (void)own_pids(g, watch, own);
    if (version_oid(g->control, g->plan, oid, err) != 0 || tx_begin(g->control, TX_READ_COMMITTED, 0, err) != 0)
        return -1;
    if (buf_adds(&lock, "LOCK TABLE ", err) != 0 ||
        quote_name(&lock, g->plan->version_schema, g->plan->version_table, err) != 0 ||
        buf_adds(&lock, " IN ACCESS EXCLUSIVE MODE", err) != 0 ||
        query_exec(g->control, lock.data, "LOCK TABLE", err) != 0 || start(&c, &thread, err) != 0) {
        tx_rollback(g->control);
        buf_free(&lock);
        return -1;
    }
    while (waiting == 0 && !over) {
        over = is_over(&c);
        if (ask(watch, waiter_sql, params, 2, &waiting, err) != 0)
            break;
        if (waiting == 0 && !over)
            nap();
    }
    tx_rollback(g->control);
    (void)pthread_join(thread, NULL);
    if (err->kind != ERR_NONE)
        goto out;
    if (c.rc != 0) {
        *err = c.err;
        goto out;
    }
    if (waiting == 0) {
        (void)err_set(err, ERR_REFUSED, "the alembic command does not work on %s: %s", conn_title(g->control),
                      c.out.status != 0 && c.out.complaint != NULL ? c.out.complaint
                                                                   : "it never asked for its version table");
        err_hint(err, "its env.py names another database, or it could not connect: nothing was changed");
        goto out;
    }
    rc = 0;
out:
    rendering_free(&c.out);
    buf_free(&lock);
    return rc;
}

static int back_up(struct guard *g, const struct proof *before, struct journal *j,
                   struct snapshot_result *r, struct err *err)
{
    const struct cli_common *c = g->request->common;
    struct progress *progress = progress_start("saving");
    char *command = audit_mask(c->argc, c->argv, err);
    struct snapshot_options o = {
        .keys = g->request->keys,
        .dir = state_shelf(c, g->request->config),
        .purpose = "rollback",
        .reason = c->reason,
        .environment = g->environment->name,
        .command = command,
        .from = (const char *const *)g->plan->from,
        .to = (const char *const *)g->plan->to,
        .jobs = c->jobs,
        .lock_timeout_ms = g->request->lock_timeout_ms,
        .tick = progress_tick,
        .tick_arg = progress,
    };
    uint32_t *oids = proof_tables(before, &o.noids, err);
    int rc = -1;

    o.oids = oids;
    if (oids == NULL || command == NULL)
        goto out;
    if (shelf_make(o.dir, err) != 0 || snapshot_create(g->control, &o, r, err) != 0) {
        (void)err_prefix(err, "no backup, so nothing was changed");
        goto out;
    }
    if (!r->verified) {
        (void)err_set(err, ERR_BACKUP, "the backup \"%s\" could not be read back", r->file);
        goto out;
    }
    rc = journal_write(j, "backup",
                       json_pack("{s:i, s:s, s:s, s:[]}", "segment", 0, "file", r->file, "archive_id",
                                 r->archive_id, "targets"),
                       err);
out:
    progress_end(progress);
    free(oids);
    free(command);
    return rc;
}

/* Until the command ends: nobody of its sessions waits for a lock longer than the limit. */
static int watched(struct guard *g, struct child *c, struct conn *watch, struct err *err)
{
    char own[64], oid[24], limit[24];
    const char *params[3] = {oid, own, limit};
    pthread_t thread;
    int64_t cancelled;

    (void)own_pids(g, watch, own);
    (void)snprintf(limit, sizeof(limit), "%lld", (long long)g->request->lock_timeout_ms);
    if (version_oid(g->control, g->plan, oid, err) != 0 || start(c, &thread, err) != 0)
        return -1;
    while (!is_over(c)) {
        struct err why = {0};

        nap();
        if (!conn_lost(watch) && ask(watch, watchdog_sql, params, 3, &cancelled, &why) == 0 && cancelled > 0)
            log_warn("cancelled alembic's statement: it waited for a lock longer than --lock-timeout");
    }
    (void)pthread_join(thread, NULL);
    return 0;
}

/* What went, as undo's targets and as notes. */
struct lost {
    const struct proof *before;
    struct snapshot_result *saved;
    json_t *targets;
    char ***notes;
};

static const struct snapshot_table *saved_table(const struct lost *l, const char *name, size_t len)
{
    for (size_t i = 0; i < l->saved->ntables; i++) {
        struct buf b = {0};
        struct err ignored = {0};
        int same = quote_pretty(&b, l->saved->tables[i].schema, l->saved->tables[i].name, &ignored) == 0 &&
                   b.len == len && memcmp(b.data, name, len) == 0;

        buf_free(&b);
        if (same)
            return &l->saved->tables[i];
    }
    return NULL;
}

static int one_lost(void *arg, uint32_t oid, const char *name, const char *column, struct err *err)
{
    struct lost *l = arg;
    size_t len = column != NULL ? (size_t)(column - name) - 1 : strlen(name);
    const struct snapshot_table *t = saved_table(l, name, len);
    json_t *target = NULL, *entry;
    size_t i;

    (void)oid;
    if (strings_addf(l->notes, err, "%s is gone", name) != 0 || t == NULL)
        return t == NULL && err->kind == ERR_NONE ? 0 : -1;
    json_array_foreach(l->targets, i, entry)
        if (strcmp(json_string_value(json_object_get(entry, "name")), t->name) == 0 &&
            strcmp(json_string_value(json_object_get(entry, "schema")), t->schema) == 0)
            target = entry;
    if (target == NULL) {
        target = json_pack("{s:s, s:s, s:s, s:[]}", "schema", t->schema, "name", t->name, "mode",
                           column != NULL ? "columns" : "replace", "columns");
        if (target == NULL || json_array_append_new(l->targets, target) != 0)
            return err_oom(err);
    }
    /* The saved name is the stored one; NAME is quoted where it must be. */
    for (size_t k = 0; column != NULL && k < t->ncolumns; k++) {
        struct buf b = {0};
        int same = quote_pretty(&b, "x", t->columns[k], err) == 0 && strcmp(b.data + 2, column) == 0;

        buf_free(&b);
        if (same && json_array_append_new(json_object_get(target, "columns"), json_string(t->columns[k])) != 0)
            return err_oom(err);
    }
    return 0;
}

static int afterwards(struct guard *g, const struct child *c, const struct proof *before,
                      struct snapshot_result *saved, struct journal *j, struct outcome_report *out,
                      struct err *err)
{
    struct lost l = {.before = before, .saved = saved, .targets = json_array(), .notes = &out->notes};
    struct proof *after = NULL;
    char **rows = NULL;
    struct err other = {0};
    const char *said = c->rc != 0               ? c->err.message
                       : c->out.status != 0     ? (c->out.complaint != NULL ? c->out.complaint : "no reason given")
                                                : NULL;
    int rc = -1;

    out->outcome = OUTCOME_UNKNOWN;
    if (execute_version_rows(g->control, g->plan, &rows, err) != 0 || (after = proof_read(g->control, err)) == NULL)
        goto out;
    if (execute_version_same(rows, g->plan->to, "after the command", &other) == 0)
        out->outcome = OUTCOME_COMMITTED;
    else if (execute_version_same(rows, g->plan->from, "after the command", err) == 0)
        out->outcome = OUTCOME_ROLLED_BACK;
    else
        out->outcome = OUTCOME_PARTIAL;
    err_clear(err);
    if (proof_gone(before, after, one_lost, &l, err) != 0 ||
        (saved->file != NULL && journal_write(j, "backup",
                       json_pack("{s:i, s:s, s:s, s:O}", "segment", 0, "file", saved->file, "archive_id",
                                 saved->archive_id, "targets", l.targets),
                       err) != 0))
        goto out;
    if (out->outcome == OUTCOME_ROLLED_BACK) {
        (void)err_set(err, json_array_size(l.targets) > 0 ? ERR_UNFINISHED : ERR_FAILED, "alembic %s: %s",
                      said != NULL ? "failed" : "changed no version row", said != NULL ? said : "see its output");
        err_hint(err, json_array_size(l.targets) > 0 ? "parts of the schema are gone all the same: see the notes"
                                                     : "the version rows and the tables are as they were");
    } else if (out->outcome == OUTCOME_PARTIAL) {
        (void)err_set(err, ERR_UNFINISHED, "alembic stopped halfway: %s", said != NULL ? said : other.message);
        err_hint(err, "the backup is %s; correct the cause and run it again", out->backup != NULL ? out->backup : "not taken");
    } else if (said != NULL) {
        (void)err_set(err, ERR_UNFINISHED, "the version rows are as planned, but alembic failed: %s", said);
    } else {
        rc = proof_invalid(before, after, err);
    }
out:
    proof_free(after);
    strings_free(rows);
    json_decref(l.targets);
    return rc;
}

static const char *argument(const struct guard *g)
{
    const char *asked = g->request->plan.revision;

    /* A relative one is what the plan resolved it to: the rows may have moved since. */
    if (asked != NULL && asked[0] != '-')
        return asked;
    return g->plan->to[0] != NULL ? g->plan->to[0] : "base";
}

int command_run(struct guard *g, struct outcome_report *out, struct err *err)
{
    struct begin_options o = {.kind = "rollback", .segments = 1};
    struct child child = {.g = g, .argument = argument(g), .timeout_ms = (int64_t)24 * 3600 * 1000};
    struct snapshot_result saved = {0};
    struct project *project = NULL;
    struct proof *before = NULL;
    struct journal *j = NULL;
    struct conn *lock = NULL, *watch = NULL;
    char **rows = NULL;
    struct err why = {0};
    int rc = -1;

    memset(out, 0, sizeof(*out));
    out->outcome = OUTCOME_NOT_STARTED;
    if (g->request->dry_run) {
        (void)err_set(err, ERR_REFUSED, "alembic commits by itself: it cannot be tried with --dry-run");
        err_hint(err, "\"mig-rollback plan\" shows what is known beforehand; try the rest on a copy of the database");
        return -1;
    }
    if (g->request->plan.revision == NULL || g->plan->version_table == NULL) {
        (void)err_set(err, ERR_REFUSED, "a saved plan cannot be run through alembic, which would render it anew");
        err_hint(err, "name the revision instead of the file");
        return -1;
    }
    if (strings_dup(&out->kind, "rollback", err) != 0 || rows_join(&out->from, g->plan, g->plan->from, err) != 0 || rows_join(&out->to, g->plan, g->plan->to, err) != 0)
        return -1;
    if ((project = project_read(&g->request->plan, err)) == NULL ||
        (lock = conn_again(g->control, CONN_OWN, err)) == NULL ||
        (watch = conn_again(g->control, CONN_OWN, err)) == NULL ||
        advisory_take(lock, g->request->lock_deadline_ms, err) != 0 ||
        (j = begin_run(g, &o, err)) == NULL || strings_dup(&out->run, journal_run(j), err) != 0)
        goto out;
    child.project = project;
    if (same_database(g, project, watch, err) != 0 || execute_version_rows(g->control, g->plan, &rows, err) != 0 ||
        execute_version_same(rows, g->plan->from, "now", err) != 0 ||
        (before = proof_read(g->control, err)) == NULL)
        goto out;
    if (g->request->backup != ROLLBACK_NONE &&
        (back_up(g, before, j, &saved, err) != 0 || strings_dup(&out->backup, saved.file, err) != 0))
        goto out;
    if (interrupt_check(err) != 0 || journal_write(j, "command", NULL, err) != 0)
        goto out;
    if (watched(g, &child, watch, err) != 0)
        goto out;
    rc = afterwards(g, &child, before, &saved, j, out, err);
out:
    if (j != NULL) {
        json_t *end = json_pack("{s:s}", "outcome", outcome_name(out->outcome));

        if (err->kind != ERR_NONE)
            (void)json_object_set_new(end, "why", json_string(err->message));
        if (journal_write(j, "outcome", end, &why) != 0)
            log_warn("the outcome is not in the journal: %s", why.message);
    }
    if (out->outcome == OUTCOME_COMMITTED && g->undo != UNDO_IMPOSSIBLE && out->run != NULL)
        out->next = next_command(g, "undo", out->run, &why);
    /* The user's own tests, which elsewhere come before COMMIT, are after it here. */
    if (rc == 0 && smoke_sql(g, err) != 0) {
        err->kind = ERR_UNFINISHED;
        if (out->next != NULL)
            err_hint(err, "alembic has committed; to go forward again: %s", out->next);
        rc = -1;
    }
    if (rc == 0)
        rc = smoke_command(g, out->next, err);
    if (err->kind != ERR_NONE)
        out->why = strdup(err->message);
    rendering_free(&child.out);
    snapshot_result_free(&saved);
    proof_free(before);
    strings_free(rows);
    journal_free(j);
    conn_free(watch);
    conn_free(lock);
    project_free(project);
    return rc;
}
