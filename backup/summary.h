/*
 * summary: what `create` says about the backup it made.
 */
#ifndef MIG_BACKUP_SUMMARY_H
#define MIG_BACKUP_SUMMARY_H

#include <stdint.h>
#include <stdio.h>

#include "core/err.h"

struct snapshot_options;
struct snapshot_result;

struct summary {
    const struct snapshot_options *options;
    const struct snapshot_result *result;
    const char *database, *log_head; /* "": no log */
    int64_t ms, snapshot_ms;         /* the whole run, and the snapshot alone */
};

void summary_text(const struct summary *s, FILE *out);
int summary_json(const struct summary *s, FILE *out, struct err *err) MIG_MUST_CHECK;

#endif
