/* request: what the operator asked mig-rollback for.  Borrowed throughout. */
#ifndef MIG_ROLLBACK_REQUEST_H
#define MIG_ROLLBACK_REQUEST_H

#include <stdint.h>

#include "core/cli.h"
#include "migration/plan.h"

struct config;
struct keyring;

enum rollback_backup { ROLLBACK_LOCKED, ROLLBACK_BEFORE, ROLLBACK_NONE };

struct rollback_request {
    struct cli_common *common;
    const struct config *config;
    const struct keyring *keys;
    struct plan_request plan;
    const char *digest;          /* run --plan DIGEST, or NULL */
    enum rollback_backup backup;
    const char *no_backup;       /* the reason, or NULL */
    int loss_scope;
    int verify_full;
    int64_t max_block_ms, lock_deadline_ms, lock_timeout_ms, statement_timeout_ms;
    const char *const *smoke;    /* NULL-terminated SQL files, or NULL */
    const char *smoke_command;
    int on_conflict;             /* --to-backup: enum restore_conflict */
    const struct cli_list *force;
    int cancel_blockers, terminate_blockers;
    int dry_run;
    int patient;                 /* what planning must read is waited for until --lock-deadline */
};

#endif
