#include "migration/symbol.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/history.h"

void symbol_nodes_free(struct symbol_nodes *n)
{
    free(n->items);
    n->items = NULL;
    n->count = 0;
}

int symbol_nodes_add(struct symbol_nodes *n, int node, struct err *err)
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

static int multiple_heads(const struct history *h, const struct symbol_nodes *n, const char *rev,
                          struct err *err)
{
    (void)err_set(err, ERR_USAGE, "'%s' means %zu heads: %s and %s%s", rev, n->count,
                  history_id(h, n->items[0]), history_id(h, n->items[1]),
                  n->count > 2 ? ", ..." : "");
    err_hint(err, "name one of them, or a branch as in LABEL@head, or all with heads");
    return -1;
}

int symbol_current(const struct history *h, int node)
{
    return history_find(h, history_id(h, node));
}

static int resolve(const struct history *h, const char *rev, struct resolved *r, struct err *err)
{
    const char *at = rev != NULL ? strchr(rev, '@') : NULL, *whole = rev;
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
            if (symbol_nodes_add(&r->nodes, symbol_current(h, h->real_heads[i]), err) != 0)
                goto out;
        }
        rc = 0;
        goto out;
    }
    for (size_t i = 0; i < h->nheads; i++) {
        if (symbol_nodes_add(&heads, symbol_current(h, h->heads[i]), err) != 0)
            goto out;
    }
    if (r->label != NULL && r->label[0] != '\0') {
        if (symbol_lineage(h, &heads, r->label, &r->nodes, err) != 0)
            goto out;
    } else {
        r->nodes = heads;
        memset(&heads, 0, sizeof(heads));
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was moved into R goes with it, below or by the caller */
    if (strcmp(rev, "head") == 0 && r->nodes.count > 1) {
        (void)multiple_heads(h, &r->nodes, whole, err);
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
        if (symbol_nodes_add(&all, k->node, err) != 0)
            goto out;
    }
    if (label != NULL) {
        if (symbol_lineage(h, &all, label, &kept, err) != 0)
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
        int own = symbol_current(h, *node);

        if (share(h, &own, 1, &mark, err) != 0)
            goto out;
        if (!mark[symbol_current(h, branch)]) {
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

int symbol_lineage(const struct history *h, const struct symbol_nodes *targets, const char *against,
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
        if (ident(h, r.label, NULL, &node, err) != 0 || symbol_nodes_add(&tests, node, err) != 0)
            goto out;
    }
    if (r.literal != NULL) {
        if (ident(h, r.literal, NULL, &node, err) != 0 || symbol_nodes_add(&tests, node, err) != 0)
            goto out;
    }
    for (size_t i = 0; i < r.nodes.count; i++) {
        if (symbol_nodes_add(&tests, r.nodes.items[i], err) != 0)
            goto out;
    }
    if (tests.count > 0 && share(h, tests.items, tests.count, &mark, err) != 0)
        goto out;
    for (size_t i = 0; i < targets->count; i++) {
        if ((mark == NULL || mark[targets->items[i]]) && symbol_nodes_add(out, targets->items[i], err) != 0)
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
        if (ident(h, r.literal, r.label, &node, err) != 0 || symbol_nodes_add(out, node, err) != 0)
            goto out;
    }
    for (size_t i = 0; i < r.nodes.count; i++) {
        if (ident(h, history_id(h, r.nodes.items[i]), r.label, &node, err) != 0 ||
            symbol_nodes_add(out, node, err) != 0)
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

int symbol_one(const struct history *h, const char *rev, int *node, struct err *err)
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
