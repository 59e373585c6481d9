#include "script/parse.h"

#include <pg_query.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"

/* Deep expressions recurse once per level: an ordinary stack overflows long before 1 MiB of text. */
#define STACK_BYTES ((size_t)512 * 1024 * 1024)
#define WORTH_A_THREAD 256

/* Text of this length cannot nest deeply enough to hurt an ordinary stack (a level takes two
 * characters at least, and about 1 kB of stack); a thread of its own would cost more than the work. */
#define SHALLOW_BYTES 2048

/* Run FN(ARG) on a thread with a deep stack; returns when it has ended.  -1: no thread. */
static int run_deep(void *(*fn)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    if (pthread_attr_init(&attr) != 0)
        return -1;
    rc = pthread_attr_setstacksize(&attr, STACK_BYTES);
    if (rc == 0)
        rc = pthread_create(&thread, &attr, fn, arg);
    (void)pthread_attr_destroy(&attr);
    if (rc != 0)
        return -1;
    return pthread_join(thread, NULL) == 0 ? 0 : -1;
}

/* ---- protobuf, as far as the wire format goes ---- */

struct wire {
    const unsigned char *p, *end;
};

struct wire_field {
    uint32_t number;
    int type;
    const unsigned char *start;          /* of the tag */
    const unsigned char *value;          /* of the payload */
    size_t len;                          /* of the payload (type 2) */
    uint64_t varint;
    const unsigned char *end;
};

static int wire_varint(struct wire *w, uint64_t *out)
{
    uint64_t v = 0;
    unsigned shift = 0;

    while (w->p < w->end && shift < 64) {
        unsigned char c = *w->p++;

        v |= (uint64_t)(c & 0x7f) << shift;
        if ((c & 0x80) == 0) {
            *out = v;
            return 0;
        }
        shift += 7;
    }
    return -1;
}

/* 1: a field; 0: the end; -1: not protobuf. */
static int wire_next(struct wire *w, struct wire_field *f)
{
    uint64_t tag;

    if (w->p >= w->end)
        return 0;
    memset(f, 0, sizeof(*f));
    f->start = w->p;
    if (wire_varint(w, &tag) < 0)
        return -1;
    f->number = (uint32_t)(tag >> 3);
    f->type = (int)(tag & 7);
    f->value = w->p;
    switch (f->type) {
    case 0:
        if (wire_varint(w, &f->varint) < 0)
            return -1;
        break;
    case 1:
        if (w->end - w->p < 8)
            return -1;
        w->p += 8;
        break;
    case 2:
        if (wire_varint(w, &f->varint) < 0 || f->varint > (uint64_t)(w->end - w->p))
            return -1;
        f->value = w->p;
        f->len = (size_t)f->varint;
        w->p += f->len;
        break;
    case 5:
        if (w->end - w->p < 4)
            return -1;
        w->p += 4;
        break;
    default:
        return -1;
    }
    f->end = w->p;
    return 1;
}

/* ---- the lexer ---- */

int parse_scan(const char *text, struct parse_tokens *tokens, struct err *err)
{
    PgQueryScanResult scan = pg_query_scan(text);
    struct wire w, inner;
    struct wire_field f, g;
    size_t cap = 0;
    int rc = -1, more;

    memset(tokens, 0, sizeof(*tokens));
    if (scan.error != NULL) {
        if (scan.error->cursorpos > 0)
            tokens->at = (size_t)scan.error->cursorpos - 1;
        (void)err_set(err, ERR_FAILED, "%s", scan.error->message);
        goto out;
    }
    w.p = (const unsigned char *)scan.pbuf.data;
    w.end = w.p + scan.pbuf.len;
    while ((more = wire_next(&w, &f)) > 0) {
        struct parse_token t = {0, 0, 0};

        if (f.number != 2 || f.type != 2)
            continue;
        inner.p = f.value;
        inner.end = f.value + f.len;
        while ((more = wire_next(&inner, &g)) > 0) {
            if (g.number == 1)
                t.start = (uint32_t)g.varint;
            else if (g.number == 2)
                t.end = (uint32_t)g.varint;
            else if (g.number == 5)
                t.keyword = (int)g.varint;
        }
        if (more < 0)
            break;
        if (tokens->count == cap) {
            size_t want = cap == 0 ? 1024 : cap * 2;
            struct parse_token *grown = realloc(tokens->items, want * sizeof(*grown));

            if (grown == NULL) {
                (void)err_oom(err);
                goto out;
            }
            tokens->items = grown;
            cap = want;
        }
        tokens->items[tokens->count++] = t;
    }
    if (more < 0) {
        (void)err_set(err, ERR_FAILED, "the SQL scanner's answer cannot be read");
        goto out;
    }
    rc = 0;
out:
    pg_query_free_scan_result(scan);
    if (rc < 0) {
        size_t at = tokens->at;

        parse_tokens_free(tokens);
        tokens->at = at;
    }
    return rc;
}

