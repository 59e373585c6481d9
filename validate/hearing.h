/*
 * hearing: one run of mig-validate: connect, plan, judge, report, log.
 */
#ifndef MIG_VALIDATE_HEARING_H
#define MIG_VALIDATE_HEARING_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "migration/plan.h"

struct cli_common;

struct hearing_options {
    struct cli_common *common;
    enum plan_direction direction;
    const char *operation;            /* "validate downgrade", for the log */
    const char *revision;
    const char *const *sql_files;
    size_t nsql_files;
    int fail_on;                      /* index into hearing_severities, -1: not said */
    int tool;                         /* index into plain_tools, -1: not said */
    int offline, no_ignore, no_sql, style, locks, render;
    int pg_version;                   /* major, with offline */
    const char *max_loss_rows, *current, *current_from;
    int64_t budget_ms;
};

/* "info" to "critical", NULL-terminated. */
extern const char *const hearing_severities[];

/* The table of hazards itself, as text, json or markdown (docs/hazards.md). */
int hearing_hazards(const struct hearing_options *o, struct err *err) MIG_MUST_CHECK;

/* 0 safe, 1 unsafe, 3 unknown; -1 and *ERR. */
int hearing_run(const struct hearing_options *o, struct err *err) MIG_MUST_CHECK;

#endif
