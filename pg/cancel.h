/*
 * cancel: SIGINT, SIGTERM and SIGHUP cancel what the server is doing for us.
 *
 * The signal handler only wakes a thread; the thread sends the cancel requests, for they
 * block where a server hangs, and a handler that blocks would make Ctrl-C worse than useless.
 */
#ifndef MIG_PG_CANCEL_H
#define MIG_PG_CANCEL_H

#include <libpq-fe.h>

/* From now on a signal cancels RAW's query.  Lacking memory or threads: no cancel, nothing worse. */
void cancel_register(PGconn *raw);
/* Not any more.  Before PQfinish, and around what must not be cancelled. */
void cancel_forget(PGconn *raw);
/* Ask once more for all that are registered: the first request may have met an idle server. */
void cancel_again(void);

#endif
