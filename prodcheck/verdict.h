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
    char *value, *threshold, *message, *remedy; /* for people; VALUE, THRESHOLD and REMEDY may be NULL */
    const char *why;      /* static: what it does to a migration, or NULL */
    const char *unit;     /* static: "s", "%", "B", "", of the numbers below */
    int has_number;
    double number, warn, fail; /* thresholds 0: none */
    json_t *evidence;     /* an array of {object, value, detail}, or NULL */
};

struct verdict {
    enum verdict_answer answer;
    struct check_result *checks;
    size_t nchecks;
    char **names;         /* of mig.json's own checks; owned */
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
    const struct plan *history;     /* up to the heads, without SQL: for the revision check where PLAN is NULL */
    const char *alembic_problem;    /* why there is no plan for the revision check, or NULL */
    const struct err *revision_error; /* plan_make's, or NULL: the revision check tells it */
    int strict, after;
    int verify_backup;              /* read all of it */
    int no_backup_check;            /* mig-rollback takes its own */
    int64_t timeout_ms;             /* of one query; 0: 2 s */
    int64_t recheck_ms;             /* before a volatile failure counts; 0: 1 s, -1: not */
};

struct verdict *verdict_run(struct conn *c, const struct verdict_options *o, struct err *err)
    MIG_MUST_CHECK;
/* The verdict where the server cannot even be reached: unknown, with WHY as the connection's check. */
struct verdict *verdict_unreachable(const struct err *why, struct err *err) MIG_MUST_CHECK;
/* 0 go, 1 no-go, 3 unknown. */
int verdict_exit_code(const struct verdict *v);
const char *verdict_answer_name(enum verdict_answer a);
/* ERR_USAGE where WORD ("a,b") names a check that is not there. */
int verdict_known(const char *words, const struct config *config, struct err *err) MIG_MUST_CHECK;
void verdict_free(struct verdict *v);
const char *check_status_name(enum check_status s);
json_t *verdict_json(const struct verdict *v, struct err *err) MIG_MUST_CHECK;

#endif
