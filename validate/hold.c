#include "validate/hold.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/strings.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/lock.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/cost.h"
#include "validate/facts.h"
#include "validate/inquiry.h"
#include "validate/pace.h"

/*
 * Seconds a row and a byte, PostgreSQL 15, pages in memory (tests/bench/estimate.sh compares).  Between
 * kinds of rows, indexes and disks they differ by much: hence the range.
 */
static const double scan_row = 0.05e-6, scan_byte = 1 / 3e9;
static const double rewrite_row = 0.7e-6, rewrite_byte = 1 / 120e6;
static const double index_row = 0.9e-6, key_row = 1.8e-6;
static const double insert_row = 1.5e-6, update_row = 3e-6, delete_row = 1e-6, entry_row = 4e-6, fires_row = 6e-6;
/* A statement that only changes the catalog. */
static const double catalog_least = 0.0002, catalog_most = 0.05;
/* How far it may be off either way; more where the pace is not known. */
static const double spread_least = 8, spread_most = 4, blind = 3;
static const double unknown_disk = 100e6;

double hold_scan_seconds(double rows, double bytes)
{
    return rows * scan_row + bytes * scan_byte;
}

/* A statement's place in its transaction, and its time. */
struct span {
    size_t step;
    const struct statement *st;
    size_t group, last; /* LAST: the span that ends its transaction */
    double least, most; /* its own; then, of its transaction, from it to the end */
    int endless;        /* nobody knows how long */
};

/* What a statement does to one table. */
struct work {
    size_t span;
    const struct catalog_table *t;
    int rewrite, scan, builds, keys, twice;
    double inserts, updates, deletes; /* rows, at most */
    double sure;                      /* of them, at least */
};

struct reckoning {
    struct inquiry *q;
    struct span *spans;
    size_t nspans;
    size_t *first;       /* per step, its first span */
    struct work *works;
    size_t nworks, cap;
    struct catalog_table **read; /* tables that are only read, which the closure leaves out */
    size_t nread;
    json_t *held;        /* relation: its index in the judgement's holds, of transaction GROUP */
    size_t group;
};

/* ---- transactions ---- */

static int lay_out(struct reckoning *r)
{
    const struct plan *p = r->q->plan;
    size_t i, k, n = 0, group = 0;

    for (i = 0; i < p->nsteps; i++)
        n += p->steps[i].script == NULL ? 0 : p->steps[i].script->count;
    r->spans = calloc(n + 1, sizeof(*r->spans));
    r->first = calloc(p->nsteps + 1, sizeof(*r->first));
    if (r->spans == NULL || r->first == NULL)
        return -1;
    for (i = 0; i < p->nsteps; i++) {
        const struct script *s = p->steps[i].script;

        r->first[i] = r->nspans;
        for (k = 0; s != NULL && k < s->count; k++) {
            struct span *now = &r->spans[r->nspans];
            const struct span *last = r->nspans == 0 ? NULL : now - 1;

            /* Alembic's revisions share a transaction, unless env.py says otherwise (mig-rollback, which goes
             * down, does all in one); another tool's files have one each. */
            if (last != NULL && (!s->statements[k].in_transaction || !last->st->in_transaction ||
                                 (last->step == i ? last->st->segment != s->statements[k].segment
                                                  : p->direction == PLAN_SQL ||
                                        (p->direction == PLAN_UP && p->steps[i].begins))))
                group++;
            *now = (struct span){.step = i, .st = &s->statements[k], .group = group};
            r->nspans++;
        }
    }
    return 0;
}

static size_t span_of(const struct reckoning *r, const struct statement *st)
{
    const struct plan *p = r->q->plan;
    size_t i;

    for (i = 0; i < p->nsteps; i++) {
        const struct script *s = p->steps[i].script;

        if (s != NULL && st >= s->statements && st < s->statements + s->count)
            return r->first[i] + (size_t)(st - s->statements);
    }
    return r->nspans;
}

/* ---- work ---- */

static struct work *add(struct reckoning *r, const struct effect *e, const struct catalog_table *t)
{
    size_t span = span_of(r, e->statement), i;

