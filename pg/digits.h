/*
 * digits: whole numbers as decimal digits, without a format string.
 */
#ifndef MIG_PG_DIGITS_H
#define MIG_PG_DIGITS_H

#include <stddef.h>
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

/* N digits (few enough for the result) as a number; -1: another byte is among them. */
static inline int64_t digits_get(const char *p, size_t n)
{
    int64_t v = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(unsigned char)p[i] - '0';

        if (d > 9)
            return -1;
        v = v * 10 + (int64_t)d;
    }
    return v;
}

/* At most 20 bytes. */
char *digits_put_unsigned(char *o, uint64_t v);
char *digits_put_signed(char *o, int64_t v);
/* The number that digits_put_unsigned() or digits_put_signed() would write so: no plus sign, no leading
 * zero.  -1: it is none. */
int digits_get_unsigned(const char *p, size_t len, uint64_t *v);
int digits_get_signed(const char *p, size_t len, int64_t *v);

#endif
