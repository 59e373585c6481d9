/*
 * smoke: the user's own tests of a change: SQL before COMMIT, a command after it.
 */
#ifndef MIG_ROLLBACK_SMOKE_H
#define MIG_ROLLBACK_SMOKE_H

#include "core/err.h"

struct running;

/* Each of the request's --smoke files: a row is a failure. */
int smoke_sql(struct running *r, struct err *err) MIG_MUST_CHECK;
/* What only the application can tell, after COMMIT: it cannot roll back any more, but undo can.
 * ERR_UNFINISHED where it fails. */
int smoke_command(struct running *r, struct err *err) MIG_MUST_CHECK;

#endif
