/*
 * typenames: the types and collations that a plan writes, as the migration's session knows them before the change.
 */
#ifndef MIG_ROLLBACK_TYPENAMES_H
#define MIG_ROLLBACK_TYPENAMES_H

#include "core/err.h"

struct conn;
struct expected;

/* Sets type_oid and collation_oid of X's parts that have a type, 0 where the server does not know it; then type_name,
 * for the script makes it (CREATE EXTENSION), or will not come that far. */
int typenames_find(struct conn *c, struct expected *x, struct err *err) MIG_MUST_CHECK;

#endif
