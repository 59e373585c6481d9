/* Routines whose text names what the plan takes away: the server knows nothing of it before they run. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/plan.h"
#include "pg/array.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "script/body.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "validate/detect.h"
#include "validate/facts.h"
#include "validate/inquiry.h"

static const char bodies_sql[] =
#include "validate/sql/facts_bodies.sql.h"
    ;

/* Does the name that E speaks of mean nothing any more after it? */
static int takes_away(const struct effect *e)
{
    if ((e->flags & (EFFECT_OWN | EFFECT_GONE | EFFECT_VERSION)) != 0 || e->name == NULL)
        return 0;
    switch ((int)e->kind) {
    case EFFECT_DROP_TABLE:
    case EFFECT_DROP_VIEW:
    case EFFECT_DROP_MATVIEW:
    case EFFECT_DROP_ROUTINE:
    case EFFECT_RENAME_TABLE:
        return 1;
    case EFFECT_DROP_COLUMN:
    case EFFECT_RENAME_COLUMN:
        return e->column != NULL;
    default:
        return 0;
    }
}

static const char *word_of(const struct effect *e)
{
    if (e->column != NULL)
        return e->column_on_server != NULL ? e->column_on_server : e->column;
    return e->on_server != NULL ? e->on_server : e->name;
}

/* Something of that name comes back: a table made anew, a view under the old name, a column added again. */
static int comes_back(const struct inquiry *q, const struct effect *gone)
{
    size_t i, k;

    for (i = 0; i < q->plan->nsteps; i++)
        for (k = 0; q->steps[i] != NULL && k < q->steps[i]->count; k++) {
            const struct effect *e = &q->steps[i]->items[k];
            const char *name = e->name;

            if (gone->column != NULL) {
                if (e->kind == EFFECT_ADD_COLUMN && e->column != NULL && name != NULL &&
                    strcmp(name, gone->name) == 0 && strcmp(e->column, gone->column) == 0)
                    return 1;
                continue;
            }
            if (name != NULL && strcmp(name, gone->name) == 0 &&
                (e->kind == EFFECT_CREATE_TABLE ||
                 (e->kind == EFFECT_CREATE_OTHER && e->detail != NULL &&
                  (strcmp(e->detail, "ViewStmt") == 0 || strcmp(e->detail, "CreateMatView") == 0 ||
                   strcmp(e->detail, "CreateFunctionStmt") == 0))))
                return 1;
        }
    return 0;
}

/* Routine NAME is dropped or replaced by the plan itself: its text of now does not matter. */
static int is_replaced(const struct inquiry *q, const char *name)
{
    size_t i, k;

    for (i = 0; i < q->plan->nsteps; i++)
        for (k = 0; q->steps[i] != NULL && k < q->steps[i]->count; k++) {
            const struct effect *e = &q->steps[i]->items[k];

            if (e->name != NULL && strcmp(e->name, name) == 0 &&
                (e->kind == EFFECT_DROP_ROUTINE ||
                 (e->kind == EFFECT_CREATE_OTHER && e->detail != NULL &&
                  strcmp(e->detail, "CreateFunctionStmt") == 0)))
                return 1;
        }
    return 0;
}

static void judge(struct inquiry *q, const struct effect *e, const struct result *r, int row)
{
    const struct catalog_table *t = inquiry_table(q, e);
    struct body body = {result_text(r, row, 1), result_text(r, row, 2), result_text(r, row, 3)};
    struct body_word word = {.schema = t != NULL ? t->schema : e->schema,
                             .relation = e->on_server != NULL ? e->on_server : e->name,
                             .column = e->column == NULL ? NULL : word_of(e),
                             .routine = e->kind == EFFECT_DROP_ROUTINE};
    char oid[16];
    char *object;

    if (is_replaced(q, result_text(r, row, 5)) ||
        (word.routine && strcmp(result_text(r, row, 5), word.relation) == 0))
        return;
    if (t != NULL) {
        (void)snprintf(oid, sizeof(oid), "%u", t->oid);
        word.row = facts_names(result_text(r, row, 4), oid);
        /* A table's own trigger functions go out of use with it. */
        if (word.row && e->kind == EFFECT_DROP_TABLE)
            return;
    }
    if ((object = inquiry_object(q, e)) == NULL)
        return;
    switch (body_names(&body, &word)) {
    case BODY_YES:
        (void)inquiry_raise(q, "routine-breaks", e, object,
                            "routine %s names %s in its text: it fails when it is called next",
                            result_text(r, row, 0), object);
        break;
    case BODY_MAYBE:
        (void)inquiry_raise(q, "routine-may-break", e, object,
                            "routine %s may mean %s (not all of its text can be read)",
                            result_text(r, row, 0), object);
        break;
    case BODY_NO:
        break;
    }
    free(object);
}

void detect_body(struct inquiry *q)
{
    struct query query = {.sql = bodies_sql, .nparams = 1, .columns = 7};
    struct result *r = NULL;
    struct buf words = {0};
    const char *param;
    size_t i, k, n = 0;
    int row;

    if (q->closure == NULL || q->failed)
        return;
    for (i = 0; i < q->plan->nsteps && !q->failed; i++)
        for (k = 0; q->steps[i] != NULL && k < q->steps[i]->count && !q->failed; k++)
            if (takes_away(&q->steps[i]->items[k])) {
                n++;
                if (array_text(&words, word_of(&q->steps[i]->items[k]), q->err) < 0)
                    q->failed = 1;
            }
    if (n == 0 || q->failed)
        goto out;
    if (array_end(&words, q->err) < 0) {
        q->failed = 1;
        goto out;
    }
    param = words.data;
    query.params = &param;
    if ((r = query_run(q->conn, &query, q->err)) == NULL) {
        q->failed = 1;
        goto out;
    }
    for (i = 0; i < q->plan->nsteps; i++)
        for (k = 0; q->steps[i] != NULL && k < q->steps[i]->count; k++) {
            const struct effect *e = &q->steps[i]->items[k];

            if (!takes_away(e) || comes_back(q, e))
                continue;
            q->step = i;
            for (row = 0; row < result_rows(r) && !q->failed; row++)
                judge(q, e, r, row);
        }
out:
    result_free(r);
    buf_free(&words);
}
