#include "rollback/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/strings.h"
#include "pg/array.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "rollback/named.h"

/* One question, for one moment: longer than the literals that C99 promises, not than any that gcc or
 * clang takes. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
static const char inventory_sql[] =
#include "rollback/sql/inventory.sql.h"
    ;
#pragma GCC diagnostic pop
static const char scope_sql[] =
#include "rollback/sql/scope.sql.h"
    ;

/* Ranks of inventory.sql that are treated in a way of their own. */
enum { RANK_ROWS = 31, RANK_VALUE = 33, RANK_KEY = 40, RANK_FOREIGN = 45, RANK_PRIVILEGES = 85, RANK_ORDER = 90, PASSES = 3 };

struct item {
    int rank;
    char *key, *def, *make, *clear; /* MAKE and CLEAR may be NULL */
};

struct inventory {
    char **names; /* what was asked for */
    struct item *items;
    size_t count;
};

void inventory_free(struct inventory *v)
{
    if (v == NULL)
        return;
    for (size_t i = 0; i < v->count; i++) {
        free(v->items[i].key);
        free(v->items[i].def);
        free(v->items[i].make);
        free(v->items[i].clear);
    }
    free(v->items);
    strings_free(v->names);
    free(v);
}

static int by_rank(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    return x->rank != y->rank ? (x->rank < y->rank ? -1 : 1) : strcmp(x->key, y->key);
}

/* What hangs on the objects that CLOSURE's script names. */
static int find_names(struct conn *c, const struct closure *closure, char ***names, struct err *err)
{
    struct query q = {.sql = scope_sql, .nparams = 2, .columns = 1};
    char *classes = NULL, *oids = NULL;
    struct result *r = NULL;
    const char *params[2];
    int rc = -1;

    if (named_objects(closure, 0, &classes, &oids, err) != 0)
        return -1;
    params[0] = classes;
    params[1] = oids;
    q.params = params;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    for (int i = 0; i < result_rows(r); i++)
        if (strings_add(names, result_text(r, i, 0), err) != 0)
            goto out;
    rc = 0;
out:
    result_free(r);
    free(classes);
    free(oids);
    return rc;
}

static const char uncalled[] = "not called", value_of[] = "value of sequence ";

/* Where a sequence stands that was never called, by its own row. */
static int read_uncalled(struct conn *c, struct item *t, struct err *err)
{
    const char *ident = t->key + sizeof(value_of) - 1;
    struct buf sql = {0}, name = {0};
    char *def = NULL, *make = NULL;
    int64_t at;
    int rc = -1;

    if (buf_addf(&sql, err, "SELECT last_value FROM %s", ident) != 0 || query_int(c, sql.data, &at, err) != 0 ||
        quote_literal(&name, ident, err) != 0 || strings_format(&def, err, "not called, at %lld", (long long)at) != 0 ||
        strings_format(&make, err, "SELECT pg_catalog.setval(%s, %lld, false)", name.data, (long long)at) != 0)
        goto out;
    free(t->def);
    free(t->make);
    t->def = def;
    t->make = make;
    def = make = NULL;
    rc = 0;
out:
    free(def);
    free(make);
    buf_free(&sql);
    buf_free(&name);
    return rc;
}

/* V's names are set; its items are not. */
static int read_items(struct conn *c, struct inventory *v, struct err *err)
{
    struct query q = {.sql = inventory_sql, .nparams = 1, .columns = 5};
    struct buf names = {0};
    struct result *r = NULL;
    const char *param;
    int rc = -1;

    if (array_texts(&names, v->names, err) != 0 || array_end(&names, err) != 0)
        goto out;
    param = names.data;
    q.params = &param;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    if ((v->items = calloc((size_t)result_rows(r) + 1, sizeof(*v->items))) == NULL) {
        (void)err_oom(err);
        goto out;
    }
    for (int i = 0; i < result_rows(r); i++) {
        struct item *t = &v->items[v->count++];

        t->rank = (int)result_int(r, i, 0);
        if (strings_dup(&t->key, result_text(r, i, 1), err) != 0 ||
            strings_dup(&t->def, result_text(r, i, 2) != NULL ? result_text(r, i, 2) : "", err) != 0 ||
            strings_dup(&t->make, result_text(r, i, 3), err) != 0 ||
            strings_dup(&t->clear, result_text(r, i, 4), err) != 0 ||
            (t->rank == RANK_VALUE && strcmp(t->def, uncalled) == 0 && read_uncalled(c, t, err) != 0))
            goto out;
    }
    qsort(v->items, v->count, sizeof(*v->items), by_rank);
    rc = 0;
out:
    if (rc != 0)
        (void)err_prefix(err, "cannot read what belongs to the tables");
    result_free(r);
    buf_free(&names);
    return rc;
}

struct inventory *inventory_read(struct conn *c, const struct closure *closure, struct err *err)
{
    struct inventory *v = calloc(1, sizeof(*v));

