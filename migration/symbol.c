#include "migration/symbol.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "migration/history.h"

/* A walk can end where there is nothing. */
#define NOWHERE (-2)

void symbol_nodes_free(struct symbol_nodes *n)
{
    free(n->items);
    n->items = NULL;
    n->count = 0;
}

static int push(struct symbol_nodes *n, int node, struct err *err)
{
    int *more = realloc(n->items, (n->count + 1) * sizeof(*more));

    if (more == NULL)
        return err_oom(err);
    n->items = more;
    more[n->count++] = node;
    return 0;
}

/* Alembic's _resolve_revision_number: either a literal name, or nodes; and a label. */
struct resolved {
    const char *literal;  /* borrowed */
    struct symbol_nodes nodes;
    char *label;
};

static void resolved_free(struct resolved *r)
{
    symbol_nodes_free(&r->nodes);
    free(r->label);
    r->label = NULL;
}

static int lineage(const struct history *h, const struct symbol_nodes *targets, const char *against,
                   struct symbol_nodes *out, struct err *err);

static int multiple_heads(const struct history *h, const struct symbol_nodes *n, const char *rev,
                          struct err *err)
{
    (void)err_set(err, ERR_USAGE, "'%s' means %zu heads: %s and %s%s", rev, n->count,
                  history_id(h, n->items[0]), history_id(h, n->items[1]),
                  n->count > 2 ? ", ..." : "");
    err_hint(err, "name one of them, or a branch as in LABEL@head, or all with heads");
    return -1;
}

/* The node of an id of the history, through the map: a shadowed one gives way. */
static int current(const struct history *h, int node)
{
    return history_find(h, history_id(h, node));
}

static int resolve(const struct history *h, const char *rev, struct resolved *r, struct err *err)
{
    const char *at = rev != NULL ? strchr(rev, '@') : NULL;
    struct symbol_nodes heads = {0};
    int rc = -1;

    memset(r, 0, sizeof(*r));
    if (at != NULL) {
        r->label = strndup(rev, (size_t)(at - rev));
        if (r->label == NULL)
            return err_oom(err);
        rev = at + 1;
    }
    if (rev == NULL || strcmp(rev, "base") == 0)
        return 0;
    if (strcmp(rev, "heads") != 0 && strcmp(rev, "head") != 0) {
        r->literal = rev;
        return 0;
    }
    if (strcmp(rev, "heads") == 0 && r->label == NULL) {
        for (size_t i = 0; i < h->nreal_heads; i++) {
            if (push(&r->nodes, current(h, h->real_heads[i]), err) != 0)
                goto out;
        }
        rc = 0;
        goto out;
    }
    for (size_t i = 0; i < h->nheads; i++) {
        if (push(&heads, current(h, h->heads[i]), err) != 0)
            goto out;
    }
    if (r->label != NULL && r->label[0] != '\0') {
        if (lineage(h, &heads, r->label, &r->nodes, err) != 0)
            goto out;
    } else {
        r->nodes = heads;
        memset(&heads, 0, sizeof(heads));
    }
    if (strcmp(rev, "head") == 0 && r->nodes.count > 1) {
        (void)multiple_heads(h, &r->nodes, at != NULL ? at - (at - rev) : rev, err);
        goto out;
    }
    rc = 0;
out:
    symbol_nodes_free(&heads);
    if (rc != 0)
        resolved_free(r);
    return rc;
}

/* 1 if A and B are on one line of down_revisions. */
static int share(const struct history *h, const int *a, size_t n, unsigned char **mark,
                 struct err *err)
{
    *mark = calloc(h->count + 1, 1);
    if (*mark == NULL)
        return err_oom(err);
    if (history_reach(h, a, n, EDGE_NEXT, *mark, err) == 0) {
        unsigned char *down = calloc(h->count + 1, 1);

        if (down == NULL)
            (void)err_oom(err);
        else if (history_reach(h, a, n, EDGE_DOWN, down, err) == 0) {
            for (size_t i = 0; i < h->count; i++)
                (*mark)[i] |= down[i];
            free(down);
            return 0;
        }
        free(down);
    }
    free(*mark);
    *mark = NULL;
    return -1;
}

static int ident(const struct history *h, const char *name, const char *label, int *node,
                 struct err *err);

