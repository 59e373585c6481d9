/*
 * tx: transactions, with the tags checked.
 *
 * COMMIT of an aborted transaction answers ROLLBACK and no error: tx_commit
 * looks.  A connection that is lost between COMMIT and its answer is
 * ERR_UNKNOWN, never a guess; tx_status asks the server afterwards.
 */
#ifndef MIG_PG_TX_H
#define MIG_PG_TX_H

#include <stdint.h>

#include "core/err.h"

struct conn;

enum tx_isolation { TX_READ_COMMITTED, TX_REPEATABLE_READ, TX_SERIALIZABLE };

/* The isolation is always said explicitly: the role's default never decides. */
int tx_begin(struct conn *c, enum tx_isolation isolation, int read_only, struct err *err)
    MIG_MUST_CHECK;
/* ERR_FAILED: the server rolled back.  ERR_UNKNOWN: the connection died in COMMIT. */
int tx_commit(struct conn *c, struct err *err) MIG_MUST_CHECK;
/* Harmless outside a transaction and on a lost connection. */
void tx_rollback(struct conn *c);
int tx_savepoint(struct conn *c, const char *name, struct err *err) MIG_MUST_CHECK;
int tx_rollback_to(struct conn *c, const char *name, struct err *err) MIG_MUST_CHECK;
/* pg_export_snapshot(); owned. */
char *tx_export_snapshot(struct conn *c, struct err *err) MIG_MUST_CHECK;
int tx_import_snapshot(struct conn *c, const char *snapshot, struct err *err) MIG_MUST_CHECK;
/* pg_current_xact_id(): assigns one. */
int tx_current_id(struct conn *c, uint64_t *xid, struct err *err) MIG_MUST_CHECK;

enum tx_fate { TX_COMMITTED, TX_ABORTED, TX_IN_PROGRESS, TX_FORGOTTEN };
/* pg_xact_status(XID) on another session; FORGOTTEN: the server does not know it (too old, or
 * another server after a failover). */
int tx_status(struct conn *c, uint64_t xid, enum tx_fate *fate, struct err *err) MIG_MUST_CHECK;

#endif
