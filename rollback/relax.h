/*
 * relax: ADD COLUMN ... NOT NULL without a default, on the way forward again.
 *
 * The rows are there before their values: the column is added without NOT NULL (or
 * PRIMARY KEY), the values are put back, then it is set.  So is a SET NOT NULL in a
 * later statement on a column that the way forward has added.
 */
#ifndef MIG_ROLLBACK_RELAX_H
#define MIG_ROLLBACK_RELAX_H

#include "core/err.h"

struct conn;
struct relax;
struct statement;

/* C is the migration's session; borrowed. */
struct relax *relax_new(struct conn *c, struct err *err) MIG_MUST_CHECK;
/* The statement to run instead of S (owned), or NULL where S stands as it is (then no error). */
char *relax_statement(struct relax *r, const struct statement *s, struct err *err) MIG_MUST_CHECK;
/* Set what was relaxed; under the migration's settings. */
int relax_finish(const struct relax *r, struct err *err) MIG_MUST_CHECK;
void relax_free(struct relax *r);

#endif
