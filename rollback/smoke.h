/*
 * smoke: the user's own tests of a change: SQL before COMMIT, a command after it.
 */
#ifndef MIG_ROLLBACK_SMOKE_H
#define MIG_ROLLBACK_SMOKE_H

#include "core/err.h"

struct guard;

/* Are there --smoke files? */
int smoke_given(const struct guard *g);
/* Each of them: a row is a failure. */
int smoke_sql(const struct guard *g, struct err *err) MIG_MUST_CHECK;
/* What only the application can tell, after COMMIT: it cannot roll back any more, but undo can.
 * ERR_UNFINISHED where it fails; NEXT (or NULL) goes forward again. */
int smoke_command(const struct guard *g, const char *next, struct err *err) MIG_MUST_CHECK;

#endif
