#include "migration/history.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migration/cycle.h"
#include "migration/revision.h"

void history_problem(struct history *h, const char *code, int fatal, const char *file, int line,
                    const char *fmt, ...)
{
    struct history_problem *more = realloc(h->problems, (h->nproblems + 1) * sizeof(*more)), *p;
    char text[1200];
    va_list ap;

    if (more == NULL)
        return;
    h->problems = more;
    p = &more[h->nproblems++];
    memset(p, 0, sizeof(*p));
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    p->code = code;
    p->fatal = fatal;
    p->line = line;
    p->file = file != NULL ? strdup(file) : NULL;
    p->message = strdup(text);
}

void history_problem_hint(struct history *h, const char *hint)
{
    if (h->nproblems > 0 && hint[0] != '\0')
        h->problems[h->nproblems - 1].hint = strdup(hint);
}

/* Names. */

static uint64_t hash(const char *s)
{
    uint64_t v = 14695981039346656037u;

    for (; *s != '\0'; s++)
        v = (v ^ (unsigned char)*s) * 1099511628211u;
    return v;
}

/* The slot of NAME, or the free one where it belongs. */
static size_t slot(const struct history *h, const char *name)
{
    size_t i = (size_t)hash(name) & (h->table_size - 1);

    while (h->table[i] >= 0 && strcmp(h->keys[h->table[i]].name, name) != 0)
        i = (i + 1) & (h->table_size - 1);
    return i;
}

int history_find(const struct history *h, const char *name)
{
    int at = h->table_size > 0 ? h->table[slot(h, name)] : -1;

    return at >= 0 ? h->keys[at].node : -1;
}

const char *history_id(const struct history *h, int node)
{
    return h->nodes[node].revision->id;
}

static int make_table(struct history *h, size_t names, struct err *err)
{
    size_t size = 16;

    while (size < names * 2 + 2)
        size *= 2;
    h->table = malloc(size * sizeof(*h->table));
    h->keys = calloc(names + 1, sizeof(*h->keys));
    if (h->table == NULL || h->keys == NULL)
        return err_oom(err);
    h->table_size = size;
    for (size_t i = 0; i < size; i++)
        h->table[i] = -1;
    return 0;
}

static void add_key(struct history *h, const char *name, int node, int label)
{
    size_t at = slot(h, name);

    h->keys[h->nkeys].name = name;
    h->keys[h->nkeys].node = node;
    h->keys[h->nkeys].label = label;
    h->table[at] = (int)h->nkeys++;
}

/* Lists of indexes. */

static int push(int **list, size_t *n, int v, struct err *err)
{
    /* powers of two */
    if ((*n & (*n - 1)) == 0 || *n == 0) {
        int *more = realloc(*list, (*n > 0 ? *n * 2 : 1) * sizeof(*more));

        if (more == NULL)
            return err_oom(err);
        *list = more;
    }
    (*list)[(*n)++] = v;
    return 0;
}

int history_holds(const int *list, size_t n, int v)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == v)
            return 1;
    }
    return 0;
}

static int push_new(int **list, size_t *n, int v, struct err *err)
{
    return history_holds(*list, *n, v) ? 0 : push(list, n, v, err);
}

static const int *edges(const struct history_node *n, enum history_edge edge, size_t *count)
{
    switch (edge) {
    case EDGE_DOWN:
        *count = n->ndown;
        return n->down;
    case EDGE_PARENTS:
        *count = n->nparents;
        return n->parents;
    case EDGE_NEXT:
        *count = n->nnext;
        return n->next;
    case EDGE_ALL_NEXT:
        *count = n->nall_next;
        return n->all_next;
    }
    *count = 0;
    return NULL;
}

