/* What a write sets off: triggers, rules, the tables behind a view.  Nobody can read what they do. */
#include <stdlib.h>
#include <string.h>

#include "migration/plan.h"
#include "pg/query.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/detect.h"
#include "validate/inquiry.h"

static const char fires_sql[] =
#include "validate/sql/facts_fires.sql.h"
    ;

/* Columns of the answer. */
enum { INSERTS = 2, UPDATES, DELETES, TRUNCATES };

/* Would E's write at a relation that it reaches only by a foreign key (CASCADED) set off what fires by
 * EVENT? */
static int by_event(const struct effect *e, int cascaded, int event)
{
    switch ((int)e->kind) {
    case EFFECT_INSERT:
        return event == INSERTS ||
               (event == UPDATES && node_is(node_get(e->node, "onConflictClause"), "action", "ONCONFLICT_UPDATE"));
    case EFFECT_COPY_IN:
        return event == INSERTS;
    case EFFECT_UPDATE:
        return event == UPDATES;
    case EFFECT_DELETE:
        return event == DELETES || (cascaded && event == UPDATES);
    case EFFECT_MERGE:
        return event == INSERTS || event == UPDATES || event == DELETES;
    case EFFECT_TRUNCATE:
        return event == TRUNCATES;
    default:
        return 0;
    }
}

static int writes(const struct effect *e)
{
    return by_event(e, 1, INSERTS) || by_event(e, 1, UPDATES) || by_event(e, 1, DELETES) ||
           by_event(e, 1, TRUNCATES);
}

/* The step whose effects E is one of; they are an array. */
static size_t step_of(const struct inquiry *q, const struct effect *e)
{
    for (size_t i = 0; i < q->plan->nsteps; i++)
        if (q->steps[i] != NULL && e >= q->steps[i]->items && e < q->steps[i]->items + q->steps[i]->count)
            return i;
    return 0;
}

/* Views, rules and triggers that the script itself has made before: their names, while they count. */
static int may_decide(const struct effect *made)
{
    return (made->kind == EFFECT_CREATE_OTHER || made->kind == EFFECT_OTHER || made->kind == EFFECT_CREATE_TRIGGER) &&
           (made->detail == NULL || strcmp(made->detail, "CommentStmt") != 0);
}

static int is_own(const struct effect *const *deciding, size_t n, const struct effect *e)
{
    for (size_t k = 0; k < n; k++) {
        const json_t *tree = deciding[k]->statement->tree;
        const json_t *view = node_as(tree, "ViewStmt"), *rule = node_as(tree, "RuleStmt"),
                     *trigger = node_as(tree, "CreateTrigStmt");
        const json_t *relation = view != NULL      ? node_get(view, "view")
                                 : rule != NULL    ? node_get(rule, "relation")
                                 : trigger != NULL ? node_get(trigger, "relation")
                                                   : NULL;
        const char *name;

        if (relation != NULL && node_as(relation, "RangeVar") != NULL)
            relation = node_as(relation, "RangeVar");
        name = node_name(relation, "relname");
        if (name != NULL && e->name != NULL && strcmp(name, e->name) == 0)
            return 1;
    }
    return 0;
}

static void own(struct inquiry *q)
{
    const struct effect **deciding = NULL;

    for (size_t i = 0; i < q->plan->nsteps; i++) {
        size_t n = 0;

        free(deciding);
        deciding = q->steps[i] == NULL ? NULL : calloc(q->steps[i]->count + 1, sizeof(*deciding));
        if (q->steps[i] != NULL && deciding == NULL)
            inquiry_oom(q);
        for (size_t k = 0; deciding != NULL && k < q->steps[i]->count && !q->failed; k++) {
            const struct effect *e = &q->steps[i]->items[k];

            q->step = i;
            if (may_decide(e))
                deciding[n++] = e;
            if (writes(e) && is_own(deciding, n, e))
                (void)inquiry_raise(q, "fires-triggers", e, NULL,
                                    "a view, rule or trigger that this script makes decides what this write to %s does",
                                    e->name);
        }
    }
    free(deciding);
}

static int array_of(const struct closure *c, struct buf *b, struct err *err)
{
    int n = 0;

    if (buf_addc(b, '{', err) < 0)
        return -1;
    for (size_t i = 0; i < c->nreaches; i++)
        if (writes(c->reaches[i].effect) && c->reaches[i].oid != 0 &&
            buf_addf(b, err, "%s%u", n++ > 0 ? "," : "", c->reaches[i].oid) < 0)
            return -1;
    return buf_addc(b, '}', err) < 0 ? -1 : n;
}

void detect_fires(struct inquiry *q)
{
    struct query query = {.sql = fires_sql, .nparams = 1, .columns = 6};
    const struct closure *c = q->closure;
    struct result *r = NULL;
    struct buf oids = {0};
    const char *param;
    int n;

    own(q);
    if (c == NULL || q->failed)
        return;
    if ((n = array_of(c, &oids, q->err)) < 0)
        q->failed = 1;
    if (n <= 0)
        goto out;
    param = oids.data;
    query.params = &param;
    if ((r = query_run(q->conn, &query, q->err)) == NULL) {
        q->failed = 1;
        goto out;
    }
    for (size_t i = 0; i < c->nreaches && !q->failed; i++) {
        const struct closure_reach *reach = &c->reaches[i];
        int cascaded = reach->oid != closure_relation(c, reach->effect);
        int told = 0;

        if (!writes(reach->effect) || reach->fate == 0 || reach->fate == CLOSURE_PARTNER ||
            (reach->effect->flags & EFFECT_VERSION) != 0)
            continue;
        q->step = step_of(q, reach->effect);
        for (int row = 0; row < result_rows(r) && !told; row++) {
            if ((uint32_t)result_int(r, row, 0) != reach->oid)
                continue;
            for (int event = INSERTS; event <= TRUNCATES && !told; event++) {
                if (!result_bool(r, row, event) || !by_event(reach->effect, cascaded, event))
                    continue;
                told = 1;
                (void)inquiry_raise(q, "fires-triggers", reach->effect, NULL,
                                    "sets off %s of %s.%s, and what that does cannot be known from here",
                                    result_text(r, row, 1), reach->schema, reach->name);
            }
        }
        if (!told && reach->kind == 'v')
            (void)inquiry_raise(q, "fires-triggers", reach->effect, NULL,
                                "writes through the view %s.%s, and to which rows cannot be known from here",
                                reach->schema, reach->name);
    }
out:
    result_free(r);
    buf_free(&oids);
}
