#include "rollback/transaction.h"

#include <string.h>
#include <time.h>

#include "core/interrupt.h"
#include "core/buf.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/session.h"
#include "pg/tx.h"
#include "rollback/belongings.h"
#include "rollback/census.h"
#include "rollback/aftermath.h"
#include "rollback/arrived.h"
#include "rollback/execute.h"
#include "rollback/expected.h"
#include "rollback/footprint.h"
#include "rollback/guard.h"
#include "rollback/imprint.h"
#include "rollback/locks.h"
#include "rollback/meanwhile.h"
#include "rollback/next.h"
#include "rollback/overwritten.h"
#include "rollback/proof.h"
#include "rollback/putback.h"
#include "rollback/relax.h"
#include "rollback/run.h"
#include "rollback/running.h"
#include "rollback/said.h"
#include "rollback/saving.h"
#include "rollback/seeds.h"
#include "rollback/smoke.h"
#include "rollback/standing.h"
#include "rollback/sums.h"
#include "rollback/view.h"
#include "rollback/waited.h"
#include "script/closure.h"

/* The migration's settings again; BACK is freed. */
static int settings_back(struct conn *c, char ***back, struct err *err)
{
    int rc = session_return(c, *back, err);

    strings_free(*back);
    *back = NULL;
    return rc;
}

static int check_versions(struct running *r, char *const *expected, const char *when, struct err *err)
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

static int must_back_up(const struct running *r)
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

/* Who wrote the version rows: the upgrade, if it was one transaction and nobody has touched them since. */
static int find_writers(struct running *r, struct err *err)
{
    struct buf sql = {0};
    int rc = -1;

    for (size_t i = 0; i < r->o->nvalues; i++)
        if (r->o->values[i].by_upgrade && r->plan->version_table != NULL && r->writers == NULL) {
            if (buf_adds(&sql, "SELECT pg_catalog.array_agg(xmin::pg_catalog.text)::pg_catalog.text FROM ", err) != 0 ||
                quote_name(&sql, r->plan->version_schema, r->plan->version_table, err) != 0 ||
                query_value(r->g->main, sql.data, &r->writers, err) != 0)
                goto out;
        }
    rc = 0;
out:
    buf_free(&sql);
    return rc;
}

/* Everything is locked, nothing is read yet.  *BACK: the settings, for keep. */
static int look(struct running *r, char ***back, struct err *err)
{
    struct guard *g = r->g;

    if (check_versions(r, r->plan->from, "now", err) != 0) {
        err_hint(err, "somebody migrated meanwhile: look at the plan again");
        return -1;
    }
    if (find_writers(r, err) != 0 || session_borrow(g->main, back, err) != 0 ||
        said_version(r->plan, g->main, &r->version, err) != 0 || aftermath_prepare(g->main, r->expected, &r->spaces, err) != 0 ||
        (r->before = proof_read(g->main, err)) == NULL ||
        proof_same(r->planned != NULL ? r->planned : g->proof, r->before, r->closure, err) != 0)
        return -1;
    return (r->census = census_take(g->main, r->closure, err)) != NULL ? 0 : -1;
}

/* READERS go on: then the control session may count beside the copy. */
static int keep(struct running *r, int readers, char ***back, struct err *err)
{
    struct guard *g = r->g;
    struct err why = {0};
    int rc = 0;

    if ((r->sums = sums_read(readers ? g->control : g->main, r->plan, r->closure, g->judgement,
                             readers ? SUMS_BESIDE : SUMS_HERE, g->request->verify_full, err)) == NULL)
        return -1;
    if ((must_back_up(r) && saving_locked(r->saving, err) != 0) || meanwhile_look(r, err) != 0 ||
        (r->segments == NULL && belongings_keep(r, g->main, err) != 0) ||
        (r->standing = standing_read(g->main, r->closure, err)) == NULL || settings_back(g->main, back, err) != 0)
        rc = -1;
    /* It lets go of the control session in any case. */
    if (sums_wait(r->sums, &why) != 0 && rc == 0) {
        *err = why;
        rc = -1;
    }
    return rc;
}

/* From here on a crash leaves a question, and the transaction's id is the answer. */
static int announce(struct running *r, struct err *err)
{
    if (tx_current_id(r->g->main, &r->xid, err) != 0)
        return -1;
    return journal_write(r->journal, "execute",
                         json_pack("{s:I, s:I}", "segment", (json_int_t)r->segment, "xid", (json_int_t)r->xid), err);
}

