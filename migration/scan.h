/* scan: the revision files of a project, found as Alembic finds them, and read. */
#ifndef MIG_MIGRATION_SCAN_H
#define MIG_MIGRATION_SCAN_H

#include "core/err.h"

struct history;

/* Every revision file in DIRS (NULL-terminated), sorted by name; with RECURSIVE also below.  A folder
 * that is not there is skipped when MISSING_OK.  -1/NULL only for what leaves nothing to report on:
 * memory, an unreadable folder. */
struct history *scan_load(char *const *dirs, int recursive, int missing_ok, struct err *err)
    MIG_MUST_CHECK;

#endif
