/*
 * digits: whole numbers as decimal digits, without a format string.
 */
#ifndef MIG_PG_DIGITS_H
#define MIG_PG_DIGITS_H

#include <stdint.h>
#include <string.h>

/* "00" to "99". */
extern const char digits_pairs[201];

/* V < 100 as two digits at O.  Like the others, returns the end. */
static inline char *digits_put2(char *o, uint32_t v)
{
    memcpy(o, digits_pairs + 2 * v, 2);
    return o + 2;
}

/* At most 20 bytes. */
char *digits_put_unsigned(char *o, uint64_t v);
char *digits_put_signed(char *o, int64_t v);

#endif
