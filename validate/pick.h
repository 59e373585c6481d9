/*
 * pick: which rows a DELETE, UPDATE, MERGE or INSERT ... ON CONFLICT meets, as SQL that only reads.
 *
 * USING, FROM, WITH and sub-queries are printed by the deparser.  Where the same rows need not come
 * out beforehand (a volatile function, a WITH that writes), BOUND says why, and nothing is counted
 * as exact.
 */
#ifndef MIG_VALIDATE_PICK_H
#define MIG_VALIDATE_PICK_H

#include <jansson.h>
#include <stdint.h>

#include "core/err.h"

struct buf;
struct catalog_table;
struct effect;
struct inquiry;

struct pick {
    char *with;        /* "WITH a AS (...) " or "" */
    char *from;        /* USING, FROM or the source, as a FROM list; NULL: none */
    char *where;       /* WHERE, or MERGE's ON; NULL: none */
    const char *bound; /* static: why it cannot be counted, or NULL */
    int shaken;        /* it reads what an earlier statement of the plan writes */
    int retyped;       /* its values are not known yet (another type, a new enum value): BOUND, and NULLs count */
};

#define PICK_RETYPED 1
#define PICK_REPLACED 2
/* A column of table OID is not what it was (it changed its type, or its name may mean another) by an earlier
 * statement, and NODE names it (or COLUMN is it): PICK_*; 0: none. */
int pick_retyped(const struct inquiry *q, uint32_t oid, const char *column, const json_t *node);
/* -1: out of memory, Q has failed. */
int pick_find(struct inquiry *q, const struct effect *e, struct pick *out) MIG_MUST_CHECK;
void pick_free(struct pick *p);

/* The condition on the target alone: the WHERE, or EXISTS (SELECT FROM ... WHERE ...).  Owned; NULL:
 * every row, or Q has failed. */
char *pick_condition(struct inquiry *q, const struct pick *p);

/* The name that E's own expressions know its table by. */
const char *pick_alias(const struct effect *e);
/* What PICK tells of finding INDEX, whose probe is set. */
void pick_set(struct inquiry *q, long index, const struct pick *pick);
/* "WITH ... SELECT (SELECT count(*) FROM t)": what every probe here begins with. */
int pick_begin(struct inquiry *q, struct buf *b, const struct pick *pick,
               const struct catalog_table *t, int only);
/* The expression that element TARGET of a SET list assigns, or NULL where it is none on its own. */
const json_t *pick_assigned(const json_t *target);
/* Is alias.column to become another value than it has?  Compared as text, in the column's own type: 1 and 1.0
 * are one value, json has no equality. */
int pick_changed(struct inquiry *q, struct buf *b, const char *alias, const char *column,
                 const char *type, const char *expression);

/* " FROM (...) AS excluded": the rows that INSERT E offers, under the names and in the types of T's columns.  1; 0: they
 * cannot be printed, and B is as it may be; -1: no memory. */
int pick_offered(struct inquiry *q, const struct effect *e, const struct catalog_table *t, struct buf *b) MIG_MUST_CHECK;

#endif
