/*
 * dial: a connection being made, step by step, so that Ctrl-C is heard while it is.
 */
#ifndef MIG_PG_DIAL_H
#define MIG_PG_DIAL_H

#include <libpq-fe.h>

#include "core/err.h"

struct address;

/* As PQconnectdbParams with connect_timeout=SECONDS: each host of a list has so long, and one that does
 * not answer is taken off A's list.  The result is for PQfinish and may be CONNECTION_BAD; *SILENT: because
 * the last host did not answer in time.  NULL: interrupted (but not where
 * SHIELDED), or no memory. */
PGconn *dial(struct address *a, int seconds, int shielded, int *silent, struct err *err) MIG_MUST_CHECK;

#endif