void parse_tokens_free(struct parse_tokens *tokens)
{
    free(tokens->items);
    memset(tokens, 0, sizeof(*tokens));
}

/* ---- the parser ---- */

/* The parser quotes the token at fault, which may be a value. */
static char *without_literals(const char *message)
{
    static const char at[] = " at or near \"'";
    const char *p = strstr(message, at);
    struct err err = {0};
    struct buf b = {0};

    if (p == NULL)
        return strdup(message);
    if (buf_add(&b, message, (size_t)(p - message), &err) < 0 ||
        buf_adds(&b, " at or near a literal", &err) < 0) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, &err);
}

static void parse_one(struct parse_item *item)
{
    PgQueryParseResult r;
    json_error_t je;
    json_t *root = NULL, *stmts, *stmt;

    if (item->len > PARSE_MAX) {
        item->problem = strdup("longer than 1 MiB: not parsed");
        return;
    }
    if (strlen(item->text) != item->len) {
        item->problem = strdup("holds a NUL byte");
        return;
    }
    r = pg_query_parse(item->text);
    if (r.error != NULL) {
        item->problem = without_literals(r.error->message);
        item->at = r.error->cursorpos > 0 ? (size_t)r.error->cursorpos : 0;
        goto out;
    }
    if ((root = json_loads(r.parse_tree, JSON_ALLOW_NUL, &je)) == NULL) {
        item->problem = strdup(json_error_code(&je) == json_error_stack_overflow
                                   ? "nested too deeply to be judged"
                                   : "its text is not valid UTF-8");
        goto out;
    }
    stmts = json_object_get(root, "stmts");
    if (json_array_size(stmts) != 1 ||
        (stmt = json_object_get(json_array_get(stmts, 0), "stmt")) == NULL) {
        item->problem = strdup("not one statement");
        goto out;
    }
    item->tree = json_incref(stmt);
out:
    json_decref(root);
    pg_query_free_parse_result(r);
}

struct span {
    struct parse_item *items;
    size_t n, first, step;
};

static void *parse_span(void *arg)
{
    struct span *s = arg;
    size_t i;

    for (i = s->first; i < s->n; i += s->step)
        parse_one(&s->items[i]);
    return NULL;
}

struct pair {
    struct span spans[2];
};

static void *parse_span_outer(void *arg)
{
    struct pair *p = arg;
    pthread_attr_t attr;
    pthread_t other;
    int started = 0;

    if (pthread_attr_init(&attr) == 0) {
        if (pthread_attr_setstacksize(&attr, STACK_BYTES) == 0)
            started = pthread_create(&other, &attr, parse_span, &p->spans[1]) == 0;
        (void)pthread_attr_destroy(&attr);
    }
    (void)parse_span(&p->spans[0]);
    if (started)
        (void)pthread_join(other, NULL);
    else
        (void)parse_span(&p->spans[1]);
    return NULL;
}

