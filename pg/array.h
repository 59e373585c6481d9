/*
 * array: an array literal for a parameter, element by element: "{1,2}", "{"a b",NULL}".
 *
 * The buffer starts empty; array_end closes it (and makes "{}" of one without elements).
 */
#ifndef MIG_PG_ARRAY_H
#define MIG_PG_ARRAY_H

#include "core/err.h"

struct buf;

/* NULL is SQL's NULL. */
int array_text(struct buf *b, const char *text, struct err *err) MIG_MUST_CHECK;
int array_number(struct buf *b, long long number, struct err *err) MIG_MUST_CHECK;
int array_end(struct buf *b, struct err *err) MIG_MUST_CHECK;

#endif
