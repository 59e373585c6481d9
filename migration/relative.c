/* Relative symbols: "-1", "label@+2", "ae10-3"; and the targets of a downgrade and an upgrade. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "migration/history.h"
#include "migration/symbol.h"

/* A walk can end where there is nothing. */
#define NOWHERE (-2)

struct relative {
    char *label, *symbol; /* or NULL */
    long steps;
    int negative;         /* "-0" is not */
};

static int is_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c >= 0x80;
}

/* (\w+)?([+-]\d+) at P, matched at the start only.  Length of the word, or -1. */
static long tail(const char *p)
{
    size_t n = 0;

    while (is_word((unsigned char)p[n]))
        n++;
    if ((p[n] != '+' && p[n] != '-') || p[n + 1] < '0' || p[n + 1] > '9')
        return -1;
    return (long)n;
}

/* Where the word of a relative REV starts, NULL: REV is absolute.  (?:(.+?)@)? in front. */
static const char *relative_tail(const char *rev)
{
    for (const char *at = strchr(rev, '@'); at != NULL; at = strchr(at + 1, '@')) {
        if (at > rev && tail(at + 1) >= 0)
            return at + 1;
    }
    return tail(rev) >= 0 ? rev : NULL;
}

int symbol_is_relative(const char *rev)
{
    return relative_tail(rev) != NULL;
}

/* 1: relative, 0: absolute. */
static int relative_read(const char *rev, struct relative *r, struct err *err)
{
    const char *word = relative_tail(rev);
    long n;

    memset(r, 0, sizeof(*r));
    if (word == NULL)
        return 0;
    n = tail(word);
    r->steps = strtol(word + n, NULL, 10);
    if (r->steps > 1000000)
        r->steps = 1000000;
    if (r->steps < -1000000)
        r->steps = -1000000;
    if (word != rev)
        r->label = strndup(rev, (size_t)(word - 1 - rev));
    if (n > 0)
        r->symbol = strndup(word, (size_t)n);
    if ((word != rev && r->label == NULL) || (n > 0 && r->symbol == NULL)) {
        free(r->label);
        free(r->symbol);
        (void)err_oom(err);
        return -1;
    }
    return 1;
}

static int no_such_steps(long steps, struct err *err)
{
    (void)err_set(err, ERR_USAGE, "relative revision %+ld: there are not %ld migrations to go", steps,
                  steps < 0 ? -steps : steps);
    return -1;
}

/* Alembic's _walk.  *AT: a node, SYMBOL_BASE or NOWHERE; FLOOR: the walk has come down to base, which
 * for Alembic is not the same as having started at None. */
static int walk(const struct history *h, int start, long steps, const char *label, int *at,
                struct err *err)
{
    long left = steps < 0 ? -steps : steps;
    int floor = 0;

    *at = start;
    for (; left > 0; left--) {
        struct symbol_nodes next = {0}, kept = {0};
        int rc = 0, to = NOWHERE;
        size_t count;

        if (steps > 0) {
            const int *list = *at == SYMBOL_BASE ? h->bases : h->nodes[*at].next;
            size_t n = *at == SYMBOL_BASE ? h->nbases : h->nodes[*at].nnext;

            for (size_t i = 0; i < n && rc == 0; i++)
                rc = symbol_nodes_add(&next, symbol_current(h, list[i]), err);
            if (rc == 0 && label != NULL && label[0] != '\0') {
                rc = symbol_lineage(h, &next, label, &kept, err);
                symbol_nodes_free(&next);
                next = kept;
            }
        } else if (!floor) {
            const int *list = *at == SYMBOL_BASE ? h->heads : h->nodes[*at].down;
            size_t n = *at == SYMBOL_BASE ? h->nheads : h->nodes[*at].ndown;

            for (size_t i = 0; i < n && rc == 0; i++)
                rc = symbol_nodes_add(&next, symbol_current(h, list[i]), err);
            if (rc == 0 && n == 0) {
                floor = 1;
                rc = symbol_nodes_add(&next, SYMBOL_BASE, err);
            }
        }
        count = next.count;
        if (count > 0)
            to = next.items[0];
        symbol_nodes_free(&next);
        if (rc != 0)
            return -1;
        if (count == 0) {
            *at = NOWHERE;
            return 0;
        }
        if (count > 1) {
            (void)err_set(err, ERR_USAGE, "ambiguous walk: %s has %zu revisions %s it",
                          *at == SYMBOL_BASE ? "base" : history_id(h, *at), count,
                          steps > 0 ? "above" : "below");
            err_hint(err, "name the revision itself");
            return -1;
        }
        *at = to;
    }
    return 0;
}

