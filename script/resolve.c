#include "script/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "pg/array.h"
#include "pg/query.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/graph.h"
#include "script/node.h"
#include "script/question.h"

static const char path_sql[] =
#include "script/sql/closure_path.sql.h"
    ;
static const char routines_sql[] =
#include "script/sql/closure_routines.sql.h"
    ;
static const char readers_sql[] =
#include "script/sql/closure_readers.sql.h"
    ;
static const char resolve_sql[] =
#include "script/sql/closure_resolve.sql.h"
    ;

/* ---- which names to look up ---- */

static int add_item(struct graph *g, struct item item)
{
    if (item.name == NULL)
        return 0;
    if (g->nitems == g->cap) {
        size_t want = g->cap == 0 ? 64 : g->cap * 2;
        struct item *grown = realloc(g->items, want * sizeof(*grown));

        if (grown == NULL)
            return err_oom(g->err);
        g->items = grown;
        g->cap = want;
    }
    g->items[g->nitems++] = item;
    return 0;
}

static enum space space_of(const struct effect *e)
{
    switch ((int)e->kind) {
    case EFFECT_DROP_SCHEMA:
        return SPACE_SCHEMA;
    case EFFECT_DROP_TYPE:
    case EFFECT_ALTER_ENUM:
        return SPACE_TYPE;
    case EFFECT_DROP_EXTENSION:
        return SPACE_EXTENSION;
    case EFFECT_DROP_ROUTINE:
        return SPACE_ROUTINE;
    case EFFECT_DROP_CONSTRAINT:
    case EFFECT_VALIDATE_CONSTRAINT:
        return SPACE_CONSTRAINT;
    case EFFECT_CREATE_OTHER:
        return node_true(e->node, "replace") && e->detail != NULL &&
                       strcmp(e->detail, "ViewStmt") == 0
                   ? SPACE_RELATION
                   : SPACE_NOWHERE;
    case EFFECT_CREATE_TABLE:
    case EFFECT_SET:
    case EFFECT_TRANSACTION:
    case EFFECT_OPAQUE:
    case EFFECT_UNKNOWN:
    case EFFECT_DROP_DATABASE:
    case EFFECT_DROP_OWNED:
        return SPACE_NOWHERE;
    case EFFECT_RENAME_OTHER:
        if (node_is(e->node, "renameType", "OBJECT_TYPE") ||
            node_is(e->node, "renameType", "OBJECT_DOMAIN") ||
            node_is(e->node, "objectType", "OBJECT_TYPE"))
            return SPACE_TYPE;
        return node_get(e->node, "relation") != NULL ? SPACE_RELATION : SPACE_NOWHERE;
    case EFFECT_DROP_OTHER:
        if (e->detail != NULL && strcmp(e->detail, "OBJECT_STATISTIC_EXT") == 0)
            return SPACE_STATISTICS;
        return e->name != NULL && e->detail != NULL &&
                       (strcmp(e->detail, "OBJECT_FOREIGN_TABLE") == 0 ||
                        strcmp(e->detail, "OBJECT_POLICY") == 0 ||
                        strcmp(e->detail, "OBJECT_RULE") == 0)
                   ? SPACE_RELATION
                   : SPACE_NOWHERE;
    case EFFECT_ALTER_TABLE_OTHER:
        return strstr(e->detail, "Attribute") != NULL ? SPACE_TYPE : SPACE_RELATION;
    case EFFECT_OTHER:
        return e->detail != NULL && strcmp(e->detail, "AlterDomainStmt") == 0 ? SPACE_TYPE
                                                                              : SPACE_RELATION;
    default:
        return SPACE_RELATION;
    }
}

/* SET search_path: the list as SHOW would print it; NULL and no error where it is the default. */
static char *path_set(const struct effect *e, struct err *err)
{
    const json_t *args = node_get(e->node, "args");
    struct buf b = {0};
    size_t i, k;

    if (node_is(e->node, "kind", "VAR_RESET") || node_is(e->node, "kind", "VAR_SET_DEFAULT") ||
        node_is(e->node, "kind", "VAR_RESET_ALL") || args == NULL)
        return NULL;
    if (node_get(e->node, "funcname") != NULL) {
        /* set_config('search_path', 'a, b', ...) */
        const json_t *value = node_as(node_at(args, 1), "A_Const");

        return strdup(node_text(node_get(value, "sval"), "sval"));
    }
    for (i = 0; i < node_count(args); i++) {
        const char *s = node_text(node_get(node_as(node_at(args, i), "A_Const"), "sval"), "sval");

        if (buf_adds(&b, i == 0 ? "\"" : ", \"", err) < 0)
            goto fail;
        for (k = 0; s[k] != '\0'; k++)
            if ((s[k] == '"' && buf_addc(&b, '"', err) < 0) || buf_addc(&b, s[k], err) < 0)
                goto fail;
        if (buf_addc(&b, '"', err) < 0)
            goto fail;
    }
    return buf_take(&b, err);
fail:
    buf_free(&b);
    return NULL;
}

