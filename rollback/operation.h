/*
 * operation: one command of mig-rollback from its options to its exit: configuration, keys, log line, reports, and the
 * guard with its session on the server.
 */
#ifndef MIG_ROLLBACK_OPERATION_H
#define MIG_ROLLBACK_OPERATION_H

#include <jansson.h>
#include <stdio.h>

#include "core/err.h"
#include "core/report.h"
#include "rollback/request.h"

struct audit;
struct config;
struct guard;
struct keyring;
struct options;
struct outcome_report;

enum { OPERATION_TEXT, OPERATION_JSON };
extern const char *const operation_formats[];

/* What every command opens, in this order; closed in the other. */
struct operation {
    struct options *options;
    struct config *config;
    struct keyring *keys;
    struct rollback_request request;
    const char **smoke;
    struct report report;
    struct audit *audit;
    char log_head[65]; /* "" before operation_log */
    struct guard *guard;
    char *recalled;    /* the revision that --plan DIGEST was made for */
};

/* NAME ("rollback run") goes into the log.  Close it whatever comes back. */
int operation_open(struct operation *s, struct options *o, const char *name, const char *revision, struct err *err)
    MIG_MUST_CHECK;
/* Write the log's line, once, as RC and *ERR have it, so that what is shown can name its head.  Returns
 * RC, or -1 where the line could not be written. */
int operation_log(struct operation *s, int rc, struct err *err) MIG_MUST_CHECK;
/* RC 0 or -1 with *ERR. Returns the same, or -1 where the log or a report could not be written. */
int operation_close(struct operation *s, int rc, struct err *err) MIG_MUST_CHECK;

/* Takes J. */
int operation_show_json(const struct operation *s, json_t *j, FILE *out, struct err *err) MIG_MUST_CHECK;
int operation_show_plan(struct operation *s, struct err *err) MIG_MUST_CHECK;
int operation_show_outcome(struct operation *s, const struct outcome_report *r, struct err *err) MIG_MUST_CHECK;
/* What never became a run, for a program that reads the result: people read the error. */
void operation_show_refused(struct operation *s, const char *kind, const struct err *err);

#endif
