#include "migration/cut.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "script/function.h"
#include "script/statement.h"

enum transaction { TRANSACTION_NOT, TRANSACTION_BEGIN, TRANSACTION_END };

static enum transaction transaction(const struct statement *s)
{
    const char *kind =
        json_string_value(json_object_get(json_object_get(s->tree, "TransactionStmt"), "kind"));

    if (kind == NULL)
        return TRANSACTION_NOT;
    if (strcmp(kind, "TRANS_STMT_BEGIN") == 0 || strcmp(kind, "TRANS_STMT_START") == 0)
        return TRANSACTION_BEGIN;
    return strcmp(kind, "TRANS_STMT_COMMIT") == 0 ? TRANSACTION_END : TRANSACTION_NOT;
}

/* Behind the statement's semicolon. */
static size_t end_of(const struct script *s, const struct statement *st)
{
    size_t at = st->offset + st->len;

    if (st->copy_data != NULL) {
        at = (size_t)(st->copy_data - s->text) + st->copy_len;
        if (at < s->len && strncmp(s->text + at, "\\.", 2) == 0)
            at += 2;
        return at;
    }
    while (at < s->len && strchr(" \t\r\n", s->text[at]) != NULL)
        at++;
    return at < s->len && s->text[at] == ';' ? at + 1 : st->offset + st->len;
}

/* Functions that are called for their answer alone.  Of the others that destroy nothing, many are called
 * for what they do: set_config, pg_advisory_xact_lock, pg_notify. */
static int only_answers(const char *schema, const char *name)
{
    static const char *const doers[] = {"set_config", "setseed", "setval", "nextval", "txid_current", "dblink", "lo_"};
    static const char *const readers[] = {"pg_get_", "pg_table_", "pg_total_", "pg_relation_", "pg_indexes_",
                                          "pg_size_", "pg_typeof"};
    size_t i;

    if (!function_harmless(schema, name))
        return 0;
    for (i = 0; i < sizeof(doers) / sizeof(doers[0]); i++) {
        if (strncmp(name, doers[i], strlen(doers[i])) == 0)
            return 0;
    }
    for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (strncmp(name, readers[i], strlen(readers[i])) == 0)
            return 1;
    }
    return strncmp(name, "pg_", 3) != 0;
}

static const char *name_at(const json_t *names, size_t i)
{
    return json_string_value(
        json_object_get(json_object_get(json_array_get(names, i), "String"), "sval"));
}

static int acts(const json_t *call)
{
    const json_t *names = json_object_get(call, "funcname");
    size_t n = json_array_size(names);
    const char *name = n > 0 ? name_at(names, n - 1) : NULL;

    return name == NULL || !only_answers(n > 1 ? name_at(names, n - 2) : NULL, name);
}

static int calls_something(json_t *node)
{
    const char *key;
    json_t *value;
    size_t i;

    if (json_is_array(node)) {
        json_array_foreach(node, i, value)
        {
            if (calls_something(value))
                return 1;
        }
        return 0;
    }
    value = json_object_get(node, "FuncCall");
    if (value != NULL && acts(value))
        return 1;
    for (void *it = json_object_iter(node); it != NULL;
         it = json_object_iter_next(node, it)) {
        key = json_object_iter_key(it);
        value = json_object_iter_value(it);
        if (key != NULL && (json_is_object(value) || json_is_array(value)) && calls_something(value))
            return 1;
    }
    return 0;
}

/* A SELECT that only answers has no use in a script: the migration asked the database something, and
 * got no answer while it was rendered. */
static int is_bare_select(const struct statement *s)
{
    json_t *select = json_object_get(s->tree, "SelectStmt");

    return select != NULL && json_object_get(select, "intoClause") == NULL &&
           json_object_get(select, "withClause") == NULL && !calls_something(select);
}

