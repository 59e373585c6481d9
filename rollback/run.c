#include "rollback/run.h"

#include <stdlib.h>
#include <string.h>

#include "core/journal.h"
#include "core/log.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/tx.h"
#include "rollback/advisory.h"
#include "rollback/begin.h"
#include "rollback/belongings.h"
#include "rollback/census.h"
#include "rollback/expected.h"
#include "rollback/guard.h"
#include "rollback/imprint.h"
#include "rollback/meanwhile.h"
#include "rollback/next.h"
#include "rollback/proof.h"
#include "rollback/relax.h"
#include "rollback/rows.h"
#include "rollback/running.h"
#include "rollback/saving.h"
#include "rollback/segments.h"
#include "rollback/smoke.h"
#include "rollback/stale.h"
#include "rollback/standing.h"
#include "rollback/sums.h"
#include "rollback/transaction.h"
#include "rollback/view.h"
#include "rollback/waited.h"
#include "script/closure.h"
#include "script/effect.h"

/* ---- the journal ------------------------------------------------------------------------------ */

static int open_journal(struct running *r, struct err *err)
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

/* This segment's plan, closure and catalog. */
static int enter(struct running *r, size_t i, struct err *err)
{
    struct guard *g = r->g;
    struct effects **effects;
    size_t n = 0;

    r->segment = i;
    proof_free(r->before);
    proof_free(r->after);
    proof_free(r->planned);
    expected_free(r->expected);
    imprint_free(r->imprint);
    sums_free(r->sums);
    standing_free(r->standing);
    census_free(r->census);
    closure_free(r->own);
    saving_free(r->saving);
    r->saving = NULL;
    r->expected = NULL;
    r->imprint = NULL;
    r->census = NULL;
    r->before = r->after = r->planned = NULL;
    r->sums = NULL;
    r->standing = NULL;
    r->own = NULL;
    if (r->segments == NULL) {
        r->plan = r->together != NULL ? r->together : g->plan;
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

static int alone(struct running *r, struct err *err)
{
    const struct segment *s = &r->segments->items[r->segment];
    struct waited waited;
    int rc;

    log_info("segment %zu of %zu: %s", r->segment + 1, r->nsegments, s->label != NULL ? s->label : "");
    if (journal_write(r->journal, "alone", json_pack("{s:I}", "segment", (json_int_t)r->segment), err) != 0)
        return -1;
    r->loose = 1;
    waited_begin(&waited, r->g->main, r->g->control, 0, 1);
    rc = segment_run_alone(s, r->g->main, r->o->again && r->segment == r->o->first, err);
    waited_end(&waited, err);
    if (rc != 0)
        return -1;
    r->loose = 0;
    return 0;
}

static int all_segments(struct running *r, struct err *err)
{
    /* Of several segments the first may be outside of any transaction. */
    if (r->segments != NULL && r->done == 0 && belongings_keep(r, r->g->control, err) != 0)
        return -1;
    for (size_t i = r->done; i < r->nsegments; i++) {
        int is_alone = r->segments != NULL && r->segments->items[i].alone;

        if (enter(r, i, err) != 0 || (is_alone ? alone(r, err) : transaction_run(r, err)) != 0)
            return -1;
        r->done++;
        if (!r->g->request->dry_run && r->segments != NULL &&
            journal_write(r->journal, "done", json_pack("{s:I}", "segment", (json_int_t)i), err) != 0)
            return -1;
        if (!is_alone && !r->g->request->dry_run)
            stale_analyze(r->g->control, r->closure, r->before, r->after);
    }
    return r->segments != NULL && !r->g->request->dry_run ? belongings_back_alone(r, err) : 0;
}

static int write_outcome(struct running *r, const struct err *failed, struct err *err)
{
    json_t *o = json_object();

    (void)json_object_set_new(o, "outcome", json_string(outcome_name(r->out->outcome)));
    if (failed->kind != ERR_NONE)
        (void)json_object_set_new(o, "why", json_string(failed->message));
    return journal_write(r->journal, "outcome", o, err);
}

/* The run that was undone must say so too, or it could be undone twice. */
static void mark_undone(struct running *r)
{
    struct err why = {0};
    struct journal *j = journal_open(r->g->state_dir, r->g->key, r->o->undo_of, &why);

    if (j == NULL || journal_write(j, "undone", json_pack("{s:s}", "by", r->out->run), &why) != 0)
        log_warn("run %s could not be marked as undone: %s", r->o->undo_of, why.message);
    journal_free(j);
}

static void finish(struct running *r, int committed, struct err *err)
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
    /* First, for nobody asks the server again about a run whose outcome is written. */
    if (committed && !r->g->request->dry_run && r->o->undo_of != NULL)
        mark_undone(r);
    if (write_outcome(r, err, &why) != 0)
        log_warn("the outcome is not in the journal: %s", why.message);
    if (committed && !r->g->request->dry_run) {
        if (r->o->undo_of == NULL && r->g->undo != UNDO_IMPOSSIBLE)
            out->next = next_command(r->g, "undo", out->run, &why);
    } else if (out->outcome == OUTCOME_UNKNOWN) {
        out->next = next_command(r->g, "status", out->run, &why);
    } else if (out->outcome == OUTCOME_PARTIAL) {
        out->next = next_command(r->g, "resume", out->run, &why);
        if (r->o->undo_of == NULL && next_note(r->g, out->run, &out->notes, &why) != 0)
            log_warn("%s", why.message);
        if (err->kind != ERR_INTERRUPTED)
            err->kind = ERR_UNFINISHED;
        err_hint(err, "%zu of %zu segments are done; to go on: %s", r->done, r->nsegments,
                 out->next != NULL ? out->next : "mig-rollback resume");
    }
    if (!committed && err->kind != ERR_NONE)
        out->why = strdup(err->message);
    if (!committed && err->hint[0] == '\0' &&
        (out->outcome == OUTCOME_ROLLED_BACK || out->outcome == OUTCOME_NOT_STARTED))
        err_hint(err, "%s: the database is as it was before",
                 out->outcome == OUTCOME_ROLLED_BACK ? "all of it was rolled back" : "nothing was changed");
}

static void run_free(struct running *r)
{
    journal_free(r->journal);
    conn_free(r->lock);
    relax_free(r->relax);
    free(r->writers);
    free(r->spaces);
    plan_free(r->together);
    proof_free(r->before);
    proof_free(r->after);
    expected_free(r->expected);
    sums_free(r->sums);
    standing_free(r->standing);
    census_free(r->census);
    imprint_free(r->imprint);
    saving_free(r->saving);
    restore_result_free(&r->restored);
    meanwhile_free(r->meanwhile);
    strings_free(r->wrote);
    proof_free(r->planned);
    closure_free(r->own);
    segments_free(r->segments);
}

/* What can be tried of several segments: their transactions, as one. */
static int try_together(struct running *r, struct err *err)
{
    char **skipped = NULL;
    int rc = -1;

    if ((r->together = segments_together(r->g->plan, &skipped, err)) == NULL)
        goto out;
    for (size_t i = 0; i < strings_count(skipped); i++)
        if (strings_addf(&r->out->notes, err, "not tried, for it cannot run in a transaction: %s", skipped[i]) != 0)
            goto out;
    rc = strings_add(&r->out->notes, "the segments' transactions were tried as one; the run itself commits between them", err);
out:
    strings_free(skipped);
    return rc;
}

static int prepare(struct running *r, struct err *err)
{
    struct guard *g = r->g;

    if (strings_dup(&r->out->kind, r->o->undo_of != NULL ? "undo" : "rollback", err) != 0 ||
        rows_join(&r->out->from, g->plan, g->plan->from, err) != 0 ||
        rows_join(&r->out->to, g->plan, g->plan->to, err) != 0)
        return -1;
    if (r->o->undo_of != NULL && (r->relax = relax_new(r->g->main, err)) == NULL)
        return -1;
    r->nsegments = segments_count(g->plan);
    r->done = r->o->first;
    if (segments_needed(g->plan)) {
        int transactions = 0;

        if (g->request->dry_run) {
            r->nsegments = 1;
            return try_together(r, err);
        }
        if ((r->segments = segments_split(g->plan, err)) == NULL)
            return -1;
        r->nsegments = r->segments->count;
        for (size_t i = 0; i < r->nsegments; i++)
            if (!r->segments->items[i].alone) {
                r->last = i;
                transactions = 1;
            }
        if (!transactions && r->o->nvalues > 0) {
            (void)err_set(err, ERR_REFUSED, "the upgrade has no transaction in which the values could be put back");
            err_hint(err, "nothing was changed. Upgrade by hand; then mig-backup restore %s", r->o->values[0].file);
            return -1;
        }
    }
    return 0;
}

int run_guarded(struct guard *g, const struct run_options *o, struct outcome_report *out,
                struct err *err)
{
    struct running r = {.g = g, .o = o, .out = out};
    int committed = 0;

    memset(out, 0, sizeof(*out));
    out->outcome = OUTCOME_NOT_STARTED;
    if (prepare(&r, err) == 0 && (r.lock = conn_again(g->control, CONN_OWN, err)) != NULL &&
        advisory_take(r.lock, g->request->lock_deadline_ms, err) == 0 &&
        (!o->again || advisory_outlive(r.lock, err) == 0) && open_journal(&r, err) == 0)
        committed = all_segments(&r, err) == 0;
    if (!committed)
        tx_rollback(g->main);
    if (!committed && err->kind != ERR_UNKNOWN)
        meanwhile_forget(&r);
    if (r.journal != NULL && out->run != NULL)
        finish(&r, committed, err);
    if (committed && (belongings_answer(&r, err) != 0 || (o->undo_of == NULL && smoke_command(g, out->next, err) != 0)))
        committed = 0;
    run_free(&r);
    return committed ? 0 : -1;
}
