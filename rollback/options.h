/*
 * options: the command line of mig-rollback: each option once, with the commands that take it, and the request that
 * they and mig.json make.
 */
#ifndef MIG_ROLLBACK_OPTIONS_H
#define MIG_ROLLBACK_OPTIONS_H

#include <stdint.h>

#include "core/cli.h"
#include "core/err.h"
#include "rollback/request.h"

/* As typed; -1: not given.  Begin with options_init. */
struct options {
    struct cli_common common;
    const char *to_backup, *save, *plan, *no_backup, *smoke_command, *current, *current_from, *version_column;
    struct cli_list sql, undo_sql, version_before, version_after, force, smoke;
    int back, backup, scope, verify, on_conflict, cancel, terminate, dry_run, no_sql;
    int64_t max_block, lock_deadline, lock_timeout, statement_timeout;
};

enum { OPTIONS_PLAN = 1, OPTIONS_RUN = 2, OPTIONS_UNDO = 4, OPTIONS_RESUME = 8, OPTIONS_OF = 16 };

void options_init(struct options *o);
/* The lists; COMMON is cli_main's. */
void options_free(struct options *o);
/* The table of one command (OPTIONS_PLAN, ...): static storage pointing into *O. */
const struct cli_option *options_table(struct options *o, int command);

/* Is what --plan names a digest, or a file?  (Hexadecimal digits are a digest.) */
int options_plan_digest(const struct options *o);
int options_plan_file(const struct options *o);
/* The digest alone says where to. */
int options_by_digest(const struct options *o);
/* ERR_USAGE unless exactly one thing says where to; REVISIONS: how many were given. */
int options_where(const struct options *o, int revisions, struct err *err) MIG_MUST_CHECK;
/* *R as *O and CONFIG have it; *SMOKE, owned by the caller, is the list that it points to. */
int options_request(struct options *o, const struct config *config, const struct keyring *keys, const char *revision,
                    struct rollback_request *r, const char ***smoke, struct err *err) MIG_MUST_CHECK;

#endif
