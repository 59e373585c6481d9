#include "rollback/segments.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/kept.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/shown.h"
#include "script/statement.h"

static int is_control(const struct statement *s)
{
    const json_t *tx = node_as(s->tree, "TransactionStmt");

    return tx != NULL && (node_text(tx, "kind")[0] == '\0' || node_is(tx, "kind", "TRANS_STMT_BEGIN") ||
                          node_is(tx, "kind", "TRANS_STMT_START") ||
                          node_is(tx, "kind", "TRANS_STMT_COMMIT"));
}

/* Is S a COMMIT with work after it in its own step?  Then whoever wrote it meant it. */
static int commits_midway(const struct script *script, size_t at)
{
    const json_t *tx = node_as(script->statements[at].tree, "TransactionStmt");

    if (tx == NULL || !node_is(tx, "kind", "TRANS_STMT_COMMIT"))
        return 0;
    for (size_t i = at + 1; i < script->count; i++)
        if (!is_control(&script->statements[i]))
            return 1;
    return 0;
}

int segments_needed(const struct plan *p)
{
    for (size_t i = 0; i < p->nsteps; i++)
        for (size_t k = 0; p->steps[i].script != NULL && k < p->steps[i].script->count; k++)
            if (p->steps[i].script->statements[k].alone)
                return 1;
    return 0;
}

/* The pieces under construction. */
struct cut {
    json_t *segments; /* of objects as kept_plan makes them */
    json_t *segment;  /* the open one, borrowed from SEGMENTS, or NULL */
    json_t *rows;     /* the version rows after what was cut so far, borrowed */
    const json_t *whole;
    int alone;
};

static int open_segment(struct cut *c, int alone)
{
    json_t *o;

    if (c->segment != NULL && !alone && !c->alone)
        return 0;
    if ((o = json_object()) == NULL)
        return -1;
    c->segment = o;
    c->alone = alone;
    if (json_object_set(o, "direction", json_object_get(c->whole, "direction")) != 0 ||
        json_object_set(o, "version_schema", json_object_get(c->whole, "version_schema")) != 0 ||
        json_object_set(o, "version_table", json_object_get(c->whole, "version_table")) != 0 ||
        json_object_set(o, "version_column", json_object_get(c->whole, "version_column")) != 0 ||
        json_object_set(o, "digest", json_object_get(c->whole, "digest")) != 0 ||
        json_object_set(o, "from", c->rows) != 0 || json_object_set(o, "to", c->rows) != 0 ||
        json_object_set_new(o, "alone", json_boolean(alone)) != 0 ||
        json_object_set_new(o, "steps", json_array()) != 0)
        return -1;
    return json_array_append_new(c->segments, o);
}

/* Add S's text to the open segment's piece of STEP. */
static int add_statement(struct cut *c, const json_t *step, const struct statement *s, struct err *err)
{
    json_t *steps = json_object_get(c->segment, "steps");
    json_t *last = json_array_get(steps, json_array_size(steps) - 1);
    const char *revision = json_string_value(json_object_get(step, "revision"));
    const char *before;
    struct buf b = {0};
    int rc = -1;

    if (last == NULL || revision == NULL ||
        strcmp(json_string_value(json_object_get(last, "revision")), revision) != 0) {
        if ((last = json_copy((json_t *)(uintptr_t)step)) == NULL ||
            json_object_set_new(last, "sql", json_string("")) != 0 ||
            json_array_append_new(steps, last) != 0)
            return err_oom(err);
    }
    before = json_string_value(json_object_get(last, "sql"));
    if (buf_addf(&b, err, "%s%s;\n", before, s->text) != 0 ||
        (s->copy_data != NULL &&
         (buf_add(&b, s->copy_data, s->copy_len, err) != 0 || buf_adds(&b, "\\.\n", err) != 0)))
        goto out;
    rc = json_object_set_new(last, "sql", json_string(b.data)) == 0 ? 0 : err_oom(err);
out:
    buf_free(&b);
    return rc;
}