static int reach(const struct history *h, const int *from, size_t n, enum history_edge edge,
                 int level, unsigned char *mark, struct err *err)
{
    int *stack = malloc((h->count + 1) * sizeof(*stack));
    size_t top = 0;

    if (stack == NULL)
        return err_oom(err);
    for (size_t i = 0; i < n; i++) {
        if (!mark[from[i]]) {
            mark[from[i]] = 1;
            stack[top++] = from[i];
        }
        while (top > 0) {
            size_t count;
            const int *to = edges(&h->nodes[stack[--top]], edge, &count);

            for (size_t k = 0; k < count; k++) {
                if (!mark[to[k]] && h->nodes[to[k]].level >= level) {
                    mark[to[k]] = 1;
                    stack[top++] = to[k];
                }
            }
        }
    }
    free(stack);
    return 0;
}

int history_reach(const struct history *h, const int *from, size_t n, enum history_edge edge,
                  unsigned char *mark, struct err *err)
{
    return reach(h, from, n, edge, 0, mark, err);
}

int history_reach_above(const struct history *h, const int *from, size_t n, int level,
                        unsigned char *mark, struct err *err)
{
    return reach(h, from, n, EDGE_PARENTS, level, mark, err);
}

/* The graph. */

static int map_names(struct history *h, struct err *err)
{
    size_t names = 0;
    int place = 0;

    for (size_t i = 0; i < h->count; i++) {
        names++;
        for (char **l = h->nodes[i].revision->labels; *l != NULL; l++)
            names++;
    }
    h->order = calloc(h->count + 1, sizeof(*h->order));
    if (h->order == NULL)
        return err_oom(err);
    if (make_table(h, names, err) != 0)
        return -1;
    for (size_t i = 0; i < h->count; i++) {
        const struct revision *r = h->nodes[i].revision;
        int at = h->table[slot(h, r->id)];

        if (at < 0) {
            add_key(h, r->id, (int)i, 0);
            h->order[i] = place++;
            continue;
        }
        history_problem(h, "duplicate-revision", 0, r->file, r->id_line,
                "revision %s is in %s too; Alembic takes the one that it loads last", r->id,
                h->nodes[h->keys[at].node].revision->file);
        h->nodes[h->keys[at].node].shadowed = 1;
        h->order[i] = h->order[h->keys[at].node]; /* the key keeps its place */
        h->keys[at].node = (int)i;
        h->keys[at].name = r->id;
    }
    for (size_t i = 0; i < h->count; i++) {
        const struct revision *r = h->nodes[i].revision;

        for (char **l = r->labels; *l != NULL; l++) {
            int at = h->table[slot(h, *l)];

            if (at >= 0)
                history_problem(h, "duplicate-label", 1, r->file, r->id_line,
                        "branch label '%s' of revision %s is already used by revision %s", *l, r->id,
                        history_id(h, h->keys[at].node));
            else
                add_key(h, *l, (int)i, 1);
        }
    }
    return 0;
}

static int link_nodes(struct history *h, struct err *err)
{
    for (size_t i = 0; i < h->count; i++) {
        struct history_node *n = &h->nodes[i];
        const struct revision *r = n->revision;

        for (char **d = r->depends; *d != NULL; d++) {
            int to = history_find(h, *d);

            if (to < 0)
                history_problem(h, "missing-dependency", 1, r->file, r->id_line,
                        "revision %s depends on '%s', which no file has", r->id, *d);
            else if (push_new(&n->deps, &n->ndeps, history_find(h, history_id(h, to)), err) != 0)
                return -1;
        }
        for (char **d = r->down; *d != NULL; d++) {
            int to = history_find(h, *d);

            if (to < 0) {
                history_problem(h, "missing-parent", 1, r->file, r->id_line,
                        "revision %s goes down to '%s', which no file has", r->id, *d);
                history_problem_hint(h, "a file of another branch may not be merged yet, or was deleted");
            } else if (h->keys[h->table[slot(h, *d)]].label) {
                history_problem(h, "missing-parent", 1, r->file, r->id_line,
                        "revision %s has the branch label '%s' as its down_revision", r->id, *d);
            } else if (push_new(&n->down, &n->ndown, to, err) != 0) {
                return -1;
            }
        }
    }
    for (size_t i = 0; i < h->count; i++) {
        struct history_node *n = &h->nodes[i];
        int to = history_find(h, n->revision->id);

        /* a label keeps a shadowed one in the map */
        if (n->shadowed && n->revision->labels[0] == NULL)
            continue;
        for (size_t k = 0; k < n->ndown; k++) {
            struct history_node *d = &h->nodes[n->down[k]];

            if (push_new(&d->next, &d->nnext, to, err) != 0 ||
                push_new(&d->all_next, &d->nall_next, to, err) != 0)
                return -1;
        }
        for (size_t k = 0; k < n->ndeps; k++) {
            struct history_node *d = &h->nodes[n->deps[k]];

            if (push_new(&d->all_next, &d->nall_next, to, err) != 0)
                return -1;
        }
    }
    return 0;
}

