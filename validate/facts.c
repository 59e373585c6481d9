#include "validate/facts.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "pg/array.h"
#include "pg/query.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"

static const char columns_sql[] =
#include "validate/sql/facts_columns.sql.h"
    ;
static const char constraints_sql[] =
#include "validate/sql/facts_constraints.sql.h"
    ;
static const char indexes_sql[] =
#include "validate/sql/facts_indexes.sql.h"
    ;
static const char types_sql[] =
#include "validate/sql/facts_types.sql.h"
    ;
static const char casts_sql[] =
#include "validate/sql/facts_casts.sql.h"
    ;
static const char functions_sql[] =
#include "validate/sql/facts_functions.sql.h"
    ;
static const char settings_sql[] =
#include "validate/sql/facts_settings.sql.h"
    ;

/* The session's own search path comes back afterwards. */
static const char path_sql[] =
    "SELECT pg_catalog.set_config('mig.search_path', pg_catalog.current_setting('search_path'), "
    "false), pg_catalog.set_config('search_path', s.reset_val, false) FROM pg_catalog.pg_settings "
    "s WHERE s.name OPERATOR(pg_catalog.=) 'search_path' AND pg_catalog.current_setting("
    "'search_path') OPERATOR(pg_catalog.=) ANY (ARRAY['', '\"\"'])";
static const char unpath_sql[] =
    "SELECT pg_catalog.set_config('search_path', '', false) WHERE "
    "pg_catalog.current_setting('mig.search_path', true) OPERATOR(pg_catalog.=) ANY (ARRAY['', "
    "'\"\"'])";

enum { COLUMNS, CONSTRAINTS, INDEXES, TYPES, CASTS, FUNCTIONS, SETTINGS, QUERIES };

struct named_type {
    const struct effect *effect;
    size_t word; /* index into words */
};

struct facts {
    struct result *r[QUERIES];
    char **words;     /* types as SQL */
    char **functions;
    struct named_type *types;
    size_t ntypes;
};

struct collector {
    struct facts *f;
    struct err *err;
    int failed;
};

static int visit_function(const char *kind, const json_t *body, void *arg)
{
    struct collector *c = arg;
    const char *schema, *name;

    if (strcmp(kind, "FuncCall") != 0)
        return 0;
    node_qualified(node_get(body, "funcname"), &schema, &name);
    if (name != NULL && strings_find(c->f->functions, name) < 0 &&
        strings_add(&c->f->functions, name, c->err) < 0)
        c->failed = 1;
    return 0;
}

static int collect(struct facts *f, struct effects *const *steps, size_t n, struct err *err)
{
    struct collector c = {f, err, 0};
    size_t i, k;

    for (i = 0; i < n; i++)
        for (k = 0; steps[i] != NULL && k < steps[i]->count; k++) {
            const struct effect *e = &steps[i]->items[k];
            struct named_type *grown;
            char *word;
            int at;

            if (effect_calls(e) && strings_find(f->functions, e->name) < 0 &&
                strings_add(&f->functions, e->name, err) < 0)
                return -1;
            if (e->kind == EFFECT_DELETE || e->kind == EFFECT_UPDATE || e->kind == EFFECT_MERGE ||
                e->kind == EFFECT_INSERT)
                node_walk(e->statement->tree, visit_function, &c);
            if (e->kind != EFFECT_ADD_COLUMN && e->kind != EFFECT_ALTER_TYPE &&
                e->kind != EFFECT_SET_DEFAULT)
                continue;
            node_walk(e->node, visit_function, &c);
            if (e->kind == EFFECT_SET_DEFAULT)
                continue;
            if ((word = effect_type(e)) == NULL)
                continue;
            at = strings_find(f->words, word);
            if (at < 0) {
                at = (int)strings_count(f->words);
                if (strings_add(&f->words, word, err) < 0) {
                    free(word);
                    return -1;
                }
            }
            free(word);
            if ((grown = realloc(f->types, (f->ntypes + 1) * sizeof(*grown))) == NULL)
                return err_oom(err);
            f->types = grown;
            grown[f->ntypes++] = (struct named_type){e, (size_t)at};
        }
    return c.failed ? -1 : 0;
}

