/*
 * block: what a DO block may run.
 *
 * PL/pgSQL alone.  Its static SQL is read, and EXECUTE of a plain literal; whether a statement is
 * reached, and how often, is not known, so nothing of it counts as done: a table that the block
 * makes is not the script's own.
 */
#ifndef MIG_SCRIPT_BLOCK_H
#define MIG_SCRIPT_BLOCK_H

#include "core/err.h"

struct effects;
struct script;
struct statement;

struct block {
    struct script *script;   /* its statements and expressions, each with its line in the file */
    struct effects *effects; /* theirs */
    int dynamic;             /* it also runs SQL that it puts together */
    int unread;              /* some of it could not be read */
    int variables;           /* it declares some: a condition may mean one of them */
};

/* What the DO statement ST holds, without its effects.  NULL with no error set: it is not PL/pgSQL, or
 * cannot be read at all. */
struct block *block_read(const struct statement *st, struct err *err) MIG_MUST_CHECK;
/* How many of its effects change rows, or may. */
int block_writes(const struct block *b);
void block_free(struct block *b);

#endif
