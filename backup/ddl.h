/*
 * ddl: the schema as pg_dump writes it, read on a thread of its own while rows are copied.
 */
#ifndef MIG_BACKUP_DDL_H
#define MIG_BACKUP_DDL_H

#include <stdint.h>

#include "core/err.h"

struct conn;
struct ddl;

/* Starts `pg_dump --schema-only` at C's server, within SNAPSHOT, as C's role.  The output stays in
 * memory.  Borrows C until return alone. */
struct ddl *ddl_start(struct conn *c, const char *snapshot, const char *role, int ascii,
                      int64_t lock_timeout_ms, struct err *err) MIG_MUST_CHECK;
/* The same without a snapshot: for one that is taken later, where ddl_current says that it would be the same. */
struct ddl *ddl_ahead(struct conn *c, int64_t lock_timeout_ms, struct err *err) MIG_MUST_CHECK;
/* Of what ddl_ahead started: has nobody written since in the catalog that pg_dump read?  C is a session that sees
 * what others have committed. */
int ddl_current(const struct ddl *d, struct conn *c, int *current, struct err *err) MIG_MUST_CHECK;
/* Waits.  *TEXT is the DDL, owned; or NULL, and *WHY says why there is none (owned).  -1 only for an
 * interruption or lack of memory. */
int ddl_finish(struct ddl *d, char **text, char **why, struct err *err) MIG_MUST_CHECK;
/* Also without ddl_finish: what still runs is stopped. */
void ddl_free(struct ddl *d);

#endif
