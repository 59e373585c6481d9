/*
 * baseline: what the database was like before, kept in a file and compared with now.
 *
 * Sizes, row estimates, indexes, settings, and the counters that tell of errors since.
 */
#ifndef MIG_PRODCHECK_BASELINE_H
#define MIG_PRODCHECK_BASELINE_H

#include "prodcheck/check.h"

struct result;

/* R: name, number, text; PLANS: further texts by name, or NULL.  Where PATH does not exist it is written (with AFTER: an error), else compared. */
int baseline_check(const struct check *k, const char *path, int after, const struct result *r,
                   const json_t *plans, struct check_result *out, struct err *err) MIG_MUST_CHECK;

#endif
