/*
 * probe: the SQL that counts what a finding claims.
 */
#ifndef MIG_VALIDATE_PROBE_H
#define MIG_VALIDATE_PROBE_H

#include <stdint.h>

#include "core/buf.h"
#include "validate/inquiry.h"

struct catalog_column;
struct catalog_table;
struct effect;

/* " FROM [ONLY] schema.table [AS alias]" */
int probe_from(struct buf *b, const struct catalog_table *t, int only, const char *alias,
               struct err *err) MIG_MUST_CHECK;
/* The number of non-null values in a row, over the columns that are neither computed nor dropped
 * before; "0" for none. */
int probe_nonnulls(struct inquiry *q, struct buf *b, const struct catalog_table *t,
                   const char *alias) MIG_MUST_CHECK;
/* Give finding INDEX the probe SQL (emptied); FRACTION of the rows is the estimate, -1 none. */
void probe_set(struct inquiry *q, long index, enum probe_kind kind, struct buf *sql,
               const struct catalog_table *t, double fraction);
void probe_subject(struct inquiry *q, long index, const char *verb, const char *object);
void probe_what(struct inquiry *q, long index, const char *what);
/* UPDATE of COLUMN, of type TYPE, to EXPRESSION in the rows of WHERE (NULL: all): can it be undone? */
void probe_undo(struct inquiry *q, long index, const struct catalog_table *t, int only, const char *alias,
                const char *column, const char *type, const char *expression, const char *where);
/* Children by plain inheritance have columns of their own: each is counted for itself.  Calls COUNT
 * for those that E reaches; partitions are counted with their parent. */
void probe_children(struct inquiry *q, const struct effect *e,
                    void (*count)(struct inquiry *q, const struct effect *e,
                                  const struct catalog_table *t));
const struct catalog_column *probe_column_of(const struct catalog_table *t, const char *name);

#endif
