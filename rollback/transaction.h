/*
 * transaction: one segment from its locks to its COMMIT: copy, change and proof, or nothing.
 */
#ifndef MIG_ROLLBACK_TRANSACTION_H
#define MIG_ROLLBACK_TRANSACTION_H

#include "core/err.h"

struct running;

/* -1: nothing was committed; ERR_UNKNOWN where only the server knows and does not say. */
int transaction_run(struct running *r, struct err *err) MIG_MUST_CHECK;

#endif
