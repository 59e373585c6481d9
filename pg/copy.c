#include "pg/copy.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "pg/conn_internal.h"
#include "pg/copybinary.h"
#include "pg/copytext.h"
#include "pg/query.h"
#include "pg/quote.h"

/* Server text is converted in portions that stay in the second-level cache. */
enum { PORTION = 32768, BATCH = 1 << 20 };

/* "affected rows" of "COPY 12". */
static uint64_t tag_rows(PGresult *res)
{
    return strtoull(PQcmdTuples(res), NULL, 10);
}

/* Send SQL and wait until the server answers with STATUS. */
static int start(struct conn *c, const char *sql, ExecStatusType status, struct err *err)
{
    PGresult *res = NULL;
    int rc = 0;

    if (conn_check(c, err) != 0)
        return -1;
    if (!PQsendQuery(conn_raw(c), sql))
        return conn_failure(c, NULL, err);
    if (conn_next(c, &res, err) != 0)
        return -1;
    if (PQresultStatus(res) != status) {
        rc = conn_failure(c, res, err);
        conn_drain(c);
    }
    PQclear(res);
    return rc;
}

static int columns_list(struct buf *sql, const struct copy_columns *columns, struct err *err)
{
    for (size_t i = 0; i < columns->count; i++)
        if ((i > 0 && buf_adds(sql, ", ", err) != 0) ||
            quote_ident(sql, columns->names[i], err) != 0)
            return -1;
    return 0;
}

/* ---- rows out ---- */

/* libpq's input buffer grows with the longest message and never shrinks; at its first 16 KiB it reads
 * (and waits) twice as often as the server sends. */
int copy_widen(struct conn *c, struct err *err)
{
    char *ignored = NULL;
    int rc = query_value(c, "SELECT pg_catalog.repeat(' ', 250000)", &ignored, err);

    free(ignored);
    return rc;
}

struct copy_source {
    struct row_source base;
    struct conn *conn;
    struct copytext_shape shape;
    unsigned char *base64;
    struct copybinary binary;
    int is_binary;
    char *title;
    struct buf text, json;
    size_t kept; /* where in JSON a row begins that the next batch will take; 0: none */
    size_t batch_bytes;
    uint64_t rows; /* that arrived so far */
    int done;
};

static int out_select(struct buf *sql, const struct copy_out_options *o, struct err *err)
{
    const char *word = "WHERE";

    if (buf_adds(sql, "SELECT ", err) != 0 || columns_list(sql, &o->columns, err) != 0 ||
        buf_adds(sql, o->only ? " FROM ONLY " : " FROM ", err) != 0 ||
        quote_name(sql, o->schema, o->table, err) != 0 || buf_adds(sql, " AS t", err) != 0)
        return -1;
    if (o->from_page > 0) {
        if (buf_addf(sql, err, " WHERE ctid >= '(%" PRId64 ",0)'", o->from_page) != 0)
            return -1;
        word = "AND";
    }
    if (o->to_page > 0) {
        if (buf_addf(sql, err, " %s ctid < '(%" PRId64 ",0)'", word, o->to_page) != 0)
            return -1;
        word = "AND";
    }
    /* The newline ends a comment at the filter's end. */
    return o->filter != NULL ? buf_addf(sql, err, " %s (%s\n)", word, o->filter) : 0;
}

static int out_statement(struct buf *sql, const struct copy_out_options *o, int is_binary,
                         struct err *err)
{
    /* A plain COPY saves the executor's share, but knows neither children nor a filter. */
    if (o->only && o->filter == NULL && o->from_page == 0 && o->to_page == 0) {
        if (buf_adds(sql, "COPY ", err) != 0 || quote_name(sql, o->schema, o->table, err) != 0)
            return -1;
        if (o->columns.count > 0 &&
            (buf_adds(sql, " (", err) != 0 || columns_list(sql, &o->columns, err) != 0 ||
             buf_addc(sql, ')', err) != 0))
            return -1;
    } else if (buf_adds(sql, "COPY (", err) != 0 || out_select(sql, o, err) != 0 ||
               buf_addc(sql, ')', err) != 0) {
        return -1;
    }
    return buf_adds(sql, is_binary ? " TO STDOUT (FORMAT binary)" : " TO STDOUT", err);
}

int copy_out_gathers(struct conn *c, const struct copy_out_options *o, struct err *err)
{
    struct buf sql = {0};
    struct query q = {.columns = 1, .min_rows = 0};
    struct result *r = NULL;
    int rc = -1;

    if (buf_adds(&sql, "EXPLAIN (COSTS off) ", err) == 0 && out_select(&sql, o, err) == 0) {
        q.sql = sql.data;
        if ((r = query_run(c, &q, err)) != NULL)
            rc = result_rows(r) > 0 && strncmp(result_text(r, 0, 0), "Gather", 6) == 0;
    }
    result_free(r);
    buf_free(&sql);
    return rc;
}

