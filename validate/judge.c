#include "validate/judge.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/config.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "pg/conn.h"
#include "pg/quote.h"
#include "script/block.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/lock.h"
#include "script/statement.h"
#include "validate/detect.h"
#include "validate/facts.h"
#include "validate/hazard.h"
#include "validate/hold.h"
#include "validate/ignore.h"
#include "validate/inquiry.h"
#include "validate/locks.h"
#include "validate/measure.h"
#include "validate/mirror.h"
#include "validate/queries.h"
#include "validate/taken.h"

static const char *const severities[] = {"info", "low", "medium", "high", "critical"};

const char *severity_name(enum severity s)
{
    return severities[s];
}

/* The effects in order, those of DO blocks at their place: views of STEPS and their blocks, in an array
 * of *N that the caller frees with *VIEWS; NULL: out of memory. */
static struct effects **with_blocks(struct effects *const *steps, size_t nsteps, struct effects **views, size_t *n)
{
    size_t i, k, blocks = 0;
    struct effects **out;

    for (i = 0; i < nsteps; i++)
        for (k = 0; steps[i] != NULL && k < steps[i]->count; k++)
            blocks += steps[i]->items[k].block != NULL;
    *n = 0;
    *views = calloc(nsteps + blocks + 1, sizeof(**views));
    out = calloc(nsteps + 2 * blocks + 1, sizeof(struct effects *));
    if (*views == NULL || out == NULL) {
        free(*views);
        free(out);
        *views = NULL;
        return NULL;
    }
    for (i = 0, blocks = 0; i < nsteps; i++) {
        struct effects *view = &(*views)[i + blocks];

        if (steps[i] == NULL)
            continue;
        *view = (struct effects){.items = steps[i]->items, .script = steps[i]->script};
        out[(*n)++] = view;
        for (k = 0; k < steps[i]->count; k++) {
            view->count++;
            if (steps[i]->items[k].block == NULL)
                continue;
            out[(*n)++] = steps[i]->items[k].block->effects;
            view = &(*views)[i + ++blocks];
            *view = (struct effects){.items = &steps[i]->items[k + 1], .script = steps[i]->script};
            out[(*n)++] = view;
        }
    }
    return out;
}

/* The closure of all steps, and the catalog's word on each of its tables. */
static int read_facts(struct inquiry *q, struct effects *const *steps)
{
    struct effects *views = NULL, **all = NULL;
    uint32_t *oids = NULL;
    size_t i, n;
    int rc = -1;

    if ((all = with_blocks(steps, q->plan->nsteps, &views, &n)) == NULL) {
        (void)err_oom(q->err);
        goto out;
    }
    if ((q->closure = closure_find(q->conn, all, n, q->err)) == NULL)
        goto out;
    if ((oids = calloc(q->closure->ntables + 1, sizeof(*oids))) == NULL) {
        (void)err_oom(q->err);
        goto out;
    }
    for (i = 0; i < q->closure->ntables; i++)
        oids[i] = q->closure->tables[i].oid;
    if ((q->tables = catalog_tables_get(q->conn, oids, q->closure->ntables, q->err)) == NULL)
        goto out;
    if ((q->facts = facts_read(q->conn, q->closure, all, n, q->err)) == NULL)
        goto out;
    if ((q->taken = taken_read(q->conn, q->closure, steps, q->plan->nsteps, q->err)) == NULL)
        goto out;
    rc = 0;
out:
    free(oids);
    free(all);
    free(views);
    return rc;
}

/* The lock behind each finding: that of its own relation, else the strongest of its statement. */
static void name_locks(struct inquiry *q)
{
    struct judgement *out = q->out;
    size_t i, k, low, high;

    for (i = 0; i < out->nfindings; i++) {
        struct finding *f = &out->findings[i];
        const struct lock_row *best = NULL;

        if (f->statement == NULL || f->lock_mode != NULL)
            continue;
        /* Lock rows stand in the order of the steps and of their statements. */
        for (low = 0, high = out->nlocks; low < high;) {
            k = low + (high - low) / 2;
            if (out->locks[k].step < f->step ||
                (out->locks[k].step == f->step &&
                 out->locks[k].statement->index < f->statement->index))
                low = k + 1;
            else
                high = k;
        }
        for (k = low; k < out->nlocks && out->locks[k].statement == f->statement; k++) {
            const struct lock_row *l = &out->locks[k];
            size_t n = strlen(l->relation);

            if (!l->index && strncmp(f->object, l->relation, n) == 0 &&
                (f->object[n] == '\0' || f->object[n] == '.')) {
                best = l;
                break;
            }
            /* What stands behind a table's lock is the table, not its indexes. */
            if (best == NULL || (best->index && !l->index) ||
                (best->index == l->index && lock_strength(l->mode) > lock_strength(best->mode)))
                best = l;
        }
        if (best == NULL)
            continue;
        f->lock_mode = best->mode;
        f->rewrite = best->rewrite;
        f->scan = best->scan;
        if (strings_dup(&f->lock_relation, best->relation, q->err) < 0)
            q->failed = 1;
    }
}

