/*
 * prune: old backups go, by rules, and never the last one that is known to be good.
 *
 * Databases are looked at one by one.  What cannot be read, what is signed by
 * someone who is not trusted, and what a run that could still be undone needs
 * is kept; only MAX_AGE goes over that.
 */
#ifndef MIG_BACKUP_PRUNE_H
#define MIG_BACKUP_PRUNE_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "core/err.h"

struct cli_list;
struct keyring;

struct prune_options {
    const char *dir, *state_dir;
    const struct keyring *keys;
    int last, daily, weekly, monthly, yearly;
    int64_t within_ms, max_age_ms;
    const struct cli_list *names; /* patterns (fnmatch) of names that are kept */
    int dry_run;
    time_t now;
};

struct prune_entry {
    char *path;
    int removed;      /* or would be */
    const char *why;  /* static: "newest 3", "cannot be read" */
    uint64_t bytes;
};

struct prune_result {
    struct prune_entry *entries; /* newest first */
    size_t count, removed;
    uint64_t bytes; /* removed */
};

struct config;
/* Where the command line gave no rule at all: backup.keep of mig.json. */
void prune_defaults(struct prune_options *o, const struct config *config);
/* ERR_USAGE without a rule. */
int prune_run(const struct prune_options *o, struct prune_result *r, struct err *err) MIG_MUST_CHECK;
void prune_result_free(struct prune_result *r);
void prune_print(const struct prune_result *r, int dry_run, FILE *out);
int prune_print_json(const struct prune_result *r, int dry_run, FILE *out, struct err *err)
    MIG_MUST_CHECK;

#endif
