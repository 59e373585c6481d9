/*
 * follow: from what the script names to what else it reaches.
 *
 * Each adds to G's closure, by one query, what its kind of edge leads to; the
 * items are resolved, and what they name is in the closure already.
 */
#ifndef MIG_SCRIPT_FOLLOW_H
#define MIG_SCRIPT_FOLLOW_H

#include "core/err.h"

struct graph;

/* What falls with a dropped object, through pg_depend. */
int follow_drops(struct graph *g) MIG_MUST_CHECK;
/* A change of a parent is one of its partitions and children, unless ONLY. */
int follow_children(struct graph *g) MIG_MUST_CHECK;
/* A partition that is attached or detached takes its own along. */
int follow_moved(struct graph *g) MIG_MUST_CHECK;
/* A partition that comes or goes locks the default partition of its parent, and one that comes reads it. */
int follow_defaults(struct graph *g) MIG_MUST_CHECK;
/* Rows that foreign keys drag along. */
int follow_keys(struct graph *g) MIG_MUST_CHECK;
/* A change of type looks through the foreign keys on the column: both tables are locked alike. */
int follow_partners(struct graph *g) MIG_MUST_CHECK;
/* Reading a view reads what is behind it. */
int follow_views(struct graph *g) MIG_MUST_CHECK;
/* A domain's new constraint is checked in every table that uses it. */
int follow_users(struct graph *g) MIG_MUST_CHECK;
/* An attribute that goes is gone from every column that stores values of its type. */
int follow_attributes(struct graph *g) MIG_MUST_CHECK;

#endif