struct facts *facts_read(struct conn *c, const struct closure *closure,
                         struct effects *const *steps, size_t n, struct err *err)
{
    struct facts *f = calloc(1, sizeof(*f));
    struct buf oids = {0}, words = {0}, functions = {0};
    struct err errs[QUERIES];
    const char *p_oids[1], *p_words[1], *p_functions[1];
    struct query q[QUERIES];
    uint32_t last = 0;
    size_t i;
    int rc = -1;

    memset(errs, 0, sizeof(errs));
    if (f == NULL) {
        (void)err_oom(err);
        goto out;
    }
    if (collect(f, steps, n, err) < 0)
        goto out;
    /* What is only locked or read has indexes too. */
    for (i = 0; i < closure->nreaches; i++)
        if (closure->reaches[i].oid != last &&
            array_number(&oids, last = closure->reaches[i].oid, err) < 0)
            goto out;
    if (array_texts(&words, f->words, err) < 0 || array_texts(&functions, f->functions, err) < 0 ||
        array_end(&oids, err) < 0 || array_end(&words, err) < 0 || array_end(&functions, err) < 0)
        goto out;
    p_oids[0] = oids.data;
    p_words[0] = words.data;
    p_functions[0] = functions.data;
    q[COLUMNS] = (struct query){.sql = columns_sql, .params = p_oids, .nparams = 1, .columns = 13};
    q[CONSTRAINTS] =
        (struct query){.sql = constraints_sql, .params = p_oids, .nparams = 1, .columns = 17};
    q[INDEXES] = (struct query){.sql = indexes_sql, .params = p_oids, .nparams = 1, .columns = 12};
    q[TYPES] = (struct query){.sql = types_sql, .params = p_words, .nparams = 1, .columns = 6};
    q[CASTS] = (struct query){.sql = casts_sql, .columns = 2};
    q[FUNCTIONS] =
        (struct query){.sql = functions_sql, .params = p_functions, .nparams = 1, .columns = 2};
    q[SETTINGS] = (struct query){.sql = settings_sql, .columns = 2};
    /* Types are looked up as the migration would find them. */
    if (query_exec(c, path_sql, NULL, err) < 0)
        goto out;
    for (i = 0; i < QUERIES; i++)
        if ((f->r[i] = query_run(c, &q[i], err)) == NULL) {
            (void)err_prefix(err, "cannot read the catalog");
            goto out;
        }
    if (query_exec(c, unpath_sql, NULL, err) < 0)
        goto out;
    rc = 0;
out:
    buf_free(&oids);
    buf_free(&words);
    buf_free(&functions);
    if (rc < 0) {
        facts_free(f);
        return NULL;
    }
    return f;
}

void facts_free(struct facts *f)
{
    size_t i;

    if (f == NULL)
        return;
    for (i = 0; i < QUERIES; i++)
        result_free(f->r[i]);
    strings_free(f->words);
    strings_free(f->functions);
    free(f->types);
    free(f);
}

static char letter(const struct result *r, int row, int col)
{
    const char *s = result_text(r, row, col);

    return s == NULL ? '\0' : s[0];
}

int facts_column(const struct facts *f, uint32_t table, const char *name, struct facts_column *out)
{
    const struct result *r = f == NULL ? NULL : f->r[COLUMNS];
    int row;

    memset(out, 0, sizeof(*out));
    out->typmod = -1;
    out->null_frac = -1;
    for (row = 0; r != NULL && name != NULL && row < result_rows(r); row++) {
        if ((uint32_t)result_int(r, row, 0) != table || strcmp(result_text(r, row, 1), name) != 0)
            continue;
        out->type = (uint32_t)result_int(r, row, 2);
        out->typmod = (int)result_int(r, row, 3);
        out->checked = result_bool(r, row, 4);
        out->not_null = result_bool(r, row, 5);
        out->generated = result_bool(r, row, 6);
        out->identity = result_bool(r, row, 7);
        out->null_frac = result_text(r, row, 8) == NULL ? -1 : result_double(r, row, 8);
        out->text = result_text(r, row, 10);
        out->has_default = result_bool(r, row, 12);
        return 1;
    }
    return 0;
}