/* The rows that share a line with LABEL; where none does, what is applied and not below anything
 * applied.  Exactly one. */
static int row_on_branch(const struct history *h, char *const *rows, const char *label, int *node,
                         struct err *err)
{
    struct symbol_nodes nodes = {0}, found = {0}, tops = {0};
    unsigned char *mark = NULL, *above = NULL;
    int rc = -1;

    if (symbol_rows(h, rows, &nodes, err) != 0 || symbol_lineage(h, &nodes, label, &found, err) != 0)
        goto out;
    if (found.count == 0) {
        mark = calloc(h->count + 1, 1);
        above = calloc(h->count + 1, 1);
        if (mark == NULL || above == NULL) {
            (void)err_oom(err);
            goto out;
        }
        if (history_reach(h, nodes.items, nodes.count, EDGE_PARENTS, mark, err) != 0)
            goto out;
        for (size_t i = 0; i < h->count; i++) {
            int covered = 0;

            if (!mark[i])
                continue;
            memset(above, 0, h->count);
            if (history_reach(h, (int[]){(int)i}, 1, EDGE_NEXT, above, err) != 0)
                goto out;
            for (size_t k = 0; k < h->count && !covered; k++)
                covered = k != i && mark[k] && above[k];
            if (!covered && symbol_nodes_add(&tops, (int)i, err) != 0)
                goto out;
        }
        if (symbol_lineage(h, &tops, label, &found, err) != 0)
            goto out;
    }
    if (found.count != 1) {
        (void)err_set(err, ERR_USAGE, "%s of the version rows is on branch '%s'",
                      found.count == 0 ? "none" : "more than one", label);
        goto out;
    }
    *node = found.items[0];
    rc = 0;
out:
    symbol_nodes_free(&nodes);
    symbol_nodes_free(&found);
    symbol_nodes_free(&tops);
    free(mark);
    free(above);
    return rc;
}

/* get_revision(SYMBOL), or of LABEL@SYMBOL. */
static int start_of(const struct history *h, const char *label, const char *symbol, int *node,
                    struct err *err)
{
    struct buf name = {0};
    int rc = -1;

    if ((label == NULL ? buf_adds(&name, symbol, err)
                       : buf_addf(&name, err, "%s@%s", label, symbol)) == 0)
        rc = symbol_one(h, name.data, node, err);
    buf_free(&name);
    return rc;
}

static int relative_down(const struct history *h, char *const *rows, struct relative *r,
                         struct symbol_down *out, struct err *err)
{
    int start, at, from_rows = r->symbol == NULL;

    if (r->steps >= 0) {
        if (from_rows)
            return no_such_steps(r->steps, err);
        if (symbol_one(h, r->symbol, &start, err) != 0 ||
            walk(h, start, r->steps, r->label, &at, err) != 0)
            return -1;
        if (at == NOWHERE || (at == SYMBOL_BASE && r->steps == 0))
            return err_set(err, ERR_USAGE, "walked too far: %s%+ld is outside of the history",
                           r->symbol, r->steps);
    } else {
        if (from_rows && r->label != NULL) {
            if (row_on_branch(h, rows, r->label, &start, err) != 0)
                return -1;
            r->symbol = strdup(history_id(h, start));
        } else if (from_rows) {
            if (rows[0] == NULL)
                return no_such_steps(r->steps, err);
            if (rows[1] != NULL)
                log_warn("%+ld from several version rows is ambiguous: it starts at %s, the row that "
                         "the database gives first", r->steps, rows[0]);
            r->symbol = strdup(rows[0]);
            r->label = strdup(rows[0]);
            if (r->label == NULL)
                return err_oom(err);
        }
        if (r->symbol == NULL)
            return err_oom(err);
        if (start_of(h, r->label, r->symbol, &start, err) != 0 ||
            walk(h, start, r->steps, NULL, &at, err) != 0)
            return -1;
        if (at == NOWHERE)
            return from_rows ? no_such_steps(r->steps, err)
                             : err_set(err, ERR_USAGE,
                                       "walked too far: %s%+ld is outside of the history", r->symbol,
                                       r->steps);
    }
    out->node = at;
    out->branch = r->label;
    r->label = NULL;
    return 0;
}

int symbol_down(const struct history *h, char *const *rows, const char *rev, struct symbol_down *out,
                struct err *err)
{
    struct relative r;
    const char *at = strrchr(rev, '@');
    int rc = relative_read(rev, &r, err);