    if (t == NULL || span == r->nspans)
        return NULL;
    for (i = r->nworks; i > 0 && r->works[i - 1].span == span; i--)
        if (r->works[i - 1].t == t)
            return &r->works[i - 1];
    if (r->nworks == r->cap) {
        size_t want = r->cap == 0 ? 32 : r->cap * 2;
        struct work *grown = realloc(r->works, want * sizeof(*grown));

        if (grown == NULL) {
            inquiry_oom(r->q);
            return NULL;
        }
        r->works = grown;
        r->cap = want;
    }
    r->works[r->nworks] = (struct work){.span = span, .t = t};
    return &r->works[r->nworks++];
}

static double rows_of(const struct catalog_table *t)
{
    double guess = (double)t->pages * 8192 / 100;

    return t->rows >= 0 && (t->rows > 0 || t->pages == 0) ? t->rows : guess;
}

/* The finding that counted what E's statement does to rows, or NULL. */
static const struct finding *counted(const struct inquiry *q, const struct effect *e, const char *code)
{
    size_t i;

    for (i = 0; i < q->out->nfindings; i++)
        if (q->out->findings[i].statement == e->statement && q->out->findings[i].has_loss &&
            strcmp(q->out->findings[i].code, code) == 0)
            return &q->out->findings[i];
    return NULL;
}

static void writes(struct reckoning *r, const struct effect *e, struct work *w)
{
    const struct finding *f;
    const json_t *values;
    double rows = rows_of(w->t);

    if (e->kind == EFFECT_UPDATE) {
        w->scan = 1;
        w->updates = rows;
        f = counted(r->q, e, "update-rows");
        w->sure = (e->flags & EFFECT_WHOLE) != 0 ? rows : f != NULL && f->loss_exact ? (double)f->loss_rows : 0;
    } else if (e->kind == EFFECT_DELETE) {
        w->scan = 1;
        f = counted(r->q, e, "delete-rows");
        w->deletes = f != NULL && f->loss_exact ? (double)f->loss_rows : rows;
        w->sure = f != NULL && f->loss_exact ? w->deletes : (e->flags & EFFECT_WHOLE) != 0 ? rows : 0;
    } else if (e->kind == EFFECT_MERGE) {
        w->scan = 1;
        w->updates = rows;
    } else if (e->kind == EFFECT_INSERT) {
        values = node_get(node_as(node_get(e->node, "selectStmt"), "SelectStmt"), "valuesLists");
        w->inserts = (double)node_count(values);
        w->sure = w->inserts;
        if (values == NULL)
            w->inserts = -1; /* as many as are read, below */
    }
}

/* Sizes of the tables that INSERT ... SELECT and the like read. */
static int look_up_read(struct reckoning *r)
{
    const struct closure *c = r->q->closure;
    uint32_t *oids = calloc(c->nreaches + 1, sizeof(*oids));
    size_t i, k, n = 0;

    if (oids == NULL)
        return err_oom(r->q->err);
    for (i = 0; i < c->nreaches; i++) {
        const struct closure_reach *reach = &c->reaches[i];

        if (reach->effect->kind != EFFECT_READ || strchr("rm", reach->kind) == NULL ||
            inquiry_table_by_oid(r->q, reach->oid) != NULL)
            continue;
        for (k = 0; k < n && oids[k] != reach->oid; k++)
            ;
        if (k == n)
            oids[n++] = reach->oid;
    }
    if (n > 0 && (r->read = catalog_tables_get(r->q->conn, oids, n, r->q->err)) == NULL) {
        free(oids);
        return -1;
    }
    r->nread = n;
    free(oids);
    return 0;
}

static const struct catalog_table *table_of(const struct reckoning *r, uint32_t oid)
{
    const struct catalog_table *t = inquiry_table_by_oid(r->q, oid);
    size_t i;

    for (i = 0; t == NULL && i < r->nread; i++)
        if (r->read[i] != NULL && r->read[i]->oid == oid)
            t = r->read[i];
    return t;
}

