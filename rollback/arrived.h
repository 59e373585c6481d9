/*
 * arrived: is what the plan makes and changes there, as it is expected to be?
 */
#ifndef MIG_ROLLBACK_ARRIVED_H
#define MIG_ROLLBACK_ARRIVED_H

#include "core/err.h"

struct expected;
struct query;
struct result;

/* What is asked; PARAM is filled in, and lives as long as X. */
struct query arrived_query(const struct expected *x, const char **param);
/* Of the answer: ERR_REFUSED with every difference in its detail.  PUT_OFF: NOT NULL and primary keys are not set yet. */
int arrived_check(const struct expected *x, const struct result *r, int put_off, struct err *err) MIG_MUST_CHECK;

#endif