static char *relaxed(void *arg, const struct statement *s, struct err *err)
{
    return relax_statement(arg, s, err);
}

static int change(struct running *r, struct err *err)
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
    r->begun = 1;
    return execute_plan(g->main, r->plan, &o, err);
}

/* What the plan makes, as it has come. */
static int check_arrived(struct running *r, const struct aftermath *e, struct err *err)
{
    int unfinished = r->relax != NULL && r->segment != r->last, rc;
    const char *param;
    struct query q = arrived_query(r->expected, &param);
    struct result *now = NULL;

    if (e->arrived == NULL)
        return 0;
    /* NOT NULL was set after the answer. */
    if (r->relax != NULL && (now = query_run(r->g->main, &q, err)) == NULL)
        return err_prefix(err, "cannot read the catalog");
    rc = arrived_check(r->expected, now != NULL ? now : e->arrived, unfinished, err);
    result_free(now);
    return rc;
}

/* The catalog against the prediction: of all that the transaction has locked; of everything where that would not
 * do, or where it is asked for. */
static int compare(struct running *r, struct aftermath *e, struct err *err)
{
    struct conn *c = r->g->main;
    const struct query census = census_query();
    /* What put values back has locked more since. */
    int whole = r->g->request->verify_full || r->o->nvalues > 0 || r->relax != NULL || footprint_hacked(e->locks) ||
                strcmp(r->spaces, result_text(e->spaces, 0, 0)) != 0;
    struct result *now;

    r->after = whole ? proof_read(c, err) : proof_after(r->before, e->locks, e->locked, err);
    if (!whole)
        e->locked = NULL;
    if (r->after == NULL || proof_check(r->before, r->after, r->plan, r->closure, err) != 0 || check_arrived(r, e, err) != 0)
        return -1;
    if (!whole && !census_touched(r->census, e->locks))
        return 0;
    if ((now = query_run(c, &census, err)) == NULL)
        return err_prefix(err, "cannot read the catalog");
    return census_check(r->census, now, r->plan, err);
}

static const struct aftermath *with_held(struct aftermath *e, const struct meanwhile *m)
{
    if (m != NULL) {
        e->held = m->held;
        e->nheld = m->nheld;
    }
    return e;
}

/* While ROLLBACK is still free. */
static int prove(struct running *r, struct err *err)
{
    struct conn *c = r->g->main;
    int smokes = smoke_given(r->g) && r->segment == r->last, rc = -1;
    struct aftermath e = {0};
    char **back = NULL;

    if ((smokes || r->relax != NULL) && session_current(c, &back, err) != 0)
        return -1;
    if (aftermath_gather(c, r->plan, r->expected, sums_oids(r->sums), &e, err) != 0 ||
        (e.versions != NULL ? execute_version_answer(e.versions, r->plan->to, "after the change", err)
                            : check_versions(r, r->plan->to, "after the change", err)) != 0 ||
        footprint_check(with_held(&e, r->meanwhile), r->version, r->before, r->plan, r->closure, r->g->request->loss_scope, err) != 0 ||
        sums_check(r->sums, c, e.shapes, err) != 0 || standing_check(r->standing, c, r->before, &e, err) != 0)
        goto out;
    if (meanwhile_leave(r, e.writes, err) != 0 || seeds_remove(r, e.writes, err) != 0 ||
        overwritten_prepare(r, e.writes, err) != 0 || putback_values(r, err) != 0)
        goto out;
    /* Another tool's version table is saved and put back like others. */
    if (r->plan->version_column != NULL && check_versions(r, r->plan->to, "after the change", err) != 0)
        goto out;
    if (r->relax != NULL && r->segment == r->last) {
        if (settings_back(c, &back, err) != 0 || relax_finish(r->relax, err) != 0 ||
            session_borrow(c, &back, err) != 0)
            goto out;
    }
    if (overwritten_report(r, err) != 0)
        goto out;
    rc = compare(r, &e, err);
    if (rc == 0 && r->segments == NULL && r->together == NULL)
        rc = belongings_back(r, err);
    /* COMMIT takes our settings back too. */
    if (rc == 0 && smokes)
        rc = settings_back(c, &back, err) != 0 ? -1 : smoke_sql(r->g, err);
out:
    aftermath_free(&e);
    strings_free(back);
    return rc;
}

/* Ids are counted anew where a failover lost what came last: the version rows must not say the opposite
 * of what the server says of ours. */
