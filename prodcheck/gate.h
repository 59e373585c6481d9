/*
 * gate: the whole of mig-prodcheck: connect, plan, check, wait, report.
 */
#ifndef MIG_PRODCHECK_GATE_H
#define MIG_PRODCHECK_GATE_H

#include <stdint.h>

#include "core/cli.h"
#include "core/err.h"

struct gate_options {
    const struct cli_common *common;
    const char *downgrade, *upgrade; /* REV */
    struct cli_list sql;             /* files */
    struct cli_list only, skip;      /* "a,b" */
    const char *backup, *baseline;
    int strict, after, list, verify_backup;
    int64_t wait_ms, timeout_ms;
};

/* The exit code: 0 go, 1 no-go, 3 could not be checked (or nagios' codes).  -1: *ERR, before or beside
 * the checks (usage, a report that cannot be written, an interrupt). */
int gate_run(const struct gate_options *o, struct err *err) MIG_MUST_CHECK;

#endif
