#include "backup/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/archive.h"
#include "backup/exchange.h"
#include "backup/join.h"
#include "core/ahead.h"
#include "core/row.h"
#include "core/strings.h"
#include "pg/catalog.h"
#include "pg/conn.h"
#include "pg/copy.h"
#include "pg/query.h"
#include "pg/quote.h"

/* ---- sending ---- */

struct names {
    const char **names, **types;
    unsigned char *base64;
    size_t n;
};

static int is_written(const struct target *t, size_t column)
{
    for (size_t i = 0; i < t->ncolumns; i++)
        if (t->columns[i] == column)
            return 1;
    return 0;
}

/* All saved columns: a row of the file holds them all.  Those that are not written are text on their way
 * (make_stage). */
static int names_make(const struct target *t, struct names *n, struct err *err)
{
    const struct manifest_table *m = t->saved;

    n->n = m->ncolumns;
    n->names = calloc(m->ncolumns + 1, sizeof(*n->names));
    n->types = calloc(m->ncolumns + 1, sizeof(*n->types));
    n->base64 = calloc(m->ncolumns + 1, 1);
    if (n->names == NULL || n->types == NULL || n->base64 == NULL)
        return err_oom(err);
    for (size_t i = 0; i < m->ncolumns; i++) {
        n->names[i] = m->columns[i].name;
        n->types[i] = "text";
        if (is_written(t, i)) {
            const struct catalog_column *now = target_column(t->table, m->columns[i].name);

            n->types[i] = now != NULL ? now->carried : NULL;
        }
        n->base64[i] = m->columns[i].base64 != 0;
    }
    return 0;
}

static void names_free(struct names *n)
{
    free(n->names);
    free(n->types);
    free(n->base64);
}

/* Every row of the file into SCHEMA.NAME; what was sent must be what was saved. */
static int send_rows(struct conn *c, struct archive_reader *reader, struct target *t,
                     const char *schema, const char *name, struct err *err)
{
    const struct manifest_table *m = t->saved;
    struct copy_in_options o = {.schema = schema, .table = name};
    struct row_source *source = NULL;
    struct row_sink *sink = NULL;
    struct row_batch batch = {0};
    struct row_digest digest = {0, 0};
    struct names n = {0};
    char hex[33];
    uint64_t rows = 0;
    int more, rc = -1;

    if (names_make(t, &n, err) != 0)
        goto out;
    o.columns.names = n.names;
    o.columns.types = n.types;
    o.columns.base64 = n.base64;
    o.columns.count = n.n;
    /* Decrypting and inflating the next frame goes on while the server takes this one. */
    if ((sink = copy_in(c, &o, err)) == NULL ||
        (source = archive_stream(reader, m->stream, err)) == NULL ||
        (source = ahead_new(source, err)) == NULL)
        goto out;
    while ((more = source->next(source, &batch, err)) == 1) {
        if (batch.rows == 0)
            continue;
        row_digest_add(&digest, &batch);
        rows += batch.rows;
        if (sink->put(sink, &batch, err) != 0)
            goto out;
    }
    if (more < 0 || sink->finish(sink, err) != 0)
        goto out;
    row_digest_hex(&digest, hex);
    if (rows != m->rows || strcmp(hex, m->digest) != 0) {
        err_set(err, ERR_BACKUP,
                "%s: %" PRIu64 " rows with digest %s were sent, the backup says %" PRIu64 " with %s",
                t->title, rows, hex, m->rows, m->digest);
        goto out;
    }
    t->result.digest_equal = 1;
    rc = 0;
out:
    if (source != NULL)
        source->free(source);
    if (sink != NULL)
        sink->free(sink);
    names_free(&n);
    return rc;
}

/* ---- the staging table ---- */

/* The staging table has the target's own types, so that the server compares like with like; a saved
 * column that is not written is kept as text. */
static int make_stage(struct conn *c, struct stage *s, struct err *err)
{
    struct target *t = s->target;
    struct buf b = {0};
    int rc = -1;

    if (buf_addf(&b, err, "CREATE TEMPORARY TABLE pg_temp.%s ON COMMIT DROP AS SELECT ", t->stage) != 0)
        goto out;
    for (size_t i = 0; i < t->saved->ncolumns; i++) {
        if ((i > 0 && buf_adds(&b, ", ", err) != 0) ||
            (!is_written(t, i) && buf_adds(&b, "NULL::pg_catalog.text AS ", err) != 0) ||
            quote_ident(&b, t->saved->columns[i].name, err) != 0)
            goto out;
    }
    if (buf_addf(&b, err, " FROM ONLY %s WITH NO DATA", s->name) != 0 ||
        query_exec(c, b.data, NULL, err) != 0)
        goto out;
    rc = 0;
out:
    if (rc != 0)
        err_prefix(err, "cannot make room for the rows of %s", t->title);
    buf_free(&b);
    return rc;
}

