/*
 * putback: the values of earlier backups, where the schema is again what it was when they were saved.
 */
#ifndef MIG_ROLLBACK_PUTBACK_H
#define MIG_ROLLBACK_PUTBACK_H

#include "core/err.h"

struct running;

/* What belongs after the segment that R is in; the report gets what was put back. */
int putback_values(struct running *r, struct err *err) MIG_MUST_CHECK;

#endif
