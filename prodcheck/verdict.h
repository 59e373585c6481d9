/*
 * verdict: the table of checks, asked in one pipeline, weighed into go or no-go.
 */
#ifndef MIG_PRODCHECK_VERDICT_H
#define MIG_PRODCHECK_VERDICT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cli.h"
#include "core/err.h"

struct conn;
struct config;
struct environment;
struct keyring;
struct plan;
struct closure;

enum check_status { CHECK_OK, CHECK_WARN, CHECK_FAIL, CHECK_ERROR, CHECK_SKIPPED };
enum verdict_answer { VERDICT_GO, VERDICT_NO_GO, VERDICT_UNKNOWN };

struct check_result {
    const char *id;       /* static */
    enum check_status status;
    char *value, *threshold, *message, *remedy;
    json_t *evidence;     /* or NULL */
};

struct verdict {
    enum verdict_answer answer;
    struct check_result *checks;
    size_t nchecks;
};

struct verdict_options {
    const struct config *config;
    const struct environment *environment;
    const struct keyring *keys;     /* for the backup check; NULL: signature unchecked is an error */
    const struct plan *plan;        /* or NULL: the whole database */
    const struct closure *closure;  /* the plan's, or NULL */
    const struct cli_list *only, *skip;
    const char *backup;             /* --backup FILE or receipt, or NULL */
    const char *dir;                /* the shelf, or NULL */
    const char *baseline;
    int strict, after;
    int no_backup_check;            /* mig-rollback takes its own */
};

struct verdict *verdict_run(struct conn *c, const struct verdict_options *o, struct err *err)
    MIG_MUST_CHECK;
void verdict_free(struct verdict *v);
const char *check_status_name(enum check_status s);
json_t *verdict_json(const struct verdict *v, struct err *err) MIG_MUST_CHECK;

#endif
