/*
 * expected: what the columns, constraints and indexes that a plan makes or changes are to be in the end.
 *
 * Read from the plan's own statements, in their order; names of types are the server's before the first of them.  What
 * cannot be told (the expression of a default or a CHECK, what a function or a block may have changed since) is not
 * expected, rather than guessed.
 */
#ifndef MIG_ROLLBACK_EXPECTED_H
#define MIG_ROLLBACK_EXPECTED_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct closure;
struct conn;
struct plan;
struct result;
struct query;

enum expected_kind { EXPECTED_COLUMN, EXPECTED_CONSTRAINT, EXPECTED_INDEX };
enum { EXPECTED_ANY = -1 }; /* not known, or of no concern */

struct expected_part {
    enum expected_kind kind;
    uint32_t table;          /* the server's, or 0: made by the plan */
    char *schema, *relation; /* of the table, in the end */
    char *name;              /* NULL: the server chooses it */

    /* a column */
    char *type;              /* as the plan writes it; NULL: any */
    char *type_name;         /* the last part of it, where the server did not know the type before; NULL: any */
    char *collation;         /* COLLATE, as SQL, or NULL */
    const json_t *type_node; /* borrowed from the plan, as NODE is */
    int64_t type_oid, collation_oid; /* 0: not known */
    int not_null, has_default;
    int identity, generated; /* 0: none */

    /* a constraint (Constraint) or an index (IndexStmt) */
    const json_t *node;
    char *column;            /* in whose definition the constraint stands, or NULL */
    uint32_t partner;        /* the server's table that a foreign key references, or 0 */
    int valid;
};

struct expected {
    struct expected_part *parts;
    size_t count;
    char *wanted; /* the question, as JSON */
};

/* C is the migration's session, before the change.  PLAN and CLOSURE outlive the result. */
struct expected *expected_find(struct conn *c, const struct plan *plan, const struct closure *closure, struct err *err)
    MIG_MUST_CHECK;
void expected_free(struct expected *x);

#endif
