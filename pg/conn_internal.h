/*
 * conn_internal: what the other files of pg/ need of a connection; nobody else includes this.
 */
#ifndef MIG_PG_CONN_INTERNAL_H
#define MIG_PG_CONN_INTERNAL_H

#include <libpq-fe.h>

#include "pg/conn.h"

struct session_along;

/* Borrowed.  For calls that block inside libpq (PQgetCopyData) a signal still cancels. */
PGconn *conn_raw(const struct conn *c);
/* As it was opened. */
enum conn_profile conn_profile_of(const struct conn *c);
int64_t conn_lock_timeout(const struct conn *c);
int conn_shielded(const struct conn *c);
/* What was asked along with the session's settings, or NULL; the caller's. */
struct session_along *conn_take_along(struct conn *c);
/* Names of what was prepared in the session, for pg/query alone. */
char ***conn_prepared(struct conn *c);
/* Fill *ERR from R, or from the connection where R is NULL: message, SQLSTATE, DETAIL, HINT (values of
 * rows masked), ERR_INTERRUPTED where a signal is the cause.  Returns -1. */
int conn_failure(struct conn *c, const PGresult *r, struct err *err);
/* ERR_INTERRUPTED if a signal came and C is not shielded. */
int conn_check(struct conn *c, struct err *err) MIG_MUST_CHECK;
/* Flush what was sent and wait for the next result; *R is NULL when the command is over.  Owned.
 * Returns as soon as the time limit of C is over (C is lost then). */
int conn_next(struct conn *c, PGresult **r, struct err *err) MIG_MUST_CHECK;
/* Wait until the socket can be read, or (WRITE) read or written: 0, or -1 as conn_next. */
int conn_wait(struct conn *c, int write, struct err *err) MIG_MUST_CHECK;
/* Throw away what is left of the running command. */
void conn_drain(struct conn *c);

#endif
