/*
 * refusal: reasons not to run, collected on the guard, and which of them --force takes away.
 */
#ifndef MIG_ROLLBACK_REFUSAL_H
#define MIG_ROLLBACK_REFUSAL_H

#include "core/err.h"

struct cli_list;
struct guard;

int refusal_add(struct guard *g, struct err *err, const char *name, int may_force, const char *hint,
                const char *fmt, ...) __attribute__((format(printf, 6, 7))) MIG_MUST_CHECK;
/* A misspelt name must not look like a check that was skipped: ERR_USAGE. */
int refusal_force_known(const struct cli_list *force, struct err *err) MIG_MUST_CHECK;
/* ERR_REFUSED with the first reason that is not forced (the others in the detail), or 0. */
int refusal_answer(const struct guard *g, struct err *err) MIG_MUST_CHECK;

#endif
