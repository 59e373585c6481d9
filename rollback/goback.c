#include "rollback/goback.h"

#include <jansson.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "rollback/execute.h"
#include "rollback/kept.h"
#include "rollback/segments.h"
#include "script/effect.h"
#include "script/statement.h"

int goback_possible(const struct plan *plan, const struct plan *reverse, struct err *err)
{
    size_t down = segments_count(plan), up = reverse != NULL ? segments_count(reverse) : 0;

    if (reverse == NULL)
        return err_set(err, ERR_REFUSED, "the way forward again is not known");
    if (down == up)
        return 0;
    return err_set(err, ERR_REFUSED, "the upgrade is cut into %zu segment%s where the downgrade has %zu", up,
                   up == 1 ? "" : "s", down);
}

static int equal(char *const *a, char *const *b)
{
    size_t n = strings_count(a);

    if (n != strings_count(b))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i], b[i]) != 0)
            return 0;
    return 1;
}

static int moves_version(const struct plan_step *step, const struct statement *s)
{
    const struct effects *e = step->effects;

    for (size_t i = 0; e != NULL && i < e->count; i++)
        if (e->items[i].statement == s && (e->items[i].flags & EFFECT_VERSION) != 0 &&
            (e->items[i].kind == EFFECT_UPDATE || e->items[i].kind == EFFECT_DELETE ||
             e->items[i].kind == EFFECT_INSERT))
            return 1;
    return 0;
}

static json_t *list(char *const *rows)
{
    json_t *a = json_array();

    for (size_t i = 0; i < strings_count(rows); i++)
        (void)json_array_append_new(a, json_string(rows[i]));
    return a;
}

/* STEP's SQL into SQL.  *ROWS moves along. */
static int step_sql(const struct plan_step *step, char *const **rows, struct buf *sql, struct err *err)
{
    int moved = 0;

    for (size_t k = 0; step->script != NULL && k < step->script->count; k++) {
        const struct statement *s = &step->script->statements[k];

        if (moves_version(step, s)) {
            if (!moved && equal(*rows, step->after))
                continue; /* it never got to moving them away */
            if (!moved && !equal(*rows, step->before))
                return err_set(err, ERR_REFUSED, "the version rows are neither those before revision %s nor those "
                               "after it: somebody migrated meanwhile", step->revision);
            moved = 1;
        }
        if (buf_addf(sql, err, "%s;\n", s->text) != 0 ||
            (s->copy_data != NULL &&
             (buf_add(sql, s->copy_data, s->copy_len, err) != 0 || buf_adds(sql, "\\.\n", err) != 0)))
            return -1;
    }
    if (moved)
        *rows = step->after;
    return 0;
}

static int one_segment(const struct plan *p, char *const **rows, json_t *steps, struct err *err)
{
    json_t *kept = kept_plan(p, err);
    int rc = -1;

    if (kept == NULL)
        return -1;
    for (size_t i = 0; i < p->nsteps; i++) {
        json_t *o = json_array_get(json_object_get(kept, "steps"), i);
        struct buf sql = {0};

        if (step_sql(&p->steps[i], rows, &sql, err) != 0 ||
            json_object_set_new(o, "sql", json_string(sql.data != NULL ? sql.data : "")) != 0 ||
            json_array_append(steps, o) != 0) {
            buf_free(&sql);
            goto out;
        }
        buf_free(&sql);
    }
    rc = 0;
out:
    json_decref(kept);
    return rc;
}

struct plan *goback_plan(const struct plan *plan, const struct plan *reverse, size_t done, int loose,
                         char *const *rows, struct err *err)
{
    struct segments *s = NULL;
    struct plan *back = NULL;
    json_t *o = NULL, *steps = json_array();
    size_t begun = done + (loose ? 1 : 0);

    if (goback_possible(plan, reverse, err) != 0 || (s = segments_split(reverse, err)) == NULL ||
        (o = kept_plan(reverse, err)) == NULL)
        goto out;
    if (begun > s->count) {
        (void)err_set(err, ERR_REFUSED, "more segments are done than the plan has");
        goto out;
    }
    (void)json_object_set_new(o, "from", list(rows));
    for (size_t i = s->count - begun; i < s->count; i++)
        if (one_segment(s->items[i].plan, &rows, steps, err) != 0)
            goto out;
    if (plan->version_table != NULL && !equal(rows, plan->from)) {
        (void)err_set(err, ERR_REFUSED, "the way back does not end at the version rows from which the run began");
        goto out;
    }
    (void)json_object_set_new(o, "to", list(rows));
    (void)json_object_set(o, "steps", steps);
    back = kept_read(o, err);
out:
    segments_free(s);
    json_decref(o);
    json_decref(steps);
    return back;
}
