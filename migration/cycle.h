/*
 * cycle: revisions that stand on themselves.
 *
 * What is found is added to the history as a fatal problem; -1 only where
 * memory is out.
 */
#ifndef MIG_MIGRATION_CYCLE_H
#define MIG_MIGRATION_CYCLE_H

#include "core/err.h"

struct history;

/* As Alembic looks for them.  H is linked, both ways, and has no fatal problem. */
int cycle_find(struct history *h, struct err *err) MIG_MUST_CHECK;
/* Those that it overlooks; where there is none, each node's LEVEL is set. */
int cycle_find_hidden(struct history *h, struct err *err) MIG_MUST_CHECK;

#endif
