/*
 * report: a judgement, told to a person or to a machine.
 */
#ifndef MIG_VALIDATE_REPORT_H
#define MIG_VALIDATE_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "core/err.h"
#include "validate/judge.h"

struct plan;

struct report_judgement {
    const struct judgement *judgement;
    const struct plan *plan;
    const char *log_head; /* of the operation log, or NULL */
    const char *server;  /* "user@host:port/db", or NULL: offline */
    enum severity fail_on; /* from here on a finding is a failure */
    int show_values;
    int colour;
};

/* How long the locks that make others wait are held: for text, and as a Markdown table. */
void report_holds(FILE *out, const struct report_judgement *r, int markdown);
int report_text(FILE *out, const struct report_judgement *r, struct err *err) MIG_MUST_CHECK;
/* For pipelines: SARIF 2.1.0, JUnit, a Markdown summary, GitHub's annotations, GitLab's code quality. */
int report_sarif(FILE *out, const struct report_judgement *r, struct err *err) MIG_MUST_CHECK;
int report_junit(FILE *out, const struct report_judgement *r, struct err *err) MIG_MUST_CHECK;
int report_markdown(FILE *out, const struct report_judgement *r, struct err *err) MIG_MUST_CHECK;
int report_github(FILE *out, const struct report_judgement *r, struct err *err) MIG_MUST_CHECK;
int report_gitlab(FILE *out, const struct report_judgement *r, struct err *err) MIG_MUST_CHECK;

/* Rows in which something is lost, each table once: no fewer than what its worst finding loses.
 * *SEVERAL: a table has more findings than one, so it may be more. */
uint64_t report_rows_lost(const struct judgement *j, int *several);
/* The line of the file that a finding points at: of SQL files its statement's, of a revision file,
 * whose SQL was rendered, 1. */
int report_line(const struct report_judgement *r, const struct finding *f);

/* Where in its file the statement of F stands, and, of one that does not parse, where the parser stopped: lines and
 * columns from 1, the end behind the last character. */
struct report_place {
    int line, column, end_line, end_column;
};
void report_place(const struct finding *f, struct report_place *out);

/* SQL of ST for display: literals normalised unless SHOW_VALUES, on one line, cut at MAX bytes. Owned;
 * "" where it cannot be shown. */
char *report_sql(const char *sql, int show_values, size_t max);

#endif
