#include "backup/join.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backup/stage.h"
#include "core/buf.h"
#include "core/strings.h"
#include "pg/array.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "pg/quote.h"

static const char equal_sql[] =
#include "backup/sql/equal.sql.h"
    ;

static const struct catalog_column *column_of(const struct target *t, const char *name)
{
    for (size_t i = 0; i < t->table->ncolumns; i++)
        if (strcmp(t->table->columns[i].name, name) == 0)
            return &t->table->columns[i];
    return NULL;
}

static int append(struct buf *b, const char *sep, const char *before, const char *column,
                  const char *after, struct err *err)
{
    if ((b->len > 0 && buf_adds(b, sep, err) != 0) || buf_adds(b, before, err) != 0 ||
        quote_ident(b, column, err) != 0)
        return -1;
    return buf_adds(b, after, err);
}

/* A default that is the same for all rows at all times may be compared with. */
static int is_plain_default(const char *sql)
{
    return sql != NULL && strpbrk(sql, "(") == NULL && strstr(sql, "CURRENT") == NULL &&
           strstr(sql, "SESSION") == NULL && strstr(sql, "LOCAL") == NULL;
}

static int add_taken(struct buf *b, const struct target *t, const char *name, struct err *err)
{
    const struct catalog_column *c = column_of(t, name);

    /* differs from what is saved, and is a value of its own */
    if (append(b, " OR ", "(t.", name, "::pg_catalog.text IS DISTINCT FROM s.", err) != 0 ||
        quote_ident(b, name, err) != 0 || buf_adds(b, "::pg_catalog.text AND t.", err) != 0 ||
        quote_ident(b, name, err) != 0 || buf_adds(b, " IS DISTINCT FROM NULL", err) != 0)
        return -1;
    if (c != NULL && is_plain_default(c->expression)) {
        if (buf_adds(b, " AND t.", err) != 0 || quote_ident(b, name, err) != 0 ||
            buf_addf(b, err, "::pg_catalog.text IS DISTINCT FROM (%s)::%s::pg_catalog.text",
                     c->expression, c->type) != 0)
            return -1;
    }
    return buf_addc(b, ')', err);
}

static int take(char **out, struct buf *b, const char *empty, struct err *err)
{
    if (b->len == 0 && empty == NULL)
        return 0;
    if (b->len == 0 && buf_adds(b, empty, err) != 0)
        return -1;
    return (*out = buf_take(b, err)) == NULL ? -1 : 0;
}

/* Values of this type are equal only where they are the same. */
static int is_exact(const struct catalog_column *c)
{
    static const char *const types[] = {"smallint", "integer", "bigint", "oid", "uuid", "boolean", "date", "bytea",
                                        "text", "timestamp without time zone", "timestamp with time zone", NULL};

    if (c == NULL || c->collation != NULL) /* which may be one that is not deterministic */
        return 0;
    for (const char *const *t = types; *t != NULL; t++)
        if (strcmp(c->type, *t) == 0)
            return 1;
    return strncmp(c->type, "character varying", 17) == 0;
}

/* "OPERATOR(public.=)" for each column of the key, as the key's own index compares. */
static int read_operators(struct conn *c, const struct target *t, char ***operators, struct err *err)
{
    char oid[16];
    struct buf list = {0}, one = {0};
    const char *params[2] = {oid, NULL};
    struct query q = {.sql = equal_sql, .params = params, .nparams = 2, .columns = 3};
    struct result *r = NULL;
    int rc = -1;

    (void)snprintf(oid, sizeof(oid), "%" PRIu32, t->table->oid);
    for (char *const *k = t->key; *k != NULL; k++)
        if (array_text(&list, *k, err) != 0)
            goto out;
    if (array_end(&list, err) != 0)
        goto out;
    params[1] = list.data;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    for (char *const *k = t->key; *k != NULL; k++) {
        int i = 0;

        while (i < result_rows(r) && strcmp(result_text(r, i, 0), *k) != 0)
            i++;
        buf_reset(&one);
        if (buf_addf(&one, err, "OPERATOR(%s.%s)", i < result_rows(r) ? result_text(r, i, 1) : "pg_catalog",
                     i < result_rows(r) ? result_text(r, i, 2) : "=") != 0 ||
            strings_add(operators, one.data, err) != 0)
            goto out;
    }
    rc = 0;
out:
    if (rc != 0)
        err_prefix(err, "cannot tell how the key of %s is compared", t->title);
    result_free(r);
    buf_free(&list);
    buf_free(&one);
    return rc;
}

static int add_quoted(char ***list, const char *name, struct err *err)
{
    struct buf b = {0};
    int rc = quote_ident(&b, name, err) == 0 ? strings_add(list, b.data, err) : -1;

    buf_free(&b);
    return rc;
}

int join_spell(struct conn *c, struct stage *s, struct err *err)
{
    const struct target *t = s->target;
    char **operators = NULL;
    struct buf name = {0}, columns = {0}, values = {0}, match = {0}, differ = {0}, set = {0},
               taken = {0};
    int rc = -1;

    if (quote_name(&name, t->table->schema, t->table->name, err) != 0 ||
        (t->key != NULL && t->mode != RESTORE_EMPTY && read_operators(c, t, &operators, err) != 0))
        goto out;
    for (size_t i = 0; i < t->ncolumns; i++) {
        const char *n = t->saved->columns[t->columns[i]].name;
        const struct catalog_column *column = column_of(t, n);
        int key = strings_find(t->key, n);

        if (append(&columns, ", ", "", n, "", err) != 0 || append(&values, ", ", "s.", n, "", err) != 0)
            goto out;
        if (key >= 0) {
            if (append(&match, " AND ", "t.", n, "", err) != 0 ||
                buf_addf(&match, err, " %s s.", operators != NULL ? operators[key] : "=") != 0 || quote_ident(&match, n, err) != 0)
                goto out;
            /* Keys may be equal and not the same: 1.0 and 1.00, 'a' and 'A' of citext. */
            if (t->mode == RESTORE_COLUMNS || is_exact(column))
                continue;
        }
        if (append(&differ, " OR ", "t.", n, "::pg_catalog.text IS DISTINCT FROM s.", err) != 0 ||
            quote_ident(&differ, n, err) != 0 || buf_adds(&differ, "::pg_catalog.text", err) != 0 ||
            add_taken(&taken, t, n, err) != 0)
            goto out;
        /* GENERATED ALWAYS can be inserted, but not updated as it is. */
        if (column != NULL && column->identity == 'a' ? add_quoted(&s->always, n, err) != 0
                                                      : append(&set, ", ", "", n, " = s.", err) != 0 ||
                                                            quote_ident(&set, n, err) != 0)
            goto out;
    }
    if (take(&s->name, &name, NULL, err) != 0 || take(&s->columns, &columns, "", err) != 0 ||
        take(&s->values, &values, "", err) != 0 || take(&s->match, &match, NULL, err) != 0 ||
        take(&s->differ, &differ, "false", err) != 0 || take(&s->set, &set, NULL, err) != 0 ||
        take(&s->taken, &taken, "false", err) != 0)
        goto out;
    rc = 0;
out:
    strings_free(operators);
    buf_free(&name);
    buf_free(&columns);
    buf_free(&values);
    buf_free(&match);
    buf_free(&differ);
    buf_free(&set);
    buf_free(&taken);
    return rc;
}