static int source_end(struct copy_source *s, struct err *err)
{
    PGconn *raw = conn_raw(s->conn);
    PGresult *res = PQgetResult(raw);
    int rc = -1;

    if (PQresultStatus(res) != PGRES_COMMAND_OK)
        (void)conn_failure(s->conn, res, err);
    else if (tag_rows(res) != s->rows)
        err_set(err, ERR_FAILED, "the server says it sent %" PRIu64 " rows, %" PRIu64 " arrived",
                tag_rows(res), s->rows);
    else
        rc = 0;
    PQclear(res);
    conn_drain(s->conn);
    s->done = 1;
    return rc;
}

/* The server has ended the copy before its time. */
static int source_failed(struct copy_source *s, struct err *err)
{
    PGconn *raw = conn_raw(s->conn);
    PGresult *res = PQgetResult(raw);

    (void)conn_failure(s->conn, res, err);
    PQclear(res);
    conn_drain(s->conn);
    s->done = 1;
    return -1;
}

static int fill_from_text(struct copy_source *s, struct err *err)
{
    PGconn *raw = conn_raw(s->conn);

    while (s->json.len + s->text.len < s->batch_bytes) {
        char *row = NULL;
        int n = PQgetCopyData(raw, &row, 0);

        if (n == -2)
            return source_failed(s, err);
        if (n > 0) {
            int rc = buf_add(&s->text, row, (size_t)n, err);

            PQfreemem(row);
            if (rc != 0)
                return -1;
            /* The last portion of a batch is smaller, so that JSON's growth stays within it. */
            if (s->text.len < PORTION && s->json.len + 2 * s->text.len < s->batch_bytes)
                continue;
        }
        if (copytext_to_json(&s->json, &s->shape, s->text.data, s->text.len, &s->rows, err) != 0)
            return -1;
        buf_reset(&s->text);
        if (conn_check(s->conn, err) != 0)
            return -1;
        if (n == -1)
            return source_end(s, err);
    }
    return 0;
}

/* Each message is a row, converted where it stands.  A row too many is kept for the next batch. */
static int fill_from_binary(struct copy_source *s, struct err *err)
{
    PGconn *raw = conn_raw(s->conn);
    size_t checked = 0;

    while (s->json.len < s->batch_bytes) {
        char *row = NULL;
        size_t before = s->json.len;
        int n = PQgetCopyData(raw, &row, 0), rc;

        if (n == -2)
            return source_failed(s, err);
        if (n == -1) {
            /* Why it ended comes first: a COPY that failed has no trailer either. */
            if (source_end(s, err) != 0)
                return -1;
            return s->binary.ended ? 0 : err_set(err, ERR_FAILED, "the server's binary COPY data has no end");
        }
        rc = copybinary_to_json(&s->binary, &s->json, row, (size_t)n, &s->rows, err);
        PQfreemem(row);
        if (rc != 0)
            return -1;
        if (s->json.len > s->batch_bytes && before > 0) {
            s->kept = before;
            return 0;
        }
        if (s->json.len - checked >= PORTION) {
            checked = s->json.len;
            if (conn_check(s->conn, err) != 0)
                return -1;
        }
    }
    return 0;
}

static int source_next(struct row_source *self, struct row_batch *batch, struct err *err)
{
    struct copy_source *s = (struct copy_source *)(void *)self;
    uint64_t before = s->rows;

    if (s->done && s->kept == 0)
        return 0;
    if (s->kept > 0) {
        before--;
        memmove(s->json.data, s->json.data + s->kept, s->json.len - s->kept);
        s->json.len -= s->kept;
        s->kept = 0;
    } else {
        buf_reset(&s->json);
    }
    if (!s->done && (s->is_binary ? fill_from_binary(s, err) : fill_from_text(s, err)) != 0) {
        if (strcmp(err->sqlstate, "54000") == 0)
            err_hint(err, "a row of it is larger, as text, than the 1 GB that COPY can send: no tool can "
                          "save it this way; leave the table out with --exclude");
        return err->kind == ERR_INTERRUPTED ? -1 : err_prefix(err, "cannot read %s", s->title);
    }
    batch->data = s->json.data;
    batch->len = s->kept > 0 ? s->kept : s->json.len;
    batch->rows = s->rows - before - (s->kept > 0);
    batch->last = s->done && s->kept == 0;
    return batch->rows > 0;
}

