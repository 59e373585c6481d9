/* begin: a new run in the journal: who, where, from, to, and the plan in both directions, sealed. */
#ifndef MIG_ROLLBACK_BEGIN_H
#define MIG_ROLLBACK_BEGIN_H

#include <stddef.h>

#include "core/err.h"

struct guard;
struct journal;

struct begin_options {
    const char *kind;    /* "rollback", "undo" */
    const char *undo_of; /* or NULL */
    size_t segments;
};

struct journal *begin_run(const struct guard *g, const struct begin_options *b, struct err *err)
    MIG_MUST_CHECK;

#endif
