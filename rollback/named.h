/* named: the objects that a closure's script names, as pg_depend does: two arrays side by side, for SQL. */
#ifndef MIG_ROLLBACK_NAMED_H
#define MIG_ROLLBACK_NAMED_H

#include "core/err.h"

struct closure;

/* Class ids and object ids; owned.  PARTNERS: tables at the other end of a foreign key too. */
int named_objects(const struct closure *closure, int partners, char **classes, char **oids, struct err *err)
    MIG_MUST_CHECK;

#endif
