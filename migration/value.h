/*
 * value: an expression of literals, as far as it can be told without Python.
 */
#ifndef MIG_MIGRATION_VALUE_H
#define MIG_MIGRATION_VALUE_H

#include <stddef.h>

#include "core/err.h"

struct buf;
struct token;
struct tokens;

/* Zeroed: not set. */
struct value {
    int set, line;  /* the reader's, of the assignment */
    int computed;   /* its value needs Python */
    int sequence;   /* a tuple or list, else one string or None */
    int has_null;   /* a None among the items */
    char **items;
    size_t count;
};

/* The expression from K up to END into the cleared V: None, a string, a tuple or list of them.  Whatever
 * else marks it as computed.  SCRATCH is overwritten. */
int value_read(struct value *v, const struct tokens *t, const struct token *k, const struct token *end,
               struct buf *scratch, struct err *err) MIG_MUST_CHECK;
void value_clear(struct value *v);

#endif