    memset(out, 0, sizeof(*out));
    if (rc < 0)
        return -1;
    if (rc > 0) {
        rc = relative_down(h, rows, &r, out, err);
        free(r.label);
        free(r.symbol);
        return rc;
    }
    if (at != NULL && at > rev) {
        out->branch = strndup(rev, (size_t)(at - rev));
        if (out->branch == NULL)
            return err_oom(err);
    }
    rc = symbol_one(h, at != NULL ? at + 1 : rev, &out->node, err);
    if (rc != 0) {
        free(out->branch);
        out->branch = NULL;
    }
    return rc;
}

/* Of what is applied on LABEL's line, that above which nothing applied lies. */
static int tips_on_branch(const struct history *h, const struct symbol_nodes *rows,
                          const char *label, struct symbol_nodes *out, struct err *err)
{
    struct symbol_nodes active = {0}, kept = {0};
    unsigned char *mark = calloc(h->count + 1, 1);
    int rc = -1;

    if (mark == NULL)
        return err_oom(err);
    if (history_reach(h, rows->items, rows->count, EDGE_PARENTS, mark, err) != 0)
        goto out;
    for (size_t i = 0; i < h->count; i++) {
        if (mark[i] && symbol_nodes_add(&active, (int)i, err) != 0)
            goto out;
    }
    if (symbol_lineage(h, &active, label, &kept, err) != 0)
        goto out;
    memset(mark, 0, h->count);
    for (size_t i = 0; i < kept.count; i++) {
        const struct history_node *n = &h->nodes[kept.items[i]];

        for (size_t k = 0; k < n->nparents; k++)
            mark[n->parents[k]] = 1;
    }
    for (size_t i = 0; i < kept.count; i++) {
        if (!mark[kept.items[i]] && symbol_nodes_add(out, kept.items[i], err) != 0)
            goto out;
    }
    rc = 0;
out:
    symbol_nodes_free(&active);
    symbol_nodes_free(&kept);
    free(mark);
    return rc;
}

static int relative_up(const struct history *h, char *const *rows, const struct relative *r,
                       struct symbol_nodes *out, struct err *err)
{
    struct symbol_nodes nodes = {0}, starts = {0};
    int start = SYMBOL_BASE, at, rc = -1;

    if (r->steps <= 0) {
        if (r->symbol == NULL)
            return no_such_steps(r->steps, err);
        if (start_of(h, r->label, r->symbol, &start, err) != 0 ||
            walk(h, start, r->steps, NULL, &at, err) != 0)
            return -1;
    } else if (r->symbol != NULL) {
        if (symbol_one(h, r->symbol, &start, err) != 0 || walk(h, start, r->steps, r->label, &at, err) != 0)
            return -1;
    } else {
        if (r->label != NULL) {
            if (symbol_rows(h, rows, &nodes, err) != 0 ||
                symbol_lineage(h, &nodes, r->label, &starts, err) != 0 ||
                (starts.count == 0 && tips_on_branch(h, &nodes, r->label, &starts, err) != 0))
                goto out;
            if (starts.count > 1)
                at = NOWHERE;
            else if (starts.count == 1)
                start = starts.items[0];
        } else if (rows[0] != NULL) {
            if (rows[1] != NULL)
                starts.count = 2;
            else if (symbol_one(h, rows[0], &start, err) != 0)
                goto out;
        }
        if (starts.count > 1) {
            starts.count = starts.items != NULL ? starts.count : 0;
            (void)err_set(err, ERR_USAGE, "ambiguous upgrade: %+ld from several version rows",
                          r->steps);
            err_hint(err, "name the branch, as in LABEL@%+ld", r->steps);
            goto out;
        }
        if (walk(h, start, r->steps, r->label, &at, err) != 0)
            goto out;
        if (at == NOWHERE) {
            (void)no_such_steps(r->steps, err);
            goto out;
        }
    }
    /* Alembic stops with an assertion here */
    if (at < 0)
        (void)err_set(err, ERR_USAGE, "walked too far: %s%+ld is no revision to go up to",
                      r->symbol != NULL ? r->symbol : "", r->steps);
    else
        rc = symbol_nodes_add(out, at, err);
out:
    symbol_nodes_free(&nodes);
    symbol_nodes_free(&starts);
    return rc;
}

int symbol_up(const struct history *h, char *const *rows, const char *rev, struct symbol_nodes *out,
              struct err *err)
{
    struct relative r;
    int rc = relative_read(rev, &r, err);

    if (rc < 0)
        return -1;
    if (rc == 0)
        return symbol_revisions(h, rev, out, err);
    rc = relative_up(h, rows, &r, out, err);
    free(r.label);
    free(r.symbol);
    return rc;
}
