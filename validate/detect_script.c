/* What only shows in the whole of a script: order, transactions, timeouts. */
#include <stdlib.h>
#include <string.h>

#include "migration/plan.h"
#include "pg/catalog.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/lock.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/cost.h"
#include "validate/detect.h"
#include "validate/facts.h"
#include "validate/inquiry.h"

static int same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static int same_relation(const struct effect *a, const struct effect *b)
{
    return a->name != NULL && same(a->name, b->name) && same(a->schema, b->schema);
}

/* What makes a table or a column, by index, in its order. */
static size_t *makers_of(struct inquiry *q, const struct effects *all, size_t *n)
{
    size_t *out = calloc(all->count + 1, sizeof(*out)), i;

    *n = 0;
    for (i = 0; out != NULL && i < all->count; i++)
        if (all->items[i].kind == EFFECT_CREATE_TABLE || all->items[i].kind == EFFECT_ADD_COLUMN)
            out[(*n)++] = i;
    if (out == NULL)
        inquiry_oom(q);
    return out;
}

static void drop_and_make(struct inquiry *q, const struct effects *all)
{
    size_t i, at, n;
    size_t *makers = makers_of(q, all, &n);

    for (i = 0; makers != NULL && i < all->count; i++) {
        const struct effect *d = &all->items[i];

        if ((d->kind != EFFECT_DROP_TABLE && d->kind != EFFECT_DROP_COLUMN) ||
            (d->flags & (EFFECT_OWN | EFFECT_GONE)) != 0)
            continue;
        /* IF EXISTS of what is not there drops nothing. */
        if (q->closure != NULL && inquiry_table(q, d) == NULL)
            continue;
        for (at = 0; at < n; at++) {
            const struct effect *m = &all->items[makers[at]];

            if (d->kind == EFFECT_DROP_TABLE && m->kind == EFFECT_CREATE_TABLE && makers[at] > i &&
                same_relation(d, m)) {
                (void)inquiry_raise(q, "drop-and-recreate", m, NULL,
                                    "%s is dropped (statement %d) and made again, empty", d->name,
                                    d->statement->index);
                break;
            }
            if (d->kind == EFFECT_DROP_COLUMN && m->kind == EFFECT_ADD_COLUMN &&
                same_relation(d, m) && inquiry_same_type(q, d, m)) {
                (void)inquiry_raise(q, "drop-and-add-column", d, NULL,
                                    "%s.%s is dropped and %s added: is this a rename?  RENAME COLUMN "
                                    "keeps the values",
                                    d->name, d->column, m->column);
                break;
            }
        }
    }
    free(makers);
}

/* Takes long with rows: a rewrite, a scan, or DML. */
static int works(const struct inquiry *q, const struct effect *e, struct cost *cost)
{
    cost_of(q, e, 0, cost);
    return (e->flags & (EFFECT_OWN | EFFECT_GONE | EFFECT_VERSION)) == 0 &&
           (cost->scan || e->kind == EFFECT_UPDATE || e->kind == EFFECT_DELETE ||
            e->kind == EFFECT_MERGE || e->kind == EFFECT_COPY_IN);
}

static int is_small(const struct catalog_table *t)
{
    return t != NULL && t->kind != 'p' && t->pages > 0 && t->bytes < 10 * 1024 * 1024 &&
           t->rows < 10000;
}

static void under_lock(struct inquiry *q, const struct effects *all)
{
    const struct effect *held = NULL;
    struct cost cost;
    int told = -1;
    size_t i;

    for (i = 0; i < all->count; i++) {
        const struct effect *e = &all->items[i];
        long index;

        if (!e->statement->in_transaction || (held != NULL &&
                                              held->statement->segment != e->statement->segment))
            held = NULL;
        if (held != NULL && held->statement != e->statement && e->statement->segment != told &&
            works(q, e, &cost)) {
            index = inquiry_raise(q, "work-under-exclusive-lock", e, NULL,
                                  "%s is read or written while %s stays locked (statement %d) until "
                                  "COMMIT",
                                  e->name == NULL ? "a table" : e->name, held->name,
                                  held->statement->index);
            if (index >= 0 && is_small(inquiry_table(q, e)))
                inquiry_finding(q, index)->severity = SEVERITY_LOW;
            told = e->statement->segment;
        }
        if (held == NULL && e->statement->in_transaction && e->name != NULL &&
            (e->flags & (EFFECT_OWN | EFFECT_GONE | EFFECT_VERSION)) == 0 &&
            lock_strength(lock_of(e, q->version)) == 8 &&
            (q->closure == NULL || inquiry_table(q, e) != NULL))
            held = e;
    }
}

static void validated_too_early(struct inquiry *q, const struct effects *all)
{
    size_t i, k;

    for (i = 0; i < all->count; i++) {
        const struct effect *v = &all->items[i];

        if (v->kind != EFFECT_VALIDATE_CONSTRAINT || !v->statement->in_transaction)
            continue;
        for (k = 0; k < i; k++) {
            const struct effect *a = &all->items[k];

            if (a->kind == EFFECT_ADD_CONSTRAINT && a->statement->segment == v->statement->segment &&
                (a->flags & EFFECT_OWN) == 0 && node_is(a->node, "conname", v->detail)) {
                long index = inquiry_raise(q, "validate-in-same-transaction", v, NULL,
                                           "VALIDATE of %s while the lock of ADD CONSTRAINT is held",
                                           v->detail);

                if (index >= 0 && is_small(inquiry_table(q, v)))
                    inquiry_finding(q, index)->severity = SEVERITY_LOW;
            }
        }
    }
}