static int moves_version(const struct effects *e, const struct statement *s)
{
    for (size_t i = 0; e != NULL && i < e->count; i++)
        if (e->items[i].statement == s && (e->items[i].flags & EFFECT_VERSION) != 0 &&
            (e->items[i].kind == EFFECT_UPDATE || e->items[i].kind == EFFECT_DELETE ||
             e->items[i].kind == EFFECT_INSERT))
            return 1;
    return 0;
}

static int cut(const struct plan *p, struct cut *c, struct err *err)
{
    const json_t *steps = json_object_get(c->whole, "steps");

    for (size_t i = 0; i < p->nsteps; i++) {
        const struct plan_step *step = &p->steps[i];
        json_t *kept = json_array_get(steps, i);

        for (size_t k = 0; step->script != NULL && k < step->script->count; k++) {
            const struct statement *s = &step->script->statements[k];

            if (is_control(s)) {
                if (commits_midway(step->script, k))
                    c->segment = NULL;
                continue;
            }
            if (open_segment(c, s->alone) != 0)
                return err_oom(err);
            if (add_statement(c, kept, s, err) != 0)
                return -1;
            if (moves_version(step->effects, s)) {
                c->rows = json_object_get(kept, "after");
                if (json_object_set(c->segment, "to", c->rows) != 0)
                    return err_oom(err);
            }
            if (s->alone)
                c->segment = NULL;
        }
    }
    return 0;
}

struct segments *segments_split(const struct plan *p, struct err *err)
{
    struct segments *s = calloc(1, sizeof(*s));
    json_t *whole = kept_plan(p, err);
    struct cut c = {.segments = json_array(), .whole = whole, .rows = json_object_get(whole, "from")};
    const json_t *o;
    size_t i;

    if (s == NULL || c.segments == NULL) {
        (void)err_oom(err);
        goto fail;
    }
    if (whole == NULL || cut(p, &c, err) != 0)
        goto fail;
    if ((s->items = calloc(json_array_size(c.segments) + 1, sizeof(*s->items))) == NULL) {
        (void)err_oom(err);
        goto fail;
    }
    json_array_foreach(c.segments, i, o) {
        struct segment *one = &s->items[s->count++];

        one->alone = json_is_true(json_object_get(o, "alone"));
        if ((one->plan = kept_read(o, err)) == NULL)
            goto fail;
        if (one->alone)
            one->label = shown_normalize(one->plan->steps[0].script->statements[0].text);
    }
    json_decref(c.segments);
    json_decref(whole);
    return s;
fail:
    segments_free(s);
    json_decref(c.segments);
    json_decref(whole);
    return NULL;
}

struct plan *segments_together(const struct plan *p, char ***skipped, struct err *err)
{
    struct segments *s = segments_split(p, err);
    json_t *whole = kept_plan(p, err), *steps = json_array();
    struct cut c = {.whole = whole, .segment = json_object()};
    struct plan *together = NULL;

    if (s == NULL || whole == NULL || c.segment == NULL ||
        json_object_set(c.segment, "steps", steps) != 0)
        goto out;
    for (size_t i = 0; i < s->count; i++) {
        const struct plan *one = s->items[i].plan;

        if (s->items[i].alone) {
            if (strings_add(skipped, s->items[i].label != NULL ? s->items[i].label : "?", err) != 0)
                goto out;
            continue;
        }
        for (size_t k = 0; k < one->nsteps; k++) {
            json_t *kept = kept_plan(one, err);
            const json_t *step = json_array_get(json_object_get(kept, "steps"), k);
            int rc = kept != NULL ? 0 : -1;

            for (size_t m = 0; rc == 0 && m < one->steps[k].script->count; m++)
                rc = add_statement(&c, step, &one->steps[k].script->statements[m], err);
            json_decref(kept);
            if (rc != 0)
                goto out;
        }
    }
    (void)json_object_set(whole, "steps", steps);
    together = kept_read(whole, err);
out:
    segments_free(s);
    json_decref(whole);
    json_decref(steps);
    json_decref(c.segment);
    return together;
}

void segments_free(struct segments *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; s->items != NULL && i < s->count; i++) {
        plan_free(s->items[i].plan);
        free(s->items[i].label);
    }
    free(s->items);
    free(s);
}

