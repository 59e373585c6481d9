/*
 * address: where to connect, and who said so.
 *
 * Flags first, then $MIG_DATABASE_URL, $DATABASE_URL, the PG* variables (with services and
 * the password file, which are libpq's), and last the caller's fallback URL.  URLs may be
 * libpq's or SQLAlchemy's.  Messages name the source and never hold the password.
 */
#ifndef MIG_PG_ADDRESS_H
#define MIG_PG_ADDRESS_H

#include <stddef.h>

#include "core/err.h"

struct conn_options;

#define ADDRESS_MAX 64

/* libpq keywords and their values, NULL-terminated for PQconnectdbParams.  A zeroed struct is empty. */
struct address {
    const char *keys[ADDRESS_MAX + 1]; /* static or owned by libpq's table of options */
    char *values[ADDRESS_MAX + 1];     /* owned; wiped when freed */
    size_t count;
    char source[64];
};

/* From O and the process's environment.  ERR_USAGE for what cannot be used. */
int address_resolve(const struct conn_options *o, struct address *a, struct err *err)
    MIG_MUST_CHECK;
/* TEXT is a URL, a conninfo string or a database's name; SOURCE names it in messages. */
int address_parse(const char *text, const char *source, struct address *a, struct err *err)
    MIG_MUST_CHECK;
/* KEY must be a keyword that libpq knows.  Replaces; VALUE NULL removes. */
int address_set(struct address *a, const char *key, const char *value, struct err *err)
    MIG_MUST_CHECK;
const char *address_get(const struct address *a, const char *key);
void address_free(struct address *a);

#endif
