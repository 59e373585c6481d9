/*
 * route: which revisions a move runs, in Alembic's order, and the version
 * rows after each.
 */
#ifndef MIG_MIGRATION_ROUTE_H
#define MIG_MIGRATION_ROUTE_H

#include <stddef.h>

#include "core/err.h"
#include "migration/symbol.h"

struct history;

/* The revisions of a downgrade from ROWS (in the database's order) to REV, and of an upgrade, in the
 * order in which they run.  Appended to OUT. */
int route_down(const struct history *h, char *const *rows, const char *rev,
               struct symbol_nodes *out, struct err *err) MIG_MUST_CHECK;
int route_up(const struct history *h, char *const *rows, const char *rev, struct symbol_nodes *out,
             struct err *err) MIG_MUST_CHECK;
/* 1: REV leads down from ROWS (what it names is applied), 0: up. */
int route_is_down(const struct history *h, char *const *rows, const char *rev, int *down,
                  struct err *err) MIG_MUST_CHECK;

/* One change of the version table. */
struct route_op {
    enum { ROUTE_INSERT, ROUTE_DELETE, ROUTE_UPDATE } kind;
    const char *from, *to; /* DELETE: FROM; INSERT: TO; borrowed from the rows or the history */
};
struct route_ops {
    struct route_op *items;
    size_t count;
};

/* What Alembic does to the version table when it runs NODE with ROWS in it.  *AFTER: the rows then,
 * sorted, NULL-terminated, owned (each string too).  ERR_FAILED where Alembic would stop (the rows do
 * not fit). */
int route_step(const struct history *h, char *const *rows, int node, int up, struct route_ops *ops,
               char ***after, struct err *err) MIG_MUST_CHECK;
void route_ops_free(struct route_ops *ops);

/* Sorted copies of rows. */
char **rows_copy(char *const *rows, struct err *err) MIG_MUST_CHECK;
int rows_equal(char *const *a, char *const *b);
void rows_free(char **rows);
/* Apply OP to ROWS (owned, sorted; replaced).  1: it does not fit, ROWS are as they were. */
int rows_apply(char ***rows, const struct route_op *op, struct err *err) MIG_MUST_CHECK;

#endif