/* Dependencies that an ancestor has too are left out. */
static int normalize(struct history *h, struct err *err)
{
    unsigned char *mark = calloc(h->count + 1, 1);
    int rc = -1;

    if (mark == NULL)
        return err_oom(err);
    for (size_t i = 0; i < h->count; i++) {
        struct history_node *n = &h->nodes[i];

        for (size_t k = 0; k < n->ndown; k++) {
            if (push(&n->parents, &n->nparents, n->down[k], err) != 0)
                goto out;
        }
        if (n->ndeps == 0)
            continue;
        memset(mark, 0, h->count);
        if (history_reach(h, n->down, n->ndown, EDGE_DOWN, mark, err) != 0)
            goto out;
        for (size_t k = 0; k < n->ndeps; k++) {
            int taken = 0;

            for (size_t a = 0; a < h->count && !taken; a++)
                taken = mark[a] && a != i && history_holds(h->nodes[a].deps, h->nodes[a].ndeps, n->deps[k]);
            if (taken)
                continue;
            n->nnormal++;
            if (push_new(&n->parents, &n->nparents, n->deps[k], err) != 0)
                goto out;
        }
    }
    rc = 0;
out:
    free(mark);
    return rc;
}

static int find_ends(struct history *h, struct err *err)
{
    for (size_t i = 0; i < h->count; i++) {
        struct history_node *n = &h->nodes[i];

        if (n->nnext == 0 && push(&h->heads, &h->nheads, (int)i, err) != 0)
            return -1;
        if (n->nall_next == 0 && push(&h->real_heads, &h->nreal_heads, (int)i, err) != 0)
            return -1;
        if (n->revision->down[0] == NULL && push(&h->bases, &h->nbases, (int)i, err) != 0)
            return -1;
    }
    return 0;
}

static int add_label(struct history_node *n, const char *label, struct err *err)
{
    const char **more;

    for (size_t i = 0; i < n->nlabels; i++) {
        if (strcmp(n->labels[i], label) == 0)
            return 0;
    }
    more = realloc(n->labels, (n->nlabels + 1) * sizeof(*more));
    if (more == NULL)
        return err_oom(err);
    n->labels = more;
    more[n->nlabels++] = label;
    return 0;
}

/* A label is inherited upwards, and downwards as far as there is one way. */
static int spread_labels(struct history *h, struct err *err)
{
    unsigned char *mark = calloc(h->count + 1, 1);
    int rc = -1;

    if (mark == NULL)
        return err_oom(err);
    for (size_t i = 0; i < h->count; i++) {
        char *const *labels = h->nodes[i].revision->labels;
        int at = (int)i;

        if (labels[0] == NULL)
            continue;
        memset(mark, 0, h->count);
        if (history_reach(h, &at, 1, EDGE_NEXT, mark, err) != 0)
            goto out;
        for (; *labels != NULL; labels++) {
            int p = at;

            for (size_t k = 0; k < h->count; k++) {
                if (mark[k] && add_label(&h->nodes[k], *labels, err) != 0)
                    goto out;
            }
            while (h->nodes[p].nall_next <= 1 && h->nodes[p].ndown <= 1) {
                if (add_label(&h->nodes[p], *labels, err) != 0)
                    goto out;
                if (h->nodes[p].ndown == 0)
                    break;
                p = h->nodes[p].down[0];
            }
        }
    }
    rc = 0;
out:
    free(mark);
    return rc;
}

