/* What is wrong with the plan or a statement as such: opaque, unparsed, in the wrong place. */
#include <stdlib.h>
#include <string.h>

#include "core/strings.h"
#include "migration/plan.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/detect.h"
#include "validate/inquiry.h"
#include "validate/taken.h"

static void step_itself(struct inquiry *q, const struct plan_step *s)
{
    if (q->plan->direction == PLAN_SQL && s->manner.down && s->script != NULL && s->script->count == 0)
        (void)inquiry_raise(q, "irreversible", NULL, s->revision,
                            "%s has no way back: it holds no statement", s->revision);
    if (s->online_only)
        (void)inquiry_raise(q, "online-only", NULL, s->revision, "%s cannot be rendered: %s",
                            s->revision, s->online_why == NULL ? "" : s->online_why);
    if (s->irreversible)
        (void)inquiry_raise(q, "irreversible", NULL, s->revision, "%s has no way back: %s",
                            s->revision, s->irreversible_why == NULL ? "" : s->irreversible_why);
}

/* A statement that cannot share a transaction, where it does or might. */
static void lonely(struct inquiry *q, const struct plan_step *s, const struct effect *whole)
{
    static const char psql[] = "Run it where each statement commits by itself (psql without "
                               "--single-transaction); --tool names the tool that runs the file.";
    const struct statement *st = whole->statement;
    const char *tag = st->tag == NULL ? "this" : st->tag;
    struct finding *f;
    long index = -1;

    if (!st->in_transaction)
        index = inquiry_raise(q, "not-in-transaction", whole, "",
                              "%s cannot run inside a transaction block: it is assumed that each "
                              "statement commits by itself (psql)",
                              tag);
    else
        index = inquiry_raise(q, "not-in-transaction", whole, "",
                              "%s cannot run inside a transaction block: the server refuses it%s%s%s",
                              tag, s->manner.how != NULL ? " (" : "",
                              s->manner.how != NULL ? s->manner.how : "",
                              s->manner.how != NULL ? ")" : "");
    if ((f = inquiry_finding(q, index)) == NULL)
        return;
    f->predicted_failure = st->in_transaction;
    if (!st->in_transaction && f->severity > SEVERITY_MEDIUM)
        f->severity = SEVERITY_MEDIUM;
    if (q->plan->direction == PLAN_SQL) {
        free(f->remedy);
        if (strings_dup(&f->remedy, psql, q->err) < 0)
            q->failed = 1;
    }
}

static void remember_drop(struct inquiry *q, const struct effect *e)
{
    uint32_t oid = q->closure == NULL ? 0 : closure_relation(q->closure, e);

    if (oid != 0 && (e->kind == EFFECT_DROP_VIEW || e->kind == EFFECT_DROP_MATVIEW ||
                     e->kind == EFFECT_DROP_TABLE || e->kind == EFFECT_DROP_INDEX))
        inquiry_remember(q, &q->past.tables, oid, NULL);
    if (e->kind == EFFECT_DROP_TRIGGER)
        q->loosened |= LOOSENED_TRIGGER;
    else if (e->kind == EFFECT_DROP_ROUTINE)
        q->loosened |= LOOSENED_ROUTINE;
    else if (e->kind == EFFECT_DROP_DEFAULT || e->kind == EFFECT_SET_DEFAULT)
        q->loosened |= LOOSENED_DEFAULT;
    else if (e->kind == EFFECT_DROP_OTHER || e->kind == EFFECT_ALTER_TABLE_OTHER)
        q->loosened |= LOOSENED_OTHER;
    /* A list of columns keeps them while it is there. */
    else if (e->kind == EFFECT_OTHER && e->detail != NULL && strcmp(e->detail, "AlterPublicationStmt") == 0 &&
             !node_is(e->node, "action", "AP_AddObjects"))
        q->loosened |= LOOSENED_OTHER;
    if ((e->flags & EFFECT_CASCADE) != 0 && e->kind != EFFECT_TRUNCATE)
        q->loosened |= LOOSENED_ANY;
    if (oid != 0 && e->column != NULL && (e->kind == EFFECT_RENAME_COLUMN || e->kind == EFFECT_DROP_COLUMN))
        inquiry_remember(q, &q->past.replaced, oid, e->column_on_server != NULL ? e->column_on_server : e->column);
    if (oid != 0 && e->kind == EFFECT_RENAME_COLUMN && e->detail != NULL)
        inquiry_remember(q, &q->past.replaced, oid, e->detail);
    if (oid != 0 && e->kind == EFFECT_DROP_CONSTRAINT && e->detail != NULL)
        inquiry_remember(q, &q->past.constraints, oid, e->detail);
}

/* What a statement writes shakes the counts of those after it, not its own. */
static void settle_writing(struct inquiry *q)
{
    size_t i;

    for (i = 0; i < strings_count(q->past.writing); i++)
        if (strings_add(&q->past.written, q->past.writing[i], q->err) < 0)
            q->failed = 1;
    strings_free(q->past.writing);
    q->past.writing = NULL;
}

void detect(struct inquiry *q, struct effects *const *steps)
{
    const struct statement *now = NULL;
    size_t i, k;

    for (i = 0; i < q->plan->nsteps && !q->failed; i++) {
        const struct plan_step *s = &q->plan->steps[i];

        q->step = i;
        step_itself(q, s);
        for (k = 0; s->script != NULL && k < s->script->count; k++) {
            const struct statement *st = &s->script->statements[k];
            struct effect whole = {.statement = st, .kind = EFFECT_OTHER};

            if (st->alone && (st->in_transaction || s->manner.either))
                lonely(q, s, &whole);
        }
        for (k = 0; steps[i] != NULL && k < steps[i]->count && !q->failed; k++) {
            const struct effect *e = &steps[i]->items[k];

            if (e->statement != now)
                settle_writing(q);
            now = e->statement;
            if (e->kind == EFFECT_OPAQUE || e->kind == EFFECT_UNKNOWN) {
                if (detect_block(q, e))
                    q->opaque_before = 1;
                continue;
            }
            detect_cast(q, e);
            detect_object(q, e);
            taken_detect(q, e);
            detect_data(q, e);
            detect_rule(q, e);
            detect_lock(q, e);
            detect_app(q, e);
            detect_sequence(q, e);
            if (q->o->style)
                detect_style(q, e);
            /* Last: it remembers what goes. */
            detect_loss(q, e);
            remember_drop(q, e);
        }
        if (steps[i] != NULL)
            detect_script(q, steps[i]);
    }
}
