#include "rollback/run.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backup/keys.h"
#include "backup/restore.h"
#include "core/audit.h"
#include "core/buf.h"
#include "core/config.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/process.h"
#include "core/state.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/environment.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/session.h"
#include "pg/tx.h"
#include "rollback/begin.h"
#include "rollback/execute.h"
#include "rollback/guard.h"
#include "rollback/kept.h"
#include "rollback/locks.h"
#include "rollback/proof.h"
#include "rollback/relax.h"
#include "rollback/saving.h"
#include "rollback/segments.h"
#include "rollback/sums.h"
#include "rollback/view.h"
#include "script/closure.h"
#include "script/effect.h"

/* What one run holds while it runs. */
struct run {
    struct guard *g;
    const struct run_options *o;
    struct segments *segments; /* NULL: the whole plan is one */
    size_t nsegments, segment, last; /* LAST: the last one with a transaction */
    size_t done;           /* segments that are done */
    int loose;             /* a statement outside of a transaction was begun and is not done */
    const struct plan *plan;       /* of this segment */
    const struct closure *closure; /* of this segment */
    struct closure *own;           /* where it is not the guard's */
    struct proof *planned;         /* the catalog when this segment was planned, where not the guard's */
    struct outcome_report *out;
    struct journal *journal;
    struct conn *lock;     /* the advisory lock's session */
    struct relax *relax;   /* undo: NOT NULL that waits for the values */
    struct proof *before, *after;
    struct sums *sums;     /* what must stay as it is */
    struct saving *saving;
    struct restore_result restored;
    uint64_t xid;
    int begun;             /* the script began to change the schema */
};

static int joined(char **out, char *const *rows, struct err *err)
{
    struct buf b = {0};

    if (rows == NULL || rows[0] == NULL)
        return strings_dup(out, "base", err);
    for (size_t i = 0; rows[i] != NULL; i++)
        if (buf_addf(&b, err, "%s%s", i > 0 ? ", " : "", rows[i]) != 0) {
            buf_free(&b);
            return -1;
        }
    *out = b.data;
    return 0;
}

static int add_word(char ***words, const char *flag, const char *value, struct err *err)
{
    if (value == NULL)
        return 0;
    return strings_add(words, flag, err) != 0 || strings_add(words, value, err) != 0 ? -1 : 0;
}

char *run_command(const struct guard *g, const char *command, const char *run, struct err *err)
{
    const struct cli_common *c = g->request->common;
    char **words = NULL;
    char *text = NULL;

    if (strings_add(&words, "mig-rollback", err) == 0 && strings_add(&words, command, err) == 0 &&
        (run == NULL || strings_add(&words, run, err) == 0) &&
        add_word(&words, "-d", c->dbname, err) == 0 && add_word(&words, "-h", c->host, err) == 0 &&
        add_word(&words, "-p", c->port, err) == 0 && add_word(&words, "-U", c->user, err) == 0 &&
        add_word(&words, "--env", c->env, err) == 0 && add_word(&words, "-c", c->config, err) == 0 &&
        add_word(&words, "--dir", c->dir, err) == 0 &&
        add_word(&words, "--state-dir", c->state_dir, err) == 0)
        text = audit_mask((int)strings_count(words), words, err);
    strings_free(words);
    return text;
}

/* ---- the journal ------------------------------------------------------------------------------ */

static int open_journal(struct run *r, struct err *err)
{
    const struct guard *g = r->g;
    struct begin_options o = {.kind = r->out->kind, .undo_of = r->o->undo_of, .segments = r->nsegments};

    if (r->o->resume != NULL) {
        if ((r->journal = journal_open(g->state_dir, g->key, r->o->resume, err)) == NULL ||
            strings_dup(&r->out->run, r->o->resume, err) != 0)
            return -1;
        return journal_write(r->journal, "resume", json_pack("{s:I}", "segment", (json_int_t)r->o->first),
                             err);
    }
    if ((r->journal = begin_run(g, &o, err)) == NULL)
        return -1;
    return strings_dup(&r->out->run, journal_run(r->journal), err);
}

/* ---- inside the transaction ------------------------------------------------------------------ */