int parse_all(struct parse_item *items, size_t n, struct err *err)
{
    struct pair pair = {{{items, n, 0, 1}, {items, n, 0, 1}}};
    int rc;
    size_t i;

    if (n == 0)
        return 0;
    if (n >= WORTH_A_THREAD && sysconf(_SC_NPROCESSORS_ONLN) > 1) {
        /* Chunks, not every other one: neighbours of one size would all land on one thread. */
        pair.spans[0].n = n / 2;
        pair.spans[1].first = n / 2;
        rc = run_deep(parse_span_outer, &pair);
    } else if (n == 1 && items[0].len <= SHALLOW_BYTES) {
        (void)parse_span(&pair.spans[0]);
        rc = 0;
    } else {
        rc = run_deep(parse_span, &pair.spans[0]);
    }
    if (rc < 0)
        return err_set(err, ERR_FAILED, "cannot start a thread with a 512 MiB stack to parse SQL");
    for (i = 0; i < n; i++)
        if (items[i].tree == NULL && items[i].problem == NULL)
            return err_oom(err);
    return 0;
}

struct plpgsql {
    const char *create;
    json_t *out;
};

static void *read_plpgsql(void *arg)
{
    struct plpgsql *p = arg;
    PgQueryPlpgsqlParseResult r = pg_query_parse_plpgsql(p->create);

    if (r.error == NULL && r.plpgsql_funcs != NULL)
        p->out = json_loads(r.plpgsql_funcs, JSON_ALLOW_NUL, NULL);
    pg_query_free_plpgsql_parse_result(r);
    return NULL;
}

json_t *parse_plpgsql(const char *create)
{
    struct plpgsql p = {create, NULL};

    if (strlen(create) > PARSE_MAX || run_deep(read_plpgsql, &p) < 0)
        return NULL;
    return p.out;
}

/* Is this token a string constant of any spelling ('x', E'x', U&'x', B'1', $tag$x$tag$)? */
static int is_string(const char *p, size_t len)
{
    if (len > 2 && (p[0] == 'U' || p[0] == 'u') && p[1] == '&')
        return p[2] == '\'';
    if (len > 1 && strchr("EeBbXxNn", p[0]) != NULL && p[1] == '\'')
        return 1;
    /* $1 is a parameter, $tag$ and $$ open a string. */
    return len > 0 && (p[0] == '\'' || (p[0] == '$' && len > 1 && (p[1] < '0' || p[1] > '9')));
}

static int is_comment(const char *p, size_t len)
{
    return len > 1 && ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*'));
}

/* Is there anything that may be a string or a comment?  A dollar before a digit is a parameter. */
static int is_bare(const char *sql)
{
    const char *p;

    for (p = sql; (p = strpbrk(p, "'$-/")) != NULL; p++)
        if (*p == '\'' || (*p == '$' && (p[1] < '0' || p[1] > '9')) || (*p == '-' && p[1] == '-') ||
            (*p == '/' && p[1] == '*'))
            return 0;
    return 1;
}

static char *without_strings(const char *sql)
{
    struct parse_tokens tokens = {NULL, 0, 0};
    struct err err = {0};
    struct buf b = {0};
    size_t i, at = 0;
    char *out = NULL;

    if (is_bare(sql))
        return strdup(sql);
    if (parse_scan(sql, &tokens, &err) < 0)
        goto out;
    for (i = 0; i < tokens.count; i++) {
        const struct parse_token *t = &tokens.items[i];
        const char *with = NULL;

        if (is_comment(sql + t->start, t->end - t->start))
            with = "";
        else if (is_string(sql + t->start, t->end - t->start))
            with = "'...'";
        if (with == NULL)
            continue;
        if (buf_add(&b, sql + at, t->start - at, &err) < 0 || buf_adds(&b, with, &err) < 0)
            goto out;
        at = t->end;
    }
    if (buf_adds(&b, sql + at, &err) < 0)
        goto out;
    out = buf_take(&b, &err);
out:
    parse_tokens_free(&tokens);
    buf_free(&b);
    return out;
}

/* Every character of TOKEN becomes a dot, but for line breaks. */
static void blacken(char *out, const char *from, const char *to, size_t *at)
{
    for (; from < to; from++)
        if (*from == '\n' || *from == '\r' || *from == '\t')
            out[(*at)++] = *from;
        else if (((unsigned char)*from & 0xc0) != 0x80)
            out[(*at)++] = '.';
}

