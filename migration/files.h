/*
 * files: plans of other tools' SQL files; their version rows are those that the flags name, if any.
 */
#ifndef MIG_MIGRATION_FILES_H
#define MIG_MIGRATION_FILES_H

#include <stddef.h>

#include "core/err.h"

struct conn;
struct plan;
struct plan_request;

/* FILES ("-": standard input) in their order, a step each.  ERR_USAGE where there is none.  C: to find the version
 * table that R names; may be NULL where it names none. */
struct plan *files_plan(const struct plan_request *r, const char *const *files, size_t n,
                        struct conn *c, struct err *err)
    MIG_MUST_CHECK;
/* The files that go forward again from P, a plan of files: those that R names, else those that the tools'
 * naming gives.  ERR_FAILED where there is none to a file. */
struct plan *files_reverse(const struct plan *p, const struct plan_request *r, struct err *err) MIG_MUST_CHECK;
/* Each step's FORWARD from the file that its tool would take; a file without one is left alone. */
int files_forward(struct plan *p, struct err *err) MIG_MUST_CHECK;

#endif
