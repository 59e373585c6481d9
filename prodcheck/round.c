#include "prodcheck/round.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/strings.h"
#include "prodcheck/check.h"
#include "prodcheck/local.h"
#include "prodcheck/selection.h"
#include "prodcheck/verdict.h"

/* Before each query, for it alone: nothing that is asked may write, wait for a lock, or run for long;
 * and the session is left as it was, which a pooler would hand to the application. */
static const char before_sql[] =
    "SELECT pg_catalog.set_config('statement_timeout', '%" PRId64 "ms', true), "
    "pg_catalog.set_config('lock_timeout', '300ms', true), "
    "pg_catalog.set_config('search_path', '', true), "
    "pg_catalog.set_config('TimeZone', 'UTC', true), "
    "pg_catalog.set_config('jit', 'off', true), "
    "pg_catalog.set_config('transaction_read_only', 'on', true)";
static const char meta_sql[] =
#include "prodcheck/sql/meta.sql.h"
    ;
static const char window_sql[] =
#include "prodcheck/sql/window.sql.h"
    ;

static struct query *ask(struct round *r, const char *sql, int columns, const struct check *k,
                         size_t result)
{
    struct query *q = &r->queries[r->n];

    memset(q, 0, sizeof(*q));
    q->sql = sql;
    q->columns = columns;
    q->params = r->params[r->n];
    r->slots[r->n].check = k;
    r->slots[r->n].plan = NULL;
    r->slots[r->n].is_meta = 0;
    r->slots[r->n].result = result;
    r->n++;
    return q;
}

/* The parameters that K's query takes. */
static void give(const struct round_terms *t, const struct check *k, struct query *q, const char **params)
{
    if (strcmp(k->id, "privileges") == 0) {
        params[0] = t->target.owned;
        params[1] = t->target.written;
        params[2] = t->target.schemas;
        params[3] = t->target.saved;
        params[4] = t->target.version_schema;
        params[5] = t->target.version_table;
        params[6] = t->target.referenced;
        q->nparams = 7;
    } else if (strcmp(k->id, "extensions") == 0) {
        params[0] = t->target.extensions;
        q->nparams = 1;
    } else if (strcmp(k->id, "sizes") == 0) {
        params[0] = t->target.large;
        q->nparams = 1;
    } else if (k->flags & CHECK_FOR_PLAN) {
        params[0] = t->target.named;
        q->nparams = 1;
    } else if (k->flags & CHECK_ON_TABLES) {
        params[0] = t->target.tables;
        q->nparams = 1;
    }
}

int round_needs_plan(const struct check *k)
{
    return (k->flags & CHECK_FOR_PLAN) != 0 || strcmp(k->id, "privileges") == 0 ||
           strcmp(k->id, "extensions") == 0;
}

/* Before the baseline's own query, so that its answer finds the plans at hand. */
static void ask_plans(struct round *r, const struct round_terms *t)
{
    const json_t *plans = selection_plans(t->options->config), *one;
    const char *name;
    size_t i = 0;

    json_object_foreach((json_t *)(uintptr_t)plans, name, one) {
        (void)one;
        if (t->explain == NULL || t->explain[i] == NULL)
            return;
        (void)ask(r, t->explain[i++], 1, NULL, 0);
        r->slots[r->n - 1].plan = name;
    }
}

static int prepare_plans(struct round_terms *t, struct err *err)
{
    const json_t *plans = selection_plans(t->options->config), *one;
    const char *name;

    if (t->options->baseline == NULL)
        return 0;
    json_object_foreach((json_t *)(uintptr_t)plans, name, one) {
        if (!json_is_string(one))
            return err_set(err, ERR_USAGE, "mig.json: prodcheck.plans.%s must be a query", name);
        if (strings_addf(&t->explain, err, "EXPLAIN (COSTS OFF) %s", json_string_value(one)) != 0)
            return -1;
    }
    if (strings_count(t->explain) > ROUND_QUERIES / 4)
        return err_set(err, ERR_USAGE, "mig.json: prodcheck.plans has more than %d queries",
                       ROUND_QUERIES / 4);
    return 0;
}

void round_compose(struct round *r, const struct round_terms *t, const struct verdict *v, int again)
{
    size_t i;

    r->n = 0;
    if (!again) {
        (void)ask(r, meta_sql, 4, NULL, 0);
        r->slots[0].is_meta = 1;
        ask_plans(r, t);
    }
    for (i = 0; i < v->nchecks && r->n < ROUND_QUERIES - 1; i++) {
        const struct check_result *out = &v->checks[i];
        const struct check *k = check_find(out->id);

        if (out->status == CHECK_SKIPPED)
            continue;
        if (again && (out->status != CHECK_FAIL || k == NULL || !(k->flags & CHECK_VOLATILE)))
            continue;
        if (k == NULL) {
            const char *sql = json_string_value(json_object_get(selection_custom(t->options->config), out->id + 4));

            if (sql != NULL)
                (void)ask(r, sql, -1, NULL, i);
        } else if (strcmp(k->id, "window") == 0) {
            ask(r, window_sql, CHECK_COLUMNS, k, i)->nparams = 1;
            r->params[r->n - 1][0] = t->zones;
        } else if (k->sql != NULL) {
            struct query *q = ask(r, k->sql, CHECK_COLUMNS, k, i);

            give(t, k, q, r->params[r->n - 1]);
        }
    }
}

int round_prepare(struct round_terms *t, const struct verdict_options *o, struct err *err)
{
    t->options = o;
    (void)snprintf(t->before, sizeof(t->before), before_sql, o->timeout_ms > 0 ? o->timeout_ms : 2000);
    if (target_find(o->plan, o->closure, &t->target, err) != 0 || prepare_plans(t, err) != 0)
        return -1;
    return (t->zones = local_window_zones(o->config, err)) != NULL ? 0 : -1;
}

int round_ask(struct round *r, const struct round_terms *t, struct conn *c, struct err *err)
{
    memset(r->results, 0, sizeof(r->results));
    memset(r->errs, 0, sizeof(r->errs));
    return query_pipeline_under(c, t->before, r->queries, r->n, r->results, r->errs, err);
}

void round_terms_free(struct round_terms *t)
{
    target_free(&t->target);
    free(t->zones);
    strings_free(t->explain);
}
