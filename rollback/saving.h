/*
 * saving: the backup of one transaction, and what the journal says of it for undo.
 *
 * Locked: all that is at risk, under the locks.  Before: all of it first, without locks that stop
 * anybody; then, under the locks, what changed since: rows of which columns are lost, and rows that
 * were only added, by themselves; other tables once more, whole.
 */
#ifndef MIG_ROLLBACK_SAVING_H
#define MIG_ROLLBACK_SAVING_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct closure;
struct guard;
struct journal;
struct plan;
struct saving;

/* Borrowed until saving_free. */
struct saving_request {
    struct guard *guard;
    const struct plan *plan;
    const struct closure *closure;
    struct journal *journal;
    size_t segment;
    const char *purpose;
    char **file; /* set to the backup's path, owned by the caller */
};

struct saving *saving_new(const struct saving_request *q, struct err *err) MIG_MUST_CHECK;
/* On the control session, in a transaction of its own. */
int saving_before(struct saving *s, struct err *err) MIG_MUST_CHECK;
/* Before the locks: the schema's DDL, as pg_dump reads it, for saving_locked; ANEW, not what is there already.  Where
 * there is none, the backup says why. */
int saving_schema(struct saving *s, int anew, struct err *err) MIG_MUST_CHECK;
/* With the locks: *CURRENT is 0 where the schema is not what pg_dump read.  LAST: then the backup goes without. */
int saving_schema_current(struct saving *s, int last, int *current, struct err *err) MIG_MUST_CHECK;
/* On the guard's main session, in its transaction, with the locks and under our own settings. */
int saving_locked(struct saving *s, struct err *err) MIG_MUST_CHECK;
/* After saving_locked: how many rows the table of OID had under the locks; -1: not known. */
int64_t saving_rows(const struct saving *s, uint32_t oid);
void saving_free(struct saving *s);

#endif
