/*
 * surround: what stands around the rows: the database's identity, sequences, types.
 */
#ifndef MIG_BACKUP_SURROUND_H
#define MIG_BACKUP_SURROUND_H

#include <stdint.h>

#include "backup/manifest.h"
#include "core/err.h"

struct conn;

/* Database, server, encoding, role and the time on the server.  *STANDBY as the server says. */
int surround_identity(struct conn *c, struct manifest *m, int *standby, struct err *err)
    MIG_MUST_CHECK;
/* Sequences that TABLES own or draw on, and SEQUENCES (oid[] texts), with their state now: read after
 * the rows, so that no saved row is ahead of its sequence. */
int surround_sequences(struct conn *c, const char *tables, const char *sequences,
                       struct manifest *m, struct err *err) MIG_MUST_CHECK;
/* User types of the columns of TABLES (an oid[] text). */
int surround_types(struct conn *c, const char *tables, struct manifest *m, struct err *err)
    MIG_MUST_CHECK;

#endif
