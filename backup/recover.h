/*
 * recover: the whole of `mig-backup restore`, from flags to report.
 */
#ifndef MIG_BACKUP_RECOVER_H
#define MIG_BACKUP_RECOVER_H

#include "core/cli.h"
#include "core/err.h"

struct recover_options {
    const struct cli_common *common;
    const char *file;       /* a path, a name, an id or "latest" */
    struct cli_list tables; /* TABLE or TABLE:COLUMN,... */
    int mode;               /* 0: empty, or columns where columns are named; else 1 + enum restore_mode */
    int on_conflict;        /* enum restore_conflict */
    const char *where, *into, *from_env;
    int create, dry_run, verify_full, no_safety_copy;
};

/* Returns an exit code; -1: *ERR. */
int recover_run(const struct recover_options *o, struct err *err) MIG_MUST_CHECK;

#endif
