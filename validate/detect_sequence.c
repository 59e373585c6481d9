/* Sequences set back: numbers that exist are given out again. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/detect.h"
#include "validate/inquiry.h"
#include "validate/probe.h"

static const char sequence_sql[] =
#include "validate/sql/facts_sequence.sql.h"
    ;

/* Where a statement sets a sequence. */
struct setting {
    int at_start;       /* RESTART without a number: where it was made to start */
    int known;          /* NEXT is the number that comes next */
    int after;          /* the number was said to be given out already: the one behind it */
    long long next;
};

/* A number in a tree: Integer, Float (a large one), a constant, with or without its sign. */
static int number(const json_t *node, long long *out)
{
    const json_t *constant = node_as(node, "A_Const"), *minus = node_as(node, "A_Expr");
    const json_t *cast = node_as(node, "TypeCast");
    const char *text;
    char *end;

    if (cast != NULL)
        return number(node_get(cast, "arg"), out);
    if (minus != NULL && node_get(minus, "lexpr") == NULL &&
        node_string(node_at(node_get(minus, "name"), 0)) != NULL &&
        strcmp(node_string(node_at(node_get(minus, "name"), 0)), "-") == 0) {
        if (!number(node_get(minus, "rexpr"), out))
            return 0;
        *out = -*out;
        return 1;
    }
    if (constant != NULL && node_get(constant, "ival") != NULL) {
        *out = node_int(node_get(constant, "ival"), "ival");
        return 1;
    }
    if (node_as(node, "Integer") != NULL) {
        *out = node_int(node_as(node, "Integer"), "ival");
        return 1;
    }
    text = constant != NULL ? node_name(node_get(constant, "fval"), "fval")
                            : node_name(node_as(node, "Float"), "fval");
    if (text == NULL)
        return 0;
    *out = strtoll(text, &end, 10);
    return *end == '\0';
}

/* RESTART [WITH n] in a list of DefElem. */
static int restarts(const json_t *options, struct setting *s)
{
    size_t i;

    for (i = 0; i < node_count(options); i++) {
        const json_t *option = node_as(node_at(options, i), "DefElem");

        if (!node_is(option, "defname", "restart"))
            continue;
        s->at_start = node_get(option, "arg") == NULL;
        s->known = number(node_get(option, "arg"), &s->next);
        return 1;
    }
    return 0;
}

/* setval(sequence, n [, is_called]) */
static int sets(const json_t *call, struct setting *s)
{
    const json_t *args = node_get(call, "args"), *third = node_as(node_at(args, 2), "A_Const");

    s->known = number(node_at(args, 1), &s->next);
    if (node_count(args) < 3)
        s->after = 1;
    else if (third == NULL || node_get(third, "boolval") == NULL)
        s->known = 0;
    else
        s->after = node_true(node_get(third, "boolval"), "boolval");
    return 1;
}

/* What draws from the sequence, or NULL: offline, not there. */
static struct result *users_of(struct inquiry *q, const struct effect *e, const char *column)
{
    struct query query = {.sql = sequence_sql, .nparams = 3, .columns = 11};
    uint32_t oid = q->closure == NULL ? 0 : closure_relation(q->closure, e);
    struct buf relation = {0};
    const char *params[3];
    struct result *r = NULL;

    if (oid == 0 || q->conn == NULL)
        return NULL;
    if (buf_addf(&relation, q->err, "%u", oid) < 0) {
        q->failed = 1;
        return NULL;
    }
    params[0] = column == NULL ? relation.data : "0";
    params[1] = column == NULL ? "0" : relation.data;
    params[2] = column == NULL ? "" : column;
    query.params = params;
    if ((r = query_run(q->conn, &query, q->err)) == NULL)
        q->failed = 1;
    buf_free(&relation);
    return r;
}

