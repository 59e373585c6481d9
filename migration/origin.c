#include "migration/origin.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "migration/history.h"
#include "migration/plan.h"
#include "migration/project.h"
#include "migration/render.h"
#include "migration/route.h"
#include "migration/scan.h"

static char *const none[] = {NULL};

static char **rows_of_nodes(const struct history *h, const int *nodes, size_t n, struct err *err)
{
    char **rows = calloc(n + 1, sizeof(*rows));

    if (rows == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = strdup(history_id(h, nodes[i]));
        if (rows[i] == NULL) {
            (void)err_oom(err);
            rows_free(rows);
            return NULL;
        }
    }
    return rows;
}

/* --current REV,...: in the order given. */
static char **rows_named(const struct history *h, const char *list, struct err *err)
{
    struct symbol_nodes nodes = {0};
    char **rows = NULL;

    while (*list != '\0') {
        size_t n = strcspn(list, ", ");
        char *rev = strndup(list, n);
        int rc;

        if (rev == NULL) {
            (void)err_oom(err);
            goto out;
        }
        rc = n > 0 ? symbol_revisions(h, rev, &nodes, err) : 0;
        free(rev);
        if (rc != 0) {
            (void)err_prefix(err, "--current");
            goto out;
        }
        list += n;
        list += strspn(list, ", ");
    }
    for (size_t i = 0; i < nodes.count; i++) {
        for (size_t k = i + 1; k < nodes.count; k++) {
            if (nodes.items[i] != nodes.items[k])
                continue;
            (void)err_set(err, ERR_USAGE, "--current names revision %s twice",
                          history_id(h, nodes.items[i]));
            goto out;
        }
    }
    rows = rows_of_nodes(h, nodes.items, nodes.count, err);
out:
    symbol_nodes_free(&nodes);
    return rows;
}

/* The heads of another checkout. */
static char **rows_of_checkout(const struct plan_request *r, const char *dir, struct err *err)
{
    struct project *p = project_read_dir(r, dir, err);
    struct history *h = NULL;
    char **rows = NULL;

    if (p == NULL)
        return NULL;
    h = scan_load(p->versions, p->recursive, p->missing_ok, err);
    if (h != NULL && h->count == 0)
        (void)err_set(err, ERR_USAGE, "--current-from: there are no revision files in %s",
                      p->versions[0]);
    else if (h != NULL && history_check(h, err) == 0)
        rows = rows_of_nodes(h, h->real_heads, h->nreal_heads, err);
    history_free(h);
    project_free(p);
    return rows;
}

static int check_known(const struct history *h, char *const *rows, const char *where, struct err *err)
{
    for (; *rows != NULL; rows++) {
        struct symbol_nodes n = {0};
        struct err why = {0};
        int rc = symbol_revisions(h, *rows, &n, &why);

        symbol_nodes_free(&n);
        if (rc == 0)
            continue;
        (void)err_set(err, ERR_FAILED, "%s at revision %s, which these files do not have: it is ahead of "
                      "them, or belongs to another project", where, *rows);
        err_hint(err, "run this from the checkout (or image) that knows revision %s; --current-from and "
                      "--versions name others", *rows);
        return -1;
    }
    return 0;
}

void origin_close(struct origin *x)
{
    project_free(x->project);
    history_free(x->history);
    version_name_free(&x->name);
    rows_free(x->rows);
}

int origin_open(struct origin *x, const struct plan_request *r, struct conn *c,
                        struct err *err)
{
    memset(x, 0, sizeof(*x));
    x->request = r;
    x->project = project_read(r, err);
    if (x->project == NULL)
        return -1;
    x->history = scan_load(x->project->versions, x->project->recursive, x->project->missing_ok,
                              err);
    if (x->history == NULL || history_check(x->history, err) != 0)
        return -1;
    if (x->history->count == 0) {
        (void)err_set(err, ERR_USAGE, "there are no revision files in %s",
                      x->project->versions != NULL ? x->project->versions[0] : "(none)");
        return -1;
    }
    for (size_t i = 0; i < x->history->nproblems; i++)
        log_warn("%s", x->history->problems[i].message);
    if (c != NULL) {
        if (version_find(c, r->version_table, &x->name, err) != 0)
            return -1;
        x->on_server = x->name.table != NULL;
    }
    if (x->name.table == NULL && r->version_table != NULL)
        return version_name_read(r->version_table, &x->name, err);
    return 0;
}

int origin_rows(struct origin *x, struct conn *c, struct err *err)
{
    const struct plan_request *r = x->request;

    if (r->current != NULL)
        x->rows = rows_named(x->history, r->current, err);
    else if (r->current_from != NULL)
        x->rows = rows_of_checkout(r, r->current_from, err);
    else if (c != NULL)
        x->rows = x->on_server ? version_rows(c, &x->name, err) : rows_copy(none, err);
    else {
        (void)err_set(err, ERR_USAGE, "no database, and no --current: where does the plan start?");
        err_hint(err, "--current REV,... or --current-from DIR plans without a database");
    }
    if (x->rows == NULL)
        return -1;
    return check_known(x->history, x->rows,
                       r->current == NULL && r->current_from != NULL ? "--current-from is"
                                                                     : "the database is", err);
}

/* ROWS after NODE went, as Alembic has it that keeps COVERED rows or does not; NULL: it does not fit. */
static char **rows_below(struct history *h, char *const *rows, int node, int covered)
{
    struct err ignored = {0};
    struct route_ops ops = {0};
    char **after = NULL;

    h->covered_rows = covered;
    if (route_step(h, rows, node, 0, &ops, &after, &ignored) != 0)
        after = NULL;
    route_ops_free(&ops);
    h->covered_rows = 0;
    return after;
}

/* Whether a row that another one covers stays when its child goes is a matter of Alembic's release.  It is
 * asked only where that makes a difference. */
int origin_settle(struct origin *x, const int *nodes, size_t n, int up, struct err *err)
{
    char **rows = up || x->request->no_sql ? NULL : rows_copy(x->rows, err);
    int same = 1;

    for (size_t i = 0; i < n && rows != NULL && same; i++) {
        char **now = rows_below(x->history, rows, nodes[i], 0);
        char **then = rows_below(x->history, rows, nodes[i], 1);

        same = now == NULL || then == NULL || rows_equal(now, then);
        rows_free(rows);
        rows_free(then);
        rows = now;
    }
    rows_free(rows);
    if (err->kind != ERR_NONE)
        return -1;
    return same ? 0 : render_is_older(x->request, x->project, 1, 13, 1, &x->history->covered_rows, err);
}
