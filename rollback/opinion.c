#include "rollback/opinion.h"

#include <string.h>

#include "core/config.h"
#include "migration/plan.h"
#include "prodcheck/check.h"
#include "prodcheck/verdict.h"
#include "rollback/guard.h"
#include "rollback/refusal.h"
#include "script/closure.h"
#include "validate/judge.h"

/* Rows that the plan writes where no backup of ours reaches, through a partitioned table too. */
static int elsewhere(struct guard *g, struct err *err)
{
    for (size_t i = 0; i < g->closure->ntables; i++) {
        const struct closure_table *t = &g->closure->tables[i];

        if (t->kind == 'f' && (t->fate & CLOSURE_DROPPED) == 0 &&
            (t->fate & (CLOSURE_EMPTIED | CLOSURE_ROWS | CLOSURE_COLUMNS)) != 0 &&
            refusal_add(g, err, "foreign", 1,
                        "save the rows where they are; then --force foreign --reason TEXT",
                        "%s.%s is a foreign table: the plan changes or deletes rows of another server, which no "
                        "backup of this one holds and undo does not bring back", t->schema, t->name) != 0)
            return -1;
    }
    return 0;
}

/* The effects of the way there, for judging the way back beside it; they stay the reverse plan's. */
static void lend_way_there(struct guard *g, int lend)
{
    const struct plan *there = g->reverse;
    size_t n = there == NULL ? 0 : there->nsteps;

    for (size_t i = 0; i < g->plan->nsteps; i++) {
        struct plan_step *s = &g->plan->steps[i];

        for (size_t k = 0; k < n; k++)
            if (g->plan->direction == PLAN_SQL ? n == g->plan->nsteps && i + k + 1 == n
                                               : g->plan->direction == PLAN_DOWN && s->revision != NULL &&
                                                     there->steps[k].revision != NULL &&
                                                     strcmp(s->revision, there->steps[k].revision) == 0)
                s->forward_effects = lend ? there->steps[k].effects : NULL;
    }
}

int opinion_validate(struct guard *g, struct err *err)
{
    struct judge_options o = {.config = g->request->config, .max_loss_rows = -1,
                              .jobs = g->request->common->jobs,
                              .show_values = g->request->common->show_values};

    lend_way_there(g, 1);
    g->judgement = judge_run(g->plan, g->main, &o, err);
    lend_way_there(g, 0);
    if (g->judgement == NULL || (g->request->backup != ROLLBACK_NONE && elsewhere(g, err) != 0))
        return -1;
    for (size_t i = 0; i < g->judgement->nfindings; i++) {
        const struct finding *f = &g->judgement->findings[i];

        /* The plan's own refusal says it better. */
        if (f->ignored != NULL || (g->command && strcmp(f->code, "online-only") == 0))
            continue;
        /* Such a statement gets a segment of its own; Alembic's file says itself where it leaves the
         * transaction, other tools' files have no way to. */
        if (g->plan->direction == PLAN_SQL && strcmp(f->code, "not-in-transaction") == 0)
            continue;
        if (f->opaque &&
            refusal_add(g, err, f->code, 1, f->remedy, "%s: nobody can say what it does (%s)",
                         f->object != NULL && f->object[0] != '\0' ? f->object : f->code, f->message) != 0)
            return -1;
        if (f->predicted_failure &&
            refusal_add(g, err, f->code, 1, f->remedy, "it would fail: %s", f->message) != 0)
            return -1;
        if (f->has_loss && (f->loss_rows > 0 || !f->loss_exact) && !f->covered && !f->opaque &&
            g->request->backup != ROLLBACK_NONE &&
            refusal_add(g, err, f->code, 1, f->remedy, "no backup of the tables covers this loss: %s",
                         f->message) != 0)
            return -1;
    }
    /* What triggers and rules do is verified before COMMIT (footprint_check). */
    if (!g->command && g->judgement->verdict == JUDGE_UNKNOWN && !g->judgement->only_fires &&
        g->judgement->why_unknown != NULL &&
        refusal_add(g, err, "validate", 1, NULL, "%s", g->judgement->why_unknown) != 0)
        return -1;
    if (g->closure->opaque > 0 && g->judgement->nfindings == 0 &&
        refusal_add(g, err, "validate", 1, NULL, "%zu statement%s whose reach nobody can know",
                     g->closure->opaque, g->closure->opaque == 1 ? "" : "s") != 0)
        return -1;
    return 0;
}

int opinion_gate(struct guard *g, struct err *err)
{
    struct verdict_options o = {
        .config = g->request->config,
        .environment = g->environment,
        .keys = g->request->keys,
        .plan = g->plan,
        .closure = g->closure,
        .strict = g->request->config != NULL && config_boolean(g->request->config, "prodcheck.strict"),
        .no_backup_check = 1,
    };
    size_t before = g->nrefusals;

    if ((g->verdict = verdict_run(g->control, &o, err)) == NULL)
        return -1;
    if (g->verdict->answer == VERDICT_GO)
        return 0;
    for (size_t i = 0; i < g->verdict->nchecks; i++) {
        const struct check_result *c = &g->verdict->checks[i];

        if ((c->status == CHECK_FAIL || c->status == CHECK_ERROR) &&
            refusal_add(g, err, c->id, 1, c->remedy, "check %s: %s", c->id,
                         c->message != NULL ? c->message : check_status_name(c->status)) != 0)
            return -1;
    }
    /* Warnings alone can make it no-go (strict): no-go is never passed over. */
    for (size_t i = 0; g->nrefusals == before && i < g->verdict->nchecks; i++) {
        const struct check_result *c = &g->verdict->checks[i];

        if (c->status == CHECK_WARN &&
            refusal_add(g, err, c->id, 1, c->remedy, "check %s: %s (warnings are no-go: prodcheck.strict)",
                         c->id, c->message != NULL ? c->message : check_status_name(c->status)) != 0)
            return -1;
    }
    if (g->nrefusals == before)
        return refusal_add(g, err, "gate", 1, NULL, "the gate answered %s",
                            verdict_answer_name(g->verdict->answer));
    return 0;
}