struct cutter {
    const struct cut_request *r;
    const struct script *s;
    char **rows;          /* as the version statements so far make them */
    size_t at;            /* the current cut */
    size_t from;          /* where its text goes on */
    int open;             /* in a transaction */
    int own;              /* some revision ends transactions itself, and may leave one COMMIT too many */
    int started;          /* a statement of the current cut was seen */
    struct version_name *seen;
    struct buf *why;
    struct err *err;
};

/* The text between FROM and TO goes into the current body. */
static int take(struct cutter *c, size_t to)
{
    int rc = 0;

    if (c->at < c->r->ncuts && to > c->from)
        rc = buf_add(&c->r->cuts[c->at].body, c->s->text + c->from, to - c->from, c->err);
    c->from = to;
    return rc;
}

static int odd(struct cutter *c, const struct statement *s, const char *what)
{
    return buf_addf(c->why, c->err, "line %d of the rendered SQL: %s", s->line, what) != 0 ? -1 : 1;
}

static int note_name(struct cutter *c, const char *schema, const char *table)
{
    if (c->seen->table != NULL)
        return 0;
    c->seen->table = strdup(table);
    if (schema != NULL)
        c->seen->schema = strdup(schema);
    return c->seen->table == NULL || (schema != NULL && c->seen->schema == NULL) ? err_oom(c->err) : 0;
}

/* Does the list of ids at S, up to END, hold ID? */
static int lists(const char *s, const char *end, const char *id)
{
    size_t n = strlen(id);

    while (s < end) {
        size_t len = 0;

        while (s + len < end && s[len] != ',' && s[len] != ' ')
            len++;
        if (len == n && memcmp(s, id, n) == 0)
            return 1;
        s += len;
        while (s < end && (*s == ',' || *s == ' '))
            s++;
    }
    return 0;
}

/* "-- Running upgrade a -> b, message", "-- Running downgrade b, c -> a": of BODY's comments of this kind,
 * is none REVISION's?  A migration can print one, so that others beside its own mean nothing. */
static int comments_differ(const struct buf *body, const char *revision)
{
    static const char mark[] = "-- Running ", up[] = "upgrade ", down[] = "downgrade ", arrow[] = " -> ";
    const char *s = body->data;
    int others = 0;

    for (; s != NULL && *s != '\0'; s = strchr(s, '\n')) {
        const char *end, *from, *to;

        s += *s == '\n';
        if (strncmp(s, mark, sizeof(mark) - 1) != 0)
            continue;
        end = s + strcspn(s, "\r\n");
        from = s + sizeof(mark) - 1;
        to = strstr(from, arrow);
        if (to == NULL || to > end)
            continue;
        if (strncmp(from, down, sizeof(down) - 1) == 0) {
            if (lists(from + sizeof(down) - 1, to, revision))
                return 0;
            others = 1;
        } else if (strncmp(from, up, sizeof(up) - 1) == 0) {
            /* behind the id comes ", message" */
            if (lists(to + sizeof(arrow) - 1, end, revision))
                return 0;
            others = 1;
        }
    }
    return others;
}

static int version(struct cutter *c, const struct statement *s, const struct route_op *op)
{
    struct cut *cut;
    int rc;

    if (c->at == c->r->ncuts)
        return odd(c, s, "a change of the version table behind the last revision");
    cut = &c->r->cuts[c->at];
    rc = rows_apply(&c->rows, op, c->err);
    if (rc != 0)
        return rc < 0 ? -1 : odd(c, s, "a change of the version table that does not fit its rows");
    if (!c->started)
        cut->wrapped = c->open;
    c->started = 1;
    if (take(c, s->offset) != 0 ||
        buf_add(&cut->versions, c->s->text + s->offset, s->len, c->err) != 0 ||
        buf_adds(&cut->versions, ";\n\n", c->err) != 0)
        return -1;
    c->from = end_of(c->s, s);
    if (rows_equal(c->rows, cut->after)) {
        if (cut->revision != NULL && comments_differ(&cut->body, cut->revision))
            return odd(c, s, "Alembic's comments above it name other revisions than the version table");
        cut->left_open = c->open;
        c->at++;
        c->started = 0;
    }
    return 0;
}