static void source_free(struct row_source *self)
{
    struct copy_source *s = (struct copy_source *)(void *)self;

    if (s == NULL)
        return;
    if (!s->done && PQstatus(conn_raw(s->conn)) == CONNECTION_OK) {
        PGcancel *cancel = PQgetCancel(conn_raw(s->conn));
        char why[256];

        if (cancel != NULL && PQcancel(cancel, why, sizeof(why)) == 1)
            conn_drain(s->conn);
        PQfreeCancel(cancel);
    }
    buf_free(&s->text);
    buf_free(&s->json);
    copybinary_end(&s->binary);
    free(s->base64);
    free(s->title);
    free(s);
}

/* A copy of the marks, or NULL where there are none; -1 without memory. */
static int marks_copy(const struct copy_columns *columns, unsigned char **out, struct err *err)
{
    if (columns->base64 == NULL || columns->count == 0 ||
        memchr(columns->base64, 1, columns->count) == NULL)
        return 0;
    if ((*out = malloc(columns->count)) == NULL)
        return err_oom(err);
    memcpy(*out, columns->base64, columns->count);
    return 0;
}

static char *title_of(const char *schema, const char *table, struct err *err)
{
    struct buf b = {0};

    if (quote_pretty(&b, schema, table, err) != 0) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, err);
}

struct row_source *copy_out(struct conn *c, const struct copy_out_options *o, struct err *err)
{
    struct copy_source *s = calloc(1, sizeof(*s));
    struct buf sql = {0};
    int ok = 0;

    if (s == NULL) {
        err_oom(err);
        return NULL;
    }
    s->base.next = source_next;
    s->base.free = source_free;
    s->conn = c;
    s->done = 1; /* nothing to cancel yet */
    s->shape.columns = o->columns.count;
    s->batch_bytes = o->batch_bytes > 0 ? o->batch_bytes : BATCH;
    if (marks_copy(&o->columns, &s->base64, err) != 0 ||
        (s->title = title_of(o->schema, o->table, err)) == NULL)
        goto out;
    /* Marks are for databases without an encoding. */
    if (s->base64 == NULL && o->columns.types != NULL &&
        (s->is_binary = copybinary_start(&s->binary, o->columns.types, o->columns.count, 1, err)) < 0)
        goto out;
    if (out_statement(&sql, o, s->is_binary, err) != 0)
        goto out;
    s->shape.base64 = s->base64;
    if (start(c, sql.data, PGRES_COPY_OUT, err) != 0) {
        err_prefix(err, "cannot read %s", s->title);
        goto out;
    }
    s->done = 0;
    ok = 1;
out:
    buf_free(&sql);
    if (!ok) {
        source_free(&s->base);
        return NULL;
    }
    return &s->base;
}

/* ---- rows in ---- */

struct copy_sink {
    struct row_sink base;
    struct conn *conn;
    struct copytext_shape shape;
    unsigned char *base64;
    struct copybinary binary;
    int is_binary;
    char *title, *target; /* "COPY schema.table (columns) FROM STDIN" */
    struct buf text;
    uint64_t rows; /* of this COPY */
    int done;
};

static int sink_start(struct copy_sink *s, struct err *err)
{
    struct buf sql = {0};
    int rc = -1;

    if (buf_adds(&sql, s->target, err) == 0 &&
        (!s->is_binary || buf_adds(&sql, " (FORMAT binary)", err) == 0) &&
        start(s->conn, sql.data, PGRES_COPY_IN, err) == 0) {
        s->done = 0;
        s->rows = 0;
        rc = 0;
    }
    buf_free(&sql);
    return rc == 0 ? 0 : err_prefix(err, "cannot write %s", s->title);
}

/* The server refused a row: its error says why and where. */
static int sink_failed(struct copy_sink *s, struct err *err)
{
    PGresult *res = PQgetResult(conn_raw(s->conn));

    (void)conn_failure(s->conn, res, err);
    PQclear(res);
    conn_drain(s->conn);
    s->done = 1;
    return err_prefix(err, "cannot write %s", s->title);
}

/* Portions, for libpq keeps a second copy of each; COPY does not care where they are cut. */
static int sink_send(struct copy_sink *s, struct err *err)
{
    size_t at = 0;

    if (conn_check(s->conn, err) != 0)
        return -1;
    while (at < s->text.len) {
        size_t n = s->text.len - at < 65536 ? s->text.len - at : 65536;

        if (PQputCopyData(conn_raw(s->conn), s->text.data + at, (int)n) != 1)
            return sink_failed(s, err);
        at += n;
    }
    buf_reset(&s->text);
    return 0;
}

