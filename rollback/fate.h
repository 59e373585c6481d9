/*
 * fate: what became of a run, from its journal and the server.
 */
#ifndef MIG_ROLLBACK_FATE_H
#define MIG_ROLLBACK_FATE_H

#include <stdint.h>

#include "core/err.h"
#include "core/journal.h"
#include "rollback/view.h"

struct guard;

struct fate {
    struct journal_record *record;
    struct outcome_report report;
    uint64_t xid;          /* the last transaction that began to change; 0: none did */
    size_t segments, done; /* of the plan; the first DONE are finished */
    int loose;             /* the next one was begun outside of a transaction: nobody knows how far it is */
    int command;           /* alembic ran it by itself */
    const char *undone_by; /* borrowed from the record, or NULL */
};

/* RUN: a name, a unique prefix, or NULL for the newest.  Settles what a crash left open: asks the
 * server, waiting while it still says "in progress", and writes the answer into the journal.
 * ERR_UNKNOWN (with *F filled) where the server does not know either. */
int fate_read(const struct guard *g, const char *run, struct fate *f, struct err *err) MIG_MUST_CHECK;
/* Of a rollback: has an undo committed and not come to write so into F's journal (killed in between)?  Then it is
 * written now, and undone_by set.  -1 where an undo of it has not ended, or nobody knows how. */
int fate_undone(const struct guard *g, struct fate *f, struct err *err) MIG_MUST_CHECK;
void fate_free(struct fate *f);

#endif
