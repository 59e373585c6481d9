/* next: the command to type, with the flags of this one that find the same database and state. */
#ifndef MIG_ROLLBACK_NEXT_H
#define MIG_ROLLBACK_NEXT_H

#include "core/err.h"

struct guard;

/* "mig-rollback COMMAND [RUN] ..."; RUN may be NULL.  COMMAND may hold flags ("resume --back").  Owned. */
char *next_command(const struct guard *g, const char *command, const char *run, struct err *err)
    MIG_MUST_CHECK;
/* The run of the plan that G has examined, as this command line asked for it, with the digest.  *COMMAND (owned) is
 * NULL where it cannot be typed so (--current).  */
int next_run(const struct guard *g, char **command, struct err *err) MIG_MUST_CHECK;
/* Added to *NOTES: how to go back instead of on with RUN, which stopped between two segments. */
int next_note(const struct guard *g, const char *run, char ***notes, struct err *err) MIG_MUST_CHECK;
/* BEFORE and the command, as ERR's hint. */
void next_hint(const struct guard *g, const char *command, const char *run, const char *before, struct err *err);

#endif
