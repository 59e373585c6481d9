#include "migration/cycle.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/history.h"
#include "migration/revision.h"

/* Every node must be reached from the heads and from the bases, first along down_revision, then with
 * dependencies. */
int cycle_find(struct history *h, struct err *err)
{
    unsigned char *below = calloc(h->count + 1, 1), *above = calloc(h->count + 1, 1);
    int rc = -1;

    if (below == NULL || above == NULL) {
        (void)err_oom(err);
        goto out;
    }
    for (int deps = 0; deps < 2; deps++) {
        struct buf names = {0};
        size_t n = 0;
        int first = -1;

        memset(below, 0, h->count);
        memset(above, 0, h->count);
        for (size_t i = 0; i < h->count; i++) {
            const struct history_node *node = &h->nodes[i];
            int at = (int)i;

            if ((deps ? node->nall_next : node->nnext) == 0 &&
                history_reach(h, &at, 1, deps ? EDGE_PARENTS : EDGE_DOWN, below, err) != 0)
                goto out;
            if (node->revision->down[0] == NULL && (!deps || node->revision->depends[0] == NULL) &&
                history_reach(h, &at, 1, deps ? EDGE_ALL_NEXT : EDGE_NEXT, above, err) != 0)
                goto out;
        }
        for (size_t i = 0; i < h->count; i++) {
            if ((below[i] && above[i]) || h->nodes[i].shadowed)
                continue;
            if (first < 0)
                first = (int)i;
            if (n++ < 8 && buf_addf(&names, err, "%s%s", n > 1 ? ", " : "",
                                    h->nodes[i].revision->id) != 0) {
                buf_free(&names);
                goto out;
            }
        }
        if (n > 0) {
            history_problem(h, deps ? "dependency-cycle" : "cycle", 1, h->nodes[first].revision->file,
                    h->nodes[first].revision->id_line, "%s among revisions %s%s",
                    deps ? "a cycle of dependencies" : "a cycle", names.data, n > 8 ? ", ..." : "");
            buf_free(&names);
            break;
        }
        buf_free(&names);
    }
    rc = 0;
out:
    free(below);
    free(above);
    return rc;
}

/* Alembic overlooks a cycle that heads and bases can both see, and then runs for ever or in a wrong
 * order.  Nodes are taken away from the bases up; what is left stands on itself. */
int cycle_find_hidden(struct history *h, struct err *err)
{
    size_t *left = calloc(h->count + 1, sizeof(*left)), top = 0, done = 0;
    int *stack = calloc(h->count + 1, sizeof(*stack)), rc = -1;

    if (left == NULL || stack == NULL) {
        (void)err_oom(err);
        goto out;
    }
    for (size_t i = 0; i < h->count; i++) {
        struct history_node *n = &h->nodes[i];

        if (n->shadowed) {
            done++;
            continue;
        }
        /* ALL_NEXT names each pair once */
        left[i] = n->ndown;
        for (size_t k = 0; k < n->ndeps; k++)
            left[i] += !history_holds(n->down, n->ndown, n->deps[k]);
        if (left[i] == 0)
            stack[top++] = (int)i;
    }
    while (top > 0) {
        const struct history_node *n = &h->nodes[stack[--top]];

        done++;
        for (size_t k = 0; k < n->nall_next; k++) {
            if (h->nodes[n->all_next[k]].level <= n->level)
                h->nodes[n->all_next[k]].level = n->level + 1;
            if (--left[n->all_next[k]] == 0)
                stack[top++] = n->all_next[k];
        }
    }
    for (size_t i = 0; i < h->count && done < h->count; i++) {
        if (left[i] == 0 || h->nodes[i].shadowed)
            continue;
        history_problem(h, "cycle", 1, h->nodes[i].revision->file, h->nodes[i].revision->id_line,
                "a cycle: revision %s stands on itself, by way of others", h->nodes[i].revision->id);
        break;
    }
    rc = 0;
out:
    free(left);
    free(stack);
    return rc;
}