char *parse_mask(const char *sql)
{
    struct parse_tokens tokens = {NULL, 0, 0};
    struct err err = {0};
    char *out = malloc(strlen(sql) + 1);
    size_t i, at = 0, to = 0;

    if (out == NULL || parse_scan(sql, &tokens, &err) < 0) {
        free(out);
        out = NULL;
        goto out;
    }
    for (i = 0; i < tokens.count; i++) {
        const struct parse_token *t = &tokens.items[i];
        const char *p = sql + t->start;
        size_t n = t->end - t->start;

        memcpy(out + to, sql + at, t->start - at);
        to += t->start - at;
        at = t->end;
        if (is_comment(p, n) || is_string(p, n) || (*p >= '0' && *p <= '9')) {
            blacken(out, p, p + n, &to);
            continue;
        }
        memcpy(out + to, p, n);
        to += n;
    }
    memcpy(out + to, sql + at, strlen(sql + at) + 1);
out:
    parse_tokens_free(&tokens);
    return out;
}

struct normal {
    const char *sql;
    char *out;
};

static void *normalize(void *arg)
{
    struct normal *n = arg;
    PgQueryNormalizeResult r = pg_query_normalize(n->sql);

    /* libpg_query replaces the constants of queries; those of DDL, function bodies and comments
     * are left to us. */
    if (r.error == NULL && r.normalized_query != NULL)
        n->out = without_strings(r.normalized_query);
    pg_query_free_normalize_result(r);
    return NULL;
}

char *parse_normalize(const char *sql)
{
    struct normal n = {sql, NULL};

    size_t len = strlen(sql);

    if (len <= SHALLOW_BYTES)
        (void)normalize(&n);
    else if (len > PARSE_MAX || run_deep(normalize, &n) < 0)
        return NULL;
    return n.out;
}

/* ---- the deparser ----
 *
 * The JSON tree and the protobuf tree are two prints of the same structure: the same fields in the
 * same order, both without what is empty.  So a path found by identity in the one is a path by
 * position in the other, and no table of field numbers is needed.  Where the two do not pair up, the
 * answer is "cannot".
 */

#define PATH_MAX_STEPS 512

struct path {
    struct {
        size_t field;   /* the how-manyth present field */
        size_t fields;  /* of how many */
        size_t element; /* of a list; 0 otherwise */
    } steps[PATH_MAX_STEPS];
    size_t n;
};

/* Find NODE below FROM, which is an object. */
static int path_find(const json_t *from, const json_t *node, struct path *path)
{
    void *it;
    json_t *object;
    size_t field = 0, fields = json_object_size(from);

    if (path->n == PATH_MAX_STEPS)
        return -1;
    /* jansson iterates in the order of insertion; the interface wants a mutable object. */
    memcpy(&object, &from, sizeof(object));
    for (it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
        const json_t *value = json_object_iter_value(it);
        size_t at = path->n, i;

        path->steps[at].field = field++;
        path->steps[at].fields = fields;
        path->steps[at].element = 0;
        path->n = at + 1;
        if (json_is_object(value)) {
            if (value == node || path_find(value, node, path) == 0)
                return 0;
        } else if (json_is_array(value)) {
            for (i = 0; i < json_array_size(value); i++) {
                const json_t *element = json_array_get(value, i);

                path->steps[at].element = i;
                path->n = at + 1;
                if (element == node ||
                    (json_is_object(element) && path_find(element, node, path) == 0))
                    return 0;
            }
        }
        path->n = at;
    }
    return -1;
}

/* Step I of PATH within the message [p, end): the field it leads to. */
static int path_step(const struct path *path, size_t i, struct wire w, struct wire_field *found)
{
    struct wire_field f;
    uint32_t last = 0;
    size_t field = 0, element = 0, fields = 0;
    int more, hit = 0;

    while ((more = wire_next(&w, &f)) > 0) {
        if (f.number != last) {
            if (f.number < last)
                return -1;
            last = f.number;
            field = fields++;
            element = 0;
        } else {
            element++;
        }
        if (field == path->steps[i].field && element == path->steps[i].element) {
            *found = f;
            hit = 1;
        }
    }
    return more == 0 && hit && fields == path->steps[i].fields && found->type == 2 ? 0 : -1;
}

