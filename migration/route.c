#include "migration/route.h"

#include <stdlib.h>
#include <string.h>

#include "migration/history.h"
#include "migration/revision.h"

static int push(struct symbol_nodes *n, int node, struct err *err)
{
    int *more;

    if ((n->count & (n->count - 1)) == 0) {
        more = realloc(n->items, (n->count > 0 ? n->count * 2 : 1) * sizeof(*more));
        if (more == NULL)
            return err_oom(err);
        n->items = more;
    }
    n->items[n->count++] = node;
    return 0;
}

static unsigned char *marks(const struct history *h, struct err *err)
{
    unsigned char *m = calloc(h->count + 1, 1);

    if (m == NULL)
        (void)err_oom(err);
    return m;
}

static int contains(const struct symbol_nodes *n, int node)
{
    for (size_t i = 0; i < n->count; i++) {
        if (n->items[i] == node)
            return 1;
    }
    return 0;
}

/* Alembic's _topological_sort, step by step, so that ties fall as they do there. */
struct sorter {
    const struct history *h;
    unsigned char *todo;
    struct symbol_nodes heads;
    unsigned char **ancestors; /* one per head */
    size_t room;
};

static int add_head(struct sorter *s, size_t at, int node, struct err *err)
{
    unsigned char *m = marks(s->h, err);

    if (m == NULL)
        return -1;
    if (history_reach(s->h, &node, 1, EDGE_PARENTS, m, err) != 0) {
        free(m);
        return -1;
    }
    if (at == s->heads.count) {
        unsigned char **more = realloc(s->ancestors, (at + 1) * sizeof(*more));

        if (more == NULL || push(&s->heads, node, err) != 0) {
            if (more != NULL)
                s->ancestors = more;
            free(m);
            return err_oom(err);
        }
        s->ancestors = more;
    } else {
        free(s->ancestors[at]);
        s->heads.items[at] = node;
    }
    s->ancestors[at] = m;
    return 0;
}

static void drop_head(struct sorter *s, size_t at)
{
    free(s->ancestors[at]);
    for (size_t i = at; i + 1 < s->heads.count; i++) {
        s->heads.items[i] = s->heads.items[i + 1];
        s->ancestors[i] = s->ancestors[i + 1];
    }
    s->heads.count--;
}

