/*
 * seeds: rows that the upgrade inserts once more on undo, beside those that stayed or come back.
 *
 * They are taken away again, in the same transaction, where they can be nothing else: written as VALUES, read by no
 * other statement, told apart by this transaction being their only writer, referenced by nobody.
 */
#ifndef MIG_ROLLBACK_SEEDS_H
#define MIG_ROLLBACK_SEEDS_H

#include "core/err.h"

struct plan;
struct result;
struct running;

/* Is every row that P inserts into the table written there as VALUES, and does no other statement of P read it? */
int seeds_plain(const struct plan *p, const char *schema, const char *name);
/* An undo, after the upgrade and before values are put back, under our own settings.  WRITES: of
 * footprint_writes_query. */
int seeds_remove(struct running *r, const struct result *writes, struct err *err) MIG_MUST_CHECK;

#endif