int facts_type(const struct facts *f, const struct effect *e, struct facts_type *out)
{
    const struct result *r = f == NULL ? NULL : f->r[TYPES];
    size_t i;
    int row;

    memset(out, 0, sizeof(*out));
    for (i = 0; f != NULL && i < f->ntypes; i++) {
        if (f->types[i].effect != e)
            continue;
        for (row = 0; row < result_rows(r); row++)
            if ((size_t)result_int(r, row, 0) == f->types[i].word + 1 &&
                result_text(r, row, 1) != NULL && result_text(r, row, 2) != NULL) {
                out->oid = (uint32_t)result_int(r, row, 1);
                out->base = (uint32_t)result_int(r, row, 2);
                out->checked = result_bool(r, row, 3);
                out->kind = letter(r, row, 4);
                return 1;
            }
        return 0;
    }
    return 0;
}

int facts_binary(const struct facts *f, uint32_t source, uint32_t target)
{
    const struct result *r = f == NULL ? NULL : f->r[CASTS];
    int row;

    for (row = 0; r != NULL && row < result_rows(r); row++)
        if ((uint32_t)result_int(r, row, 0) == source && (uint32_t)result_int(r, row, 1) == target)
            return 1;
    return 0;
}

char facts_volatility(const struct facts *f, const char *function)
{
    const struct result *r = f == NULL ? NULL : f->r[FUNCTIONS];
    int row;

    for (row = 0; r != NULL && row < result_rows(r); row++)
        if (strcmp(result_text(r, row, 0), function) == 0)
            return letter(r, row, 1);
    return '\0';
}

const char *facts_setting(const struct facts *f, const char *name)
{
    const struct result *r = f == NULL ? NULL : f->r[SETTINGS];
    int row;

    for (row = 0; r != NULL && row < result_rows(r); row++)
        if (strcmp(result_text(r, row, 0), name) == 0)
            return result_text(r, row, 1);
    return NULL;
}

int facts_constraint(const struct facts *f, size_t i, struct facts_constraint *out)
{
    const struct result *r = f == NULL ? NULL : f->r[CONSTRAINTS];
    int row = (int)i;

    memset(out, 0, sizeof(*out));
    if (r == NULL || row >= result_rows(r))
        return 0;
    out->table = (uint32_t)result_int(r, row, 0);
    out->name = result_text(r, row, 1);
    out->type = letter(r, row, 2);
    out->valid = result_bool(r, row, 3);
    out->expression = result_text(r, row, 4);
    out->partner = (uint32_t)result_int(r, row, 5);
    out->columns = result_text(r, row, 6);
    out->partner_columns = result_text(r, row, 7);
    out->on_delete = letter(r, row, 8);
    out->on_update = letter(r, row, 9);
    out->index = result_text(r, row, 10) == NULL ? 0 : (uint32_t)result_int(r, row, 10);
    out->schema = result_text(r, row, 11);
    out->relation = result_text(r, row, 12);
    out->partner_schema = result_text(r, row, 13);
    out->partner_relation = result_text(r, row, 14);
    out->inherited = result_bool(r, row, 15);
    out->deferrable = result_bool(r, row, 16);
    return 1;
}

int facts_index(const struct facts *f, size_t i, struct facts_index *out)
{
    const struct result *r = f == NULL ? NULL : f->r[INDEXES];
    int row = (int)i;

    memset(out, 0, sizeof(*out));
    if (r == NULL || row >= result_rows(r))
        return 0;
    out->table = (uint32_t)result_int(r, row, 0);
    out->oid = (uint32_t)result_int(r, row, 1);
    out->schema = result_text(r, row, 2);
    out->name = result_text(r, row, 3);
    out->unique = result_bool(r, row, 4);
    out->valid = result_bool(r, row, 5);
    out->primary = result_bool(r, row, 6);
    out->columns = result_text(r, row, 7);
    out->special = result_bool(r, row, 8);
    out->kind = letter(r, row, 9);
    out->whole = result_text(r, row, 10) == NULL ? 0 : (uint32_t)result_int(r, row, 10);
    out->stands_on = result_text(r, row, 11);
    return 1;
}

int facts_names(const char *columns, const char *column)
{
    size_t n = column == NULL ? 0 : strlen(column);
    const char *p = columns;

    while (p != NULL && n > 0) {
        const char *end = strchr(p, '\n');
        size_t len = end == NULL ? strlen(p) : (size_t)(end - p);

        if (len == n && strncmp(p, column, n) == 0)
            return 1;
        p = end == NULL ? NULL : end + 1;
    }
    return 0;
}
