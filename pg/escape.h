/*
 * escape: plain bytes as the inside of a JSON string.
 */
#ifndef MIG_PG_ESCAPE_H
#define MIG_PG_ESCAPE_H

#include <stddef.h>

/* What the vector code may write behind the end. */
enum { ESCAPE_SLACK = 64 };

/* LEN bytes of P at O, which has room for 6 * LEN + ESCAPE_SLACK bytes.  Returns the end. */
char *escape_json(char *o, const char *p, size_t len);
/* The same byte by byte, for comparison in tests. */
char *escape_json_portable(char *o, const char *p, size_t len);

#endif
