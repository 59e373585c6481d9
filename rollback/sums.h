/*
 * sums: rows and values that a plan must leave alone, counted before and after.
 *
 * Per table: the number of rows, and the sum over rows of a hash of all columns that
 * the plan keeps.  Both are made under our own settings of the same role.
 */
#ifndef MIG_ROLLBACK_SUMS_H
#define MIG_ROLLBACK_SUMS_H

#include <stddef.h>

#include "core/err.h"

struct conn;
struct closure;
struct judgement;
struct plan;
struct query;
struct result;
struct sums;

/* BESIDE: by a thread, on a session that nobody else uses until sums_wait.  Where the locks keep readers out,
 * only HERE, on the session that holds them. */
enum sums_where { SUMS_HERE, SUMS_BESIDE };

/* Locks held.  FULL: every table of the closure that keeps rows; else those that the script writes or is expected
 * to rewrite.  J may be NULL.  Borrows C (SUMS_BESIDE: until sums_wait) and CLOSURE. */
struct sums *sums_read(struct conn *c, const struct plan *p, const struct closure *closure,
                       const struct judgement *j, enum sums_where where, int full, struct err *err) MIG_MUST_CHECK;
int sums_wait(struct sums *s, struct err *err) MIG_MUST_CHECK;
/* What the check has to know of the tables: *OIDS is sums_oids(), an array literal; NULL: nothing has to be known. */
struct query sums_shapes_query(const char *const *oids);
const char *sums_oids(const struct sums *s);
/* The same again, after the change: ERR_REFUSED naming the table whose kept rows or values are not what
 * they were.  SHAPES answers sums_shapes_query after the change. */
int sums_check(const struct sums *s, struct conn *c, const struct result *shapes, struct err *err) MIG_MUST_CHECK;
/* Waits too. */
void sums_free(struct sums *s);

#endif
