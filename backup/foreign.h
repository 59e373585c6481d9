/*
 * foreign: foreign keys between the tables that are restored: their order, and cycles.
 */
#ifndef MIG_BACKUP_FOREIGN_H
#define MIG_BACKUP_FOREIGN_H

#include "backup/target.h"
#include "core/err.h"

struct conn;
struct foreign; /* keys whose check waits until foreign_check */

/* Sorts L so that referenced tables come first.  Keys that no order satisfies (cycles, and a table's
 * keys to itself) are made deferrable, and deferred, in the transaction: the owner may do that. */
struct foreign *foreign_order(struct conn *c, struct target_list *l, struct err *err) MIG_MUST_CHECK;
/* Checks every key now and puts back what foreign_order changed. */
int foreign_check(struct conn *c, struct foreign *f, struct err *err) MIG_MUST_CHECK;
void foreign_free(struct foreign *f);

/* What deleting the rows of T for which CONDITION holds would take along in tables outside of L:
 * ERR_REFUSED that names table and number of rows. */
int foreign_refuse_cascade(struct conn *c, const struct target_list *l, const struct target *t,
                           const char *condition, struct err *err) MIG_MUST_CHECK;

#endif
