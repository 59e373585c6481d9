/*
 * target: what a plan needs of the database, as parameters of the checks.
 */
#ifndef MIG_PRODCHECK_TARGET_H
#define MIG_PRODCHECK_TARGET_H

#include "core/err.h"

struct closure;
struct plan;

/* PostgreSQL array literals, owned. */
struct target {
    int known;         /* there is a plan */
    char *tables;      /* every table that the plan touches or locks; NULL: its reach is not known */
    char *named;       /* the same, as far as it is known */
    char *large;       /* those whose data is read, copied or rewritten */
    char *owned;       /* those that only the owner may change */
    char *written;     /* those whose rows are changed */
    char *referenced;  /* that a new foreign key points to */
    char *saved;       /* those that a backup must read */
    char *schemas;     /* where something is created; "" is the role's default */
    char *extensions;  /* that are created */
    const char *version_schema, *version_table; /* borrowed from the plan */
};

int target_find(const struct plan *plan, const struct closure *closure, struct target *t,
                struct err *err) MIG_MUST_CHECK;
void target_free(struct target *t);

#endif
