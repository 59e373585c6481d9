/*
 * resolve: the names that a script uses, looked up on the server.
 *
 * Each name under the search path that holds where the script uses it: the
 * migration's, until a SET search_path.  What the script made or dropped itself
 * is not looked up.
 */
#ifndef MIG_SCRIPT_RESOLVE_H
#define MIG_SCRIPT_RESOLVE_H

#include <stddef.h>

#include "core/err.h"

struct effects;
struct graph;

/* Fills G's items, and counts its opaque statements. */
int resolve_names(struct graph *g, struct effects *const *effects, size_t n) MIG_MUST_CHECK;

#endif
