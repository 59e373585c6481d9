/*
 * measure: count what the findings claim, on the live database.
 *
 * Read-only, on one exported snapshot, under lock_timeout and a budget of time,
 * with up to -j sessions; never more than ACCESS SHARE.  Past the budget the
 * server's statistics answer, and the finding says "estimated".
 */
#ifndef MIG_VALIDATE_MEASURE_H
#define MIG_VALIDATE_MEASURE_H

#include "core/err.h"

struct inquiry;

/* -1 for what is no fault of a single probe: the connection, an interrupt. */
int measure_run(struct inquiry *q, struct err *err) MIG_MUST_CHECK;

#endif
