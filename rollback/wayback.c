#include "rollback/wayback.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/array.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/execute.h"
#include "rollback/guard.h"
#include "rollback/seeds.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/judge.h"

static const char still_sql[] =
#include "rollback/sql/still.sql.h"
    ;

int wayback_find(struct guard *g, struct err *err)
{
    struct err why = {0};

    if ((g->reverse = plan_reverse(g->plan, &g->request->plan, g->main, &why)) != NULL)
        return 0;
    if (why.kind == ERR_INTERRUPTED) {
        *err = why;
        return -1;
    }
    return strings_dup(&g->reverse_why, why.message, err);
}

static int same(const char *schema, const char *name, const struct closure_table *t)
{
    return name != NULL && strcmp(name, t->name) == 0 && (schema == NULL || strcmp(schema, t->schema) == 0);
}

/* Does P say something about T (and COLUMN, if not NULL) that is one of KINDS? */
static int says(const struct plan *p, unsigned long long kinds, const struct closure_table *t, const char *column)
{
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct effects *all = p->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++) {
            const struct effect *e = &all->items[k];

            if ((kinds & 1ull << e->kind) != 0 &&
                (t == NULL || (same(e->schema, e->name, t) &&
                               (column == NULL || (e->column != NULL && strcmp(e->column, column) == 0)))))
                return 1;
        }
    }
    return 0;
}

#define KIND(k) (1ull << EFFECT_##k)

static const unsigned long long renames = KIND(RENAME_TABLE) | KIND(RENAME_COLUMN) | KIND(RENAME_OTHER);
static const unsigned long long inserts = KIND(INSERT) | KIND(COPY_IN) | KIND(MERGE);
static const unsigned long long removals = KIND(DELETE) | KIND(TRUNCATE) | KIND(DROP_TABLE) | KIND(DROP_SCHEMA);
static const unsigned long long blind = KIND(OPAQUE) | KIND(UNKNOWN);

static int verdict(struct guard *g, enum guard_undo undo, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The first reason of a kind is told; impossible beats the others. */
static int verdict(struct guard *g, enum guard_undo undo, struct err *err, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    if (g->undo == UNDO_IMPOSSIBLE || g->undo == undo)
        return 0;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    free(g->undo_why);
    g->undo_why = NULL;
    g->undo = undo;
    return strings_dup(&g->undo_why, text, err);
}

/* Does the way forward make again what goes?  A rename, or a statement that nobody can read, may. */
static int made_again(struct guard *g, struct err *err)
{
    if (says(g->reverse, renames | blind | KIND(ALTER_TABLE_OTHER), NULL, NULL))
        return 0;
    for (size_t i = 0; i < g->closure->ntables; i++) {
        const struct closure_table *t = &g->closure->tables[i];

        if (t->kind != 'r' && t->kind != 'p')
            continue;
        if (t->fate & CLOSURE_DROPPED) {
            if (!says(g->reverse, KIND(CREATE_TABLE), t, NULL) && !says(g->reverse, KIND(CREATE_OTHER), t, NULL) &&
                verdict(g, UNDO_IMPOSSIBLE, err, "the upgrade does not make table %s.%s again", t->schema, t->name) != 0)
                return -1;
            continue;
        }
        for (size_t k = 0; k < t->ncolumns; k++)
            if ((t->columns[k].why & CLOSURE_COLUMN_DROPPED) != 0 && t->because == NULL &&
                !says(g->reverse, KIND(ADD_COLUMN) , t, t->columns[k].name) &&
                verdict(g, UNDO_IMPOSSIBLE, err, "the upgrade does not make column %s.%s.%s again", t->schema,
                        t->name, t->columns[k].name) != 0)
                return -1;
    }
    return 0;
}

/* Rows that one way makes and the other does not take away. */
static int leftovers(struct guard *g, struct err *err)
{
    for (size_t i = 0; i < g->closure->ntables; i++) {
        const struct closure_table *t = &g->closure->tables[i];

        if (t->kind == 'f' && (t->fate & (CLOSURE_EMPTIED | CLOSURE_ROWS | CLOSURE_INSERTED)) != 0 &&
            verdict(g, UNDO_INEXACT, err, "%s.%s is a foreign table: undo leaves its rows as they are", t->schema,
                    t->name) != 0)
            return -1;
        if ((t->fate & (CLOSURE_DROPPED | CLOSURE_VERSION)) != 0 || (t->kind != 'r' && t->kind != 'p'))
            continue;
        if ((t->fate & CLOSURE_INSERTED) != 0 && !says(g->reverse, removals, t, NULL) &&
            verdict(g, UNDO_INEXACT, err, "the rows that the downgrade inserts into %s.%s stay", t->schema,
                    t->name) != 0)
            return -1;
    }
    for (size_t i = 0; i < g->reverse->nsteps; i++) {
        const struct effects *all = g->reverse->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++) {
            const struct effect *e = &all->items[k];
            struct closure_table t = {.schema = e->schema, .name = e->name};

            if ((inserts & 1ull << e->kind) == 0 || (e->flags & (EFFECT_OWN | EFFECT_VERSION)) != 0 ||
                e->name == NULL || says(g->plan, removals | KIND(CREATE_TABLE) | renames, e->schema != NULL ? &t : NULL, NULL))
                continue;
            if (e->schema == NULL) {
                int handled = 0;

                for (size_t m = 0; m < g->closure->ntables; m++)
                    if (strcmp(g->closure->tables[m].name, e->name) == 0)
                        handled |= says(g->plan, removals, &g->closure->tables[m], NULL);
                if (handled)
                    continue;
            }
            if (verdict(g, UNDO_INEXACT, err,
                        "the upgrade inserts rows into %s that the downgrade does not take away: they would come twice, "
                        "or undo would fail on their key", e->name) != 0)
                return -1;
        }
    }
    return 0;
}

