/*
 * execute: a plan's scripts, statement by statement, in a transaction that is the caller's.
 */
#ifndef MIG_ROLLBACK_EXECUTE_H
#define MIG_ROLLBACK_EXECUTE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct buf;
struct conn;
struct result;
struct plan;
struct statement;

struct execute_options {
    int64_t statement_timeout_ms; /* 0: none */
    int64_t lock_timeout_ms;
    int show_values;              /* literals in messages */
    /* Instead of a statement's own text (undo's relaxed NOT NULL), or NULL: as it stands.  Owned. */
    char *(*rewrite)(void *arg, const struct statement *s, struct err *err);
    void *rewrite_arg;
};

/* BEGIN and COMMIT of the scripts are ours and skipped.  Every command tag is checked, a statement on
 * the version table must change exactly one row, the timeouts are asserted again after each statement
 * that may have changed them.  On failure the message names revision, file, line and statement. */
int execute_plan(struct conn *c, const struct plan *p, const struct execute_options *o,
                 struct err *err) MIG_MUST_CHECK;

/* ERR_REFUSED naming a statement that ends the transaction itself (ROLLBACK, PREPARE). */
int execute_runnable(const struct plan *p, struct err *err) MIG_MUST_CHECK;
/* May the plan run in one transaction?  ERR_REFUSED naming the statement that may not. */
int execute_one_transaction(const struct plan *p, struct err *err) MIG_MUST_CHECK;

/* The rows of the plan's version table, sorted, NULL-terminated; owned (strings_free).  An absent
 * table is no rows. */
int execute_version_rows(struct conn *c, const struct plan *p, char ***rows, struct err *err)
    MIG_MUST_CHECK;
/* The SQL that reads them. */
int execute_version_sql(const struct plan *p, struct buf *sql, struct err *err) MIG_MUST_CHECK;
/* ERR_REFUSED unless ROWS are EXPECTED; WHEN ("before the change") goes into the message. */
int execute_version_same(char *const *rows, char *const *expected, const char *when, struct err *err)
    MIG_MUST_CHECK;
/* The same of rows that were read already, one column. */
int execute_version_answer(const struct result *r, char *const *expected, const char *when, struct err *err)
    MIG_MUST_CHECK;

#endif
