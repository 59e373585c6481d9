/*
 * fresh: is there a recent, authentic backup of what the plan would destroy?
 */
#ifndef MIG_PRODCHECK_FRESH_H
#define MIG_PRODCHECK_FRESH_H

#include "prodcheck/check.h"

/* DATABASE is the connection's. */
int fresh_check(const struct check *k, const struct check_limits *limits,
                const struct verdict_options *o, const char *database, struct check_result *out,
                struct err *err) MIG_MUST_CHECK;

#endif
