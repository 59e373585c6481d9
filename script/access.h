/*
 * access: what a query reads, writes and calls.
 *
 * Any tree that holds queries: writes in WITH clauses and functions of unknown
 * effect are found wherever they stand.
 */
#ifndef MIG_SCRIPT_ACCESS_H
#define MIG_SCRIPT_ACCESS_H

#include <jansson.h>

struct finder;

/* A statement that is a query: everything, and a plain EFFECT_READ where there is nothing else. */
void access_query(struct finder *f, const json_t *tree);
/* Only what TREE writes and calls; set_config is not followed. */
void access_writes(struct finder *f, const json_t *tree);
/* The relations below TREE, without the names of WITH. */
void access_reads(struct finder *f, const json_t *tree);
/* A query that is analysed and does not run (EXPLAIN, a rule's action): what it would write is only
 * locked. */
void access_analysed(struct finder *f, const json_t *tree);

#endif
