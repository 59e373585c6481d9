/*
 * ahead: a row source that reads the next batch on a thread of its own while this one is used.
 */
#ifndef MIG_CORE_AHEAD_H
#define MIG_CORE_AHEAD_H

#include "core/row.h"

/* Takes SOURCE: freed with the result, or at once on failure.  One batch is copied and kept ready. */
struct row_source *ahead_new(struct row_source *source, struct err *err) MIG_MUST_CHECK;

#endif
