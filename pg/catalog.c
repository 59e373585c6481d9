#include "pg/catalog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "pg/array.h"
#include "pg/conn.h"
#include "pg/query.h"

static const char tables_sql[] =
#include "pg/sql/catalog_tables.sql.h"
    ;
static const char columns_sql[] =
#include "pg/sql/catalog_columns.sql.h"
    ;
static const char keys_sql[] =
#include "pg/sql/catalog_keys.sql.h"
    ;
static const char find_sql[] =
#include "pg/sql/catalog_find.sql.h"
    ;
static const char match_sql[] =
#include "pg/sql/catalog_match.sql.h"
    ;

static char letter(const struct result *r, int row, int col)
{
    const char *text = result_text(r, row, col);

    return text != NULL ? text[0] : '\0';
}

void catalog_table_free(struct catalog_table *t)
{
    size_t i, j;

    if (t == NULL)
        return;
    for (i = 0; i < t->ncolumns; i++) {
        free(t->columns[i].name);
        free(t->columns[i].type);
        free(t->columns[i].collation);
        free(t->columns[i].expression);
        free(t->columns[i].missing);
        free(t->columns[i].carried);
    }
    for (i = 0; i < t->nkeys; i++) {
        free(t->keys[i].name);
        for (j = 0; j < t->keys[i].ncolumns; j++)
            free(t->keys[i].columns[j]);
        free(t->keys[i].columns);
    }
    free(t->columns);
    free(t->keys);
    free(t->schema);
    free(t->name);
    free(t->owner);
    free(t->extension);
    free(t);
}

void catalog_tables_free(struct catalog_table **t, size_t n)
{
    size_t i;

    if (t == NULL)
        return;
    for (i = 0; i < n; i++)
        catalog_table_free(t[i]);
    free(t);
}

static struct catalog_table *read_table(const struct result *r, int row, struct err *err)
{
    struct catalog_table *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        err_oom(err);
        return NULL;
    }
    t->oid = (uint32_t)result_int(r, row, 0);
    t->kind = letter(r, row, 3);
    t->persistence = letter(r, row, 4);
    t->parent = (uint32_t)result_int(r, row, 6);
    t->has_children = result_bool(r, row, 7);
    t->pages = result_int(r, row, 9);
    t->rows = result_double(r, row, 10);
    t->bytes = result_int(r, row, 11);
    t->row_security = result_bool(r, row, 12);
    if (strings_dup(&t->schema, result_text(r, row, 1), err) != 0 ||
        strings_dup(&t->name, result_text(r, row, 2), err) != 0 ||
        strings_dup(&t->owner, result_text(r, row, 5), err) != 0 ||
        strings_dup(&t->extension, result_text(r, row, 8), err) != 0) {
        catalog_table_free(t);
        return NULL;
    }
    return t;
}

/* Rows FROM.. of R that are about relation OID; rows are sorted by relation. */
static int run_of(const struct result *r, uint32_t oid, int *from)
{
    *from = result_first(r, 0, oid);
    return result_first(r, 0, (int64_t)oid + 1) - *from;
}

static int read_columns(struct catalog_table *t, const struct result *r, struct err *err)
{
    int from = 0, n = run_of(r, t->oid, &from), i;

    if (n == 0)
        return 0;
    if ((t->columns = calloc((size_t)n, sizeof(*t->columns))) == NULL)
        return err_oom(err);
    for (i = from; i < from + n; i++) {
        struct catalog_column *c = &t->columns[t->ncolumns++];

        c->attnum = (int)result_int(r, i, 2);
        c->identity = letter(r, i, 7);
        c->generated = letter(r, i, 8);
        c->not_null = result_bool(r, i, 9);
        c->text = result_bool(r, i, 10);
        if (strings_dup(&c->name, result_text(r, i, 1), err) != 0 || strings_dup(&c->type, result_text(r, i, 3), err) != 0 ||
            strings_dup(&c->collation, result_text(r, i, 4), err) != 0 ||
            strings_dup(&c->expression, result_text(r, i, 5), err) != 0 ||
            strings_dup(&c->missing, result_text(r, i, 6), err) != 0 ||
            strings_dup(&c->carried, result_text(r, i, 11), err) != 0)
            return -1;
    }
    return 0;
}

