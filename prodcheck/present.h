/*
 * present: a verdict in the form that someone reads: a person, a pipeline, a monitor.
 */
#ifndef MIG_PRODCHECK_PRESENT_H
#define MIG_PRODCHECK_PRESENT_H

#include <jansson.h>
#include <stdio.h>

#include "core/err.h"

struct verdict;

enum present_form {
    PRESENT_TEXT,
    PRESENT_JSON,
    PRESENT_JUNIT,
    PRESENT_MARKDOWN,
    PRESENT_PROMETHEUS,
    PRESENT_NAGIOS,
    PRESENT_GITHUB,
};
/* In the order of the enum, NULL-terminated: for report_open. */
extern const char *const present_forms[];

/* What the verdict is about; NULL where not known. */
struct present_about {
    const char *title;       /* user@host:port/dbname */
    const char *database, *environment;
    const char *after;       /* what was compared or planned: "downgrade to ae1027a6acf", or NULL */
    int production;
    int verbose, colour;
    double seconds;          /* that it took */
    const char *log_head;    /* of the operation log's chain, or NULL */
};

int present(const struct verdict *v, const struct present_about *a, enum present_form form, FILE *out,
            struct err *err) MIG_MUST_CHECK;
/* 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
int present_nagios_code(const struct verdict *v);

#endif
