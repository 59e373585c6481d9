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
/* Each of TEXTS (NULL-terminated; NULL: none). */
int array_texts(struct buf *b, char *const *texts, struct err *err) MIG_MUST_CHECK;
int array_end(struct buf *b, struct err *err) MIG_MUST_CHECK;
/* Closed, and the caller's; B is empty then, also on failure. */
char *array_take(struct buf *b, struct err *err) MIG_MUST_CHECK;

#endif
