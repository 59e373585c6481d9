/* tools: with --sql, other migration tools' own records, which a script that only changes the schema leaves behind. */
#ifndef MIG_ROLLBACK_TOOLS_H
#define MIG_ROLLBACK_TOOLS_H

#include "core/err.h"

struct guard;

/* Warn of each that is in the database and that the plan does not write: the tool would think that nothing
 * was rolled back. */
int tools_warn(const struct guard *g, struct err *err) MIG_MUST_CHECK;

#endif
