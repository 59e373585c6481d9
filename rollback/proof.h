/*
 * proof: does the catalog say what the plan predicted, while ROLLBACK is still free?
 *
 * A proof is the catalog at one moment.  Two of one transaction, before and after,
 * are compared with the closure: what went must have been predicted to go, what was
 * predicted must have gone, nothing new may be invalid.
 */
#ifndef MIG_ROLLBACK_PROOF_H
#define MIG_ROLLBACK_PROOF_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct conn;
struct query;
struct result;
struct plan;
struct closure;
struct proof;

/* Read in C's transaction, under our own settings (session_borrow) or an own session. */
struct proof *proof_read(struct conn *c, struct err *err) MIG_MUST_CHECK;
/* Of the answer to proof_catalog_query, which it takes. */
struct proof *proof_of(struct result *r, struct err *err) MIG_MUST_CHECK;
void proof_free(struct proof *p);

/* After a change: BEFORE, and what LOCKS (of footprint_locks_query) says that the transaction has locked read anew (LOCKED, the
 * answer to proof_locked_query, taken).  Only what is locked can have changed, but for names of schemas and for who
 * writes in the catalog itself (footprint_hacked).  BEFORE must live as long. */
struct proof *proof_after(const struct proof *before, const struct result *locks, struct result *locked, struct err *err)
    MIG_MUST_CHECK;

/* What is asked: prepared once per session. */
struct query proof_catalog_query(void);
struct query proof_locked_query(void); /* of what the transaction has locked */
struct query proof_spaces_query(void); /* one line: the schemas' names */

/* ERR_REFUSED naming the first table or column of CLOSURE's tables that differs: the schema changed
 * between the plan and the locks. */
int proof_same(const struct proof *planned, const struct proof *now, const struct closure *closure,
               struct err *err) MIG_MUST_CHECK;
/* ERR_REFUSED with every difference from the prediction in its detail. */
int proof_check(const struct proof *before, const struct proof *after, const struct plan *plan,
                const struct closure *closure, struct err *err) MIG_MUST_CHECK;
/* The relation's file node; -1: it is not in it. */
int64_t proof_file(const struct proof *p, uint32_t oid);
/* Was the table's file replaced? */
int proof_rewritten(const struct proof *before, const struct proof *after, uint32_t oid);
/* What went between the two: calls VISIT for each table, and for each column of a table that stayed
 * (COLUMN NULL: the table).  OID is the table's. */
int proof_gone(const struct proof *before, const struct proof *after,
               int (*visit)(void *arg, uint32_t oid, const char *name, const char *column, struct err *err),
               void *arg, struct err *err) MIG_MUST_CHECK;
/* OIDs of every ordinary table; owned. */
uint32_t *proof_tables(const struct proof *p, size_t *n, struct err *err) MIG_MUST_CHECK;
/* ERR_UNFINISHED naming what became invalid between the two. */
int proof_invalid(const struct proof *before, const struct proof *after, struct err *err) MIG_MUST_CHECK;
/* Is the relation in it? */
int proof_has(const struct proof *p, uint32_t oid);
/* The relation's name; NULL: it is not in it.  With _table_, if it is a table of any kind. */
const char *proof_name(const struct proof *p, uint32_t oid);
const char *proof_table_name(const struct proof *p, uint32_t oid);

#endif