static int collect(struct graph *g, struct effects *const *effects, size_t n)
{
    size_t i, k;
    char *path;

    for (i = 0; i < n; i++)
        for (k = 0; effects[i] != NULL && k < effects[i]->count; k++) {
            const struct effect *e = &effects[i]->items[k];
            struct item item = {.e = e, .space = space_of(e)};

            item.path = strings_count(g->paths) - 1;
            if (e->kind == EFFECT_SET && e->detail != NULL &&
                strcmp(e->detail, "search_path") == 0) {
                path = path_set(e, g->err);
                if (g->err->kind != ERR_NONE ||
                    strings_add(&g->paths, path != NULL ? path : g->paths[0], g->err) < 0) {
                    free(path);
                    return -1;
                }
                free(path);
                continue;
            }
            if (e->partner != NULL) {
                struct item other = item;

                other.partner = 1;
                other.space = SPACE_RELATION;
                other.schema = e->partner_schema;
                other.name = e->partner;
                if (add_item(g, other) < 0)
                    return -1;
            }
            if ((e->flags & (EFFECT_OWN | EFFECT_GONE)) != 0 || item.space == SPACE_NOWHERE)
                continue;
            item.schema = e->on_server != NULL ? e->schema_on_server : e->schema;
            item.name = e->on_server != NULL ? e->on_server : e->name;
            item.part = item.space == SPACE_ROUTINE ? e->arguments : NULL;
            if (item.space == SPACE_CONSTRAINT) {
                struct item table = item;

                item.part = e->detail;
                table.space = SPACE_RELATION;
                if (add_item(g, table) < 0)
                    return -1;
            }
            if (add_item(g, item) < 0)
                return -1;
        }
    return 0;
}

/* ---- look them up ---- */

/* ROUTINES: those, else all the others. */
static int resolve(struct graph *g, size_t path, int routines)
{
    struct question q;
    size_t i, asked = 0;
    int rc = -1;

    if (question_open(&q, g) < 0)
        goto out;
    for (i = 0; i < g->nitems; i++) {
        const struct item *item = &g->items[i];

        if (item->path != path || item->found || (item->space == SPACE_ROUTINE) != routines)
            continue;
        asked++;
        question_about(&q, i);
        if (array_number(&q.p[0], item->space, g->err) < 0 ||
            question_text(&q, 1, item->schema) < 0 ||
            question_text(&q, 2, item->name) < 0 ||
            question_text(&q, 3, item->part) < 0)
            goto out;
    }
    if (asked == 0 && routines) {
        rc = 0;
        goto out;
    }
    if (buf_adds(&q.p[4], g->paths[path], g->err) < 0 ||
        question_ask(&q, routines ? routines_sql : resolve_sql, 4, 5, 5) < 0)
        goto out;
    while (question_next(&q)) {
        struct item *item = question_item(&q), copy;

        if (item == NULL)
            continue;
        if (item->found) {
            /* Several routines of one name: each is an item of its own. */
            copy = *item;
            if (add_item(g, copy) < 0)
                goto out;
            item = &g->items[g->nitems - 1];
        }
        item->found = 1;
        item->classid = question_oid(&q, 1);
        item->oid = question_oid(&q, 2);
        item->kind = result_text(q.r, q.row, 3)[0];
        item->up = question_oid(&q, 4);
    }
    rc = 0;
out:
    question_close(&q);
    return rc;
}

/* The functions that it calls and that only read; then, what remains opaque. */
static int look_through(struct graph *g, struct effects *const *effects, size_t n)
{
    struct query q = {.sql = readers_sql, .nparams = 1, .columns = 1};
    const char *params[1];
    struct result *r = NULL;
    struct buf names = {0};
    size_t i, k;
    int row, rc = -1;

    for (i = 0; i < n; i++)
        for (k = 0; effects[i] != NULL && k < effects[i]->count; k++)
            if (effect_calls(&effects[i]->items[k]) &&
                array_text(&names, effects[i]->items[k].name, g->err) < 0)
                goto out;
    if (names.len > 0) {
        if (array_end(&names, g->err) < 0)
            goto out;
        params[0] = names.data;
        q.params = params;
        if ((r = query_run(g->c, &q, g->err)) == NULL) {
            (void)err_prefix(g->err, "cannot read the catalog");
            goto out;
        }
        for (row = 0; row < result_rows(r); row++)
            if (strings_add(&g->out->readers, result_text(r, row, 0), g->err) < 0)
                goto out;
    }
    for (i = 0; i < n; i++)
        for (k = 0; effects[i] != NULL && k < effects[i]->count; k++)
            g->out->opaque += closure_opaque(g->out, &effects[i]->items[k]) ? 1 : 0;
    rc = 0;
out:
    result_free(r);
    buf_free(&names);
    return rc;
}

int resolve_names(struct graph *g, struct effects *const *effects, size_t n)
{
    char *path = NULL;
    size_t i;
    int rc = -1;

    if (query_value(g->c, path_sql, &path, g->err) < 0 ||
        strings_add(&g->paths, path == NULL ? "" : path, g->err) < 0 || collect(g, effects, n) < 0 ||
        look_through(g, effects, n) < 0)
        goto out;
    for (i = 0; i < strings_count(g->paths); i++)
        if (resolve(g, i, 0) < 0 || resolve(g, i, 1) < 0)
            goto out;
    rc = 0;
out:
    free(path);
    return rc;
}
