#include "rollback/wayback.h"

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "rollback/execute.h"
#include "rollback/guard.h"
#include "script/closure.h"

int wayback_find(struct guard *g, struct err *err)
{
    struct err why = {0};

    if (g->plan->direction == PLAN_SQL)
        return strings_dup(&g->reverse_why, "another tool's script: its way forward is not known", err);
    if ((g->reverse = plan_reverse(g->plan, &g->request->plan, g->main, &why)) != NULL)
        return 0;
    if (why.kind == ERR_INTERRUPTED) {
        *err = why;
        return -1;
    }
    return strings_dup(&g->reverse_why, why.message, err);
}

int wayback_weigh(struct guard *g, struct err *err)
{
    struct err one = {0};

    g->undo = UNDO_EXACT;
    if (g->request->backup == ROLLBACK_NONE) {
        g->undo = UNDO_IMPOSSIBLE;
        return strings_dup(&g->undo_why, "no backup is taken", err);
    }
    if (g->reverse == NULL) {
        g->undo = UNDO_IMPOSSIBLE;
        return strings_dup(&g->undo_why, g->reverse_why, err);
    }
    for (size_t i = 0; i < g->reverse->nsteps; i++)
        if (g->reverse->steps[i].online_only || g->reverse->steps[i].script == NULL) {
            g->undo = UNDO_IMPOSSIBLE;
            return strings_dup(&g->undo_why, "an upgrade cannot be rendered as SQL", err);
        }
    for (size_t i = 0; i < g->closure->ntables; i++) {
        const struct closure_table *t = &g->closure->tables[i];

        if (closure_table_at_risk(t) && (t->fate & CLOSURE_DROPPED) == 0 && !g->tables[i].keyed) {
            struct buf b = {0};

            if (buf_addf(&b, err, "%s.%s has no key to put its values back by", t->schema, t->name) != 0)
                return -1;
            g->undo = UNDO_IMPOSSIBLE;
            g->undo_why = b.data;
            return 0;
        }
    }
    if (execute_one_transaction(g->reverse, &one) != 0) {
        g->undo = UNDO_STAGED;
        return strings_dup(&g->undo_why, one.message, err);
    }
    return 0;
}
