#include "rollback/execute.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "script/effect.h"
#include "script/shown.h"
#include "script/statement.h"

enum control { NOT_CONTROL, SKIP, RUN, REFUSE };

/* BEGIN and COMMIT belong to whoever renders; the transaction is ours. */
static enum control control_of(const struct statement *s)
{
    const json_t *tx = json_object_get(s->tree, "TransactionStmt");
    const char *kind = json_string_value(json_object_get(tx, "kind"));

    if (tx == NULL)
        return NOT_CONTROL;
    if (kind == NULL || strcmp(kind, "TRANS_STMT_BEGIN") == 0 ||
        strcmp(kind, "TRANS_STMT_START") == 0 || strcmp(kind, "TRANS_STMT_COMMIT") == 0)
        return SKIP;
    if (strcmp(kind, "TRANS_STMT_SAVEPOINT") == 0 || strcmp(kind, "TRANS_STMT_RELEASE") == 0 ||
        strcmp(kind, "TRANS_STMT_ROLLBACK_TO") == 0)
        return RUN;
    return REFUSE;
}

static unsigned flags_of(const struct effects *e, const struct statement *s, int *may_set)
{
    unsigned flags = 0;

    *may_set = 0;
    for (size_t i = 0; e != NULL && i < e->count; i++) {
        if (e->items[i].statement != s)
            continue;
        flags |= e->items[i].flags;
        if (e->items[i].kind == EFFECT_SET || e->items[i].kind == EFFECT_OPAQUE ||
            e->items[i].kind == EFFECT_UNKNOWN)
            *may_set = 1;
    }
    return flags;
}

/* Does E say that S writes the version table's rows (not its structure)? */
static int moves_version(const struct effects *e, const struct statement *s)
{
    for (size_t i = 0; e != NULL && i < e->count; i++)
        if (e->items[i].statement == s && (e->items[i].flags & EFFECT_VERSION) != 0 &&
            (e->items[i].kind == EFFECT_UPDATE || e->items[i].kind == EFFECT_DELETE ||
             e->items[i].kind == EFFECT_INSERT))
            return 1;
    return 0;
}

static int timeouts(struct conn *c, const struct execute_options *o, struct err *err)
{
    return query_execf(c, err,
                       "SET LOCAL statement_timeout = '%lldms'; SET LOCAL lock_timeout = '%lldms'; "
                       "SET LOCAL idle_in_transaction_session_timeout = 0",
                       (long long)o->statement_timeout_ms, (long long)o->lock_timeout_ms);
}

static void where(const struct plan_step *step, const struct statement *s,
                  const struct execute_options *o, struct err *err)
{
    char *shown = o->show_values ? NULL : shown_normalize(s->text);
    const char *text = o->show_values ? s->text : shown;

    if (err->kind == ERR_NONE)
        (void)err_set(err, ERR_FAILED, "failed without saying why");
    (void)err_prefix(err, "%s, statement %d (%s, line %d)%s%.160s%s", step->revision, s->index,
                     s->file != NULL ? s->file : "SQL", s->line, text != NULL ? " \"" : "",
                     text != NULL ? text : "", text != NULL ? "\"" : "");
    free(shown);
}

static int run_statement(struct conn *c, const struct plan_step *step, const struct statement *s,
                         const struct execute_options *o, struct err *err)
{
    struct query q = {.sql = s->text, .columns = -1, .copy_data = s->copy_data, .copy_len = s->copy_len};
    char *rewritten = NULL;
    struct result *r = NULL;
    const char *tag;
    int may_set, rc = -1;

    (void)flags_of(step->effects, s, &may_set);
    if (o->rewrite != NULL) {
        struct err why = {0};

        rewritten = o->rewrite(o->rewrite_arg, s, &why);
        if (why.kind != ERR_NONE) {
            *err = why;
            goto out;
        }
        if (rewritten != NULL)
            q.sql = rewritten;
    }
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    tag = result_tag(r);
    if (s->tag != NULL && strncmp(tag, s->tag, strlen(s->tag)) != 0) {
        (void)err_set(err, ERR_FAILED, "the server answered \"%s\" where \"%s\" was expected", tag,
                      s->tag);
        goto out;
    }
    if (strcmp(tag, "ROLLBACK") == 0 && control_of(s) == NOT_CONTROL) {
        (void)err_set(err, ERR_FAILED, "the transaction ended in the middle of the script");
        goto out;
    }
    if (moves_version(step->effects, s) && result_affected(r) != 1) {
        (void)err_set(err, ERR_REFUSED,
                      "the version table did not move: %lld rows changed where exactly one should",
                      (long long)result_affected(r));
        err_hint(err, "the script is for other version rows than the database has");
        goto out;
    }
    if (may_set && timeouts(c, o, err) != 0)
        goto out;
    rc = 0;
out:
    result_free(r);
    free(rewritten);
    return rc;
}

