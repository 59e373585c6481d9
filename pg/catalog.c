#include "pg/catalog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
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

static int copy_text(char **to, const struct result *r, int row, int col, struct err *err)
{
    const char *text = result_text(r, row, col);

    *to = NULL;
    if (text != NULL && (*to = strdup(text)) == NULL)
        return err_oom(err);
    return 0;
}

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
    if (copy_text(&t->schema, r, row, 1, err) != 0 || copy_text(&t->name, r, row, 2, err) != 0 ||
        copy_text(&t->owner, r, row, 5, err) != 0 ||
        copy_text(&t->extension, r, row, 8, err) != 0) {
        catalog_table_free(t);
        return NULL;
    }
    return t;
}

/* Rows FROM.. of R that are about relation OID; rows are sorted by relation. */
static int run_of(const struct result *r, uint32_t oid, int *from)
{
    int n = 0, i;

    for (i = 0; i < result_rows(r); i++)
        if ((uint32_t)result_int(r, i, 0) == oid) {
            if (n++ == 0)
                *from = i;
        } else if (n > 0) {
            break;
        }
    return n;
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
        if (copy_text(&c->name, r, i, 1, err) != 0 || copy_text(&c->type, r, i, 3, err) != 0 ||
            copy_text(&c->collation, r, i, 4, err) != 0 ||
            copy_text(&c->expression, r, i, 5, err) != 0 ||
            copy_text(&c->missing, r, i, 6, err) != 0)
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
            if (copy_text(&k->name, r, i, 2, err) != 0)
                return -1;
        } else {
            k = &t->keys[t->nkeys - 1];
        }
        if (copy_text(&k->columns[k->ncolumns++], r, i, 4, err) != 0)
            return -1;
    }
    return 0;
}

/* Two passes over sorted rows would do with one; a plan touches few tables, and it is said plainly. */
static int fill(struct catalog_table **out, const uint32_t *oids, size_t n, struct result **r,
                struct err *err)
{
    size_t i;
    int row;