/* What E does to the table of REACH, as locks.c judges it. */
static void weigh(struct reckoning *r, const struct closure_reach *reach)
{
    const struct effect *e = reach->effect;
    const struct catalog_table *t = table_of(r, reach->oid);
    uint32_t own = closure_relation(r->q->closure, e);
    int heap, partner, scans;
    struct cost cost;
    struct work *w;

    if (t == NULL || strchr("rm", reach->kind) == NULL || (e->flags & EFFECT_PERHAPS) != 0)
        return;
    if (closure_bystander(reach, &scans)) {
        if (scans && (w = add(r, e, t)) != NULL)
            w->scan = 1;
        return;
    }
    heap = reach->because == NULL ? reach->fate != 0 || reach->oid == own
                                  : strcmp(reach->because, "child or partition") == 0 ||
                                        strcmp(reach->because, "its index") == 0 ||
                                        strcmp(reach->because, "uses the domain") == 0;
    if (e->kind == EFFECT_READ) {
        if ((w = add(r, e, t)) != NULL)
            w->scan = 1;
        return;
    }
    if (!heap)
        return;
    partner = (reach->fate & CLOSURE_PARTNER) != 0 && reach->because == NULL;
    cost_of(r->q, e, reach->oid, &cost);
    if ((w = add(r, e, t)) == NULL)
        return;
    if (reach->because != NULL && strcmp(reach->because, "uses the domain") == 0)
        w->scan = 1;
    if (partner != cost.on_partner) {
        /* The table that a new key references is looked into. */
        if (partner && cost.scan && e->detail != NULL && strcmp(e->detail, "FOREIGN KEY") == 0)
            w->scan = 1;
        return;
    }
    w->rewrite |= cost.rewrite;
    w->scan |= cost.scan;
    w->builds += cost.index;
    w->twice |= (e->flags & EFFECT_CONCURRENTLY) != 0;
    if (cost.scan && ((e->kind == EFFECT_ADD_CONSTRAINT && strcmp(e->detail, "FOREIGN KEY") == 0) ||
                      e->kind == EFFECT_VALIDATE_CONSTRAINT))
        w->keys++;
    if (reach->oid == own || reach->because != NULL)
        writes(r, e, w);
}

/* INSERT ... SELECT: as many rows as the statement reads. */
static void settle_inserts(struct reckoning *r)
{
    size_t i, k;

    for (i = 0; i < r->nworks; i++) {
        double rows = 0;

        if (r->works[i].inserts >= 0)
            continue;
        for (k = 0; k < r->nworks; k++)
            if (r->works[k].span == r->works[i].span && k != i)
                rows += rows_of(r->works[k].t);
        r->works[i].inserts = rows;
    }
}

/* How many indexes T has, and how many keys reference it. */
static void surroundings(const struct inquiry *q, const struct catalog_table *t, double *indexes,
                         double *references)
{
    struct facts_constraint k;
    struct facts_index index;
    size_t i;

    *indexes = *references = 0;
    for (i = 0; facts_index(q->facts, i, &index); i++)
        *indexes += index.table == t->oid;
    for (i = 0; facts_constraint(q->facts, i, &k); i++)
        *references += k.type == 'f' && k.partner == t->oid;
}

static void price(const struct reckoning *r, const struct work *w, const struct pace *pace)
{
    struct span *s = &r->spans[w->span];
    double rows = rows_of(w->t), heap = (double)w->t->pages * 8192, bytes = (double)w->t->bytes;
    double indexes, references, sure = 0, most = 0;
    double scale = pace->scale > 0 ? pace->scale : 1;
    double off = pace->scale > 0 ? 1 : blind, disk = pace->disk > 0 ? pace->disk : unknown_disk;

    surroundings(r->q, w->t, &indexes, &references);
    if (w->rewrite)
        sure += rows * rewrite_row + bytes * rewrite_byte + indexes * rows * index_row;
    else if (w->scan)
        sure += hold_scan_seconds(rows, heap);
    sure += w->builds * rows * index_row + w->keys * rows * key_row;
    if (w->twice)
        sure *= 2;
    most = sure + w->inserts * (insert_row + indexes * entry_row) +
           w->updates * (update_row + indexes * entry_row) + w->deletes * (delete_row + references * fires_row);
    sure += w->sure * (w->deletes > 0 ? delete_row : w->updates > 0 ? update_row : insert_row);
    s->least += sure * scale / (spread_least * off);
    s->most += most * scale * spread_most * off;
    if (w->rewrite || w->scan || w->builds > 0)
        s->most += (w->rewrite ? bytes : heap) / disk;
}

/* ---- the holds ---- */