/* An attribute too; a composite value has them in order, so that saved ones would not fit. */
static int attribute_order(struct guard *g, struct err *err)
{
    for (size_t i = 0; i < g->plan->nsteps; i++) {
        const struct effects *all = g->plan->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++) {
            const struct effect *e = &all->items[k];

            if (e->kind == EFFECT_ALTER_TABLE_OTHER && (e->flags & EFFECT_OWN) == 0 && e->detail != NULL &&
                strcmp(e->detail, "AT_DropAttribute") == 0 &&
                verdict(g, UNDO_INEXACT, err,
                        "attribute %s of type %s comes back as the last one; was it not, the saved values do not fit and undo "
                        "is refused", e->column, e->name) != 0)
                return -1;
        }
    }
    return 0;
}

/* A child that joins its parent again keeps the columns as its own too. */
static int inheritance(struct guard *g, struct err *err)
{
    for (size_t i = 0; i < g->plan->nsteps; i++) {
        const struct effects *all = g->plan->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++) {
            const struct effect *e = &all->items[k];

            if (e->kind == EFFECT_ALTER_TABLE_OTHER && (e->flags & EFFECT_OWN) == 0 && e->detail != NULL &&
                strcmp(e->detail, "AT_DropInherit") == 0 &&
                verdict(g, UNDO_INEXACT, err, "the columns that %s inherits become its own too when it joins its parent again",
                        e->name) != 0)
                return -1;
        }
    }
    return 0;
}

