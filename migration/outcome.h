/*
 * outcome: what a plan's scripts do one after the other, and the digest that
 * names it.
 */
#ifndef MIG_MIGRATION_OUTCOME_H
#define MIG_MIGRATION_OUTCOME_H

#include "core/err.h"

struct plan;
struct version_name;

/* Into P, whose rows and steps are there: the steps' effects, and the digest of rows and scripts.  NAME is
 * the version table's, or NULL: no script's statements on it are its own business. */
int outcome_find(struct plan *p, const struct version_name *name, struct err *err) MIG_MUST_CHECK;

#endif