static void repeated_alter(struct inquiry *q, const struct effects *all)
{
    const struct effect *last = NULL;
    struct cost cost;
    size_t i;

    for (i = 0; i < all->count; i++) {
        const struct effect *e = &all->items[i];

        if (strcmp(node_kind(e->statement->tree), "AlterTableStmt") != 0 ||
            (e->flags & (EFFECT_OWN | EFFECT_GONE)) != 0)
            continue;
        cost_of(q, e, 0, &cost);
        if (!cost.scan)
            continue;
        if (last != NULL && last->statement != e->statement && same_relation(last, e))
            (void)inquiry_raise(q, "several-alter-table", e, NULL,
                                "%s is read or rewritten again, after statement %d", e->name,
                                last->statement->index);
        last = e;
    }
}

static void transactions(struct inquiry *q, const struct script *s, int plain)
{
    int open = 0, nested = 0, says = 0, ended = 0;
    size_t i;

    for (i = 0; i < s->count; i++) {
        const struct statement *st = &s->statements[i];
        const char *kind = node_text(node_as(st->tree, "TransactionStmt"), "kind");
        struct effect here = {.statement = st, .kind = EFFECT_OTHER};

        if (strcmp(kind, "TRANS_STMT_BEGIN") == 0 || strcmp(kind, "TRANS_STMT_START") == 0) {
            says = 1;
            if (open && !nested) {
                nested = 1;
                (void)inquiry_raise(q, "nested-transaction", &here, "",
                                    "BEGIN inside a transaction: the server only warns");
            }
            open = 1;
        } else if (strcmp(kind, "TRANS_STMT_COMMIT") == 0 ||
                   strcmp(kind, "TRANS_STMT_ROLLBACK") == 0) {
            if (!open && plain && !ended)
                (void)inquiry_raise(q, "nested-transaction", &here, "",
                                    "%s without BEGIN ends the transaction of whoever runs this",
                                    kind + strlen("TRANS_STMT_"));
            ended = 1;
            open = 0;
        }
    }
    if (says && open && s->count > 0) {
        struct effect last = {.statement = &s->statements[s->count - 1], .kind = EFFECT_OTHER};

        (void)inquiry_raise(q, "open-transaction", &last, "",
                            "BEGIN without COMMIT: everything is rolled back in silence");
    }
}

/* Outside of a transaction what is done stays done. */
static void rerunnable(struct inquiry *q, const struct effects *all)
{
    size_t i;

    for (i = 0; i < all->count; i++) {
        const struct effect *e = &all->items[i];

        if ((e->statement->in_transaction && !e->statement->alone) ||
            (e->flags & EFFECT_IF_EXISTS) != 0)
            continue;
        if (e->kind == EFFECT_CREATE_INDEX || e->kind == EFFECT_DROP_INDEX ||
            e->kind == EFFECT_CREATE_TABLE || e->kind == EFFECT_DROP_TABLE ||
            e->kind == EFFECT_ADD_COLUMN || e->kind == EFFECT_DROP_COLUMN ||
            (e->kind == EFFECT_ALTER_ENUM && !node_true(e->node, "skipIfNewValExists") &&
             node_get(e->node, "oldVal") == NULL))
            (void)inquiry_raise(q, "not-rerunnable", e, NULL,
                                "run again after a failure it fails on what is already done");
    }
}

static int is_set(const struct effects *all, size_t upto, const char *name)
{
    size_t i;

    for (i = 0; i < upto; i++)
        if (all->items[i].kind == EFFECT_SET && same(all->items[i].detail, name))
            return 1;
    return 0;
}

static int set_by_role(const struct inquiry *q, const char *name)
{
    const char *value = facts_setting(q->facts, name);

    return value != NULL && strcmp(value, "0") != 0;
}

static void timeouts(struct inquiry *q, const struct effects *all)
{
    /* Once in a plan is enough. */
    int lock = q->told_timeout || set_by_role(q, "lock_timeout"), statement = set_by_role(q, "statement_timeout");
    int idle = set_by_role(q, "idle_in_transaction_session_timeout");
    struct cost cost;
    size_t i;

    for (i = 0; i < all->count; i++) {
        const struct effect *e = &all->items[i];
        int strength = lock_strength(lock_of(e, q->version));

        if ((e->flags & (EFFECT_OWN | EFFECT_GONE | EFFECT_VERSION)) != 0 || e->name == NULL)
            continue;
        if (!lock && strength >= 5 && !is_set(all, i, "lock_timeout")) {
            (void)inquiry_raise(q, "no-lock-timeout", e, NULL,
                                "%s is locked without a lock_timeout: while this waits, all wait",
                                e->name);
            lock = 1;
            q->told_timeout = 1;
        }
        if (!statement && works(q, e, &cost) && !is_set(all, i, "statement_timeout")) {
            (void)inquiry_raise(q, "no-statement-timeout", e, NULL,
                                "nothing ends this if it takes too long");
            statement = 1;
        }
        if (!idle && strength >= 5 && !is_set(all, i, "idle_in_transaction_session_timeout")) {
            (void)inquiry_raise(q, "no-idle-timeout", e, NULL,
                                "a client that hangs here keeps its locks");
            idle = 1;
        }
    }
}

void detect_script(struct inquiry *q, const struct effects *effects)
{
    drop_and_make(q, effects);
    under_lock(q, effects);
    validated_too_early(q, effects);
    repeated_alter(q, effects);
    transactions(q, effects->script, q->plan->direction == PLAN_SQL);
    rerunnable(q, effects);
    timeouts(q, effects);
}