static int read_keys(struct catalog_table *t, const struct result *r, struct err *err)
{
    int from = 0, n = run_of(r, t->oid, &from), i;
    int64_t index = -1;

    if (n == 0)
        return 0;
    if ((t->keys = calloc((size_t)n, sizeof(*t->keys))) == NULL)
        return err_oom(err);
    for (i = from; i < from + n; i++) {
        struct catalog_key *k;

        if (result_int(r, i, 1) != index) {
            index = result_int(r, i, 1);
            k = &t->keys[t->nkeys++];
            k->primary = result_bool(r, i, 3);
            if ((k->columns = calloc((size_t)(from + n - i), sizeof(*k->columns))) == NULL)
                return err_oom(err);
            if (strings_dup(&k->name, result_text(r, i, 2), err) != 0)
                return -1;
        } else {
            k = &t->keys[t->nkeys - 1];
        }
        if (strings_dup(&k->columns[k->ncolumns++], result_text(r, i, 4), err) != 0)
            return -1;
    }
    return 0;
}

static int fill(struct catalog_table **out, const uint32_t *oids, size_t n, struct result **r,
                struct err *err)
{
    size_t i;
    int row;

    for (i = 0; i < n; i++) {
        if (run_of(r[0], oids[i], &row) == 0)
            continue;
        if ((out[i] = read_table(r[0], row, err)) == NULL ||
            read_columns(out[i], r[1], err) != 0 || read_keys(out[i], r[2], err) != 0)
            return -1;
    }
    return 0;
}

struct catalog_table **catalog_tables_get(struct conn *c, const uint32_t *oids, size_t n,
                                          struct err *err)
{
    struct catalog_table **out = calloc(n + 1, sizeof(*out));
    struct query q[3] = {{.sql = tables_sql, .columns = 13},
                         {.sql = columns_sql, .columns = 12},
                         {.sql = keys_sql, .columns = 5}};
    struct result *r[3] = {NULL};
    struct err each[3] = {{0}};
    struct buf list = {0};
    const char *params[1];
    size_t i;
    int rc = -1;

    if (out == NULL) {
        err_oom(err);
        return NULL;
    }
    for (i = 0; i < n; i++)
        if (array_number(&list, oids[i], err) != 0)
            goto out;
    if (array_end(&list, err) != 0)
        goto out;
    params[0] = list.data;
    for (i = 0; i < 3; i++) {
        q[i].params = params;
        q[i].nparams = 1;
    }
    if (query_pipeline(c, q, 3, r, each, err) != 0)
        goto out;
    for (i = 0; i < 3; i++)
        if (each[i].kind != ERR_NONE) {
            *err = each[i];
            err_prefix(err, "cannot read the catalog");
            goto out;
        }
    rc = fill(out, oids, n, r, err);
out:
    for (i = 0; i < 3; i++)
        result_free(r[i]);
    buf_free(&list);
    if (rc != 0) {
        catalog_tables_free(out, n);
        out = NULL;
    }
    return out;
}

struct catalog_table *catalog_table_get(struct conn *c, uint32_t oid, struct err *err)
{
    struct catalog_table **one = catalog_tables_get(c, &oid, 1, err), *t;

    if (one == NULL)
        return NULL;
    t = one[0];
    free(one);
    if (t == NULL)
        err_set(err, ERR_FAILED, "the relation with OID %" PRIu32 " is not there any more", oid);
    return t;
}

