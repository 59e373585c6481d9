/*
 * toollock: advisory locks by which migration tools keep others out, and whose they are.
 */
#ifndef MIG_PRODCHECK_TOOLLOCK_H
#define MIG_PRODCHECK_TOOLLOCK_H

#include "prodcheck/check.h"

/* R: the advisory locks that others hold or wait for in DATABASE (sql/advisory_locks.sql). */
int toollock_judge(const struct check *k, const char *database, const struct result *r,
                   struct check_result *out, struct err *err) MIG_MUST_CHECK;

#endif