static int emit(struct sorter *s, size_t *at, struct symbol_nodes *out, struct err *err)
{
    int node = s->heads.items[*at];
    const struct history_node *n = &s->h->nodes[node];
    struct symbol_nodes more = {0};
    int rc = -1;

    if (s->todo[node]) {
        s->todo[node] = 0;
        if (push(out, node, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < n->nparents; i++) {
        int p = n->parents[i];

        if (s->todo[p] && !contains(&s->heads, p) && push(&more, p, err) != 0)
            goto out;
    }
    if (more.count == 0) {
        drop_head(s, *at);
        *at = *at > 0 ? *at - 1 : 0;
    } else if (n->nnormal == 0 && n->ndown == 1) {
        s->heads.items[*at] = more.items[0];
        s->ancestors[*at][node] = 0;
    } else {
        for (size_t i = 0; i < more.count; i++) {
            if (add_head(s, i == 0 ? *at : s->heads.count, more.items[i], err) != 0)
                goto out;
        }
    }
    rc = 0;
out:
    symbol_nodes_free(&more);
    return rc;
}

/* The nodes in TODO, those that depend on others first; HEADS is where to begin. */
static int sort(const struct history *h, const unsigned char *todo,
                const struct symbol_nodes *heads, struct symbol_nodes *out, struct err *err)
{
    struct sorter s = {h, NULL, {0}, NULL, 0};
    struct symbol_nodes start = {0};
    size_t at = 0;
    int rc = -1;

    s.todo = marks(h, err);
    if (s.todo == NULL)
        return -1;
    memcpy(s.todo, todo, h->count);
    for (size_t i = 0; i < heads->count; i++) {
        if (heads->items[i] >= 0 && todo[heads->items[i]] && !contains(&start, heads->items[i]) &&
            push(&start, heads->items[i], err) != 0)
            goto out;
    }
    for (size_t i = 1; i < start.count; i++) {
        for (size_t k = i; k > 0 && h->order[start.items[k]] < h->order[start.items[k - 1]]; k--) {
            int t = start.items[k];

            start.items[k] = start.items[k - 1];
            start.items[k - 1] = t;
        }
    }
    for (size_t i = 0; i < start.count; i++) {
        if (add_head(&s, i, start.items[i], err) != 0)
            goto out;
    }
    while (s.heads.count > 0) {
        size_t other = 0;

        while (other < s.heads.count &&
               (other == at || !s.ancestors[other][s.heads.items[at]]))
            other++;
        if (other < s.heads.count)
            at = other;
        else if (emit(&s, &at, out, err) != 0)
            goto out;
    }
    for (size_t i = 0; i < h->count; i++) {
        if (s.todo[i]) {
            (void)err_set(err, ERR_FAILED, "revision %s cannot be put in order", history_id(h, (int)i));
            goto out;
        }
    }
    rc = 0;
out:
    while (s.heads.count > 0)
        drop_head(&s, s.heads.count - 1);
    symbol_nodes_free(&s.heads);
    symbol_nodes_free(&start);
    free(s.ancestors);
    free(s.todo);
    return rc;
}

/* Where a downgrade to TARGET begins: the bases, or what stands on TARGET, restricted to a branch. */
static int down_roots(const struct history *h, const struct symbol_down *target,
                      struct symbol_nodes *roots, struct err *err)
{
    unsigned char *line = NULL;
    size_t entries = 0, kept = 0;
    int branch, rc = -1;

    if (target->node == SYMBOL_BASE) {
        for (size_t i = 0; i < h->count; i++) {
            const struct history_node *n = &h->nodes[i];

            if (n->shadowed || n->revision->down[0] != NULL)
                continue;
            /* Alembic counts a base once more for each of its labels */
            entries++;
            for (char **l = n->revision->labels; *l != NULL; l++)
                entries++;
            if (push(roots, (int)i, err) != 0)
                goto out;
        }
    } else {
        const struct history_node *n = &h->nodes[target->node];

        entries = n->nnext;
        for (size_t i = 0; i < n->nnext; i++) {
            if (push(roots, n->next[i], err) != 0)
                goto out;
        }
    }
    if (target->branch == NULL || entries < 2) {
        rc = 0;
        goto out;
    }
    line = marks(h, err);
    if (line == NULL || symbol_branch(h, target->branch, &branch, err) != 0 ||
        history_reach(h, &branch, 1, EDGE_DOWN, line, err) != 0)
        goto out;
    for (size_t i = 0; i < roots->count; i++) {
        if (line[roots->items[i]])
            roots->items[kept++] = roots->items[i];
    }
    roots->count = kept;
    if (kept == 0) {
        (void)err_set(err, ERR_USAGE, "not a valid downgrade target: nothing above it is on branch '%s'",
                      target->branch);
        goto out;
    }
    rc = 0;
out:
    free(line);
    return rc;
}

int route_down(const struct history *h, char *const *rows, const char *rev,
               struct symbol_nodes *out, struct err *err)
{
    struct symbol_down target = {0};
    struct symbol_nodes roots = {0}, heads = {0};
    unsigned char *above = NULL, *active = NULL;
    size_t n = 0;
    int rc = -1;

    if (symbol_down(h, rows, rev, &target, err) != 0 || down_roots(h, &target, &roots, err) != 0 ||
        symbol_rows(h, rows, &heads, err) != 0)
        goto out;
    above = marks(h, err);
    active = above != NULL ? marks(h, err) : NULL;
    if (active == NULL || history_reach(h, roots.items, roots.count, EDGE_ALL_NEXT, above, err) != 0 ||
        history_reach(h, heads.items, heads.count, EDGE_PARENTS, active, err) != 0)
        goto out;
    for (size_t i = 0; i < h->count; i++) {
        above[i] &= active[i];
        n += above[i];
    }
    if (target.node != SYMBOL_BASE && n == 0 && !contains(&heads, target.node)) {
        (void)err_set(err, ERR_USAGE, "%s is not a valid downgrade target: nothing that is applied "
                      "stands on it", history_id(h, target.node));
        goto out;
    }
    rc = sort(h, above, &heads, out, err);
out:
    free(target.branch);
    symbol_nodes_free(&roots);
    symbol_nodes_free(&heads);
    free(above);
    free(active);
    return rc;
}

/* Alembic refuses revisions of which one is above another. */
static int refuse_overlap(const struct history *h, const struct symbol_nodes *n, struct err *err)
{
    unsigned char *m;
    int rc = -1;

    if (n->count < 2)
        return 0;
    m = marks(h, err);
    if (m == NULL)
        return -1;
    for (size_t i = 0; i < n->count; i++) {
        memset(m, 0, h->count);
        if (history_reach(h, &n->items[i], 1, EDGE_PARENTS, m, err) != 0)
            goto out;
        for (size_t k = 0; k < n->count; k++) {
            if (n->items[k] == n->items[i] || !m[n->items[k]])
                continue;
            (void)err_set(err, ERR_USAGE, "requested revision %s overlaps with %s, which it stands on",
                          history_id(h, n->items[i]), history_id(h, n->items[k]));
            goto out;
        }
    }
    rc = 0;
out:
    free(m);
    return rc;
}

int route_up(const struct history *h, char *const *rows, const char *rev, struct symbol_nodes *out,
             struct err *err)
{
    struct symbol_nodes targets = {0}, current = {0};
    unsigned char *needed = NULL, *applied = NULL;
    size_t first = out->count;
    int rc = -1;

    if (symbol_up(h, rows, rev, &targets, err) != 0 || refuse_overlap(h, &targets, err) != 0 ||
        symbol_rows(h, rows, &current, err) != 0 || refuse_overlap(h, &current, err) != 0)
        goto out;
    needed = marks(h, err);
    applied = needed != NULL ? marks(h, err) : NULL;
    if (applied == NULL ||
        history_reach(h, targets.items, targets.count, EDGE_PARENTS, needed, err) != 0 ||
        history_reach(h, current.items, current.count, EDGE_PARENTS, applied, err) != 0)
        goto out;
    for (size_t i = 0; i < h->count; i++)
        needed[i] = needed[i] && !applied[i];
    if (sort(h, needed, &targets, out, err) != 0)
        goto out;
    for (size_t a = first, b = out->count; a + 1 < b; a++, b--) {
        int t = out->items[a];

        out->items[a] = out->items[b - 1];
        out->items[b - 1] = t;
    }
    rc = 0;
out:
    symbol_nodes_free(&targets);
    symbol_nodes_free(&current);
    free(needed);
    free(applied);
    return rc;
}

int route_is_down(const struct history *h, char *const *rows, const char *rev, int *down,
                  struct err *err)
{
    struct symbol_nodes targets = {0}, current = {0};
    unsigned char *applied = NULL;
    int rc = -1;

    if (symbol_is_relative(rev)) {
        const char *sign = rev + strlen(rev);

        while (sign > rev && sign[-1] != '+' && sign[-1] != '-')
            sign--;
        if (sign == rev + 1 || strchr(rev, '@') == sign - 2) {
            *down = sign[-1] == '-';
            return 0;
        }
        {
            struct symbol_down d = {0};

            if (symbol_down(h, rows, rev, &d, err) != 0)
                return -1;
            free(d.branch);
            if (d.node != SYMBOL_BASE && (targets.items = malloc(sizeof(int))) == NULL)
                return err_oom(err);
            if (d.node != SYMBOL_BASE)
                targets.items[targets.count++] = d.node;
        }
    } else if (symbol_revisions(h, rev, &targets, err) != 0) {
        goto out;
    }
    applied = marks(h, err);
    if (applied == NULL || symbol_rows(h, rows, &current, err) != 0 ||
        history_reach(h, current.items, current.count, EDGE_PARENTS, applied, err) != 0)
        goto out;
    *down = 1;
    for (size_t i = 0; i < targets.count; i++)
        *down &= applied[targets.items[i]];
    rc = 0;
out:
    symbol_nodes_free(&targets);
    symbol_nodes_free(&current);
    free(applied);
    return rc;
}

/* The version table. */

void route_ops_free(struct route_ops *ops)
{
    free(ops->items);
    ops->items = NULL;
    ops->count = 0;
}

static int add_op(struct route_ops *ops, int kind, const char *from, const char *to, struct err *err)
{
    struct route_op *more = realloc(ops->items, (ops->count + 1) * sizeof(*more));

    if (more == NULL)
        return err_oom(err);
    ops->items = more;
    more[ops->count].kind = kind == 0 ? ROUTE_INSERT : kind == 1 ? ROUTE_DELETE : ROUTE_UPDATE;
    more[ops->count].from = from;
    more[ops->count].to = to;
    ops->count++;
    return 0;
}

static int insert(struct route_ops *ops, const char *to, struct err *err)
{
    return add_op(ops, 0, NULL, to, err);
}

static int delete(struct route_ops *ops, const char *from, struct err *err)
{
    return add_op(ops, 1, from, NULL, err);
}

static int update(struct route_ops *ops, const char *from, const char *to, struct err *err)
{
    return add_op(ops, 2, from, to, err);
}

static int has_row(char *const *rows, const char *id)
{
    for (; *rows != NULL; rows++) {
        if (strcmp(*rows, id) == 0)
            return 1;
    }
    return 0;
}

/* PARENTS of the node that no row other than EXCEPT stands on (or is). */
static int uncovered(const struct history *h, char *const *rows, const struct symbol_nodes *except,
                     const struct symbol_nodes *of, struct symbol_nodes *out, struct err *err)
{
    unsigned char *m = marks(h, err);
    int rc = -1, level = 0;

    if (m == NULL)
        return -1;
    for (size_t i = 0; i < of->count; i++) {
        if (i == 0 || h->nodes[of->items[i]].level < level)
            level = h->nodes[of->items[i]].level;
    }
    for (; *rows != NULL; rows++) {
        struct symbol_nodes row = {0};
        int skip = 0;

        for (size_t i = 0; i < except->count && !skip; i++)
            skip = strcmp(history_id(h, except->items[i]), *rows) == 0;
        if (skip)
            continue;
        if (symbol_revisions(h, *rows, &row, err) != 0 ||
            history_reach_above(h, row.items, row.count, level, m, err) != 0) {
            symbol_nodes_free(&row);
            goto out;
        }
        symbol_nodes_free(&row);
    }
    for (size_t i = 0; i < of->count; i++) {
        if (!m[of->items[i]] && push(out, of->items[i], err) != 0)
            goto out;
    }
    rc = 0;
out:
    free(m);
    return rc;
}

static int no_row(const struct history *h, int node, struct err *err)
{
    return err_set(err, ERR_FAILED, "the version table has no row for revision %s, which is to go",
                   history_id(h, node));
}

/* Take out of TO what lies below another of its nodes. */
static int drop_covered(const struct history *h, struct symbol_nodes *to, struct err *err)
{
    unsigned char *m = marks(h, err);
    size_t n = 0;
    int rc = -1;

    if (m == NULL)
        return -1;
    for (size_t i = 0; i < to->count; i++) {
        const struct history_node *node = &h->nodes[to->items[i]];

        if (history_reach(h, node->parents, node->nparents, EDGE_PARENTS, m, err) != 0)
            goto out;
    }
    for (size_t i = 0; i < to->count; i++) {
        if (!m[to->items[i]])
            to->items[n++] = to->items[i];
    }
    to->count = n;
    rc = 0;
out:
    free(m);
    return rc;
}

static int step_down(const struct history *h, char *const *rows, int node, struct route_ops *ops,
                     struct err *err)
{
    const struct history_node *n = &h->nodes[node];
    const struct symbol_nodes parents = {n->parents, n->nparents}, self = {&node, 1};
    const char *id = history_id(h, node);
    struct symbol_nodes to = {0};
    int rc = -1;

    if (!has_row(rows, id))
        return no_row(h, node, err);
    if (parents.count == 0)
        return delete(ops, id, err);
    if (uncovered(h, rows, &self, &parents, &to, err) != 0)
        goto out;
    if (to.count == 0) {
        rc = delete(ops, id, err);
    } else if (parents.count == 1) {
        rc = update(ops, id, history_id(h, parents.items[0]), err);
    } else {
        /* Alone, it leaves no row that another one covers; not alone, it may. */
        rc = h->covered_rows || rows[0] == NULL || rows[1] != NULL ? 0 : drop_covered(h, &to, err);
        for (size_t i = 0; i + 1 < to.count && rc == 0; i++)
            rc = insert(ops, history_id(h, to.items[i]), err);
        if (rc == 0)
            rc = update(ops, id, history_id(h, to.items[to.count - 1]), err);
    }
out:
    symbol_nodes_free(&to);
    return rc;
}

static int step_up(const struct history *h, char *const *rows, int node, struct route_ops *ops,
                   struct err *err)
{
    const struct history_node *n = &h->nodes[node];
    const struct symbol_nodes parents = {n->parents, n->nparents};
    const char *id = history_id(h, node);
    struct symbol_nodes from = {0};
    size_t present = 0;
    int last = -1, rc = -1;

    for (size_t i = 0; i < n->nparents; i++) {
        if (has_row(rows, history_id(h, n->parents[i]))) {
            present++;
            last = n->parents[i];
        }
    }
    if (present == 0)
        return insert(ops, id, err);
    if (present == 1 || n->nparents == 1)
        return update(ops, history_id(h, last), id, err);
    if (uncovered(h, rows, &parents, &parents, &from, err) != 0)
        goto out;
    rc = 0;
    for (size_t i = 0; i + 1 < from.count && rc == 0; i++)
        rc = delete(ops, history_id(h, from.items[i]), err);
    if (rc == 0 && from.count > 0)
        rc = update(ops, history_id(h, from.items[from.count - 1]), id, err);
    else if (rc == 0)
        rc = no_row(h, node, err);
out:
    symbol_nodes_free(&from);
    return rc;
}

int route_step(const struct history *h, char *const *rows, int node, int up, struct route_ops *ops,
               char ***after, struct err *err)
{
    *after = NULL;
    if ((up ? step_up : step_down)(h, rows, node, ops, err) != 0)
        return -1;
    *after = rows_copy(rows, err);
    if (*after == NULL)
        return -1;
    for (size_t i = 0; i < ops->count; i++) {
        const struct route_op *op = &ops->items[i];
        int rc = rows_apply(after, op, err);

        if (rc == 0)
            continue;
        if (rc > 0)
            (void)err_set(err, ERR_FAILED, "the version rows do not fit revision %s: %s '%s'",
                          history_id(h, node),
                          op->kind == ROUTE_INSERT ? "there is already a row" : "there is no row, or one too many, for",
                          op->kind == ROUTE_INSERT ? op->to : op->from);
        rows_free(*after);
        *after = NULL;
        return -1;
    }
    return 0;
}
