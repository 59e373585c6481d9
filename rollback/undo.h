/*
 * undo: forward again through the upgrade that the run kept, and the lost values back; and going on
 * with a run that stopped between two segments.  Both from what the journal kept.
 */
#ifndef MIG_ROLLBACK_UNDO_H
#define MIG_ROLLBACK_UNDO_H

#include "core/err.h"

struct guard;
struct outcome_report;
struct undo;

/* RUN as for fate_read.  Opens the kept plan and examines it on G (refusal_answer afterwards).
 * ERR_REFUSED: that run did not commit, or was undone, or cannot be. */
struct undo *undo_open(struct guard *g, const char *run, struct err *err) MIG_MUST_CHECK;
const char *undo_of(const struct undo *u);
const char *undo_backup(const struct undo *u); /* or NULL */
/* RUN stopped between two segments: what remains of its plan, examined on G. */
struct undo *undo_resume(struct guard *g, const char *run, struct err *err) MIG_MUST_CHECK;
/* RUN stopped between two segments: back to where it began, through the other direction's segments and its
 * backups.  ERR_REFUSED where that cannot be. */
struct undo *undo_back(struct guard *g, const char *run, struct err *err) MIG_MUST_CHECK;
int undo_run(struct undo *u, struct guard *g, struct outcome_report *out, struct err *err)
    MIG_MUST_CHECK;
void undo_free(struct undo *u);

#endif