/* The migration's settings again; BACK is freed. */
static int settings_back(struct conn *c, char ***back, struct err *err)
{
    int rc = session_return(c, *back, err);

    strings_free(*back);
    *back = NULL;
    return rc;
}

static int check_versions(struct run *r, char *const *expected, const char *when, struct err *err)
{
    char **rows = NULL;
    int rc = -1;

    if (r->plan->version_table == NULL)
        return 0;
    if (execute_version_rows(r->g->main, r->plan, &rows, err) == 0)
        rc = execute_version_same(rows, expected, when, err);
    strings_free(rows);
    return rc;
}

static int must_back_up(const struct run *r)
{
    if (r->g->request->backup == ROLLBACK_NONE)
        return 0;
    if (r->o->undo_of == NULL && r->nsegments == 1)
        return 1;
    for (size_t i = 0; i < r->closure->ntables; i++)
        if (closure_table_at_risk(&r->closure->tables[i]))
            return 1;
    return 0;
}

/* Everything is locked, nothing is read yet. */
static int look_and_copy(struct run *r, struct err *err)
{
    struct guard *g = r->g;
    char **back = NULL;
    int rc = -1;

    if (check_versions(r, r->plan->from, "now", err) != 0) {
        err_hint(err, "somebody migrated meanwhile: look at the plan again");
        return -1;
    }
    if (session_borrow(g->main, &back, err) != 0)
        return -1;
    if ((r->before = proof_read(g->main, err)) == NULL ||
        proof_same(r->planned != NULL ? r->planned : g->proof, r->before, r->closure, err) != 0)
        goto out;
    if (must_back_up(r) && saving_locked(r->saving, err) != 0)
        goto out;
    if ((r->sums = sums_read(g->main, r->plan, r->closure, g->judgement,
                             g->request->verify_full, err)) == NULL)
        goto out;
    rc = settings_back(g->main, &back, err);
out:
    strings_free(back);
    return rc;
}

static char *relaxed(void *arg, const struct statement *s, struct err *err)
{
    return relax_statement(arg, s, err);
}

static int change(struct run *r, struct err *err)
{
    struct guard *g = r->g;
    struct execute_options o = {
        .statement_timeout_ms = g->request->statement_timeout_ms,
        .lock_timeout_ms = g->request->lock_timeout_ms,
        .show_values = g->request->common->show_values,
    };

    if (r->relax != NULL) {
        o.rewrite = relaxed;
        o.rewrite_arg = r->relax;
    }
    if (tx_current_id(g->main, &r->xid, err) != 0 ||
        journal_write(r->journal, "execute", json_pack("{s:I, s:I}", "segment", (json_int_t)r->segment, "xid", (json_int_t)r->xid),
                      err) != 0)
        return -1;
    r->begun = 1;
    return execute_plan(g->main, r->plan, &o, err);
}

static int put_back(struct run *r, const struct run_values *v, struct err *err)
{
    struct restore_options o = {
        .keys = r->g->request->keys,
        .file = v->file,
        .targets = v->targets,
        .ntargets = v->ntargets,
        .mode = RESTORE_MERGE,
        .on_conflict = RESTORE_OVERWRITE,
        .held = 1,
        .verify_full = 1,
        .since_xid = r->o->since_xid,
    };

    if (v->ntargets == 0)
        return 0;
    if (restore_run(r->g->main, &o, &r->restored, err) != 0)
        return err_prefix(err, "cannot put the values back");
    return 0;
}