/* A column that comes back comes back as the last one. */
static int column_order(struct guard *g, struct err *err)
{
    static const char sql[] =
        "SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 "
        "AND NOT a.attisdropped AND NOT a.attname = ANY ($2::pg_catalog.text[]) AND a.attnum > (SELECT "
        "min(x.attnum) FROM pg_catalog.pg_attribute x WHERE x.attrelid = a.attrelid AND x.attname = "
        "ANY ($2::pg_catalog.text[])) ORDER BY a.attnum LIMIT 1";

    for (size_t i = 0; i < g->closure->ntables; i++) {
        const struct closure_table *t = &g->closure->tables[i];
        struct query q = {.sql = sql, .nparams = 2, .columns = 1, .max_rows = 1};
        struct buf oid = {0}, names = {0};
        const char *params[2], *first = NULL;
        struct result *r = NULL;
        int rc = -1;

        if ((t->fate & CLOSURE_DROPPED) != 0 || (t->fate & CLOSURE_COLUMNS) == 0)
            continue;
        for (size_t k = 0; k < t->ncolumns; k++)
            if (t->columns[k].why & CLOSURE_COLUMN_DROPPED) {
                first = t->columns[k].name;
                if (array_text(&names, first, err) != 0)
                    goto out;
            }
        if (array_end(&names, err) != 0 || buf_addf(&oid, err, "%u", t->oid) != 0)
            goto out;
        params[0] = oid.data;
        params[1] = names.data;
        q.params = params;
        rc = 0;
        if (first == NULL)
            goto out;
        if ((r = query_run(g->control, &q, err)) == NULL)
            rc = -1;
        else if (result_rows(r) > 0)
            rc = verdict(g, UNDO_INEXACT, err, "column %s.%s.%s comes back as the last one, and stands before others now",
                         t->schema, t->name, first);
out:
        result_free(r);
        buf_free(&oid);
        buf_free(&names);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* The columns that S, an INSERT, gives, as an array; 0: it is none, or gives all. */
static int columns_given(const struct statement *s, struct buf *names, struct err *err)
{
    const json_t *insert = s != NULL && s->tree != NULL ? node_as(s->tree, "InsertStmt") : NULL;
    const json_t *cols = node_get(insert, "cols");

    for (size_t i = 0; i < node_count(cols); i++) {
        const char *name = node_name(node_as(node_at(cols, i), "ResTarget"), "name");

        if (name != NULL && array_text(names, name, err) != 0)
            return -1;
    }
    if (node_count(cols) == 0)
        return 0;
    return array_end(names, err) == 0 ? 1 : -1;
}

/* A row that the upgrade inserts without its key gets another than the one in the backup. */
static int numbered_anew(struct guard *g, const struct closure_table *t, const struct effect *e, struct err *err)
{
    static const char sql[] =
        "SELECT 1 FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND "
        "a.attnum = ANY (i.indkey) WHERE i.indrelid = $1::pg_catalog.oid AND i.indisprimary AND "
        "NOT a.attname = ANY ($2::pg_catalog.text[]) LIMIT 1";
    struct query q = {.sql = sql, .nparams = 2, .columns = 1, .max_rows = 1};
    struct buf oid = {0}, names = {0};
    struct result *r = NULL;
    const char *params[2];
    int rc = columns_given(e->statement, &names, err);

    if (rc <= 0)
        goto out;
    rc = -1;
    if (buf_addf(&oid, err, "%u", t->oid) != 0)
        goto out;
    params[0] = oid.data;
    params[1] = names.data;
    q.params = params;
    if ((r = query_run(g->control, &q, err)) == NULL)
        goto out;
    rc = result_rows(r) == 0 ? 0
                             : verdict(g, UNDO_INEXACT, err,
                                       "the upgrade inserts rows into %s.%s under new keys: beside what comes back from "
                                       "the backup they may stand there twice",
                                       t->schema, t->name);
out:
    result_free(r);
    buf_free(&oid);
    buf_free(&names);
    return rc;
}

/* Will undo take away again what the upgrade inserts into T, and put back what the downgrade deleted? */
static int is_taken_away(const struct guard *g, const struct closure_table *t)
{
    uint64_t n = 1;
    struct err none = {0};

    if ((t->fate & (CLOSURE_EMPTIED | CLOSURE_ROWS)) == 0 || g->command || !seeds_plain(g->reverse, t->schema, t->name) ||
        says(g->reverse, KIND(UPDATE) | KIND(DELETE) | KIND(ALTER_TYPE) | KIND(RENAME_TABLE) | blind, t, NULL))
        return 0;
    /* A row that somebody refers to stays. */
    return query_countf(g->control, &n, &none,
                        "SELECT count(*) FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.confrelid = '%u'::pg_catalog.oid",
                        t->oid) == 0 &&
           n == 0;
}

static int new_keys(struct guard *g, struct err *err)
{
    for (size_t i = 0; i < g->reverse->nsteps; i++) {
        const struct effects *all = g->reverse->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++)
            for (size_t m = 0; m < g->closure->ntables; m++) {
                const struct closure_table *t = &g->closure->tables[m];

                if (all->items[k].kind == EFFECT_INSERT && !is_taken_away(g, t) && (t->fate & CLOSURE_VERSION) == 0 && t->kind == 'r' &&
                    same(all->items[k].schema, all->items[k].name, t) &&
                    numbered_anew(g, t, &all->items[k], err) != 0)
                    return -1;
            }
    }
    return 0;
}

/* Does the statement that gives C another type keep every value?  Only what was counted says so. */
static int is_kept(const struct guard *g, const struct closure_column *c)
{
    int kept = g->judgement != NULL;

    for (size_t i = 0; kept && i < g->judgement->nfindings; i++) {
        const struct finding *f = &g->judgement->findings[i];

        if (strcmp(f->code, "lossy-cast") == 0 && f->statement == c->statement)
            kept = f->has_loss && f->loss_exact && f->loss_rows == 0;
    }
    return kept;
}

/* Values go back by a key: can it still tell the rows apart when the upgrade has run again? */
static int weigh_key(struct guard *g, const struct closure_table *t, enum selection_key key, struct err *err)
{
    if ((t->fate & CLOSURE_DROPPED) != 0)
        return 0;
    if (key == SELECTION_KEY_NONE)
        return verdict(g, UNDO_IMPOSSIBLE, err, "%s.%s has no key to put its values back by", t->schema, t->name);
    if ((t->fate & CLOSURE_EMPTIED) != 0)
        return 0;
    for (size_t i = 0; i < t->ncolumns; i++) {
        const struct closure_column *c = &t->columns[i];

        if (key == SELECTION_KEY_DROPPED && (c->why & CLOSURE_COLUMN_DROPPED) != 0)
            return verdict(g, UNDO_IMPOSSIBLE, err,
                           "the key of %s.%s goes with a column: its rows could not be told apart to put their values back",
                           t->schema, t->name);
        if (key == SELECTION_KEY_UPDATED && (c->why & CLOSURE_COLUMN_UPDATED) != 0 &&
            !says(g->reverse, KIND(UPDATE) | KIND(MERGE) | blind, t, c->name))
            return verdict(g, UNDO_INEXACT, err,
                           "the downgrade changes the key of %s.%s: changed rows stay beside those that come back",
                           t->schema, t->name);
        if (key == SELECTION_KEY_RETYPED && (c->why & CLOSURE_COLUMN_RETYPED) != 0 && !is_kept(g, c) &&
            verdict(g, UNDO_INEXACT, err,
                    "the type that the downgrade gives to %s.%s.%s may alter keys: rows whose key is another one get "
                    "nothing back",
                    t->schema, t->name, c->name) != 0)
            return -1;
    }
    return 0;
}

/* Is the column put back from the backup, or new on the way there? */
static int comes_back(const struct guard *g, const struct closure_table *t, const char *column)
{
    for (size_t k = 0; k < t->ncolumns; k++)
        if (strcmp(t->columns[k].name, column) == 0)
            return 1;
    return says(g->reverse, KIND(ADD_COLUMN), t, column);
}

/* A value that stays over the downgrade and that the upgrade changes once more: does undo put it back? */
static int is_still(struct guard *g, const struct effect *e, const struct closure_table *t, int *yes, struct err *err)
{
    const char *params[2] = {NULL, e->kind == EFFECT_UPDATE ? e->column : NULL};
    struct query q = {.sql = still_sql, .params = params, .nparams = 2, .columns = 1, .max_rows = 1};
    struct buf name = {0};
    struct result *r = NULL;
    int rc = -1;

    *yes = 0;
    for (size_t m = 0; t != NULL && m < g->closure->ntables; m++)
        if (&g->closure->tables[m] == t && closure_table_at_risk(t) && g->tables[m].key != SELECTION_KEY_STAYS)
            return 0;
    /* Names that only the upgrade gives are not on the server yet. */
    if (t == NULL && says(g->plan, renames, NULL, NULL))
        return 0;
    if ((e->schema != NULL || t != NULL ? quote_name(&name, t != NULL ? t->schema : e->schema, e->name, err)
                                        : quote_ident(&name, e->name, err)) != 0)
        goto out;
    params[0] = name.data;
    if ((r = query_run(g->main, &q, err)) == NULL)
        goto out;
    *yes = result_rows(r) == 1 && result_bool(r, 0, 0);
    rc = 0;
out:
    result_free(r);
    buf_free(&name);
    return rc;
}

/* What stays over the downgrade, and the upgrade changes or deletes once more: what was written there since
 * the first time goes. */
static int done_again(struct guard *g, struct err *err)
{
    for (size_t i = 0; i < g->reverse->nsteps; i++) {
        const struct effects *all = g->reverse->steps[i].effects;

        for (size_t k = 0; all != NULL && k < all->count; k++) {
            const struct effect *e = &all->items[k];
            const struct closure_table named = {.schema = e->schema, .name = e->name}, *t = NULL;
            int changes = e->kind == EFFECT_UPDATE || e->kind == EFFECT_MERGE, still = 0;

            if ((!changes && e->kind != EFFECT_DELETE && e->kind != EFFECT_TRUNCATE) || e->name == NULL ||
                (e->flags & (EFFECT_OWN | EFFECT_VERSION)) != 0)
                continue;
            for (size_t m = 0; m < g->closure->ntables; m++)
                if (same(e->schema, e->name, &g->closure->tables[m]))
                    t = &g->closure->tables[m];
            if (t == NULL ? says(g->plan, renames | blind | inserts, NULL, NULL)
                          : (t->fate & CLOSURE_DROPPED) != 0 || (changes && e->column != NULL && comes_back(g, t, e->column)) ||
                                (!changes && (t->fate & (CLOSURE_INSERTED | CLOSURE_ROWS | CLOSURE_EMPTIED)) != 0))
                continue;
            if (changes && !g->command && is_still(g, e, t, &still, err) != 0)
                return -1;
            if (still)
                continue;
            if (t == NULL)
                t = &named;
            if (verdict(g, UNDO_INEXACT, err,
                        "the upgrade %s %s%s%s%s%s once more: what was written there since the first time is in undo's own "
                        "backup alone",
                        changes ? "changes" : "deletes rows of", t->schema != NULL ? t->schema : "",
                        t->schema != NULL ? "." : "", t->name, changes && e->column != NULL ? "." : "",
                        changes && e->column != NULL ? e->column : "") != 0)
                return -1;
        }
    }
    return 0;
}

/* What the downgrade leaves or forgets stops the upgrade. */
static int barred(struct guard *g, struct err *err)
{
    for (size_t i = 0; g->judgement != NULL && i < g->judgement->nfindings; i++)
        if (g->judgement->findings[i].bars_return &&
            verdict(g, UNDO_IMPOSSIBLE, err, "the upgrade would fail: %s", g->judgement->findings[i].message) != 0)
            return -1;
    return 0;
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
    for (size_t i = 0; i < g->closure->ntables; i++)
        if (closure_table_at_risk(&g->closure->tables[i]) && g->closure->tables[i].kind == 'r' &&
            weigh_key(g, &g->closure->tables[i], g->tables[i].key, err) != 0)
            return -1;
    if (g->command && verdict(g, UNDO_INEXACT, err,
                              "alembic runs the downgrade by itself: what is written after the backup is not in it, and "
                              "what hangs on the tables (rights, comments, indexes made by hand, ...) is not kept") != 0)
        return -1;
    if (execute_one_transaction(g->reverse, &one) != 0 && !g->command && verdict(g, UNDO_STAGED, err, "%s", one.message) != 0)
        return -1;
    if (says(g->reverse, blind, NULL, NULL) &&
        verdict(g, UNDO_INEXACT, err, "the upgrade has statements whose effect nobody can know") != 0)
        return -1;
    return made_again(g, err) != 0 || barred(g, err) != 0 || leftovers(g, err) != 0 || new_keys(g, err) != 0 || done_again(g, err) != 0 || attribute_order(g, err) != 0 || inheritance(g, err) != 0 || column_order(g, err) != 0 ? -1
                                                                                                          : 0;
}