int symbol_branch(const struct history *h, const char *label, int *node, struct err *err)
{
    struct err why = {0};

    *node = history_find(h, label);
    if (*node >= 0 || ident(h, label, NULL, node, &why) == 0)
        return 0;
    (void)err_set(err, ERR_USAGE, "no such branch: '%s'", label);
    return -1;
}

/* Alembic counts characters. */
static size_t characters(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* Keys (ids and labels) longer than three characters that start with NAME, on LABEL's line. */
static int partial(const struct history *h, const char *name, const char *label,
                   struct symbol_nodes *found, struct buf *names, struct err *err)
{
    struct symbol_nodes all = {0}, kept = {0};
    size_t len = strlen(name);
    int rc = -1;

    for (size_t i = 0; i < h->nkeys; i++) {
        const struct history_key *k = &h->keys[i];

        if (strncmp(k->name, name, len) != 0 || characters(k->name) <= 3)
            continue;
        if (all.count < 3 &&
            buf_addf(names, err, "%s'%s'", all.count > 0 ? ", " : "", k->name) != 0)
            goto out;
        if (push(&all, k->node, err) != 0)
            goto out;
    }
    if (label != NULL) {
        if (lineage(h, &all, label, &kept, err) != 0)
            goto out;
        *found = kept;
        memset(&kept, 0, sizeof(kept));
    } else {
        *found = all;
        memset(&all, 0, sizeof(all));
    }
    rc = 0;
out:
    symbol_nodes_free(&all);
    symbol_nodes_free(&kept);
    return rc;
}

/* Alembic's _revision_for_ident.  NAME NULL: base. */
static int ident(const struct history *h, const char *name, const char *label, int *node,
                 struct err *err)
{
    struct symbol_nodes found = {0};
    struct buf names = {0};
    unsigned char *mark = NULL;
    int branch = SYMBOL_BASE, rc = -1;

    if (label != NULL && label[0] == '\0')
        label = NULL;
    if (label != NULL && symbol_branch(h, label, &branch, err) != 0)
        return -1;
    *node = SYMBOL_BASE;
    if (name == NULL)
        return 0;
    *node = history_find(h, name);
    if (*node < 0) {
        if (name[0] == '\0')
            return err_set(err, ERR_USAGE, "an empty revision");
        if (partial(h, name, label, &found, &names, err) != 0)
            goto out;
        if (found.count == 0) {
            (void)err_set(err, ERR_USAGE, "no such revision or branch: '%s'", name);
            err_hint(err, "`alembic history` or `mig-validate history` lists them");
            goto out;
        }
        if (found.count > 1) {
            (void)err_set(err, ERR_USAGE, "%zu revisions start with '%s': %s%s", found.count, name,
                          names.data, found.count > 3 ? ", ..." : "");
            goto out;
        }
        *node = found.items[0];
    }
    if (label != NULL) {
        int own = current(h, *node);

        if (share(h, &own, 1, &mark, err) != 0)
            goto out;
        if (!mark[current(h, branch)]) {
            (void)err_set(err, ERR_USAGE, "revision %s is not a member of branch '%s'",
                          history_id(h, *node), label);
            goto out;
        }
    }
    rc = 0;
out:
    symbol_nodes_free(&found);
    buf_free(&names);
    free(mark);
    return rc;
}

/* Alembic's filter_for_lineage: the TARGETS that share a line with what AGAINST names. */
static int lineage(const struct history *h, const struct symbol_nodes *targets, const char *against,
                   struct symbol_nodes *out, struct err *err)
{
    struct symbol_nodes tests = {0};
    struct resolved r;
    unsigned char *mark = NULL;
    int node, rc = -1;

    if (resolve(h, against, &r, err) != 0)
        return -1;
    if (targets->count == 0) {
        rc = 0;
        goto out;
    }
    if (r.label != NULL && r.label[0] != '\0') {
        if (ident(h, r.label, NULL, &node, err) != 0 || push(&tests, node, err) != 0)
            goto out;
    }
    if (r.literal != NULL) {
        if (ident(h, r.literal, NULL, &node, err) != 0 || push(&tests, node, err) != 0)
            goto out;
    }
    for (size_t i = 0; i < r.nodes.count; i++) {
        if (push(&tests, r.nodes.items[i], err) != 0)
            goto out;
    }
    if (tests.count > 0 && share(h, tests.items, tests.count, &mark, err) != 0)
        goto out;
    for (size_t i = 0; i < targets->count; i++) {
        if ((mark == NULL || mark[targets->items[i]]) && push(out, targets->items[i], err) != 0)
            goto out;
    }
    rc = 0;
out:
    resolved_free(&r);
    symbol_nodes_free(&tests);
    free(mark);
    return rc;
}

int symbol_revisions(const struct history *h, const char *rev, struct symbol_nodes *out,
                     struct err *err)
{
    struct resolved r;
    int node, rc = -1;

    if (resolve(h, rev, &r, err) != 0)
        return -1;
    if (r.literal != NULL) {
        if (ident(h, r.literal, r.label, &node, err) != 0 || push(out, node, err) != 0)
            goto out;
    }
    for (size_t i = 0; i < r.nodes.count; i++) {
        if (ident(h, history_id(h, r.nodes.items[i]), r.label, &node, err) != 0 ||
            push(out, node, err) != 0)
            goto out;
    }
    rc = 0;
out:
    resolved_free(&r);
    return rc;
}

int symbol_rows(const struct history *h, char *const *rows, struct symbol_nodes *out,
                struct err *err)
{
    for (; *rows != NULL; rows++) {
        if (symbol_revisions(h, *rows, out, err) != 0)
            return -1;
    }
    return 0;
}

/* Alembic's get_revision: one at most. */
static int one(const struct history *h, const char *rev, int *node, struct err *err)
{
    struct resolved r;
    int rc = -1;

    if (resolve(h, rev, &r, err) != 0)
        return -1;
    if (r.nodes.count > 1)
        (void)multiple_heads(h, &r.nodes, rev, err);
    else if (r.nodes.count == 1)
        rc = ident(h, history_id(h, r.nodes.items[0]), r.label, node, err);
    else
        rc = ident(h, r.literal, r.label, node, err);
    resolved_free(&r);
    return rc;
}

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
        return err_oom(err);
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
                rc = push(&next, current(h, list[i]), err);
            if (rc == 0 && label != NULL && label[0] != '\0') {
                rc = lineage(h, &next, label, &kept, err);
                symbol_nodes_free(&next);
                next = kept;
            }
        } else if (!floor) {
            const int *list = *at == SYMBOL_BASE ? h->heads : h->nodes[*at].down;
            size_t n = *at == SYMBOL_BASE ? h->nheads : h->nodes[*at].ndown;

            for (size_t i = 0; i < n && rc == 0; i++)
                rc = push(&next, current(h, list[i]), err);
            if (rc == 0 && n == 0) {
                floor = 1;
                rc = push(&next, SYMBOL_BASE, err);
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

    if (symbol_rows(h, rows, &nodes, err) != 0 || lineage(h, &nodes, label, &found, err) != 0)
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
            if (!covered && push(&tops, (int)i, err) != 0)
                goto out;
        }
        if (lineage(h, &tops, label, &found, err) != 0)
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
        rc = one(h, name.data, node, err);
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
        if (one(h, r->symbol, &start, err) != 0 ||
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
    rc = one(h, at != NULL ? at + 1 : rev, &out->node, err);
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
        if (mark[i] && push(&active, (int)i, err) != 0)
            goto out;
    }
    if (lineage(h, &active, label, &kept, err) != 0)
        goto out;
    memset(mark, 0, h->count);
    for (size_t i = 0; i < kept.count; i++) {
        const struct history_node *n = &h->nodes[kept.items[i]];

        for (size_t k = 0; k < n->nparents; k++)
            mark[n->parents[k]] = 1;
    }
    for (size_t i = 0; i < kept.count; i++) {
        if (!mark[kept.items[i]] && push(out, kept.items[i], err) != 0)
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
        if (one(h, r->symbol, &start, err) != 0 || walk(h, start, r->steps, r->label, &at, err) != 0)
            return -1;
    } else {
        if (r->label != NULL) {
            if (symbol_rows(h, rows, &nodes, err) != 0 ||
                lineage(h, &nodes, r->label, &starts, err) != 0 ||
                (starts.count == 0 && tips_on_branch(h, &nodes, r->label, &starts, err) != 0))
                goto out;
            if (starts.count > 1)
                at = NOWHERE;
            else if (starts.count == 1)
                start = starts.items[0];
        } else if (rows[0] != NULL) {
            if (rows[1] != NULL)
                starts.count = 2;
            else if (one(h, rows[0], &start, err) != 0)
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
        rc = push(out, at, err);
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