static int change(struct conn *c, uint64_t *affected, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int change(struct conn *c, uint64_t *affected, struct err *err, const char *fmt, ...)
{
    struct query q = {.columns = 0};
    struct result *r;
    char *sql = NULL;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || (sql = malloc((size_t)n + 1)) == NULL)
        return err_oom(err);
    va_start(ap, fmt);
    (void)vsnprintf(sql, (size_t)n + 1, fmt, ap);
    va_end(ap);
    q.sql = sql;
    r = query_run(c, &q, err);
    free(sql);
    if (r == NULL)
        return -1;
    if (result_affected(r) > 0)
        *affected += (uint64_t)result_affected(r);
    result_free(r);
    return 0;
}

/* Of a row that others wrote since, the run that saved it has changed some columns only: the others stay as they
 * are in the table.  A row that it cannot have taken away went since: it is not made again. */
static int leave(struct conn *c, struct stage *s, struct err *err)
{
    struct target *t = s->target;
    const struct restore_target *a = t->asked;
    struct buf set = {0};
    uint64_t n = 0;
    int rc = -1;

    if (t->mode != RESTORE_MERGE || a == NULL)
        return 0;
    if (a->stays && change(c, &t->result.vanished, err,
                           "DELETE FROM pg_temp.%s AS s WHERE NOT EXISTS (SELECT 1 FROM ONLY %s AS t WHERE %s)", t->stage,
                           s->name, s->match) != 0)
        return -1;
    for (size_t i = 0; a->written != NULL && a->changed != NULL && i < t->ncolumns; i++) {
        const char *name = t->saved->columns[t->columns[i]].name;
        int put_back = strings_find(t->key, name) >= 0;

        for (const char *const *k = a->changed; !put_back && *k != NULL; k++)
            put_back = strcmp(*k, name) == 0;
        if (!put_back && (buf_adds(&set, set.len > 0 ? ", " : "", err) != 0 || quote_ident(&set, name, err) != 0 ||
                          buf_adds(&set, " = t.", err) != 0 || quote_ident(&set, name, err) != 0))
            goto out;
    }
    if (set.len > 0 && change(c, &n, err, "UPDATE pg_temp.%s AS s SET %s FROM ONLY %s AS t WHERE %s AND %s", t->stage,
                              set.data, s->name, s->match, a->written) != 0)
        goto out;
    s->mixed = n > 0 || t->result.vanished > 0;
    rc = 0;
out:
    buf_free(&set);
    return rc != 0 ? err_prefix(err, "cannot keep what was written to %s since", t->title) : 0;
}


int stage_prepare(struct conn *c, struct archive_reader *reader, const struct restore_options *o,
                  struct target *t, struct stage *s, struct err *err)
{
    uint64_t rows = 0;

    memset(s, 0, sizeof(*s));
    s->target = t;
    s->o = o;
    t->result.rows = t->saved->rows;
    if (join_spell(c, s, err) != 0)
        return -1;
    if (t->mode == RESTORE_EMPTY || t->mode == RESTORE_REPLACE) {
        if (query_countf(c, &rows, err, "SELECT count(*) FROM (SELECT 1 FROM ONLY %s LIMIT 1) AS x", s->name) != 0)
            return -1;
        if (rows > 0 && t->mode == RESTORE_EMPTY) {
            err_set(err, ERR_REFUSED, "%s has rows already", t->title);
            err_hint(err, "choose what should happen to them: --mode missing, merge, replace or columns");
            return -1;
        }
        s->direct = rows == 0 || t->key == NULL;
        s->defined = rows > 0 && s->direct;
    }
    /* A condition is asked of the server, so the rows must be there first. */
    if (o->where != NULL)
        s->direct = 0;
    if (s->direct)
        return 0;
    if (make_stage(c, s, err) != 0 || send_rows(c, reader, t, "pg_temp", t->stage, err) != 0 ||
        query_execf(c, err, "ANALYZE pg_temp.%s", t->stage) != 0)
        return -1;
    if (o->where != NULL &&
        query_execf(c, err, "DELETE FROM pg_temp.%s WHERE (%s\n) IS NOT TRUE", t->stage, o->where) != 0)
        return err_prefix(err, "--where does not fit %s", t->title);
    return leave(c, s, err);
}