static int has_fatal(const struct history *h)
{
    for (size_t i = 0; i < h->nproblems; i++) {
        if (h->problems[i].fatal)
            return 1;
    }
    return 0;
}

static int build(struct history *h, struct err *err)
{
    if (map_names(h, err) != 0 || link_nodes(h, err) != 0 || normalize(h, err) != 0 ||
        find_ends(h, err) != 0)
        return -1;
    if (has_fatal(h))
        return 0;
    if (cycle_find(h, err) != 0 || (!has_fatal(h) && cycle_find_hidden(h, err) != 0))
        return -1;
    return has_fatal(h) ? 0 : spread_labels(h, err);
}

static int add_node(struct history *h, struct revision *r, struct err *err)
{
    if ((h->count & (h->count - 1)) == 0 || h->count == 0) {
        struct history_node *more =
            realloc(h->nodes, (h->count > 0 ? h->count * 2 : 1) * sizeof(*more));

        if (more == NULL) {
            revision_free(r);
            return err_oom(err);
        }
        h->nodes = more;
    }
    memset(&h->nodes[h->count], 0, sizeof(*h->nodes));
    h->nodes[h->count++].revision = r;
    return 0;
}

struct history *history_new(struct revision **revisions, size_t n, struct err *err)
{
    struct history *h = calloc(1, sizeof(*h));
    size_t i = 0;
    int rc = 0;

    if (h == NULL)
        (void)err_oom(err);
    for (; h != NULL && i < n && rc == 0; i++)
        rc = add_node(h, revisions[i], err);
    for (; i < n; i++)
        revision_free(revisions[i]);
    free(revisions);
    if (h == NULL || rc != 0 || build(h, err) != 0) {
        history_free(h);
        return NULL;
    }
    return h;
}

void history_free(struct history *h)
{
    if (h == NULL)
        return;
    for (size_t i = 0; i < h->count; i++) {
        struct history_node *n = &h->nodes[i];

        revision_free(n->revision);
        free(n->down);
        free(n->deps);
        free(n->parents);
        free(n->next);
        free(n->all_next);
        free(n->labels);
    }
    for (size_t i = 0; i < h->nproblems; i++) {
        free(h->problems[i].file);
        free(h->problems[i].message);
        free(h->problems[i].hint);
    }
    free(h->nodes);
    free(h->heads);
    free(h->real_heads);
    free(h->bases);
    free(h->order);
    free(h->problems);
    free(h->keys);
    free(h->table);
    free(h);
}

int history_check(const struct history *h, struct err *err)
{
    size_t fatal = 0;
    const struct history_problem *first = NULL;

    for (size_t i = 0; i < h->nproblems; i++) {
        if (h->problems[i].fatal && fatal++ == 0)
            first = &h->problems[i];
    }
    if (first == NULL)
        return 0;
    if (first->message == NULL)
        return err_oom(err);
    if (first->file != NULL && strncmp(first->message, first->file, strlen(first->file)) != 0)
        (void)err_set(err, ERR_FAILED, "%s: %s", first->file, first->message);
    else
        (void)err_set(err, ERR_FAILED, "%s", first->message);
    if (fatal > 1)
        err_detail(err, "and %zu more problems in this history", fatal - 1);
    if (first->hint != NULL)
        err_hint(err, "%s", first->hint);
    else
        err_hint(err, "`mig-validate history` names all that is wrong");
    return -1;
}