    for (i = 0; i < n; i++) {
        for (row = 0; row < result_rows(r[0]); row++)
            if ((uint32_t)result_int(r[0], row, 0) == oids[i])
                break;
        if (row == result_rows(r[0]))
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
                         {.sql = columns_sql, .columns = 11},
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
    if (buf_addc(&list, '{', err) != 0)
        goto out;
    for (i = 0; i < n; i++)
        if (buf_addf(&list, err, "%s%" PRIu32, i > 0 ? "," : "", oids[i]) != 0)
            goto out;
    if (buf_addc(&list, '}', err) != 0)
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

/* "text" as an element of an array literal. */
static int add_element(struct buf *b, const char *s, size_t len, struct err *err)
{
    size_t i;

    if (b->len > 1 && buf_addc(b, ',', err) != 0)
        return -1;
    if (buf_addc(b, '"', err) != 0)
        return -1;
    for (i = 0; i < len; i++)
        if (((s[i] == '"' || s[i] == '\\') && buf_addc(b, '\\', err) != 0) ||
            buf_addc(b, s[i], err) != 0)
            return -1;
    return buf_addc(b, '"', err);
}

/* One name of a search_path, as the server prints it: bare, or quoted with "" for ". */
static int add_schema(struct buf *list, const char **at, int *catalog, struct err *err)
{
    const char *p = *at;
    struct buf name = {0};
    int rc = -1;

    if (*p == '"') {
        for (p++; *p != '\0' && (*p != '"' || p[1] == '"'); p++) {
            if (*p == '"')
                p++;
            if (buf_addc(&name, *p, err) != 0)
                goto out;
        }
        p += *p == '"';
    } else {
        for (; *p != '\0' && *p != ',' && *p != ' '; p++)
            if (buf_addc(&name, *p, err) != 0)
                goto out;
    }
    *at = p;
    if (name.len > 0) {
        if (strcmp(name.data, "pg_catalog") == 0)
            *catalog = 1;
        if (add_element(list, name.data, name.len, err) != 0)
            goto out;
    }
    rc = 0;
out:
    buf_free(&name);
    return rc;
}

/* pg_catalog is searched first wherever the path does not name it. */
static int path_array(struct buf *list, const char *search_path, struct err *err)
{
    struct buf named = {0};
    const char *p = search_path;
    int catalog = 0, rc = -1;

    if (buf_addc(&named, '{', err) != 0)
        goto out;
    while (*p != '\0') {
        const char *before = p;

        if (*p == ' ' || *p == ',') {
            p++;
            continue;
        }
        if (add_schema(&named, &p, &catalog, err) != 0)
            goto out;
        if (p == before)
            p++;
    }
    if (buf_addc(list, '{', err) != 0 ||
        (!catalog && add_element(list, "pg_catalog", 10, err) != 0) ||
        (!catalog && named.len > 1 && buf_addc(list, ',', err) != 0) ||
        buf_adds(list, named.data + 1, err) != 0)
        goto out;
    rc = buf_addc(list, '}', err);
out:
    buf_free(&named);
    return rc;
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
        if (buf_addc(&list, '{', err) != 0 ||
            add_element(&list, schema, strlen(schema), err) != 0 || buf_addc(&list, '}', err) != 0)
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

/* psql's rules: outside of quotes letters fold, * and ? are wildcards, the first dot ends the schema, $
 * is itself; other characters of regular expressions keep their meaning.  Inside of quotes everything
 * is itself. */
static int pattern_regex(const char *pattern, struct buf *schema, struct buf *name, struct err *err)
{
    struct buf cur = {0};
    int quoted = 0, rc = -1;
    const char *p;

    if (buf_adds(&cur, "^(", err) != 0)
        goto out;
    for (p = pattern; *p != '\0'; p++) {
        int bad = 0;

        if (*p == '"') {
            if (quoted && p[1] == '"') {
                bad = buf_addc(&cur, *p++, err);
            } else {
                quoted = !quoted;
            }
        } else if (!quoted && *p == '*') {
            bad = buf_adds(&cur, ".*", err);
        } else if (!quoted && *p == '?') {
            bad = buf_addc(&cur, '.', err);
        } else if (!quoted && *p == '.' && schema->len == 0) {
            if (buf_adds(&cur, ")$", err) != 0)
                goto out;
            *schema = cur;
            memset(&cur, 0, sizeof(cur));
            bad = buf_adds(&cur, "^(", err);
        } else if (*p == '$' || (quoted && strchr("|*+?()[]{}.^\\", *p) != NULL)) {
            bad = buf_addc(&cur, '\\', err) != 0 || buf_addc(&cur, *p, err) != 0;
        } else if (!quoted && *p >= 'A' && *p <= 'Z') {
            bad = buf_addc(&cur, (char)(*p - 'A' + 'a'), err);
        } else {
            bad = buf_addc(&cur, *p, err);
        }
        if (bad != 0)
            goto out;
    }
    if (quoted) {
        err_set(err, ERR_USAGE, "the pattern %s has a quote that is not closed", pattern);
        goto out;
    }
    if (buf_adds(&cur, ")$", err) != 0)
        goto out;
    *name = cur;
    memset(&cur, 0, sizeof(cur));
    rc = 0;
out:
    buf_free(&cur);
    return rc;
}

int catalog_match(struct conn *c, const char *pattern, const char *kinds, uint32_t **oids,
                  size_t *n, struct err *err)
{
    const char *params[3];
    struct query q = {.sql = match_sql, .params = params, .nparams = 3, .columns = 1};
    struct buf schema = {0}, name = {0}, list = {0};
    struct result *r = NULL;
    int rc = -1, i;

    *oids = NULL;
    *n = 0;
    if (pattern_regex(pattern, &schema, &name, err) != 0 || buf_addc(&list, '{', err) != 0)
        goto out;
    for (; *kinds != '\0'; kinds++)
        if (add_element(&list, kinds, 1, err) != 0)
            goto out;
    if (buf_addc(&list, '}', err) != 0)
        goto out;
    params[0] = list.data;
    params[1] = name.data;
    params[2] = schema.data;
    if ((r = query_run(c, &q, err)) == NULL) {
        err_prefix(err, "cannot match the pattern \"%s\"", pattern);
        goto out;
    }
    if ((*oids = calloc((size_t)result_rows(r) + 1, sizeof(**oids))) == NULL) {
        err_oom(err);
        goto out;
    }
    for (i = 0; i < result_rows(r); i++)
        (*oids)[(*n)++] = (uint32_t)result_int(r, i, 0);
    rc = 0;
out:
    result_free(r);
    buf_free(&schema);
    buf_free(&name);
    buf_free(&list);
    return rc;
}
