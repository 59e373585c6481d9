/*
 * round: one pipeline of queries, and which check each is for.
 */
#ifndef MIG_PRODCHECK_ROUND_H
#define MIG_PRODCHECK_ROUND_H

#include <stddef.h>

#include "core/err.h"
#include "pg/query.h"
#include "prodcheck/target.h"

struct check;
struct conn;
struct verdict;
struct verdict_options;

enum { ROUND_QUERIES = 256, ROUND_PARAMS = 7 };

/* One query of the pipeline and whose it is. */
struct round_slot {
    const struct check *check;  /* NULL: a query of mig.json */
    const char *plan;           /* the name of a query whose plan is asked for, or NULL */
    int is_meta;                /* what the server says of this role */
    size_t result;              /* index into the verdict's checks */
};

/* Large: on the heap. */
struct round {
    struct query queries[ROUND_QUERIES];
    const char *params[ROUND_QUERIES][ROUND_PARAMS];
    struct round_slot slots[ROUND_QUERIES];
    struct result *results[ROUND_QUERIES]; /* the caller's to free, N of them */
    struct err errs[ROUND_QUERIES];        /* where the result is NULL */
    int n;
};

/* What every round is asked with. */
struct round_terms {
    const struct verdict_options *options; /* borrowed */
    struct target target;
    char *zones, before[512];
    char **explain;      /* EXPLAIN of mig.json's prodcheck.plans */
};

/* Into the zeroed T, which borrows O.  Free it on failure too. */
int round_prepare(struct round_terms *t, const struct verdict_options *o, struct err *err) MIG_MUST_CHECK;
void round_terms_free(struct round_terms *t);
/* K is skipped where there is no plan. */
int round_needs_plan(const struct check *k);
/* Ask what is due: every check of V, or with AGAIN only the volatile ones that failed.  R borrows from T. */
void round_compose(struct round *r, const struct round_terms *t, const struct verdict *v, int again);
/* Send it.  -1 where the connection failed; a query that fails has its own error. */
int round_ask(struct round *r, const struct round_terms *t, struct conn *c, struct err *err) MIG_MUST_CHECK;

#endif
