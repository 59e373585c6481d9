#include "script/deparse.h"

#include <pg_query.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "script/deep.h"
#include "script/parse.h"
#include "script/wire.h"

/*
 * The JSON tree and the protobuf tree are two prints of the same structure: the same fields in the
 * same order, both without what is empty.  So a path found by identity in the one is a path by
 * position in the other, and no table of field numbers is needed.  Where the two do not pair up, the
 * answer is "cannot".
 */

#define PATH_MAX_STEPS 512

struct path {
    struct {
        size_t field;   /* the how-manyth present field */
        size_t fields;  /* of how many */
        size_t element; /* of a list; 0 otherwise */
    } steps[PATH_MAX_STEPS];
    size_t n;
};

/* Find NODE below FROM, which is an object. */
static int path_find(const json_t *from, const json_t *node, struct path *path)
{
    void *it;
    json_t *object;
    size_t field = 0, fields = json_object_size(from);

    if (path->n == PATH_MAX_STEPS)
        return -1;
    /* jansson iterates in the order of insertion; the interface wants a mutable object. */
    memcpy(&object, &from, sizeof(object));
    for (it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
        const json_t *value = json_object_iter_value(it);
        size_t at = path->n, i;

        path->steps[at].field = field++;
        path->steps[at].fields = fields;
        path->steps[at].element = 0;
        path->n = at + 1;
        if (json_is_object(value)) {
            if (value == node || path_find(value, node, path) == 0)
                return 0;
        } else if (json_is_array(value)) {
            for (i = 0; i < json_array_size(value); i++) {
                const json_t *element = json_array_get(value, i);

                path->steps[at].element = i;
                path->n = at + 1;
                if (element == node ||
                    (json_is_object(element) && path_find(element, node, path) == 0))
                    return 0;
            }
        }
        path->n = at;
    }
    return -1;
}

/* Step I of PATH within the message [p, end): the field it leads to. */
static int path_step(const struct path *path, size_t i, struct wire w, struct wire_field *found)
{
    struct wire_field f;
    uint32_t last = 0;
    size_t field = 0, element = 0, fields = 0;
    int more, hit = 0;

    while ((more = wire_next(&w, &f)) > 0) {
        if (f.number != last) {
            if (f.number < last)
                return -1;
            last = f.number;
            field = fields++;
            element = 0;
        } else {
            element++;
        }
        if (field == path->steps[i].field && element == path->steps[i].element) {
            *found = f;
            hit = 1;
        }
    }
    return more == 0 && hit && fields == path->steps[i].fields && found->type == 2 ? 0 : -1;
}

/* The message W with what PATH leads to replaced by WITH, or left out where WITH is NULL. */
static int splice(const struct path *path, size_t i, struct wire w, const struct buf *with,
                  struct buf *out, struct err *err)
{
    struct wire_field f;
    struct wire inner;
    struct buf b = {0};
    int rc = -1;

    if (path_step(path, i, w, &f) < 0)
        return -1;
    if (buf_add(out, w.p, (size_t)(f.start - w.p), err) < 0)
        goto out;
    if (i + 1 < path->n) {
        inner.p = f.value;
        inner.end = f.value + f.len;
        if (splice(path, i + 1, inner, with, &b, err) < 0)
            goto out;
    } else if (with == NULL) {
        goto rest;
    } else if (buf_add(&b, with->data, with->len, err) < 0) {
        goto out;
    }
    if (wire_add_varint(out, (uint64_t)f.number << 3 | 2, err) < 0 ||
        wire_add_varint(out, b.len, err) < 0 || buf_add(out, b.data, b.len, err) < 0)
        goto out;
rest:
    if (buf_add(out, f.end, (size_t)(w.end - f.end), err) < 0)
        goto out;
    rc = 0;
out:
    buf_free(&b);
    return rc;
}

/* The bytes of what PATH leads to. */
static int extract(const struct path *path, struct wire w, struct wire *found)
{
    struct wire_field f;
    size_t i;

    for (i = 0; i < path->n; i++) {
        if (path_step(path, i, w, &f) < 0)
            return -1;
        w.p = f.value;
        w.end = f.value + f.len;
    }
    *found = w;
    return 0;
}

/* Path to NODE from the ParseResult: stmts[0].stmt, then within the Node. */
static int path_from_root(const json_t *tree, const json_t *node, struct path *path)
{
    /* ParseResult{version, stmts}; RawStmt{stmt [, stmt_location, stmt_len]}: how many fields a
     * RawStmt has depends on a semicolon; the texts that come here have none. */
    path->steps[0].field = 1;
    path->steps[0].fields = 2;
    path->steps[0].element = 0;
    path->steps[1].field = 0;
    path->steps[1].fields = 1;
    path->steps[1].element = 0;
    path->n = 2;
    return node == tree ? 0 : path_find(tree, node, path);
}

enum deparse_want { WANT_EXPRESSION, WANT_TYPE, WANT_FROM, WANT_QUERY, WANT_CTE, WANT_WITHOUT };

struct deparse {
    const char *sql;
    const json_t *tree, *node;
    enum deparse_want want;
    char *out;
};

