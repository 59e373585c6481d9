/*
 * create: the whole of `mig-backup create`, from flags to report.
 */
#ifndef MIG_BACKUP_CREATE_H
#define MIG_BACKUP_CREATE_H

#include <stdint.h>

#include "core/cli.h"
#include "core/err.h"

/* As the command line said; zeroed: the way up to the heads. */
struct create_options {
    const struct cli_common *common;
    const char *downgrade, *upgrade;    /* REV */
    struct cli_list sql;                /* other tools' scripts */
    struct cli_list tables, exclude;    /* psql's patterns */
    int all;
    int scope;                          /* 0: mig.json's; else 1 + enum snapshot_scope */
    const char *current, *current_from; /* plan from these version rows */
    const char *name, *output, *receipt;
    int require_ddl, no_ddl;
    int allow_opaque;                   /* what cannot be seen of a script is accepted */
    int64_t lock_timeout_ms;
};

/* Returns an exit code; -1: *ERR. */
int create_run(const struct create_options *o, struct err *err) MIG_MUST_CHECK;

#endif
