/*
 * sequence: sequences go back to where they were, within the transaction.
 */
#ifndef MIG_BACKUP_SEQUENCE_H
#define MIG_BACKUP_SEQUENCE_H

#include "backup/target.h"
#include "core/err.h"

struct conn;

/* Those of M that belong to tables of L; with WHOLE also those that belong to none.  Where rows were
 * added to what was there, a sequence only moves forward. */
int sequence_restore(struct conn *c, const struct manifest *m, const struct target_list *l,
                     int whole, struct err *err) MIG_MUST_CHECK;

#endif