static int report_restored(struct run *r, struct err *err)
{
    json_t *a = r->out->tables != NULL ? r->out->tables : json_array();

    if (a == NULL)
        return err_oom(err);
    r->out->tables = a;
    for (size_t i = 0; i < r->restored.ntables; i++) {
        const struct restore_table *t = &r->restored.tables[i];
        struct buf name = {0};
        json_t *o = json_object();

        if (buf_addf(&name, err, "%s.%s", t->schema, t->name) != 0) {
            json_decref(o);
            return -1;
        }
        (void)json_object_set_new(o, "name", json_string(name.data));
        (void)json_object_set_new(o, "rows", json_integer((json_int_t)t->rows));
        (void)json_object_set_new(o, "inserted", json_integer((json_int_t)t->inserted));
        (void)json_object_set_new(o, "updated", json_integer((json_int_t)t->updated));
        (void)json_object_set_new(o, "unchanged", json_integer((json_int_t)t->unchanged));
        (void)json_object_set_new(o, "vanished", json_integer((json_int_t)t->vanished));
        (void)json_object_set_new(o, "changed_since", json_integer((json_int_t)t->changed));
        (void)json_object_set_new(o, "digest_equal", json_boolean(t->digest_equal));
        (void)json_array_append_new(a, o);
        if (t->vanished > 0 &&
            strings_addf(&r->out->notes, err, "%s: %llu rows of the backup are gone meanwhile and got nothing",
                         name.data, (unsigned long long)t->vanished) != 0)
            return -1;
        if (t->changed > 0 &&
            strings_addf(&r->out->notes, err, "%s: %llu rows were changed since the rollback", name.data,
                         (unsigned long long)t->changed) != 0)
            return -1;
        buf_free(&name);
    }
    restore_result_free(&r->restored);
    memset(&r->restored, 0, sizeof(r->restored));
    return 0;
}

