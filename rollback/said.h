/*
 * said: does the plan itself say this of that relation?  By identity, never by the last part of a name.
 */
#ifndef MIG_ROLLBACK_SAID_H
#define MIG_ROLLBACK_SAID_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct closure;
struct closure_table;
struct conn;
struct plan;

/* Renamed or moved to another schema; by itself, or its schema SCHEMA was renamed. */
int said_renamed(const struct plan *plan, const struct closure *closure, uint32_t oid, const char *schema);
/* A column of it that was called NAME before is renamed. */
int said_renamed_column(const struct closure *closure, uint32_t oid, const char *name);
/* A statement of the script itself changes or deletes rows of it (an INSERT: only with ON CONFLICT). */
int said_changed(const struct plan *plan, const struct closure *closure, uint32_t oid);
/* The same, but a row may be changed: UPDATE, MERGE. */
int said_updated(const struct plan *plan, const struct closure *closure, uint32_t oid);
/* The version table's OID; 0: none, or not there. */
int said_version(const struct plan *plan, struct conn *c, uint32_t *oid, struct err *err) MIG_MUST_CHECK;

/* Part WHICH (0: the schema) of "schema.table.column", as quote_ident wrote it, without its quotes.  OUT
 * is empty where there is none. */
void said_part(const char *ident, int which, char *out, size_t size);

#endif
