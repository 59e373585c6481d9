/*
 * recreate: missing tables, with their types and sequences, from the DDL in the file.
 *
 * Tables come before the rows; keys, indexes, foreign keys and triggers after.
 * With --into there is no DDL to follow: plain copies with the saved columns
 * and the key, made to be looked at.
 */
#ifndef MIG_BACKUP_RECREATE_H
#define MIG_BACKUP_RECREATE_H

#include "backup/target.h"
#include "core/err.h"

struct conn;
struct recreated; /* what is still to be run */

/* Makes those of L that are not there.  ERR_REFUSED where the file holds no DDL. */
struct recreated *recreate_missing(struct conn *c, const struct manifest *m,
                                   const struct target_list *l, const struct restore_options *o,
                                   struct err *err) MIG_MUST_CHECK;
/* Keys, indexes, foreign keys; then what may fail without harm to the rows (owner, grants, comments,
 * triggers, policies): each is warned about. */
int recreate_finish(struct conn *c, struct recreated *r, struct err *err) MIG_MUST_CHECK;
void recreated_free(struct recreated *r);

#endif