static int worth(const struct reckoning *r)
{
    size_t i;

    for (i = 0; i < r->nworks; i++)
        if ((r->works[i].scan || r->works[i].inserts > 0) && r->works[i].t->pages >= 64)
            return 1;
    return 0;
}

static int keep(struct inquiry *q, const struct lock_row *l, const struct span *first,
                const struct span *last)
{
    struct judgement *out = q->out;
    struct hold *grown, *h;

    if ((grown = realloc(out->holds, (out->nholds + 1) * sizeof(*grown))) == NULL)
        return -1;
    out->holds = grown;
    h = &grown[out->nholds];
    *h = (struct hold){.step = first->step, .first = first->st, .last_step = last->step, .last = last->st,
                       .mode = l->mode, .index = l->index, .least = -1, .most = -1};
    if (strings_dup(&h->relation, l->relation, q->err) < 0)
        return -1;
    out->nholds++;
    return 0;
}

/* From the end on: what is left of each transaction. */
static void add_up(struct reckoning *r)
{
    size_t i;

    for (i = r->nspans; i-- > 0;) {
        struct span *now = &r->spans[i], *next = now + 1;

        now->last = i;
        if (i + 1 == r->nspans || next->group != now->group)
            continue;
        now->last = next->last;
        now->least += next->least;
        now->most += next->most;
        now->endless |= next->endless;
    }
}

/* From the first statement that takes the strongest mode to the end of the transaction. */
static void hold_one(struct reckoning *r, const struct lock_row *l)
{
    struct judgement *out = r->q->out;
    size_t at = span_of(r, l->statement);
    const struct span *s = &r->spans[at];
    const json_t *known;
    struct hold *h;

    if (at == r->nspans)
        return;
    if (s->group != r->group)
        (void)json_object_clear(r->held);
    r->group = s->group;
    if ((known = json_object_get(r->held, l->relation)) != NULL) {
        h = &out->holds[json_integer_value(known)];
        if (lock_strength(l->mode) <= lock_strength(h->mode))
            return;
    } else {
        if (keep(r->q, l, s, &r->spans[s->last]) < 0 ||
            json_object_set_new(r->held, l->relation, json_integer((json_int_t)out->nholds - 1)) < 0) {
            inquiry_oom(r->q);
            return;
        }
        h = &out->holds[out->nholds - 1];
    }
    h->mode = l->mode;
    h->step = s->step;
    h->first = s->st;
    if (r->q->closure == NULL)
        return;
    h->least = s->least;
    h->most = s->most;
    h->endless = s->endless;
}

void hold_predict(struct inquiry *q, struct effects *const *steps)
{
    struct reckoning r = {.q = q};
    struct pace *pace = &q->out->pace;
    size_t i, k;

    if ((r.held = json_object()) == NULL || lay_out(&r) < 0) {
        inquiry_oom(q);
        goto out;
    }
    for (i = 0; i < r.nspans; i++) {
        r.spans[i].least = catalog_least;
        r.spans[i].most = catalog_most;
    }
    for (i = 0; i < q->plan->nsteps; i++)
        for (k = 0; steps[i] != NULL && k < steps[i]->count; k++) {
            const struct effect *e = &steps[i]->items[k];
            int refresh = e->kind == EFFECT_OTHER && e->detail != NULL &&
                          strcmp(e->detail, "RefreshMatViewStmt") == 0;

            if (e->kind == EFFECT_OPAQUE || e->kind == EFFECT_UNKNOWN || refresh)
                r.spans[span_of(&r, e->statement)].endless = 1;
        }
    if (q->closure != NULL && look_up_read(&r) < 0) {
        q->failed = 1;
        goto out;
    }
    for (i = 0; q->closure != NULL && i < q->closure->nreaches && !q->failed; i++)
        weigh(&r, &q->closure->reaches[i]);
    settle_inserts(&r);
    if (q->conn != NULL && worth(&r))
        pace_take(q, pace);
    for (i = 0; i < r.nworks; i++)
        price(&r, &r.works[i], pace);
    add_up(&r);
    for (i = 0; i < q->out->nlocks && !q->failed; i++)
        if (!q->out->locks[i].possible)
            hold_one(&r, &q->out->locks[i]);
out:
    json_decref(r.held);
    if (r.read != NULL)
        catalog_tables_free(r.read, r.nread);
    free(r.spans);
    free(r.first);
    free(r.works);
}