    if (v == NULL)
        (void)err_oom(err);
    else if (find_names(c, closure, &v->names, err) == 0 && read_items(c, v, err) == 0)
        return v;
    inventory_free(v);
    return NULL;
}

json_t *inventory_json(const struct inventory *v, struct err *err)
{
    json_t *o = json_object(), *names = json_array(), *items = json_array();
    int bad = 0;

    for (size_t i = 0; i < strings_count(v->names); i++)
        bad |= json_array_append_new(names, json_string(v->names[i]));
    for (size_t i = 0; i < v->count; i++) {
        const struct item *t = &v->items[i];

        bad |= json_array_append_new(items, json_pack("[i, s, s, s?, s?]", t->rank, t->key, t->def, t->make, t->clear));
    }
    bad |= json_object_set_new(o, "names", names) | json_object_set_new(o, "items", items);
    if (bad) {
        json_decref(o);
        (void)err_set(err, ERR_FAILED, "what belongs to the tables cannot be kept: is it UTF-8?");
        return NULL;
    }
    return o;
}

struct inventory *inventory_of_json(const json_t *json, struct err *err)
{
    const json_t *names = json_object_get(json, "names"), *items = json_object_get(json, "items"), *e;
    struct inventory *v = calloc(1, sizeof(*v));
    size_t i;

    if (v == NULL || (v->items = calloc(json_array_size(items) + 1, sizeof(*v->items))) == NULL) {
        (void)err_oom(err);
        goto fail;
    }
    json_array_foreach(names, i, e)
        if (strings_add(&v->names, json_string_value(e), err) != 0)
            goto fail;
    json_array_foreach(items, i, e) {
        struct item *t = &v->items[v->count++];

        t->rank = (int)json_integer_value(json_array_get(e, 0));
        if (strings_dup(&t->key, json_string_value(json_array_get(e, 1)), err) != 0 ||
            strings_dup(&t->def, json_string_value(json_array_get(e, 2)), err) != 0 ||
            strings_dup(&t->make, json_string_value(json_array_get(e, 3)), err) != 0 ||
            strings_dup(&t->clear, json_string_value(json_array_get(e, 4)), err) != 0)
            goto fail;
        if (t->key == NULL || t->def == NULL) {
            (void)err_set(err, ERR_BACKUP, "what the run kept of the schema is damaged");
            goto fail;
        }
    }
    qsort(v->items, v->count, sizeof(*v->items), by_rank);
    return v;
fail:
    inventory_free(v);
    return NULL;
}

/* ---- making it so ---------------------------------------------------------------------------- */

static const struct item *find(const struct inventory *v, const struct item *like)
{
    return bsearch(like, v->items, v->count, sizeof(*v->items), by_rank);
}

static struct inventory *look_again(struct conn *c, const struct inventory *v, struct err *err)
{
    struct inventory *now = calloc(1, sizeof(*now));

    if (now == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    for (size_t i = 0; i < strings_count(v->names); i++)
        if (strings_add(&now->names, v->names[i], err) != 0)
            goto fail;
    if (read_items(c, now, err) == 0)
        return now;
fail:
    inventory_free(now);
    return NULL;
}

/* CLEAR, then MAKE, or neither.  1: done. */
static int attempt(struct conn *c, const char *clear, const char *make, const char *key, char ***failed,
                   struct err *err)
{
    struct err why = {0};

