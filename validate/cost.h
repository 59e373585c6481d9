/*
 * cost: does a clause rewrite or read its whole table while it holds the lock?
 */
#ifndef MIG_VALIDATE_COST_H
#define MIG_VALIDATE_COST_H

#include <stdint.h>

struct effect;
struct facts_index;
struct inquiry;

struct cost {
    int rewrite;      /* the heap is written anew, with all its indexes */
    int scan;         /* the heap is read whole (also by a rewrite, an index build) */
    int index;        /* an index is built */
    int moved;        /* REWRITE copies the files as they are: the indexes stay */
    int on_partner;   /* the scan is of the partner (ATTACH PARTITION) */
    const char *why;  /* static: "the default is volatile", or NULL */
};

/* On relation TABLE (a child inherits its parent's clause); 0: the effect's own. */
void cost_of(const struct inquiry *q, const struct effect *e, uint32_t table, struct cost *out);

/* A statement that leaves the heap as it is: is its index X built anew? */
int cost_rebuilds(const struct inquiry *q, const struct effect *e, const struct facts_index *x);

/* ALTER TYPE: USING is absent, or the column itself, bare or cast to the very type. */
int cost_plain_cast(const struct effect *e);

/* Is an expression volatile?  By the server's word, else by name. */
int cost_volatile(const struct inquiry *q, const void *expression);

#endif
