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
#include "rollback/execute.h"
#include "rollback/guard.h"
#include "rollback/locks.h"
#include "rollback/proof.h"
#include "rollback/putback.h"
#include "rollback/relax.h"
#include "rollback/run.h"
#include "rollback/running.h"
#include "rollback/saving.h"
#include "rollback/smoke.h"
#include "rollback/sums.h"
#include "rollback/view.h"
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

/* Everything is locked, nothing is read yet. */
static int look_and_copy(struct running *r, struct err *err)
{
    struct guard *g = r->g;
    char **back = NULL;
    int rc = -1;

    if (check_versions(r, r->plan->from, "now", err) != 0) {
        err_hint(err, "somebody migrated meanwhile: look at the plan again");
        return -1;
    }
    if (find_writers(r, err) != 0 || session_borrow(g->main, &back, err) != 0)
        return -1;
    if ((r->before = proof_read(g->main, err)) == NULL ||
        proof_same(r->planned != NULL ? r->planned : g->proof, r->before, r->closure, err) != 0 ||
        (r->census = census_take(g->main, r->closure, err)) == NULL)
        goto out;
    if (must_back_up(r) && saving_locked(r->saving, err) != 0)
        goto out;
    if (r->segments == NULL && belongings_keep(r, g->main, err) != 0)
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
    if (tx_current_id(g->main, &r->xid, err) != 0 ||
        journal_write(r->journal, "execute", json_pack("{s:I, s:I}", "segment", (json_int_t)r->segment, "xid", (json_int_t)r->xid),
                      err) != 0)
        return -1;
    r->begun = 1;
    return execute_plan(g->main, r->plan, &o, err);
}

/* While ROLLBACK is still free. */
static int prove(struct running *r, struct err *err)
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
    if (putback_values(r, err) != 0)
        goto out;
    if (r->relax != NULL && r->segment == r->last) {
        if (settings_back(g->main, &back, err) != 0 || relax_finish(r->relax, err) != 0 ||
            session_borrow(g->main, &back, err) != 0)
            goto out;
    }
    if ((r->after = proof_read(g->main, err)) == NULL ||
        proof_check(r->before, r->after, r->plan, r->closure, err) != 0 ||
        census_check(r->census, g->main, r->plan, err) != 0)
        goto out;
    if (r->segments == NULL && r->together == NULL && belongings_back(r, err) != 0)
        goto out;
    rc = settings_back(g->main, &back, err);
    if (rc == 0 && r->segment == r->last)
        rc = smoke_sql(r->g, err);
out:
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
    err_hint(err, "\"mig-rollback status %s\" settles it when the server answers", r->out->run);
    return -1;
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