/* Rows of the column in ROW that the sequence comes to again. */
static void measure(struct inquiry *q, long index, const struct result *r, int row, long long next,
                    const char *verb, const char *sequence)
{
    struct catalog_table t = {.oid = (uint32_t)result_int(r, row, 4),
                              .schema = (char *)(uintptr_t)result_text(r, row, 5),
                              .name = (char *)(uintptr_t)result_text(r, row, 6),
                              .kind = result_text(r, row, 7)[0],
                              .rows = result_double(r, row, 9),
                              .bytes = result_int(r, row, 10)};
    int down = result_int(r, row, 3) < 0;
    struct buf b = {0};

    probe_subject(q, index, verb, sequence);
    probe_what(q, index, "hold a number that it comes to again: INSERTs collide, or two rows get one number");
    if (buf_adds(&b, "SELECT count(*), count(*) FILTER (WHERE ", q->err) < 0 ||
        quote_ident(&b, result_text(r, row, 8), q->err) < 0 ||
        buf_addf(&b, q->err, " %s %lld)", down ? "<=" : ">=", next) < 0 ||
        probe_from(&b, &t, 0, NULL, q->err) < 0)
        q->failed = 1;
    else
        probe_set(q, index, PROBE_VIOLATION, &b, &t, -1);
    inquiry_probe(q, index)->later = 1;
    buf_free(&b);
}

static void raise_for(struct inquiry *q, const struct effect *e, const char *column,
                      const struct setting *set, const char *verb)
{
    struct result *r = users_of(q, e, column);
    char *object = NULL, *fallback = inquiry_object(q, e);
    struct setting s = *set;
    struct buf b = {0};
    long index;
    int row, rows = r == NULL ? 0 : result_rows(r);

    if (fallback == NULL)
        goto out;
    if (rows > 0) {
        if (buf_addf(&b, q->err, "%s.%s", result_text(r, 0, 0), result_text(r, 0, 1)) < 0 ||
            (object = buf_take(&b, q->err)) == NULL) {
            q->failed = 1;
            goto out;
        }
        if (s.at_start) {
            s.next = result_int(r, 0, 2);
            s.known = 1;
        } else if (s.after && s.known) {
            s.next += result_int(r, 0, 3);
        }
        s.after = 0;
    }
    for (row = 0; row == 0 || row < rows; row++) {
        const char *name = object != NULL ? object : fallback;

        if (s.known || s.at_start)
            index = inquiry_raise(q, "sequence-reset", e, name,
                                  "%s %s: numbers that exist may be given out again (not measured)",
                                  verb, name);
        else
            index = inquiry_raise(q, "sequence-reset", e, name,
                                  "%s %s: to where is known when it runs", verb, name);
        if (index < 0)
            break;
        if (!s.known && !s.at_start && inquiry_finding(q, index)->severity > SEVERITY_LOW)
            inquiry_finding(q, index)->severity = SEVERITY_LOW;
        if (rows > 0 && s.known && result_text(r, row, 4) != NULL)
            measure(q, index, r, row, s.next, verb, name);
    }
out:
    result_free(r);
    free(object);
    free(fallback);
    buf_free(&b);
}

void detect_sequence(struct inquiry *q, const struct effect *e)
{
    struct setting s = {0};
    const char *detail = e->detail == NULL ? "" : e->detail;

    if ((e->flags & (EFFECT_OWN | EFFECT_GONE)) != 0)
        return;
    if (e->kind == EFFECT_OTHER && strcmp(detail, "AlterSeqStmt") == 0) {
        if (restarts(node_get(e->node, "options"), &s))
            raise_for(q, e, NULL, &s, "RESTART of");
    } else if (e->kind == EFFECT_ALTER_TABLE_OTHER && strcmp(detail, "AT_SetIdentity") == 0) {
        if (restarts(node_get(node_as(node_get(e->node, "def"), "List"), "items"), &s))
            raise_for(q, e, e->column_on_server != NULL ? e->column_on_server : e->column, &s,
                      "RESTART of");
    } else if (e->kind == EFFECT_OTHER && strncmp(detail, "setval", 6) == 0) {
        if (!sets(e->node, &s))
            return;
        /* By pg_get_serial_sequence, the effect names the table and its column. */
        raise_for(q, e, e->column, &s, "setval of");
    }
}
