/*
 * recorded: back to the moment of a pre-deploy backup (--to-backup).
 *
 * The backup's version rows are the target; after the downgrade, in the same transaction, the values
 * that the upgrade had destroyed are put back by key.
 */
#ifndef MIG_ROLLBACK_RECORDED_H
#define MIG_ROLLBACK_RECORDED_H

#include "core/err.h"
#include "rollback/run.h"

struct guard;
struct recorded;

/* FILE as mig-backup takes it.  ERR_REFUSED: of another database; ERR_USAGE: no version rows in it. */
struct recorded *recorded_open(const struct guard *g, const char *file, struct err *err) MIG_MUST_CHECK;
void recorded_free(struct recorded *r);
/* Of several version rows (branches), the one to go back to: the others must be there now, else ERR_USAGE. */
int recorded_choose(struct recorded *r, const struct guard *g, struct err *err) MIG_MUST_CHECK;
/* What plan_request.revision takes; after recorded_choose. */
const char *recorded_revision(const struct recorded *r);
/* After guard_examine: which of its tables and columns G's plan makes again.  What the backup holds and
 * the plan does not make again is in *NOTES (core/strings, added to).  Borrowed from R. */
int recorded_values(struct recorded *r, const struct guard *g, const struct run_values **values,
                    size_t *n, char ***notes, struct err *err) MIG_MUST_CHECK;

#endif