/* Alembic writes the version row in the migration's own transaction: a row that is younger was written
 * since the newest upgrade.  With several version rows nobody knows which is whose. */
static int name_version(struct inquiry *q)
{
    const struct plan *p = q->plan;
    struct buf b = {0};
    int rc = 0;

    if (p->direction != PLAN_DOWN || p->version_table == NULL || p->from == NULL ||
        p->from[0] == NULL || p->from[1] != NULL)
        return 0;
    if (buf_adds(&b, "(SELECT min(age(v.xmin)) FROM ", q->err) < 0 ||
        (p->version_schema != NULL
             ? quote_name(&b, p->version_schema, p->version_table, q->err) < 0
             : quote_ident(&b, p->version_table, q->err) < 0) ||
        buf_adds(&b, " v)", q->err) < 0 || (q->version_age = buf_take(&b, q->err)) == NULL)
        rc = -1;
    buf_free(&b);
    return rc;
}

/* What a DO block may do is no more than that, and no backup of the plan's tables covers it. */
static void say_possible(struct inquiry *q)
{
    size_t i;

    for (i = 0; i < q->out->nfindings && !q->failed; i++) {
        struct finding *f = &q->out->findings[i];
        struct buf b = {0};

        if (!f->possible)
            continue;
        f->covered = f->predicted_failure = 0;
        if (buf_addf(&b, q->err, "if the DO block gets to line %d: %s", f->possible_line, f->message) < 0) {
            q->failed = 1;
        } else {
            free(f->message);
            if ((f->message = buf_take(&b, q->err)) == NULL)
                q->failed = 1;
        }
        buf_free(&b);
    }
}

/* Rows of another server are in no backup, by whichever name or partition they are reached. */
static void say_elsewhere(struct inquiry *q)
{
    for (size_t i = 0; q->closure != NULL && i < q->closure->nreaches; i++) {
        const struct closure_reach *r = &q->closure->reaches[i];

        if (r->kind != 'f' || (r->fate & CLOSURE_DROPPED) != 0 ||
            (r->fate & (CLOSURE_EMPTIED | CLOSURE_ROWS | CLOSURE_COLUMNS)) == 0)
            continue;
        for (size_t k = 0; k < q->out->nfindings; k++)
            if (q->out->findings[k].statement == r->effect->statement)
                q->out->findings[k].covered = 0;
    }
}

static void weigh(struct inquiry *q)
{
    struct judgement *out = q->out;
    enum severity limit = q->o->fail_on_info              ? SEVERITY_INFO
                          : q->o->fail_on == SEVERITY_INFO ? SEVERITY_HIGH
                                                           : q->o->fail_on;
    uint64_t lost = 0;
    int unsafe = 0;
    size_t i;

    for (i = 0; i < out->nfindings; i++) {
        const struct finding *f = &out->findings[i];

        if (f->ignored != NULL)
            continue;
        if (f->severity >= limit)
            unsafe = 1;
        if (f->has_loss)
            lost += f->loss_rows;
        if (f->opaque && out->why_unknown == NULL &&
            strings_dup(&out->why_unknown, f->message, q->err) < 0)
            q->failed = 1;
    }
    if (out->why_unknown == NULL)
        for (i = 0; i < out->nfindings && out->why_unknown == NULL; i++) {
            const struct finding *f = &out->findings[i];

            if (f->ignored != NULL || strcmp(f->code, "fires-triggers") != 0)
                continue;
            out->only_fires = 1;
            if (strings_dup(&out->why_unknown, f->message, q->err) < 0)
                q->failed = 1;
        }
    /* A step whose SQL nobody has read (--no-sql) cannot be called safe; one that cannot be rendered or
     * has no way back is a finding. */
    for (i = 0; i < q->plan->nsteps && (out->why_unknown == NULL || out->only_fires); i++) {
        const struct plan_step *s = &q->plan->steps[i];
        struct buf why = {0};
        /* A file without a statement: the wrong one, or one that was cut off.  Nothing was checked. */
        int empty = q->plan->direction == PLAN_SQL && s->script != NULL && s->script->count == 0 &&
                    !s->manner.down;

        if ((s->script != NULL && !empty) || s->online_only || s->irreversible)
            continue;
        free(out->why_unknown);
        out->why_unknown = NULL;
        out->only_fires = 0;
        if (buf_addf(&why, q->err,
                     empty ? "%s holds no statement: there was nothing to check"
                           : "the SQL of %s is not known here (--no-sql)",
                     s->revision != NULL ? s->revision : "a step") < 0 ||
            (out->why_unknown = buf_take(&why, q->err)) == NULL)
            q->failed = 1;
        buf_free(&why);
    }
    if (q->o->max_loss_rows >= 0 && q->o->limit_loss && lost > (uint64_t)q->o->max_loss_rows)
        unsafe = 1;
    out->verdict = unsafe ? JUDGE_UNSAFE : out->why_unknown != NULL ? JUDGE_UNKNOWN : JUDGE_SAFE;
}