static int rows_contradict(const struct running *r, struct conn *c, enum tx_fate fate, int *contradict,
                           struct err *err)
{
    char *const *opposite = fate == TX_COMMITTED ? r->plan->from : r->plan->to;
    char *const *expected = fate == TX_COMMITTED ? r->plan->to : r->plan->from;
    struct err same = {0};
    char **rows = NULL;

    *contradict = 0;
    if (r->plan->version_table == NULL || execute_version_same(opposite, expected, "", &same) == 0)
        return 0;
    if (execute_version_rows(c, r->plan, &rows, err) != 0)
        return -1;
    *contradict = execute_version_same(rows, opposite, "", &same) == 0;
    strings_free(rows);
    return 0;
}

/* One attempt; *FATE stays IN_PROGRESS where the server could not be asked. */
static void ask(const struct running *r, enum tx_fate *fate, int *contradict)
{
    struct err why = {0};
    struct conn *c = conn_again(r->g->control, CONN_OWN, &why);

    *contradict = 0;
    if (c != NULL &&
        (tx_status(c, r->xid, fate, &why) != 0 ||
         ((*fate == TX_COMMITTED || *fate == TX_ABORTED) && rows_contradict(r, c, *fate, contradict, &why) != 0)))
        *fate = TX_IN_PROGRESS;
    conn_free(c);
}

enum { PATIENCE_S = 60, INTERRUPTED_PATIENCE_S = 10 };

/* The connection died in COMMIT: only the server knows.  After Ctrl-C too: what happened is worth more
 * than the second that asking takes. */
static int settle(struct running *r, struct err *err)
{
    struct timespec second = {.tv_sec = 1};
    enum tx_fate fate = TX_IN_PROGRESS;
    int contradict = 0;

    log_warn("%s", err->message);
    log_warn("asking the server whether transaction %llu was committed", (unsigned long long)r->xid);
    conn_shield(r->g->control, 1);
    for (int i = 0; i < (interrupt_pending() ? INTERRUPTED_PATIENCE_S : PATIENCE_S); i++) {
        ask(r, &fate, &contradict);
        if (fate != TX_IN_PROGRESS)
            break;
        (void)nanosleep(&second, NULL);
    }
    conn_shield(r->g->control, 0);
    if (contradict)
        log_warn("the server says that transaction %llu was %s, but the version table holds what the run would "
                 "have left otherwise: a failover, or somebody migrated since",
                 (unsigned long long)r->xid, fate == TX_COMMITTED ? "committed" : "rolled back");
    else if (fate == TX_COMMITTED) {
        err_clear(err);
        return 0;
    } else if (fate == TX_ABORTED) {
        err_clear(err);
        return err_set(err, ERR_FAILED, "the connection was lost and the server rolled back");
    }
    next_hint(r->g, "status", r->out->run, "this settles it when the server answers: ", err);
    return -1;
}

/* ---- holding on to it ------------------------------------------------------------------------- */

/* How readers are kept out. */
enum way {
    AT_ONCE, /* all is read and copied while they wait; nothing is raised, so nothing can be in its way */
    SOON,    /* all is read and copied while they go on; where raising does not succeed soon: AT_ONCE */
    AT_LAST, /* the same, but the copy is too long to be made twice: raising is tried until the deadline */
};

static void forget(struct running *r)
{
    meanwhile_forget(r);
    imprint_free(r->imprint);
    proof_free(r->before);
    proof_free(r->after);
    census_free(r->census);
    sums_free(r->sums);
    standing_free(r->standing);
    r->imprint = NULL;
    r->before = r->after = NULL;
    r->census = NULL;
    r->sums = NULL;
    r->standing = NULL;
}

/* The locks, on a schema that is as the backup will say. */
static int take_locks(struct running *r, const struct locks_options *lo, int raised, struct err *err)
{
    enum { ATTEMPTS = 3 };
    int backs_up = must_back_up(r);

    for (int i = 1;; i++) {
        int current = 1;

        if ((backs_up && saving_schema(r->saving, i > 1, err) != 0) ||
            locks_take(r->g->main, r->g->control, lo, raised, err) != 0 ||
            (backs_up && saving_schema_current(r->saving, i == ATTEMPTS, &current, err) != 0))
            return -1;
        if (current || i == ATTEMPTS)
            return 0;
        log_info("the schema was changed while pg_dump read it: once more");
        tx_rollback(r->g->main);
    }
}

