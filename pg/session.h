/*
 * session: the settings of a session before its first query (DESIGN.md, section 5).
 */
#ifndef MIG_PG_SESSION_H
#define MIG_PG_SESSION_H

#include <stdint.h>

#include "pg/conn.h"
#include "pg/query.h"

struct buf;

/* Questions that share the session's first round trip, and what became of each (as query_pipeline). */
enum { SESSION_ALONG = 2 };

struct session_along {
    struct query queries[SESSION_ALONG];
    struct result *results[SESSION_ALONG];
    struct err errs[SESSION_ALONG];
};

void session_along_free(struct session_along *along);

/* One round trip (two with ROLE).  *PID is the backend that answered: behind a pooler it is not the
 * one that the protocol named at login.  ALONG is asked under the new settings, or NULL. */
int session_secure(struct conn *c, enum conn_profile profile, const char *role,
                   int64_t lock_timeout_ms, int *pid, struct session_along *along, struct err *err) MIG_MUST_CHECK;

/* In a session of another profile, within a transaction: the own profile's settings, locally, so that
 * values are written as they are everywhere.  *BEFORE is what they were, for session_return; owned
 * (core/strings).  Both are undone by the end of the transaction anyway. */
int session_borrow(struct conn *c, char ***before, struct err *err) MIG_MUST_CHECK;
int session_return(struct conn *c, char *const *before, struct err *err) MIG_MUST_CHECK;
/* The two halves of session_borrow, for who asks more in the same round trip: what the settings are; and
 * the one SELECT that makes them ours. */
int session_current(struct conn *c, char ***now, struct err *err) MIG_MUST_CHECK;
int session_own_sql(struct conn *c, struct buf *sql, struct err *err) MIG_MUST_CHECK;
/* The same for the current transaction alone: through a pooler nothing else is possible. */
int session_local(struct conn *c, enum conn_profile profile, int64_t lock_timeout_ms,
                  struct err *err) MIG_MUST_CHECK;

#endif