static int add_varint(struct buf *b, uint64_t v, struct err *err)
{
    while (v >= 0x80) {
        if (buf_addc(b, (char)(unsigned char)(v | 0x80), err) < 0)
            return -1;
        v >>= 7;
    }
    return buf_addc(b, (char)(unsigned char)v, err);
}

/* The message W with what PATH leads to replaced by WITH, or left out where WITH is NULL. */
static int splice(const struct path *path, size_t i, struct wire w, const struct buf *with,
                  struct buf *out, struct err *err)
{
    struct wire_field f;
    struct wire inner;
    struct buf b = {0};
    int rc = -1;

    if (path_step(path, i, w, &f) < 0)
        return -1;
    if (buf_add(out, w.p, (size_t)(f.start - w.p), err) < 0)
        goto out;
    if (i + 1 < path->n) {
        inner.p = f.value;
        inner.end = f.value + f.len;
        if (splice(path, i + 1, inner, with, &b, err) < 0)
            goto out;
    } else if (with == NULL) {
        goto rest;
    } else if (buf_add(&b, with->data, with->len, err) < 0) {
        goto out;
    }
    if (add_varint(out, (uint64_t)f.number << 3 | 2, err) < 0 ||
        add_varint(out, b.len, err) < 0 || buf_add(out, b.data, b.len, err) < 0)
        goto out;
rest:
    if (buf_add(out, f.end, (size_t)(w.end - f.end), err) < 0)
        goto out;
    rc = 0;
out:
    buf_free(&b);
    return rc;
}

/* The bytes of what PATH leads to. */
static int extract(const struct path *path, struct wire w, struct wire *found)
{
    struct wire_field f;
    size_t i;

    for (i = 0; i < path->n; i++) {
        if (path_step(path, i, w, &f) < 0)
            return -1;
        w.p = f.value;
        w.end = f.value + f.len;
    }
    *found = w;
    return 0;
}

/* Path to NODE from the ParseResult: stmts[0].stmt, then within the Node. */
static int path_from_root(const json_t *tree, const json_t *node, struct path *path)
{
    /* ParseResult{version, stmts}; RawStmt{stmt [, stmt_location, stmt_len]}: how many fields a
     * RawStmt has depends on a semicolon; the texts that come here have none. */
    path->steps[0].field = 1;
    path->steps[0].fields = 2;
    path->steps[0].element = 0;
    path->steps[1].field = 0;
    path->steps[1].fields = 1;
    path->steps[1].element = 0;
    path->n = 2;
    return node == tree ? 0 : path_find(tree, node, path);
}

enum deparse_want { WANT_EXPRESSION, WANT_TYPE, WANT_FROM, WANT_QUERY, WANT_CTE, WANT_WITHOUT };

struct deparse {
    const char *sql;
    const json_t *tree, *node;
    enum deparse_want want;
    char *out;
};

static char *deparse_bytes(const struct buf *b)
{
    PgQueryProtobuf pbuf = {b->len, b->data};
    PgQueryDeparseResult r = pg_query_deparse_protobuf(pbuf);
    char *out = NULL;

    if (r.error == NULL && r.query != NULL)
        out = strdup(r.query);
    pg_query_free_deparse_result(r);
    return out;
}

/* A statement with a place for the part, and what the deparser prints around it. */
static const struct template {
    const char *sql, *before, *after;
} templates[] = {
    [WANT_EXPRESSION] = {"SELECT NULL", "SELECT ", ""},
    [WANT_TYPE] = {"SELECT NULL::x", "SELECT NULL::", ""},
    [WANT_FROM] = {"SELECT NULL FROM x", "SELECT NULL FROM ", ""},
    [WANT_QUERY] = {"SELECT NULL", "", ""},
    [WANT_CTE] = {"WITH x AS (SELECT NULL) SELECT NULL", "WITH ", " SELECT NULL"},
};