/* One name of a search_path, as the server prints it: bare, or quoted with "" for ". */
static int read_schema(const char **at, struct buf *name, struct err *err)
{
    const char *p = *at;

    buf_reset(name);
    if (*p == '"') {
        for (p++; *p != '\0' && (*p != '"' || p[1] == '"'); p++) {
            if (*p == '"')
                p++;
            if (buf_addc(name, *p, err) != 0)
                return -1;
        }
        p += *p == '"';
    } else {
        for (; *p != '\0' && *p != ',' && *p != ' '; p++)
            if (buf_addc(name, *p, err) != 0)
                return -1;
    }
    *at = p;
    return 0;
}

static int add_path(struct buf *list, const char *search_path, int *catalog, struct err *err)
{
    struct buf name = {0};
    const char *p = search_path;
    int rc = -1;

    while (*p != '\0') {
        const char *before = p;

        if (*p == ' ' || *p == ',') {
            p++;
            continue;
        }
        if (read_schema(&p, &name, err) != 0)
            goto out;
        if (name.len > 0) {
            *catalog = *catalog || strcmp(name.data, "pg_catalog") == 0;
            if (list != NULL && array_text(list, name.data, err) != 0)
                goto out;
        }
        if (p == before)
            p++;
    }
    rc = 0;
out:
    buf_free(&name);
    return rc;
}

/* pg_catalog is searched first wherever the path does not name it. */
static int path_array(struct buf *list, const char *search_path, struct err *err)
{
    int catalog = 0;

    if (add_path(NULL, search_path, &catalog, err) != 0 ||
        (!catalog && array_text(list, "pg_catalog", err) != 0) ||
        add_path(list, search_path, &catalog, err) != 0)
        return -1;
    return array_end(list, err);
}

int catalog_find(struct conn *c, const char *schema, const char *name, const char *search_path,
                 uint32_t *oid, struct err *err)
{
    const char *params[2] = {name, NULL};
    struct query q = {.sql = find_sql, .params = params, .nparams = 2, .columns = 1, .max_rows = 1};
    struct result *r = NULL;
    struct buf list = {0};
    int rc = -1;

    *oid = 0;
    if (schema != NULL) {
        if (array_text(&list, schema, err) != 0 || array_end(&list, err) != 0)
            goto out;
    } else if (search_path != NULL && path_array(&list, search_path, err) != 0) {
        goto out;
    }
    params[1] = list.data;
    if ((r = query_run(c, &q, err)) == NULL) {
        err_prefix(err, "cannot look up \"%s\"", name);
        goto out;
    }
    if (result_rows(r) > 0)
        *oid = (uint32_t)result_int(r, 0, 0);
    rc = 0;
out:
    result_free(r);
    buf_free(&list);
    return rc;
}

/* Characters that mean something to a regular expression stand for themselves. */
static int add_literal(struct buf *b, char ch, struct err *err)
{
    if (strchr("|*+?()[]{}.^$\\", ch) != NULL && buf_addc(b, '\\', err) != 0)
        return -1;
    return buf_addc(b, ch, err);
}

/* One of a pattern's parts, up to an unquoted dot or the end: as a regular expression, and as it stands
 * without its quotes. */
static int pattern_part(const char **at, struct buf *regex, struct buf *plain, struct err *err)
{
    int quoted = 0, bad;
    const char *p;

    if (buf_adds(regex, "^(", err) != 0)
        return -1;
    for (p = *at; *p != '\0' && (quoted || *p != '.'); p++) {
        char ch = *p;

        if (ch == '"' && quoted && p[1] == '"') {
            p++;
        } else if (ch == '"') {
            quoted = !quoted;
            continue;
        } else if (!quoted && ch >= 'A' && ch <= 'Z') {
            ch = (char)(ch - 'A' + 'a');
        }
        if (!quoted && ch == '*')
            bad = buf_adds(regex, ".*", err);
        else if (!quoted && ch == '?')
            bad = buf_addc(regex, '.', err);
        else if (quoted || ch == '$')
            bad = add_literal(regex, ch, err);
        else
            bad = buf_addc(regex, ch, err);
        if (bad != 0 || buf_addc(plain, ch, err) != 0)
            return -1;
    }
    if (quoted)
        return err_set(err, ERR_USAGE, "a quote is not closed");
    *at = p;
    return buf_adds(regex, ")$", err);
}