static char *deparse_bytes(const struct buf *b)
{
    PgQueryProtobuf pbuf = {b->len, b->data};
    PgQueryDeparseResult r = pg_query_deparse_protobuf(pbuf);
    char *out = NULL;

    if (r.error == NULL && r.query != NULL)
        out = strdup(r.query);
    pg_query_free_deparse_result(r);
    return out;
}

/* A statement with a place for the part, and what the deparser prints around it. */
static const struct template {
    const char *sql, *before, *after;
} templates[] = {
    [WANT_EXPRESSION] = {"SELECT NULL", "SELECT ", ""},
    [WANT_TYPE] = {"SELECT NULL::x", "SELECT NULL::", ""},
    [WANT_FROM] = {"SELECT NULL FROM x", "SELECT NULL FROM ", ""},
    [WANT_QUERY] = {"SELECT NULL", "", ""},
    [WANT_CTE] = {"WITH x AS (SELECT NULL) SELECT NULL", "WITH ", " SELECT NULL"},
};

/* The template's place for it; NULL: none. */
static const json_t *template_place(enum deparse_want want, const json_t *tree)
{
    const json_t *select = json_object_get(tree, "SelectStmt");
    const json_t *target = json_object_get(
        json_array_get(json_object_get(select, "targetList"), 0), "ResTarget");

    switch ((int)want) {
    case WANT_EXPRESSION:
        return json_object_get(target, "val");
    case WANT_TYPE:
        return json_object_get(json_object_get(json_object_get(target, "val"), "TypeCast"),
                               "typeName");
    case WANT_FROM:
        return json_array_get(json_object_get(select, "fromClause"), 0);
    case WANT_CTE:
        return json_array_get(json_object_get(json_object_get(select, "withClause"), "ctes"), 0);
    default:
        return tree;
    }
}

/* Put PART in the place of the template's, and print that. */
static char *deparse_in_template(enum deparse_want want, const struct buf *part)
{
    const struct template *t = &templates[want];
    struct parse_item item = {.text = t->sql, .len = strlen(t->sql)};
    PgQueryProtobufParseResult r = pg_query_parse_protobuf(t->sql);
    struct path *path = calloc(1, sizeof(*path));
    struct buf b = {0};
    struct err err = {0};
    const json_t *place;
    char *whole = NULL, *out = NULL;
    size_t len, before = strlen(t->before), after = strlen(t->after);
    struct wire w;

    if (parse_all(&item, 1, &err) < 0 || r.error != NULL || path == NULL || item.tree == NULL)
        goto out;
    place = template_place(want, item.tree);
    if (place == NULL || path_from_root(item.tree, place, path) < 0)
        goto out;
    w.p = (const unsigned char *)r.parse_tree.data;
    w.end = w.p + r.parse_tree.len;
    if (splice(path, 0, w, part, &b, &err) < 0 || (whole = deparse_bytes(&b)) == NULL)
        goto out;
    len = strlen(whole);
    if (len > before + after && strncmp(whole, t->before, before) == 0 &&
        strcmp(whole + len - after, t->after) == 0)
        out = strndup(whole + before, len - before - after);
out:
    free(whole);
    free(path);
    free(item.problem);
    json_decref(item.tree);
    buf_free(&b);
    pg_query_free_protobuf_parse_result(r);
    return out;
}

static void *deparse(void *arg)
{
    struct deparse *d = arg;
    PgQueryProtobufParseResult r = pg_query_parse_protobuf(d->sql);
    struct path *path = calloc(1, sizeof(*path));
    struct err err = {0};
    struct buf b = {0};
    struct wire w, found;

    if (r.error != NULL || path == NULL || path_from_root(d->tree, d->node, path) < 0)
        goto out;
    w.p = (const unsigned char *)r.parse_tree.data;
    w.end = w.p + r.parse_tree.len;
    if (d->want == WANT_WITHOUT) {
        if (splice(path, 0, w, NULL, &b, &err) == 0)
            d->out = deparse_bytes(&b);
        goto out;
    }
    if (extract(path, w, &found) < 0 ||
        buf_add(&b, found.p, (size_t)(found.end - found.p), &err) < 0)
        goto out;
    d->out = deparse_in_template(d->want, &b);
out:
    free(path);
    buf_free(&b);
    pg_query_free_protobuf_parse_result(r);
    return NULL;
}

static char *deparse_run(const char *sql, const json_t *tree, const json_t *node,
                         enum deparse_want want)
{
    struct deparse d = {sql, tree, node, want, NULL};

    if (tree == NULL || node == NULL)
        return NULL;
    if (strlen(sql) <= DEEP_SHALLOW_BYTES)
        (void)deparse(&d);
    else if (deep_run(deparse, &d) < 0)
        return NULL;
    return d.out;
}

char *deparse_expression(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_EXPRESSION);
}

char *deparse_type(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_TYPE);
}

char *deparse_from(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_FROM);
}

char *deparse_query(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_QUERY);
}

char *deparse_cte(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_CTE);
}

char *deparse_without(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_WITHOUT);
}