/* BEGIN and COMMIT between revisions are Alembic's; those within one are an autocommit block's. */
static int boundary(struct cutter *c, size_t i)
{
    const struct statement *s = &c->s->statements[i];
    enum transaction kind = transaction(s);
    int next_begins = i + 1 < c->s->count &&
                      transaction(&c->s->statements[i + 1]) == TRANSACTION_BEGIN;
    int last = c->at == c->r->ncuts;

    if (kind == TRANSACTION_NOT || c->started)
        return 0;
    if (kind == TRANSACTION_END && !next_begins && !last)
        return 0; /* an autocommit block opens its revision */
    c->open = kind == TRANSACTION_BEGIN;
    if (c->open && !last && c->at > 0)
        c->r->cuts[c->at].begins = 1;
    if (take(c, s->offset) != 0)
        return -1;
    c->from = end_of(c->s, s);
    return 1;
}

/* The server's version table stays, as it does when Alembic runs online. */
static int leave_out(struct cutter *c, const struct statement *s)
{
    if (take(c, s->offset) != 0)
        return -1;
    c->from = end_of(c->s, s);
    return 0;
}

static int statement(struct cutter *c, size_t i)
{
    const struct statement *s = &c->s->statements[i];
    const char *schema, *table;
    struct route_op op;
    int rc = boundary(c, i);

    if (rc != 0)
        return rc < 0 ? -1 : 0;
    switch (version_statement(s, c->r->name, &op, &schema, &table)) {
    case VERSION_OP:
        if (note_name(c, schema, table) != 0)
            return -1;
        return version(c, s, &op);
    case VERSION_CREATE:
        if (c->r->keep_create && c->at == 0)
            break;
        return leave_out(c, s);
    case VERSION_DROP:
        return leave_out(c, s);
    case VERSION_ODD:
        return odd(c, s, "a change of the version table that is not Alembic's");
    case VERSION_NOT:
        break;
    }
    if (c->at == c->r->ncuts)
        return odd(c, s, "a statement behind the last revision's");
    if (!c->started)
        c->r->cuts[c->at].wrapped = c->open;
    c->started = 1;
    if (transaction(s) != TRANSACTION_NOT) {
        c->r->cuts[c->at].autocommit = 1;
        c->own = 1;
        c->open = transaction(s) == TRANSACTION_BEGIN;
    }
    if (s->unknown != NULL && c->r->cuts[c->at].unknown_line == 0)
        c->r->cuts[c->at].unknown_line = s->line;
    if (is_bare_select(s) && c->r->cuts[c->at].select_line == 0)
        c->r->cuts[c->at].select_line = s->line;
    return 0;
}

int cut_run(const struct cut_request *r, struct version_name *seen, struct buf *why,
            struct err *err)
{
    struct cutter c = {r, r->script, NULL, 0, 0, 0, 0, 0, seen, why, err};
    int rc = -1;

    c.rows = rows_copy(r->before, err);
    if (c.rows == NULL)
        return -1;
    for (size_t i = 0; i < r->script->count; i++) {
        rc = statement(&c, i);
        if (rc != 0)
            goto out;
    }
    rc = 0;
    if (c.at < r->ncuts)
        rc = buf_addf(why, err, "the SQL ends before the version table does what revision %zu of %zu "
                      "should do", c.at + 1, r->ncuts) != 0 ? -1 : 1;
    else if (c.open || (!r->script->balanced && !c.own))
        rc = buf_adds(why, "a BEGIN without its COMMIT", err) != 0 ? -1 : 1;
out:
    rows_free(c.rows);
    return rc;
}

void cut_free(struct cut *cuts, size_t n)
{
    if (cuts == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        buf_wipe(&cuts[i].body);
        buf_wipe(&cuts[i].versions);
    }
    free(cuts);
}
