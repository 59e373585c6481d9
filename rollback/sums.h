/*
 * sums: rows and values that a plan must leave alone, counted before and after.
 *
 * Per table: the number of rows, and the sum over rows of a hash of all columns that
 * the plan keeps.  Both are made in the same session with the same settings.
 */
#ifndef MIG_ROLLBACK_SUMS_H
#define MIG_ROLLBACK_SUMS_H

#include <stddef.h>

#include "core/err.h"

struct conn;
struct closure;
struct judgement;
struct plan;
struct sums;

/* Under our own settings, locks held.  FULL: every table of the closure that keeps rows; else those
 * that the script writes or is expected to rewrite. */
/* J may be NULL. */
struct sums *sums_read(struct conn *c, const struct plan *p, const struct closure *closure,
                       const struct judgement *j, int full, struct err *err) MIG_MUST_CHECK;
/* The same again, after the change: ERR_REFUSED naming the table whose kept rows or values are not what
 * they were. */
int sums_check(const struct sums *s, struct conn *c, struct err *err) MIG_MUST_CHECK;
void sums_free(struct sums *s);

#endif
