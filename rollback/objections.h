/*
 * objections: what a verification finds wrong, object by object; it goes on after the first.
 */
#ifndef MIG_ROLLBACK_OBJECTIONS_H
#define MIG_ROLLBACK_OBJECTIONS_H

#include "core/buf.h"
#include "core/err.h"

/* Begins as zero.  TEXT has the first dozen. */
struct objections {
    struct buf text;
    int count;
};

int objections_add(struct objections *o, struct err *err, const char *name, const char *what) MIG_MUST_CHECK;
void objections_free(struct objections *o);

#endif