/* The template's place for it; NULL: none. */
static const json_t *template_place(enum deparse_want want, const json_t *tree)
{
    const json_t *select = json_object_get(tree, "SelectStmt");
    const json_t *target = json_object_get(
        json_array_get(json_object_get(select, "targetList"), 0), "ResTarget");

    switch ((int)want) {
    case WANT_EXPRESSION:
        return json_object_get(target, "val");
    case WANT_TYPE:
        return json_object_get(json_object_get(json_object_get(target, "val"), "TypeCast"),
                               "typeName");
    case WANT_FROM:
        return json_array_get(json_object_get(select, "fromClause"), 0);
    case WANT_CTE:
        return json_array_get(json_object_get(json_object_get(select, "withClause"), "ctes"), 0);
    default:
        return tree;
    }
}

/* Put PART in the place of the template's, and print that. */
static char *deparse_in_template(enum deparse_want want, const struct buf *part)
{
    const struct template *t = &templates[want];
    struct parse_item item = {.text = t->sql, .len = strlen(t->sql)};
    PgQueryProtobufParseResult r = pg_query_parse_protobuf(t->sql);
    struct path *path = calloc(1, sizeof(*path));
    struct buf b = {0};
    struct err err = {0};
    const json_t *place;
    char *whole = NULL, *out = NULL;
    size_t len, before = strlen(t->before), after = strlen(t->after);
    struct wire w;

    parse_one(&item);
    if (r.error != NULL || path == NULL || item.tree == NULL)
        goto out;
    place = template_place(want, item.tree);
    if (place == NULL || path_from_root(item.tree, place, path) < 0)
        goto out;
    w.p = (const unsigned char *)r.parse_tree.data;
    w.end = w.p + r.parse_tree.len;
    if (splice(path, 0, w, part, &b, &err) < 0 || (whole = deparse_bytes(&b)) == NULL)
        goto out;
    len = strlen(whole);
    if (len > before + after && strncmp(whole, t->before, before) == 0 &&
        strcmp(whole + len - after, t->after) == 0)
        out = strndup(whole + before, len - before - after);
out:
    free(whole);
    free(path);
    free(item.problem);
    json_decref(item.tree);
    buf_free(&b);
    pg_query_free_protobuf_parse_result(r);
    return out;
}

static void *deparse(void *arg)
{
    struct deparse *d = arg;
    PgQueryProtobufParseResult r = pg_query_parse_protobuf(d->sql);
    struct path *path = calloc(1, sizeof(*path));
    struct err err = {0};
    struct buf b = {0};
    struct wire w, found;

    if (r.error != NULL || path == NULL || path_from_root(d->tree, d->node, path) < 0)
        goto out;
    w.p = (const unsigned char *)r.parse_tree.data;
    w.end = w.p + r.parse_tree.len;
    if (d->want == WANT_WITHOUT) {
        if (splice(path, 0, w, NULL, &b, &err) == 0)
            d->out = deparse_bytes(&b);
        goto out;
    }
    if (extract(path, w, &found) < 0 ||
        buf_add(&b, found.p, (size_t)(found.end - found.p), &err) < 0)
        goto out;
    d->out = deparse_in_template(d->want, &b);
out:
    free(path);
    buf_free(&b);
    pg_query_free_protobuf_parse_result(r);
    return NULL;
}

static char *deparse_run(const char *sql, const json_t *tree, const json_t *node,
                         enum deparse_want want)
{
    struct deparse d = {sql, tree, node, want, NULL};

    if (tree == NULL || node == NULL)
        return NULL;
    if (strlen(sql) <= SHALLOW_BYTES)
        (void)deparse(&d);
    else if (run_deep(deparse, &d) < 0)
        return NULL;
    return d.out;
}

char *parse_deparse_expression(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_EXPRESSION);
}

char *parse_deparse_type(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_TYPE);
}

char *parse_deparse_from(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_FROM);
}

char *parse_deparse_query(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_QUERY);
}

char *parse_deparse_cte(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_CTE);
}

char *parse_deparse_without(const char *sql, const json_t *tree, const json_t *node)
{
    return deparse_run(sql, tree, node, WANT_WITHOUT);
}
