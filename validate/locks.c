#include "validate/locks.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/lock.h"
#include "validate/cost.h"
#include "validate/facts.h"
#include "validate/inquiry.h"

/* RELATION (owned here) is locked in MODE by E's statement; the strongest mode of a statement counts. */
static void add(struct inquiry *q, const struct effect *e, char *relation, const char *mode,
                int rewrite, int scan)
{
    struct judgement *out = q->out;
    struct lock_row *grown, *row;
    size_t i;

    if (relation == NULL) {
        inquiry_oom(q);
        return;
    }
    for (i = out->nlocks; i > 0; i--) {
        row = &out->locks[i - 1];
        if (row->statement != e->statement)
            break;
        if (strcmp(row->relation, relation) == 0) {
            if (lock_strength(mode) > lock_strength(row->mode))
                row->mode = mode;
            row->rewrite |= rewrite;
            row->scan |= scan;
            free(relation);
            return;
        }
    }
    if ((grown = realloc(out->locks, (out->nlocks + 1) * sizeof(*grown))) == NULL) {
        free(relation);
        inquiry_oom(q);
        return;
    }
    out->locks = grown;
    grown[out->nlocks++] = (struct lock_row){.step = q->step, .statement = e->statement,
                                             .relation = relation, .mode = mode,
                                             .rewrite = rewrite, .scan = scan};
}

static char *qualified(struct inquiry *q, const char *schema, const char *name)
{
    struct buf b = {0};
    char *out = NULL;

    if (buf_addf(&b, q->err, schema == NULL ? "%s%s" : "%s.%s", schema == NULL ? "" : schema,
                 name) == 0)
        out = buf_take(&b, q->err);
    buf_free(&b);
    return out;
}

/* Offline: the relation that the statement names, and its partner. */
static void by_text(struct inquiry *q, const struct effect *e)
{
    const char *mode = lock_of(e, q->version);

    if (mode != NULL && e->name != NULL && (e->flags & (EFFECT_OWN | EFFECT_GONE)) == 0)
        add(q, e,
            qualified(q, e->on_server != NULL ? e->schema_on_server : e->schema,
                      e->on_server != NULL ? e->on_server : e->name),
            mode, 0, 0);
}

static void one(struct inquiry *q, const struct effect *e)
{
    struct facts_constraint k;
    struct cost cost;
    uint32_t own;
    size_t i;

    if (q->closure == NULL) {
        by_text(q, e);
        return;
    }
    own = closure_relation(q->closure, e);
    /* A row that references another looks at it under ROW SHARE. */
    for (i = 0; (e->kind == EFFECT_INSERT || e->kind == EFFECT_UPDATE || e->kind == EFFECT_COPY_IN ||
                 e->kind == EFFECT_MERGE) &&
                facts_constraint(q->facts, i, &k);
         i++)
        if (k.type == 'f' && k.table == own && own != 0 && k.partner_relation != NULL &&
            (e->kind != EFFECT_UPDATE || facts_names(k.columns, e->column)))
            add(q, e, qualified(q, k.partner_schema, k.partner_relation), "RowShareLock", 0, 0);
    for (i = 0; i < q->closure->nreaches; i++) {
        const struct closure_reach *r = &q->closure->reaches[i];
        int heap, partner;

        if (r->effect != e || r->mode == NULL || r->name == NULL)
            continue;
        cost_of(q, e, r->oid, &cost);
        /* A partitioned table has no rows of its own. */
        heap = strchr("rm", r->kind) != NULL &&
               (r->because == NULL ? r->fate != 0 || r->oid == own
                                   : strcmp(r->because, "child or partition") == 0 ||
                                         strcmp(r->because, "its index") == 0);
        partner = (r->fate & CLOSURE_PARTNER) != 0 && r->because == NULL;
        add(q, e, qualified(q, r->schema, r->name), r->mode, heap && !partner && cost.rewrite,
            heap && cost.scan && cost.on_partner == partner);
    }
}

void locks_predict(struct inquiry *q, struct effects *const *steps)
{
    size_t i, k;

    for (i = 0; i < q->plan->nsteps; i++) {
        q->step = i;
        for (k = 0; steps[i] != NULL && k < steps[i]->count && !q->failed; k++)
            one(q, &steps[i]->items[k]);
    }
}
