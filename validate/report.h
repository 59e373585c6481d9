/*
 * report: a judgement, told to a person or to a machine.
 */
#ifndef MIG_VALIDATE_REPORT_H
#define MIG_VALIDATE_REPORT_H

#include <stdio.h>

#include "core/err.h"

struct judgement;
struct plan;

struct report_judgement {
    const struct judgement *judgement;
    const struct plan *plan;
    const char *server;  /* "user@host:port/db", or NULL: offline */
    int show_values;
    int colour;
};

int report_text(FILE *out, const struct report_judgement *r, struct err *err) MIG_MUST_CHECK;

/* SQL of ST for display: literals normalised unless SHOW_VALUES, on one line, cut at MAX bytes. Owned;
 * "" where it cannot be shown. */
char *report_sql(const char *sql, int show_values, size_t max);

#endif