int stage_delete(struct conn *c, struct stage *s, struct err *err)
{
    struct restore_table *r = &s->target->result;

    if ((s->doomed != NULL &&
         change(c, &r->deleted, err, "DELETE FROM ONLY %s AS t WHERE %s", s->name, s->doomed) != 0) ||
        (s->anew && change(c, &r->updated, err, "DELETE FROM ONLY %s AS t USING pg_temp.%s AS s WHERE %s AND (%s)",
                           s->name, s->target->stage, s->match, s->differ) != 0))
        return err_prefix(err, "cannot replace the rows of %s", s->target->title);
    return 0;
}

/* What might be done about a row that the server refuses. */
static int hint_refusal(const struct target *t, struct err *err)
{
    /* a partition that takes other rows now than when it was saved */
    if (t->saved->parent_name != NULL && strcmp(err->sqlstate, "23514") == 0 &&
        strstr(err->message, "partition constraint") != NULL)
        err_hint(err, "the bounds of this partition of %s.%s have changed since: restore with --into SCHEMA --create "
                      "and INSERT INTO %s.%s from there, which sends each row where it belongs now",
                 t->saved->parent_schema, t->saved->parent_name, t->saved->parent_schema, t->saved->parent_name);
    else if (strcmp(err->sqlstate, "23505") == 0 || strcmp(err->sqlstate, "23P01") == 0)
        err_hint(err, "another row holds by now what only one may have: leave such rows out with --where, or restore "
                      "beside the table (--into SCHEMA --create) and decide row by row");
    return -1;
}

static int insert_missing(struct conn *c, struct stage *s, struct err *err)
{
    struct target *t = s->target;

    if (t->key == NULL || t->mode == RESTORE_EMPTY)
        return change(c, &t->result.inserted, err,
                      "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM pg_temp.%s AS s", s->name,
                      s->columns, s->values, t->stage);
    return change(c, &t->result.inserted, err,
                  "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM pg_temp.%s AS s "
                  "WHERE NOT EXISTS (SELECT 1 FROM ONLY %s AS t WHERE %s)",
                  s->name, s->columns, s->values, t->stage, s->name, s->match);
}

/* The server said how many rows it took; whether they are there is another question. */
static int check_present(struct conn *c, const struct stage *s, uint64_t staged, struct err *err)
{
    const struct target *t = s->target;
    uint64_t absent = 0;

    if (t->mode == RESTORE_COLUMNS)
        return 0;
    if (t->key == NULL || t->mode == RESTORE_EMPTY)
        absent = staged > t->result.inserted ? staged - t->result.inserted : 0;
    else if (query_countf(c, &absent, err,
                   "SELECT count(*) FROM pg_temp.%s AS s WHERE NOT EXISTS (SELECT 1 FROM ONLY %s AS t WHERE %s)",
                   t->stage, s->name, s->match) != 0)
        return -1;
    if (absent > 0)
        return err_set(err, ERR_FAILED,
                       "%s: %" PRIu64 " rows of the backup were written and are not there", t->title, absent);
    return 0;
}

