/*
 * saved: a reviewed plan in a file, signed and encrypted: steps, the SQL of both directions and the
 * digest.  Running it needs neither Alembic nor revision files.
 */
#ifndef MIG_ROLLBACK_SAVED_H
#define MIG_ROLLBACK_SAVED_H

#include "core/err.h"

struct guard;
struct keyring;
struct plan;

struct saved {
    struct plan *plan, *reverse; /* REVERSE may be NULL */
    char digest[65];
};

/* PATH must not exist. */
int saved_write(const char *path, const struct guard *g, struct err *err) MIG_MUST_CHECK;
int saved_read(const char *path, const struct keyring *keys, struct saved *s, struct err *err)
    MIG_MUST_CHECK;

#endif
