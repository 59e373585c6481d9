#include "script/parse.h"

#include <pg_query.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "script/deep.h"

#define WORTH_A_THREAD 256

/* The parser quotes the token at fault, which may be a value. */
static char *without_literals(const char *message)
{
    static const char at[] = " at or near \"'";
    const char *p = strstr(message, at);
    struct err err = {0};
    struct buf b = {0};

    if (p == NULL)
        return strdup(message);
    if (buf_add(&b, message, (size_t)(p - message), &err) < 0 ||
        buf_adds(&b, " at or near a literal", &err) < 0) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, &err);
}

static void parse_one(struct parse_item *item)
{
    PgQueryParseResult r;
    json_error_t je;
    json_t *root = NULL, *stmts, *stmt;

    if (item->len > PARSE_MAX) {
        item->problem = strdup("longer than 1 MiB: not parsed");
        return;
    }
    if (strlen(item->text) != item->len) {
        item->problem = strdup("holds a NUL byte");
        return;
    }
    r = pg_query_parse(item->text);
    if (r.error != NULL) {
        item->problem = without_literals(r.error->message);
        item->at = r.error->cursorpos > 0 ? (size_t)r.error->cursorpos : 0;
        goto out;
    }
    if ((root = json_loads(r.parse_tree, JSON_ALLOW_NUL, &je)) == NULL) {
        item->problem = strdup(json_error_code(&je) == json_error_stack_overflow
                                   ? "nested too deeply to be judged"
                                   : "its text is not valid UTF-8");
        goto out;
    }
    stmts = json_object_get(root, "stmts");
    if (json_array_size(stmts) != 1 ||
        (stmt = json_object_get(json_array_get(stmts, 0), "stmt")) == NULL) {
        item->problem = strdup("not one statement");
        goto out;
    }
    item->tree = json_incref(stmt);
out:
    json_decref(root);
    pg_query_free_parse_result(r);
}

struct span {
    struct parse_item *items;
    size_t n, first;
};

static void *parse_span(void *arg)
{
    struct span *s = arg;
    size_t i;

    for (i = s->first; i < s->n; i++)
        parse_one(&s->items[i]);
    return NULL;
}

int parse_all(struct parse_item *items, size_t n, struct err *err)
{
    struct span whole = {items, n, 0}, rest = whole;
    int rc;
    size_t i;

    if (n == 0)
        return 0;
    if (n >= WORTH_A_THREAD && sysconf(_SC_NPROCESSORS_ONLN) > 1) {
        /* Chunks, not every other one: neighbours of one size would all land on one thread. */
        whole.n = n / 2;
        rest.first = n / 2;
        rc = deep_run_both(parse_span, &whole, &rest);
    } else if (n == 1 && items[0].len <= DEEP_SHALLOW_BYTES) {
        (void)parse_span(&whole);
        rc = 0;
    } else {
        rc = deep_run(parse_span, &whole);
    }
    if (rc < 0)
        return err_set(err, ERR_FAILED, "cannot start a thread with a 512 MiB stack to parse SQL");
    for (i = 0; i < n; i++)
        if (items[i].tree == NULL && items[i].problem == NULL)
            return err_oom(err);
    return 0;
}

struct plpgsql {
    const char *create;
    json_t *out;
};

static void *read_plpgsql(void *arg)
{
    struct plpgsql *p = arg;
    PgQueryPlpgsqlParseResult r = pg_query_parse_plpgsql(p->create);

    if (r.error == NULL && r.plpgsql_funcs != NULL)
        p->out = json_loads(r.plpgsql_funcs, JSON_ALLOW_NUL, NULL);
    pg_query_free_plpgsql_parse_result(r);
    return NULL;
}

json_t *parse_plpgsql(const char *create)
{
    struct plpgsql p = {create, NULL};

    if (strlen(create) > PARSE_MAX || deep_run(read_plpgsql, &p) < 0)
        return NULL;
    return p.out;
}
