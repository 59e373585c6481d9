/*
 * command: revisions that need a live connection, run through the alembic command itself.
 *
 * Weaker than run: Alembic commits by itself, so that the verification comes after, and the backup is
 * taken before it, without locks: what is written in between is not in it.  Before anything is
 * changed, `alembic current` proves that the command works on the same database as we do: it
 * has to wait for a lock that we hold.
 */
#ifndef MIG_ROLLBACK_COMMAND_H
#define MIG_ROLLBACK_COMMAND_H

#include "core/err.h"

struct guard;
struct outcome_report;

/* As run_guarded. */
int command_run(struct guard *g, struct outcome_report *out, struct err *err) MIG_MUST_CHECK;

#endif
