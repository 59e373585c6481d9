/*
 * inventory: everything about some objects that a script may lose and another not make again:
 * privileges, owners, comments, defaults, indexes, policies, triggers, views, ...
 *
 * A run keeps one of what its plan reaches.  Undo compares with it, makes what the upgrade left out
 * where SQL can, and says what differs still.
 */
#ifndef MIG_ROLLBACK_INVENTORY_H
#define MIG_ROLLBACK_INVENTORY_H

#include <jansson.h>
#include <stddef.h>

#include "core/err.h"

struct closure;
struct conn;
struct inventory;

/* The objects that CLOSURE names and all that hangs on them, under our own settings (session_borrow)
 * or in an own session. */
struct inventory *inventory_read(struct conn *c, const struct closure *closure, struct err *err)
    MIG_MUST_CHECK;
void inventory_free(struct inventory *v);
json_t *inventory_json(const struct inventory *v, struct err *err) MIG_MUST_CHECK;
struct inventory *inventory_of_json(const json_t *json, struct err *err) MIG_MUST_CHECK;

/* In C's transaction: make what V has and the database has not.  *MADE and *LEFT (core/strings, added to)
 * name what was made and what differs still; *ORDER
 * names tables whose columns stand in another order.  What cannot be made costs nothing but a savepoint. */
int inventory_repair(struct conn *c, const struct inventory *v, char ***made, char ***left, char ***order,
                     struct err *err) MIG_MUST_CHECK;

#endif