int execute_plan(struct conn *c, const struct plan *p, const struct execute_options *o,
                 struct err *err)
{
    if (timeouts(c, o, err) != 0)
        return -1;
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct plan_step *step = &p->steps[i];

        for (size_t k = 0; step->script != NULL && k < step->script->count; k++) {
            const struct statement *s = &step->script->statements[k];

            if (control_of(s) == SKIP)
                continue;
            if (interrupt_check(err) != 0)
                return -1;
            if (run_statement(c, step, s, o, err) != 0) {
                where(step, s, o, err);
                return -1;
            }
        }
    }
    return 0;
}

static int each_statement(const struct plan *p, int alone, struct err *err)
{
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct plan_step *step = &p->steps[i];

        for (size_t k = 0; step->script != NULL && k < step->script->count; k++) {
            const struct statement *s = &step->script->statements[k];
            const char *file = s->file != NULL ? s->file : step->revision;

            if (alone && s->alone)
                return err_set(err, ERR_REFUSED, "%s, line %d: this statement cannot run in a transaction",
                               file, s->line);
            if (control_of(s) == REFUSE)
                return err_set(err, ERR_REFUSED, "%s, line %d: the script ends the transaction itself",
                               file, s->line);
        }
    }
    return 0;
}

int execute_runnable(const struct plan *p, struct err *err)
{
    return each_statement(p, 0, err);
}

int execute_one_transaction(const struct plan *p, struct err *err)
{
    return each_statement(p, 1, err);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int rows_of(const struct result *r, char ***rows, struct err *err)
{
    for (int i = 0; i < result_rows(r); i++)
        if (strings_add(rows, result_text(r, i, 0), err) != 0)
            return -1;
    if (*rows != NULL)
        qsort(*rows, strings_count(*rows), sizeof(**rows), compare);
    return 0;
}

int execute_version_answer(const struct result *r, char *const *expected, const char *when, struct err *err)
{
    char **rows = NULL;
    int rc = rows_of(r, &rows, err);

    if (rc == 0)
        rc = execute_version_same(rows, expected, when, err);
    strings_free(rows);
    return rc;
}

int execute_version_sql(const struct plan *p, struct buf *sql, struct err *err)
{
    if (p->version_column == NULL) {
        if (buf_adds(sql, "SELECT version_num FROM ", err) != 0)
            return -1;
    } else if (buf_adds(sql, "SELECT COALESCE(", err) != 0 || quote_ident(sql, p->version_column, err) != 0 ||
               buf_adds(sql, "::pg_catalog.text, '(null)') FROM ", err) != 0) {
        return -1;
    }
    return quote_name(sql, p->version_schema, p->version_table, err);
}

int execute_version_rows(struct conn *c, const struct plan *p, char ***rows, struct err *err)
{
    struct query exists = {.sql = "SELECT pg_catalog.to_regclass($1) IS NOT NULL", .nparams = 1,
                           .columns = 1, .min_rows = 1, .max_rows = 1};
    struct query q = {.columns = 1};
    struct buf name = {0}, sql = {0};
    struct result *r = NULL;
    const char *param;
    int rc = -1;

    if ((*rows = calloc(1, sizeof(**rows))) == NULL)
        return err_oom(err);
    if (quote_name(&name, p->version_schema, p->version_table, err) != 0)
        goto out;
    param = name.data;
    exists.params = &param;
    if ((r = query_run(c, &exists, err)) == NULL)
        goto out;
    if (!result_bool(r, 0, 0)) {
        rc = 0;
        goto out;
    }
    result_free(r);
    r = NULL;
    if (execute_version_sql(p, &sql, err) != 0)
        goto out;
    q.sql = sql.data;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    rc = rows_of(r, rows, err);
out:
    result_free(r);
    buf_free(&name);
    buf_free(&sql);
    if (rc != 0) {
        (void)err_prefix(err, "cannot read the version table");
        strings_free(*rows);
        *rows = NULL;
    }
    return rc;
}

static int join(struct buf *b, char *const *rows, struct err *err)
{
    if (rows == NULL || rows[0] == NULL)
        return buf_adds(b, "(no rows)", err);
    for (size_t i = 0; rows[i] != NULL; i++)
        if (buf_addf(b, err, "%s%s", i > 0 ? ", " : "", rows[i]) != 0)
            return -1;
    return 0;
}

int execute_version_same(char *const *rows, char *const *expected, const char *when, struct err *err)
{
    size_t n = strings_count(rows);
    struct buf is = {0}, should = {0};
    int same = n == strings_count(expected);

    for (size_t i = 0; same && i < n; i++)
        same = strcmp(rows[i], expected[i]) == 0;
    if (same)
        return 0;
    if (join(&is, rows, err) == 0 && join(&should, expected, err) == 0)
        (void)err_set(err, ERR_REFUSED, "the version table holds %s %s, where %s was expected", is.data,
                      when, should.data);
    buf_free(&is);
    buf_free(&should);
    return -1;
}
