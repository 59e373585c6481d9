/*
 * node: reading libpg_query's JSON tree.
 *
 * A Node is an object of one member, {"AlterTableStmt": {...}}: its kind is the
 * key, its body the value.  What is false, zero or empty is absent.
 */
#ifndef MIG_SCRIPT_NODE_H
#define MIG_SCRIPT_NODE_H

#include <jansson.h>
#include <stddef.h>

#include "core/buf.h"

/* "AlterTableStmt", or "" where NODE is no Node.  Borrowed from NODE. */
const char *node_kind(const json_t *node);
const json_t *node_body(const json_t *node);
/* The body if NODE is of KIND, else NULL. */
const json_t *node_as(const json_t *node, const char *kind);

const json_t *node_get(const json_t *body, const char *key);
/* "" where absent. */
const char *node_text(const json_t *body, const char *key);
/* NULL where absent or empty. */
const char *node_name(const json_t *body, const char *key);
int node_true(const json_t *body, const char *key);
long long node_int(const json_t *body, const char *key);
int node_is(const json_t *body, const char *key, const char *value);

/* A list member; node_at(list, i) is NULL past its end. */
size_t node_count(const json_t *list);
const json_t *node_at(const json_t *list, size_t i);

/* The text of a String node, or NULL. */
const char *node_string(const json_t *node);
/* Names of a list of String nodes: the last one, and the one before it (or NULL). */
void node_qualified(const json_t *list, const char **schema, const char **name);
/* An option of a parenthesised list of DefElem: 1 on, 0 off, ABSENT where it is not there. */
int node_option(const json_t *list, const char *name, int absent);

/* Call VISIT for every Node below (and not including) FROM, parents first; where it returns
 * non-zero, the node's inside is left out. */
void node_walk(const json_t *from, int (*visit)(const char *kind, const json_t *body, void *arg),
               void *arg);

#endif
