/*
 * graph: a closure while it is being found.
 *
 * The names that the script uses, what they are on this server, and the closure
 * as far as it is known.  Shared by resolve (names), follow (what they reach) and
 * closure.c, which owns it; nobody else includes it.
 */
#ifndef MIG_SCRIPT_GRAPH_H
#define MIG_SCRIPT_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct closure;
struct closure_table;
struct conn;
struct effect;

/* Where a name is looked up, as closure_resolve.sql numbers it. */
enum space {
    SPACE_RELATION,
    SPACE_TYPE,
    SPACE_SCHEMA,
    SPACE_ROUTINE,
    SPACE_EXTENSION,
    SPACE_CONSTRAINT,
    SPACE_STATISTICS,
    SPACE_NOWHERE,
};

/* A name to look up, and what it was found to be. */
struct item {
    const struct effect *e;
    int partner; /* the name is E's partner */
    enum space space;
    const char *schema, *name, *part;
    size_t path;
    uint32_t classid, oid;
    uint32_t up; /* an index's table, a partition's parent, a foreign key's referenced table */
    char kind;
    int found;
};

struct graph {
    struct conn *c;
    struct closure *out;
    struct item *items;
    size_t nitems, cap;
    char **paths; /* search paths in the order the script sets them */
    size_t tables_cap, sequences_cap, reaches_cap, falls_cap;
    struct err *err;
};

/* Relation OID meets FATE by statement of E under a lock of MODE; BECAUSE or NULL: named in the
 * script.  The table, good until the next, or NULL: no memory. */
struct closure_table *graph_touch(struct graph *g, uint32_t oid, unsigned fate,
                                  const struct effect *e, const char *mode, const char *because);
/* Only the reach: a lock on what is not the closure's. */
int graph_reach(struct graph *g, uint32_t oid, unsigned fate, const struct effect *e,
                const char *mode, const char *because) MIG_MUST_CHECK;
/* E changes column NAME (NULL: nothing to do) of T, which graph_touch has just given for it. */
int graph_column(struct graph *g, struct closure_table *t, const char *name, unsigned why,
                 const struct effect *e) MIG_MUST_CHECK;
/* A sequence that falls or is set back; once for each OID. */
int graph_sequence(struct graph *g, uint32_t oid, const char *schema, const char *name)
    MIG_MUST_CHECK;

/* It goes whole with what E drops. */
int graph_fall(struct graph *g, const struct effect *e, uint32_t classid, uint32_t oid)
    MIG_MUST_CHECK;

#endif