struct judgement *judge_run(const struct plan *p, struct conn *c, const struct judge_options *o,
                            struct err *err)
{
    struct inquiry q = {.plan = p, .conn = c, .o = o, .err = err};
    struct effects **steps = calloc(p->nsteps + 1, sizeof(*steps));
    size_t i;
    int rc = -1;

    q.out = calloc(1, sizeof(*q.out));
    if (q.out == NULL || steps == NULL) {
        (void)err_oom(err);
        goto out;
    }
    q.version = c != NULL ? conn_version(c) : o->pg_version > 0 ? o->pg_version : 170000;
    for (i = 0; i < p->nsteps; i++)
        steps[i] = p->steps[i].effects;
    if (c != NULL && read_facts(&q, steps) < 0)
        goto out;
    q.steps = steps;
    for (i = 0; i < p->nsteps; i++)
        for (size_t k = 0; steps[i] != NULL && k < steps[i]->count; k++)
            q.kinds |= UINT64_C(1) << (unsigned)steps[i]->items[k].kind;
    if (c != NULL && name_version(&q) < 0)
        goto out;
    detect(&q, steps);
    detect_fires(&q);
    mirror_detect(&q, steps);
    detect_body(&q);
    queries_detect(&q);
    locks_predict(&q, steps);
    name_locks(&q);
    if (q.failed || (c != NULL && measure_run(&q, err) < 0))
        goto out;
    hold_predict(&q, steps);
    say_possible(&q);
    say_elsewhere(&q);
    if (q.failed)
        goto out;
    if (!o->no_ignore && ignore_apply(&q) < 0)
        goto out;
    weigh(&q);
    rc = q.failed ? -1 : 0;
out:
    for (i = 0; q.out != NULL && i < q.out->nfindings; i++) {
        free(q.probes[i].sql);
        free(q.probes[i].otherwise);
        free(q.probes[i].undo);
        free(q.probes[i].subject);
        free(q.probes[i].what);
    }
    free(q.probes);
    free(q.version_age);
    strings_free(q.past.written);
    strings_free(q.past.writing);
    strings_free(q.past.dropped);
    strings_free(q.past.tables);
    strings_free(q.past.constraints);
    strings_free(q.past.retyped);
    strings_free(q.past.replaced);
    strings_free(q.past.computed);
    strings_free(q.past.labels);
    if (q.closure != NULL && q.tables != NULL)
        catalog_tables_free(q.tables, q.closure->ntables);
    facts_free(q.facts);
    taken_free(q.taken);
    closure_free(q.closure);
    free(steps);
    if (rc < 0) {
        judgement_free(q.out);
        return NULL;
    }
    return q.out;
}

void judgement_free(struct judgement *j)
{
    size_t i;

    if (j == NULL)
        return;
    for (i = 0; i < j->nfindings; i++) {
        struct finding *f = &j->findings[i];

        free(f->object);
        free(f->message);
        free(f->remedy);
        free(f->lock_relation);
        free(f->loss_sql);
        free(f->violation_sql);
        free(f->ignored);
    }
    free(j->findings);
    for (i = 0; i < j->nlocks; i++)
        free(j->locks[i].relation);
    free(j->locks);
    for (i = 0; i < j->nholds; i++)
        free(j->holds[i].relation);
    free(j->holds);
    free(j->pace.relation);
    free(j->why_unknown);
    strings_free(j->unused_ignores);
    free(j);
}
