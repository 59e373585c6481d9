/*
 * overwritten: undo keeps what stayed over the rollback, and says which rows written meanwhile it changes.
 */
#ifndef MIG_ROLLBACK_OVERWRITTEN_H
#define MIG_ROLLBACK_OVERWRITTEN_H

#include "core/err.h"

struct result;
struct running;

/* When the upgrade has run again, and before values are put back: what it changed once more, in rows that nobody
 * wrote meanwhile, is as it was; what it made of the others is set aside.  WRITES: of footprint_writes_query. */
int overwritten_prepare(struct running *r, const struct result *writes, struct err *err) MIG_MUST_CHECK;
/* When all is put back: counts, and tells the report. */
int overwritten_report(struct running *r, struct err *err) MIG_MUST_CHECK;

#endif