    if (tx_savepoint(c, "mig_inventory", err) != 0)
        return -1;
    if ((clear == NULL || query_exec(c, clear, NULL, &why) == 0) &&
        (make == NULL || query_exec(c, make, NULL, &why) == 0))
        return query_exec(c, "RELEASE SAVEPOINT mig_inventory", NULL, err) == 0 ? 1 : -1;
    if (why.kind == ERR_INTERRUPTED) {
        *err = why;
        return -1;
    }
    if (strings_addf(failed, err, "%s could not be put back: %s", key, why.message) != 0)
        return -1;
    return tx_rollback_to(c, "mig_inventory", err) == 0 ? 0 : -1;
}

/* Does a sequence that stands at IS give what it gave after WAS? */
static int has_reached(const char *is, const char *was)
{
    char *end;
    long long a, b;

    const size_t n = sizeof(uncalled) - 1;

    if (strncmp(is, uncalled, n) == 0)
        return strcmp(is, was) == 0;
    /* It would give the same numbers again. */
    if (strncmp(was, uncalled, n) == 0)
        return was[n] == '\0' || strtoll(is, NULL, 10) >= strtoll(was + n + strlen(", at "), NULL, 10);
    a = strtoll(is, NULL, 10);
    b = strtoll(was, &end, 10);
    return *end == '\0' ? a >= b : a <= b;
}

static const char of_table[] = " of table ", constraint[] = "constraint ";

/* A constraint that stands there under another name gets its own back: SQL, or NULL.  Owned. */
static char *spell_rename(const struct inventory *v, const struct inventory *now, const struct item *t, struct err *err)
{
    const char *table = strstr(t->key, of_table);
    struct buf b = {0};

    if (t->rank < RANK_KEY || t->rank > RANK_FOREIGN || strncmp(t->key, constraint, sizeof(constraint) - 1) != 0 || table == NULL)
        return NULL;
    for (size_t i = 0; i < now->count; i++) {
        const struct item *s = &now->items[i];
        const char *at = s->rank == t->rank ? strstr(s->key, of_table) : NULL;
        const char *from = s->key + sizeof(constraint) - 1, *to = t->key + sizeof(constraint) - 1;

        if (at == NULL || strcmp(at, table) != 0 || strcmp(s->def, t->def) != 0 || find(v, s) != NULL)
            continue;
        if (buf_addf(&b, err, "ALTER TABLE %s RENAME CONSTRAINT %.*s TO %.*s", table + sizeof(of_table) - 1, (int)(at - from), from,
                     (int)(table - to), to) != 0)
            break;
        return buf_take(&b, err);
    }
    buf_free(&b);
    return NULL;
}

/* One pass; 1: something was made. */
static int pass(struct conn *c, const struct inventory *v, const struct inventory *now, int first,
                char ***made, char ***failed, struct err *err)
{
    int any = 0;

    for (size_t i = 0; i < now->count; i++) {
        const struct item *t = &now->items[i];
        int done;

        /* A right that nobody had: default privileges gave it to the new table. */
        if (t->rank != RANK_PRIVILEGES || find(v, t) != NULL)
            continue;
        if ((done = attempt(c, t->clear, NULL, t->key, failed, err)) < 0)
            return -1;
        any |= done;
    }
    for (size_t i = 0; i < v->count; i++) {
        const struct item *t = &v->items[i], *is = find(now, t);
        char *rename = NULL;
        int done;

        /* A sequence that was made or set again starts anew; one that stayed has gone on, and goes on. */
        if (t->rank == RANK_VALUE && is != NULL && has_reached(is->def, t->def))
            continue;
        /* A materialized view that the upgrade filled saw tables without their values. */
        if (t->make == NULL ||
            (is != NULL && strcmp(is->def, t->def) == 0 && !(first && t->rank == RANK_ROWS)))
            continue;
        if (is == NULL && (rename = spell_rename(v, now, t, err)) == NULL && err->kind != ERR_NONE)
            return -1;
        done = attempt(c, is != NULL ? is->clear : NULL, rename != NULL ? rename : t->make, t->key, failed, err);
        free(rename);
        if (done < 0)
            return -1;
        if (done && strings_find(*made, t->key) < 0 && strings_add(made, t->key, err) != 0)
            return -1;
        any |= done;
    }
    return any;
}

static int differences(const struct inventory *v, const struct inventory *now, char ***left, char ***order,
                       struct err *err)
{
    for (size_t i = 0; i < v->count; i++) {
        const struct item *t = &v->items[i], *is = find(now, t);

        if (is != NULL && (strcmp(is->def, t->def) == 0 || t->rank == RANK_VALUE))
            continue;
        if (t->rank == RANK_ORDER) {
            /* Without the table there is more to say, and it is said. */
            if (is != NULL && strings_add(order, t->key, err) != 0)
                return -1;
        } else if (strings_addf(left, err, "%s %s", t->key, is == NULL ? "is missing" : "is another") != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < now->count; i++)
        if (find(v, &now->items[i]) == NULL &&
            strings_addf(left, err, "%s was not there before", now->items[i].key) != 0)
            return -1;
    return 0;
}

int inventory_repair(struct conn *c, const struct inventory *v, char ***made, char ***left, char ***order,
                     struct err *err)
{
    struct inventory *now = NULL;
    char **failed = NULL;
    int again = 1;

    /* Bodies of functions may name what is not qualified, or not made yet. */
    if (query_exec(c, "SET LOCAL check_function_bodies = off", "SET", err) != 0 ||
        (now = look_again(c, v, err)) == NULL)
        return -1;
    /* One thing can stand on another: a view on a function, a right on a view. */
    for (int i = 0; again > 0 && i < PASSES; i++) {
        strings_free(failed);
        failed = NULL;
        if ((again = pass(c, v, now, i == 0, made, &failed, err)) < 0)
            goto fail;
        inventory_free(now);
        if ((now = look_again(c, v, err)) == NULL)
            goto fail;
    }
    for (size_t i = 0; failed != NULL && failed[i] != NULL; i++)
        log_warn("%s", failed[i]);
    if (differences(v, now, left, order, err) != 0)
        goto fail;
    inventory_free(now);
    strings_free(failed);
    return 0;
fail:
    inventory_free(now);
    strings_free(failed);
    return -1;
}