/* The end of this COPY: the server must have stored what it was sent. */
static int sink_end(struct copy_sink *s, struct err *err)
{
    PGconn *raw = conn_raw(s->conn);
    PGresult *res;
    uint64_t stored;

    if (s->is_binary &&
        (copybinary_finish(&s->binary, &s->text, err) != 0 || sink_send(s, err) != 0))
        return -1;
    if (PQputCopyEnd(raw, NULL) != 1)
        return sink_failed(s, err);
    res = PQgetResult(raw);
    s->done = 1;
    if (PQresultStatus(res) != PGRES_COMMAND_OK) {
        (void)conn_failure(s->conn, res, err);
        PQclear(res);
        conn_drain(s->conn);
        return err_prefix(err, "cannot write %s", s->title);
    }
    stored = tag_rows(res);
    PQclear(res);
    conn_drain(s->conn);
    if (stored != s->rows)
        return err_set(err, ERR_FAILED,
                       "%" PRIu64 " rows were sent to %s, the server stored %" PRIu64, s->rows,
                       s->title, stored);
    return 0;
}

/* The batch's rows into S->text; from the first one on that binary cannot hold, all travel as text. */
static int sink_encode(struct copy_sink *s, const struct row_batch *batch, uint64_t *rows, struct err *err)
{
    int rc;

    if (s->is_binary) {
        rc = copybinary_from_json(&s->binary, &s->text, batch->data, batch->len, rows, err);
        if (rc < 0)
            return err_prefix(err, "%s", s->title);
        if (rc == 0)
            return 0;
        if (sink_end(s, err) != 0)
            return -1;
        s->is_binary = 0;
        if (sink_start(s, err) != 0)
            return -1;
        *rows = 0;
    }
    if (copytext_from_json(&s->text, &s->shape, batch->data, batch->len, rows, err) != 0)
        return err_prefix(err, "%s", s->title);
    return 0;
}

static int sink_put(struct row_sink *self, const struct row_batch *batch, struct err *err)
{
    struct copy_sink *s = (struct copy_sink *)(void *)self;
    uint64_t rows = 0;

    buf_reset(&s->text);
    if (sink_encode(s, batch, &rows, err) != 0)
        return -1;
    if (rows != batch->rows)
        return err_set(err, ERR_BACKUP, "%s: a batch of %" PRIu64 " rows holds %" PRIu64, s->title,
                       batch->rows, rows);
    if (sink_send(s, err) != 0)
        return -1;
    s->rows += rows;
    return 0;
}

static int sink_finish(struct row_sink *self, struct err *err)
{
    return sink_end((struct copy_sink *)(void *)self, err);
}

static void sink_free(struct row_sink *self)
{
    struct copy_sink *s = (struct copy_sink *)(void *)self;

    if (s == NULL)
        return;
    if (!s->done && PQstatus(conn_raw(s->conn)) == CONNECTION_OK &&
        PQputCopyEnd(conn_raw(s->conn), "abandoned") == 1)
        conn_drain(s->conn);
    buf_free(&s->text);
    copybinary_end(&s->binary);
    free(s->base64);
    free(s->title);
    free(s->target);
    free(s);
}

struct row_sink *copy_in(struct conn *c, const struct copy_in_options *o, struct err *err)
{
    struct copy_sink *s = calloc(1, sizeof(*s));
    struct buf sql = {0};
    int ok = 0;

    if (s == NULL) {
        err_oom(err);
        return NULL;
    }
    s->base.put = sink_put;
    s->base.finish = sink_finish;
    s->base.free = sink_free;
    s->conn = c;
    s->done = 1;
    s->shape.columns = o->columns.count;
    if (marks_copy(&o->columns, &s->base64, err) != 0 ||
        (s->title = title_of(o->schema, o->table, err)) == NULL ||
        buf_adds(&sql, "COPY ", err) != 0 || quote_name(&sql, o->schema, o->table, err) != 0)
        goto out;
    if (o->columns.count > 0 &&
        (buf_adds(&sql, " (", err) != 0 || columns_list(&sql, &o->columns, err) != 0 ||
         buf_addc(&sql, ')', err) != 0))
        goto out;
    if (buf_adds(&sql, " FROM STDIN", err) != 0 || (s->target = buf_take(&sql, err)) == NULL)
        goto out;
    s->shape.base64 = s->base64;
    if (s->base64 == NULL && o->columns.types != NULL &&
        (s->is_binary = copybinary_start(&s->binary, o->columns.types, o->columns.count, 0, err)) < 0)
        goto out;
    if (sink_start(s, err) != 0)
        goto out;
    ok = 1;
out:
    buf_free(&sql);
    if (!ok) {
        sink_free(&s->base);
        return NULL;
    }
    return &s->base;
}