int stage_write(struct conn *c, struct archive_reader *reader, struct stage *s, struct err *err)
{
    struct target *t = s->target;
    struct restore_table *r = &t->result;
    uint64_t staged = 0;

    if (s->direct) {
        if (send_rows(c, reader, t, t->table->schema, t->table->name, err) != 0)
            return hint_refusal(t, err);
        r->inserted = t->saved->rows;
        return 0;
    }
    if (query_countf(c, &staged, err, "SELECT count(*) FROM pg_temp.%s", t->stage) != 0)
        return -1;
    /* New rows first: a changed row may refer to one of them. */
    if (t->mode != RESTORE_COLUMNS && insert_missing(c, s, err) != 0) {
        (void)err_prefix(err, "cannot put rows into %s", t->title);
        return hint_refusal(t, err);
    }
    if (s->anew)
        r->inserted -= r->updated;
    if (check_present(c, s, staged, err) != 0)
        return -1;
    if (s->set != NULL && s->unsafe != NULL && !s->anew && s->o->on_conflict == RESTORE_OVERWRITE && exchange_park(c, s, err) != 0)
        return -1;
    if (s->set != NULL && s->unsafe != NULL && !s->anew &&
        change(c, &r->updated, err,
               "UPDATE ONLY %s AS t SET %s FROM pg_temp.%s AS s WHERE %s AND (%s)%s%s%s", s->name, s->set,
               t->stage, s->match, s->differ,
               t->mode == RESTORE_COLUMNS && s->o->on_conflict != RESTORE_OVERWRITE ? " AND NOT (" : "",
               t->mode == RESTORE_COLUMNS && s->o->on_conflict != RESTORE_OVERWRITE ? s->taken : "",
               t->mode == RESTORE_COLUMNS && s->o->on_conflict != RESTORE_OVERWRITE ? ")" : "") != 0) {
        (void)err_prefix(err, "cannot change rows of %s", t->title);
        return hint_refusal(t, err);
    }
    r->unchanged = staged - r->inserted - r->updated - (t->mode == RESTORE_COLUMNS ? r->vanished : 0);
    return 0;
}

/* ---- reading again ---- */

/* The staging table says what the rows are now. */
static int verify_mixed(struct conn *c, const struct stage *s, struct err *err)
{
    const struct target *t = s->target;
    uint64_t other = 0;

    if (query_countf(c, &other, err,
                     "SELECT count(*) FROM pg_temp.%s AS s WHERE NOT EXISTS (SELECT 1 FROM ONLY %s AS t WHERE %s AND NOT (%s))",
                     t->stage, s->name, s->match, s->differ) != 0)
        return -1;
    return other == 0 ? 0 : err_set(err, ERR_FAILED, "%s, read again: %" PRIu64 " rows are not what was put back", t->title, other);
}

int stage_verify(struct conn *c, struct stage *s, struct err *err)
{
    const struct target *t = s->target;
    struct copy_out_options o = {.schema = t->table->schema, .table = t->table->name, .only = 1};
    struct row_source *source = NULL;
    struct row_batch batch = {0};
    struct row_digest digest = {0, 0};
    struct names n = {0};
    char *filter = NULL, hex[33];
    uint64_t rows = 0;
    int more, rc = -1;

    if (s->mixed)
        return verify_mixed(c, s, err);
    /* Only where the file alone says what the rows are now. */
    if (s->o->where != NULL || t->ncolumns != t->saved->ncolumns || t->mode == RESTORE_MISSING ||
        t->result.vanished > 0 ||
        ((t->mode == RESTORE_MERGE || t->mode == RESTORE_COLUMNS) && s->o->on_conflict == RESTORE_KEEP))
        return 0;
    if (names_make(t, &n, err) != 0)
        goto out;
    if (t->mode == RESTORE_MERGE || t->mode == RESTORE_COLUMNS) {
        if (strings_format(&filter, err, "EXISTS (SELECT 1 FROM pg_temp.%s AS s WHERE %s)", t->stage, s->match) != 0)
            goto out;
        o.filter = filter;
    }
    o.columns.names = n.names;
    o.columns.base64 = n.base64;
    o.columns.count = n.n;
    if ((source = copy_out(c, &o, err)) == NULL)
        goto out;
    while ((more = source->next(source, &batch, err)) == 1) {
        row_digest_add(&digest, &batch);
        rows += batch.rows;
    }
    if (more < 0)
        goto out;
    row_digest_hex(&digest, hex);
    if (rows != t->saved->rows || strcmp(hex, t->saved->digest) != 0) {
        err_set(err, ERR_FAILED, "%s, read again, has %" PRIu64 " rows with digest %s; the backup says "
                                 "%" PRIu64 " with %s",
                t->title, rows, hex, t->saved->rows, t->saved->digest);
        goto out;
    }
    rc = 0;
out:
    if (source != NULL)
        source->free(source);
    names_free(&n);
    free(filter);
    return rc;
}

void stage_clear(struct stage *s)
{
    free(s->name);
    free(s->columns);
    free(s->values);
    free(s->match);
    free(s->differ);
    free(s->set);
    strings_free(s->always);
    free(s->taken);
    free(s->doomed);
    free(s->unsafe);
    memset(s, 0, sizeof(*s));
}