/* Locks, reading, the copy, and the locks that keep readers out.  *HELD is 0 where these did not come (SOON). */
static int hold(struct running *r, const struct locks_options *lo, enum way way, int *held, struct err *err)
{
    struct guard *g = r->g;
    char **back = NULL;
    int knot = 0, rc = -1;

    *held = 1;
    if (take_locks(r, lo, way == AT_ONCE, err) != 0)
        return -1;
    if (way != AT_ONCE && (r->imprint = imprint_take(g->control, r->closure, err)) == NULL)
        goto out;
    if (look(r, &back, err) != 0 || (way == SOON && locks_knotted(g->control, lo, &knot, err) != 0))
        goto out;
    if (!knot && (keep(r, way != AT_ONCE, &back, err) != 0 || announce(r, err) != 0 ||
                  (way == SOON && locks_knotted(g->control, lo, &knot, err) != 0)))
        goto out;
    if (knot)
        *held = 0;
    else if (way == SOON && locks_raise_soon(g->main, lo, held, err) != 0)
        goto out;
    else if (way == AT_LAST && locks_raise(g->main, g->control, lo, err) != 0)
        goto out;
    rc = 0;
out:
    strings_free(back);
    return rc;
}

/* *SAME is 0 where somebody wrote in the catalog what was read before readers were kept out. */
static int change_and_prove(struct running *r, int *same, struct err *err)
{
    struct err why = {0};
    int rc = r->imprint != NULL ? imprint_again(r->imprint, err) : 0;

    *same = 1;
    if (rc == 0) {
        struct waited waited;

        waited_begin(&waited, r->g->main, r->g->control, r->g->request->lock_timeout_ms, 0);
        rc = change(r, err) != 0 || prove(r, err) != 0 ? -1 : 0;
        waited_end(&waited, err);
    }
    if (r->imprint != NULL && imprint_same(r->imprint, same, &why) != 0 && rc == 0) {
        *err = why;
        rc = -1;
    }
    return rc;
}

static int stirred(struct err *err)
{
    err_clear(err);
    (void)err_set(err, ERR_REFUSED, "what belongs to these tables was changed while they were being copied");
    err_hint(err, "nothing was changed; somebody made a view, gave a right or the like: run it again");
    return -1;
}

/* Attempts until one is ready to be committed. */
static int attempt(struct running *r, const struct locks_options *lo, enum way way, struct err *err)
{
    /* What undo keeps and puts back is told to the report once. */
    int once = way != SOON || r->o->undo_of != NULL || r->o->nvalues > 0;
    int held, same;

    if (hold(r, lo, way, &held, err) != 0)
        return -1;
    if (held) {
        int rc = change_and_prove(r, &same, err);

        if (same)
            return rc;
        if (err->kind == ERR_INTERRUPTED)
            return -1;
        if (once)
            return stirred(err);
        err_clear(err);
    }
    log_info("%s: once more, with all locks from the start",
             held ? "what belongs to these tables was changed meanwhile" : "who reads these tables does not let go");
    tx_rollback(r->g->main);
    forget(r);
    return attempt(r, lo, AT_ONCE, err);
}

int transaction_run(struct running *r, struct err *err)
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
    enum way way = g->short_copy || q->backup != ROLLBACK_LOCKED ? SOON : AT_LAST;

    if (r->done > 0 && footprint_settle(g->main, err) != 0)
        return -1;
    if ((r->expected = expected_find(g->main, r->plan, r->closure, err)) == NULL)
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
        attempt(r, &lo, way, err) != 0)
        return -1;
    if (q->dry_run) {
        tx_rollback(g->main);
        return 0;
    }
    /* "execute" is on the disk, and sends whoever reads it to the server with this id: nobody waits longer
     * for this step to get there too. */
    if (journal_note(r->journal, "commit",
                     json_pack("{s:I, s:I}", "segment", (json_int_t)r->segment, "xid", (json_int_t)r->xid), err) != 0)
        return -1;
    if (tx_commit(g->main, err) != 0 && (err->kind != ERR_UNKNOWN || settle(r, err) != 0))
        return -1;
    /* From here on its copy is all that there is of some rows. */
    meanwhile_free(r->meanwhile);
    r->meanwhile = NULL;
    /* A later segment's rows are not taken for others'. */
    return r->o->undo_of != NULL ? strings_addf(&r->wrote, err, "%u", (unsigned)(r->xid & UINT32_MAX)) : 0;
}
