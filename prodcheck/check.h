/*
 * check: the table of checks: what is asked, what is too much, why it matters right before a
 * migration, and what to do about it.
 *
 * Every query answers rows of one shape: object, value, detail, level, query.  LEVEL says the status
 * outright ("ok" "warn" "fail" "error"), or leaves it to the thresholds (NULL; "cap-warn": at most a
 * warning; "warn-at-least").  No row: nothing to say, ok.
 */
#ifndef MIG_PRODCHECK_CHECK_H
#define MIG_PRODCHECK_CHECK_H

#include <stddef.h>

#include "prodcheck/verdict.h"

struct result;

#define CHECK_COLUMNS 5

#define CHECK_NEEDS_STATS 1u /* blind without pg_read_all_stats (pg_monitor) */
#define CHECK_VOLATILE 2u    /* a failure is looked at again before it counts */
#define CHECK_ON_TABLES 4u   /* $1: the affected tables, NULL: the whole database */
#define CHECK_FOR_PLAN 8u    /* needs a plan; $1: the affected tables */
#define CHECK_LOCAL 16u      /* not asked of the server */
#define CHECK_AFTER 32u      /* --after: a warning is a failure */

enum check_unit { UNIT_NONE, UNIT_SECONDS, UNIT_PERCENT, UNIT_BYTES, UNIT_COUNT, UNIT_TIMES };

/* Thresholds are reached, not exceeded; 0: none. */
struct check {
    const char *id, *sql;
    unsigned flags;
    enum check_unit unit;
    double warn, fail;
    double production_warn, production_fail; /* 0: as elsewhere */
    const char *ok;     /* the message when there is nothing to say */
    const char *why;    /* what it does to a migration */
    const char *remedy;
};

/* In the order of the report. */
const struct check *check_table(size_t *n);
const struct check *check_find(const char *id);
const char *check_unit_name(enum check_unit unit);

struct check_limits {
    double warn, fail; /* 0: none */
};
/* From the table, the environment and mig.json.  ERR_USAGE for a threshold that makes no sense. */
int check_limits(const struct check *k, const struct verdict_options *o, struct check_limits *limits,
                 struct err *err) MIG_MUST_CHECK;
/* ERR_USAGE: mig.json's prodcheck.thresholds name a check that is not there. */
int check_thresholds(const struct config *config, struct err *err) MIG_MUST_CHECK;

/* Judge the rows of R. */
int check_judge(const struct check *k, const struct check_limits *limits, const struct result *r,
                struct check_result *out, struct err *err) MIG_MUST_CHECK;
/* One finding, said by the caller; OBJECT and FMT make the message.  Replaces what OUT held. */
int check_say(struct check_result *out, const struct check *k, enum check_status status,
              struct err *err, const char *fmt, ...) __attribute__((format(printf, 5, 6)))
    MIG_MUST_CHECK;
/* {object, value, detail} */
int check_evidence(struct check_result *out, const char *object, const double *value,
                   const char *detail, const char *query, struct err *err) MIG_MUST_CHECK;
void check_result_wipe(struct check_result *r);

#endif
