/* next: the command to type, with the flags of this one that find the same database and state. */
#ifndef MIG_ROLLBACK_NEXT_H
#define MIG_ROLLBACK_NEXT_H

#include "core/err.h"

struct guard;

/* "mig-rollback COMMAND [RUN] ..."; RUN may be NULL.  Owned. */
char *next_command(const struct guard *g, const char *command, const char *run, struct err *err)
    MIG_MUST_CHECK;

#endif