static int smoke(struct run *r, struct err *err)
{
    for (size_t i = 0; r->g->request->smoke != NULL && r->g->request->smoke[i] != NULL; i++) {
        const char *path = r->g->request->smoke[i];
        struct buf b = {0};
        struct query q = {.columns = -1};
        struct result *res = NULL;
        int rc = -1;

        if (buf_read_file(&b, path, (size_t)1 << 20, err) == 0) {
            q.sql = b.data;
            if ((res = query_run(r->g->main, &q, err)) == NULL)
                (void)err_prefix(err, "smoke test \"%s\"", path);
            else if (result_rows(res) > 0)
                (void)err_set(err, ERR_REFUSED, "smoke test \"%s\" found %d row%s", path,
                              result_rows(res), result_rows(res) == 1 ? "" : "s");
            else
                rc = 0;
        }
        result_free(res);
        buf_free(&b);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* After which segment V's values are put back.  A backup of segment 2 of 3 was taken at the schema
 * that the way forward reaches after its own segment 2, counted from the other end; data that later
 * steps move on then moves again.  Where the two ways are cut differently: at the end. */
static size_t segment_of(const struct run *r, const struct run_values *v)
{
    size_t mirrored = v->segment < v->nsegments ? v->nsegments - 1 - v->segment : r->last;

    if (r->segments == NULL || v->nsegments != r->nsegments || r->segments->items[mirrored].alone)
        return r->last;
    return mirrored;
}

/* What belongs after this segment.  The last segment's backup first, for what the earlier ones hold
 * stands on it; of one segment in the order in which they were taken. */
static int all_back(struct run *r, struct err *err)
{
    size_t segments = 1;

    for (size_t i = 0; i < r->o->nvalues; i++)
        if (r->o->values[i].segment >= segments)
            segments = r->o->values[i].segment + 1;
    while (segments-- > 0)
        for (size_t i = 0; i < r->o->nvalues; i++) {
            const struct run_values *v = &r->o->values[i];

            if (v->segment == segments && segment_of(r, v) == r->segment &&
                (put_back(r, v, err) != 0 || report_restored(r, err) != 0))
                return -1;
        }
    return 0;
}

/* While ROLLBACK is still free. */
static int prove(struct run *r, struct err *err)
{
    struct guard *g = r->g;
    char **back = NULL;
    size_t checked;
    int rc = -1;

    /* Deferred triggers and keys would else fire in COMMIT, after all that is proved here. */
    if (query_exec(g->main, "SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS", err) != 0)
        return err_prefix(err, "a check or trigger that was put off to the end");
    if (check_versions(r, r->plan->to, "after the change", err) != 0)
        return -1;
    if (session_borrow(g->main, &back, err) != 0)
        return -1;
    if (proof_writes(g->main, r->before, r->plan, r->closure, err) != 0 ||
        sums_check(r->sums, g->main, &checked, err) != 0)
        goto out;
    if (all_back(r, err) != 0)
        goto out;
    if (r->relax != NULL && r->segment == r->last) {
        if (settings_back(g->main, &back, err) != 0 || relax_finish(r->relax, g->main, err) != 0 ||
            session_borrow(g->main, &back, err) != 0)
            goto out;
    }
    if ((r->after = proof_read(g->main, err)) == NULL ||
        proof_check(r->before, r->after, r->plan, r->closure, err) != 0)
        goto out;
    rc = settings_back(g->main, &back, err);
    if (rc == 0 && r->segment == r->last)
        rc = smoke(r, err);
out:
    strings_free(back);
    return rc;
}

/* ---- around the transaction ------------------------------------------------------------------ */

/* The connection died in COMMIT: only the server knows. */
static int settle(struct run *r, struct err *err)
{
    struct timespec second = {.tv_sec = 1};

    log_warn("%s", err->message);
    log_warn("asking the server whether transaction %llu was committed", (unsigned long long)r->xid);
    for (int i = 0; i < 60; i++) {
        struct err why = {0};
        struct conn *c = conn_again(r->g->control, CONN_OWN, &why);
        enum tx_fate fate = TX_IN_PROGRESS;
        int asked = c != NULL && tx_status(c, r->xid, &fate, &why) == 0;

        conn_free(c);
        if (asked && fate == TX_COMMITTED) {
            err_clear(err);
            return 0;
        }
        if (asked && fate == TX_ABORTED) {
            err_clear(err);
            return err_set(err, ERR_FAILED, "the connection was lost and the server rolled back");
        }
        if (asked && fate == TX_FORGOTTEN)
            break;
        (void)nanosleep(&second, NULL);
    }
    err_hint(err, "\"mig-rollback status %s\" settles it when the server answers", r->out->run);
    return -1;
}

static int transaction(struct run *r, struct err *err)
{
    struct guard *g = r->g;
    const struct rollback_request *q = g->request;
    struct locks_options lo = {
        .plan = r->plan,
        .closure = r->closure,
        .timeout_ms = q->lock_timeout_ms,
        .deadline_ms = q->lock_deadline_ms,
        .cancel = q->cancel_blockers,
        .terminate = q->terminate_blockers,
    };
    int at_once = g->short_copy || q->backup != ROLLBACK_LOCKED;

    if (r->done > 0 && proof_settle(g->main, err) != 0)
        return -1;
    r->saving = saving_new(&(struct saving_request){.guard = g,
                                                    .plan = r->plan,
                                                    .closure = r->closure,
                                                    .journal = r->journal,
                                                    .segment = r->segment,
                                                    .purpose = r->o->undo_of != NULL ? "undo" : "rollback",
                                                    .file = &r->out->backup},
                           err);
    if (r->saving == NULL ||
        (q->backup == ROLLBACK_BEFORE && must_back_up(r) && saving_before(r->saving, err) != 0))
        return -1;
    if (journal_write(r->journal, "locks", json_pack("{s:I}", "segment", (json_int_t)r->segment), err) != 0 ||
        locks_take(g->main, g->control, &lo, at_once, err) != 0)
        return -1;
    if (look_and_copy(r, err) != 0)
        return -1;
    if (!at_once && locks_raise(g->main, g->control, &lo, err) != 0)
        return -1;
    if (change(r, err) != 0 || prove(r, err) != 0)
        return -1;
    if (q->dry_run) {
        tx_rollback(g->main);
        return 0;
    }
    if (journal_write(r->journal, "commit",
                      json_pack("{s:I, s:I}", "segment", (json_int_t)r->segment, "xid", (json_int_t)r->xid),
                      err) != 0)
        return -1;
    if (tx_commit(g->main, err) == 0)
        return 0;
    return err->kind == ERR_UNKNOWN ? settle(r, err) : -1;
}

/* This segment's plan, closure and catalog. */
static int enter(struct run *r, size_t i, struct err *err)
{
    struct guard *g = r->g;
    struct effects **effects;
    size_t n = 0;

    r->segment = i;
    proof_free(r->before);
    proof_free(r->after);
    proof_free(r->planned);
    sums_free(r->sums);
    closure_free(r->own);
    saving_free(r->saving);
    r->saving = NULL;
    r->before = r->after = r->planned = NULL;
    r->sums = NULL;
    r->own = NULL;
    if (r->segments == NULL) {
        r->plan = g->plan;
        r->closure = g->closure;
        return 0;
    }
    r->plan = r->segments->items[i].plan;
    if (r->segments->items[i].alone)
        return 0;
    /* The earlier segments are committed: what this one reaches is found anew. */
    if ((r->planned = proof_read(g->control, err)) == NULL ||
        (effects = plan_effects(r->plan, &n, err)) == NULL)
        return -1;
    r->own = closure_find(g->main, effects, n, err);
    free(effects);
    r->closure = r->own;
    return r->own != NULL ? 0 : -1;
}

static int alone(struct run *r, struct err *err)
{
    const struct segment *s = &r->segments->items[r->segment];

    log_info("segment %zu of %zu: %s", r->segment + 1, r->nsegments, s->label != NULL ? s->label : "");
    if (journal_write(r->journal, "alone", json_pack("{s:I}", "segment", (json_int_t)r->segment), err) != 0)
        return -1;
    r->loose = 1;
    if (segment_run_alone(s, r->g->main, r->o->again && r->segment == r->o->first, err) != 0)
        return -1;
    r->loose = 0;
    return 0;
}

static void analyze(struct run *r);

static int all_segments(struct run *r, struct err *err)
{
    for (size_t i = r->done; i < r->nsegments; i++) {
        int is_alone = r->segments != NULL && r->segments->items[i].alone;

        if (enter(r, i, err) != 0 || (is_alone ? alone(r, err) : transaction(r, err)) != 0)
            return -1;
        r->done++;
        if (!r->g->request->dry_run && r->nsegments > 1 &&
            journal_write(r->journal, "done", json_pack("{s:I}", "segment", (json_int_t)i), err) != 0)
            return -1;
        if (!is_alone && !r->g->request->dry_run)
            analyze(r);
    }
    return 0;
}

static void analyze(struct run *r)
{
    for (size_t i = 0; i < r->closure->ntables; i++) {
        const struct closure_table *t = &r->closure->tables[i];
        struct err why = {0};
        struct buf b = {0};

        if (!proof_rewritten(r->before, r->after, t->oid))
            continue;
        if (buf_adds(&b, "ANALYZE ", &why) == 0 && quote_name(&b, t->schema, t->name, &why) == 0 &&
            query_exec(r->g->control, b.data, NULL, &why) != 0)
            log_warn("ANALYZE %s.%s: %s", t->schema, t->name, why.message);
        buf_free(&b);
    }
}

static int write_outcome(struct run *r, const struct err *failed, struct err *err)
{
    json_t *o = json_object();

    (void)json_object_set_new(o, "outcome", json_string(outcome_name(r->out->outcome)));
    if (failed->kind != ERR_NONE)
        (void)json_object_set_new(o, "why", json_string(failed->message));
    return journal_write(r->journal, "outcome", o, err);
}

/* The run that was undone must say so too, or it could be undone twice. */
static void mark_undone(struct run *r)
{
    struct err why = {0};
    struct journal *j = journal_open(r->g->state_dir, r->g->key, r->o->undo_of, &why);

    if (j == NULL || journal_write(j, "undone", json_pack("{s:s}", "by", r->out->run), &why) != 0)
        log_warn("run %s could not be marked as undone: %s", r->o->undo_of, why.message);
    journal_free(j);
}

static void finish(struct run *r, int committed, struct err *err)
{
    struct outcome_report *out = r->out;
    struct err why = {0};

    if (committed)
        out->outcome = r->g->request->dry_run ? OUTCOME_ROLLED_BACK : OUTCOME_COMMITTED;
    else if (err->kind == ERR_UNKNOWN)
        out->outcome = OUTCOME_UNKNOWN;
    else if (r->done > 0 || r->loose)
        out->outcome = OUTCOME_PARTIAL;
    else
        out->outcome = r->begun ? OUTCOME_ROLLED_BACK : OUTCOME_NOT_STARTED;
    if (write_outcome(r, err, &why) != 0)
        log_warn("the outcome is not in the journal: %s", why.message);
    if (committed && !r->g->request->dry_run) {
        if (r->o->undo_of != NULL)
            mark_undone(r);
        else if (r->g->undo != UNDO_IMPOSSIBLE)
            out->next = run_command(r->g, "undo", out->run, &why);
    } else if (out->outcome == OUTCOME_UNKNOWN) {
        out->next = run_command(r->g, "status", out->run, &why);
    } else if (out->outcome == OUTCOME_PARTIAL) {
        out->next = run_command(r->g, "resume", out->run, &why);
        if (err->kind != ERR_INTERRUPTED)
            err->kind = ERR_UNFINISHED;
        err_hint(err, "%zu of %zu segments are done; to go on: %s", r->done, r->nsegments,
                 out->next != NULL ? out->next : "mig-rollback resume");
    }
    if (!committed && err->kind != ERR_NONE)
        out->why = strdup(err->message);
}

/* What only the application can tell, after COMMIT: it cannot roll back any more, but undo can. */
static int smoke_command(struct run *r, struct err *err)
{
    const char *command = r->g->request->smoke_command;
    char **words;
    struct process_options o = {.pass_stderr = 1};
    struct process_result result = {0};
    struct err why = {0};
    int rc = -1;

    if (command == NULL || r->o->undo_of != NULL || r->g->request->dry_run)
        return 0;
    if ((words = process_words(command, err)) == NULL)
        return -1;
    o.argv = (const char *const *)words;
    if (process_run(&o, &result, &why) != 0)
        (void)err_set(err, ERR_UNFINISHED, "the smoke command could not be run: %s", why.message);
    else if (result.status != 0)
        (void)err_set(err, ERR_UNFINISHED, "committed, but the smoke command ended with %d", result.status);
    else
        rc = 0;
    if (rc != 0 && r->out->next != NULL)
        err_hint(err, "to go forward again: %s", r->out->next);
    process_result_free(&result);
    process_words_free(words);
    return rc;
}

static void run_free(struct run *r)
{
    journal_free(r->journal);
    conn_free(r->lock);
    relax_free(r->relax);
    proof_free(r->before);
    proof_free(r->after);
    sums_free(r->sums);
    saving_free(r->saving);
    restore_result_free(&r->restored);
    proof_free(r->planned);
    closure_free(r->own);
    segments_free(r->segments);
}

static int prepare(struct run *r, struct err *err)
{
    struct guard *g = r->g;

    if (strings_dup(&r->out->kind, r->o->undo_of != NULL ? "undo" : "rollback", err) != 0 ||
        joined(&r->out->from, g->plan->from, err) != 0 || joined(&r->out->to, g->plan->to, err) != 0)
        return -1;
    r->nsegments = segments_count(g->plan);
    r->done = r->o->first;
    if (r->nsegments > 1) {
        if (g->request->dry_run)
            return err_set(err, ERR_REFUSED,
                           "a plan of %zu segments commits between them: it cannot be tried with --dry-run",
                           r->nsegments);
        if ((r->segments = segments_split(g->plan, err)) == NULL)
            return -1;
        r->nsegments = r->segments->count;
        for (size_t i = 0; i < r->nsegments; i++)
            if (!r->segments->items[i].alone)
                r->last = i;
    }
    if (r->o->undo_of != NULL && (r->relax = relax_new(err)) == NULL)
        return -1;
    return 0;
}

int run_guarded(struct guard *g, const struct run_options *o, struct outcome_report *out,
                struct err *err)
{
    struct run r = {.g = g, .o = o, .out = out};
    int committed = 0;

    memset(out, 0, sizeof(*out));
    out->outcome = OUTCOME_NOT_STARTED;
    if (prepare(&r, err) == 0 && (r.lock = conn_again(g->control, CONN_OWN, err)) != NULL &&
        locks_advisory(r.lock, g->request->lock_deadline_ms, err) == 0 && open_journal(&r, err) == 0)
        committed = all_segments(&r, err) == 0;
    if (!committed)
        tx_rollback(g->main);
    if (r.journal != NULL && out->run != NULL)
        finish(&r, committed, err);
    if (committed && smoke_command(&r, err) != 0)
        committed = 0;
    run_free(&r);
    return committed ? 0 : -1;
}