size_t segments_count(const struct plan *p)
{
    size_t n = 0;
    int open = 0;

    if (!segments_needed(p))
        return 1;
    for (size_t i = 0; i < p->nsteps; i++)
        for (size_t k = 0; p->steps[i].script != NULL && k < p->steps[i].script->count; k++) {
            const struct statement *s = &p->steps[i].script->statements[k];

            if (is_control(s)) {
                if (commits_midway(p->steps[i].script, k))
                    open = 0;
                continue;
            }
            if (s->alone || !open)
                n++;
            open = !s->alone;
        }
    return n;
}

/* 1 there and valid, 0 not there, 2 there and invalid. */
static int index_state(struct conn *c, const char *schema, const char *name, int *state, struct err *err)
{
    struct buf b = {0};
    const char *param;
    struct query q = {.sql = "SELECT i.indisvalid FROM pg_catalog.pg_index i WHERE i.indexrelid = "
                             "pg_catalog.to_regclass($1)",
                      .nparams = 1, .columns = 1, .max_rows = 1};
    struct result *r = NULL;
    int rc = -1;

    if ((schema != NULL ? quote_name(&b, schema, name, err) : quote_ident(&b, name, err)) != 0)
        goto out;
    param = b.data;
    q.params = &param;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    *state = result_rows(r) == 0 ? 0 : result_bool(r, 0, 0) ? 1 : 2;
    rc = 0;
out:
    result_free(r);
    buf_free(&b);
    return rc;
}

static int drop_index(struct conn *c, const char *schema, const char *name, struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (buf_adds(&b, "DROP INDEX CONCURRENTLY IF EXISTS ", err) == 0 &&
        (schema != NULL ? quote_name(&b, schema, name, err) : quote_ident(&b, name, err)) == 0)
        rc = query_exec(c, b.data, "DROP INDEX", err);
    buf_free(&b);
    return rc;
}

/* CREATE INDEX CONCURRENTLY name ON ...: what an earlier attempt left behind. */
static int before_create(const json_t *create, struct conn *c, int *done, struct err *err)
{
    const char *name = node_name(create, "idxname");
    const json_t *relation = node_get(create, "relation");
    const char *schema;
    int state;

    if (node_as(relation, "RangeVar") != NULL)
        relation = node_as(relation, "RangeVar");
    schema = node_name(relation, "schemaname");
    if (name == NULL)
        return 0;
    if (index_state(c, schema, name, &state, err) != 0)
        return -1;
    if (state == 2) {
        log_warn("dropping the invalid index %s that an earlier attempt left", name);
        return drop_index(c, schema, name, err);
    }
    *done = state == 1;
    return 0;
}

static int before_drop(const json_t *drop, struct conn *c, int *done, struct err *err)
{
    const json_t *objects = node_get(drop, "objects"), *names;
    const char *schema = NULL, *name = NULL;
    int state;

    if (!node_is(drop, "removeType", "OBJECT_INDEX") || node_count(objects) != 1)
        return 0;
    names = node_as(node_at(objects, 0), "List");
    node_qualified(names != NULL ? node_get(names, "items") : node_at(objects, 0), &schema, &name);
    if (name == NULL)
        return 0;
    if (index_state(c, schema, name, &state, err) != 0)
        return -1;
    *done = state == 0;
    return 0;
}

int segment_run_alone(const struct segment *s, struct conn *c, int again, struct err *err)
{
    const struct statement *one = &s->plan->steps[0].script->statements[0];
    const json_t *create = node_as(one->tree, "IndexStmt"), *drop = node_as(one->tree, "DropStmt");
    int done = 0, rc = -1;

    /* A waiter that gives up leaves an invalid index, on CREATE and on DROP: it waits. */
    if (query_exec(c, "SET lock_timeout = 0", "SET", err) != 0)
        return -1;
    if (create != NULL && again && before_create(create, c, &done, err) != 0)
        goto out;
    if (drop != NULL && again && before_drop(drop, c, &done, err) != 0)
        goto out;
    if (done) {
        log_info("%s: done already", s->label != NULL ? s->label : "the statement");
        rc = 0;
        goto out;
    }
    rc = query_exec(c, one->text, one->tag, err);
    if (rc != 0)
        (void)err_prefix(err, "%s", s->label != NULL ? s->label : "a statement outside of a transaction");
out:
    return rc;
}