/* psql's rules: outside of quotes letters fold, * and ? are wildcards, dots end the schema and the
 * database, $ is itself; other characters of regular expressions keep their meaning.  Inside of quotes
 * everything is itself.  SCHEMA stays empty where the pattern has none. */
static int pattern_regex(const struct conn *c, const char *pattern, struct buf *schema, struct buf *name,
                         struct err *err)
{
    struct buf parts[3] = {{0}}, plain[3] = {{0}};
    const char *p = pattern;
    int n = 0, rc = -1;

    for (;; p++) {
        if (n == 3) {
            err_set(err, ERR_USAGE, "it has too many dots");
            goto out;
        }
        if (pattern_part(&p, &parts[n], &plain[n], err) != 0)
            goto out;
        n++;
        if (*p == '\0')
            break;
    }
    if (n == 3 && (plain[0].data == NULL || strcmp(plain[0].data, conn_database(c)) != 0)) {
        err_set(err, ERR_USAGE, "it names another database than %s", conn_database(c));
        goto out;
    }
    *name = parts[n - 1];
    memset(&parts[n - 1], 0, sizeof(parts[0]));
    if (n > 1) {
        *schema = parts[n - 2];
        memset(&parts[n - 2], 0, sizeof(parts[0]));
    }
    rc = 0;
out:
    if (rc != 0)
        err_prefix(err, "the pattern %s", pattern);
    for (int i = 0; i < 3; i++) {
        buf_free(&parts[i]);
        buf_free(&plain[i]);
    }
    return rc;
}

/* What a new session of this role would search, as an array. */
static int own_path(struct conn *c, struct buf *list, struct err *err)
{
    char *path = NULL;
    int rc = -1;

    if (query_value(c, "SELECT reset_val FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'search_path'",
                    &path, err) == 0)
        rc = path_array(list, path != NULL ? path : "", err);
    free(path);
    return rc;
}

int catalog_match(struct conn *c, const char *pattern, const char *kinds, uint32_t **oids,
                  size_t *n, size_t *hidden, struct err *err)
{
    const char *params[4] = {NULL};
    struct query q = {.sql = match_sql, .params = params, .nparams = 4, .columns = 2};
    struct buf schema = {0}, name = {0}, list = {0}, path = {0};
    struct result *r = NULL;
    int rc = -1, i;

    *oids = NULL;
    *n = *hidden = 0;
    if (pattern_regex(c, pattern, &schema, &name, err) != 0)
        goto out;
    for (; *kinds != '\0'; kinds++) {
        const char kind[2] = {*kinds, '\0'};

        if (array_text(&list, kind, err) != 0)
            goto out;
    }
    if (array_end(&list, err) != 0 || (schema.len == 0 && own_path(c, &path, err) != 0))
        goto out;
    params[0] = list.data;
    params[1] = name.data;
    params[2] = schema.data;
    params[3] = path.data;
    if ((r = query_run(c, &q, err)) == NULL) {
        err_prefix(err, "cannot match the pattern \"%s\"", pattern);
        goto out;
    }
    if ((*oids = calloc((size_t)result_rows(r) + 1, sizeof(**oids))) == NULL) {
        err_oom(err);
        goto out;
    }
    for (i = 0; i < result_rows(r); i++)
        if (result_bool(r, i, 1))
            (*oids)[(*n)++] = (uint32_t)result_int(r, i, 0);
        else
            (*hidden)++;
    rc = 0;
out:
    result_free(r);
    buf_free(&schema);
    buf_free(&name);
    buf_free(&list);
    buf_free(&path);
    return rc;
}
