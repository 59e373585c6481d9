#include "pg/digits.h"

#include <string.h>

const char digits_pairs[201] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                               "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                               "8081828384858687888990919293949596979899";

char *digits_put_unsigned(char *o, uint64_t v)
{
    char room[20];
    char *p = room + sizeof(room);

    while (v >= 100) {
        p -= 2;
        memcpy(p, digits_pairs + 2 * (v % 100), 2);
        v /= 100;
    }
    if (v >= 10) {
        p -= 2;
        memcpy(p, digits_pairs + 2 * v, 2);
    } else {
        *--p = (char)('0' + v);
    }
    memcpy(o, p, (size_t)(room + sizeof(room) - p));
    return o + (room + sizeof(room) - p);
}

char *digits_put_signed(char *o, int64_t v)
{
    if (v < 0) {
        *o++ = '-';
        return digits_put_unsigned(o, 0 - (uint64_t)v);
    }
    return digits_put_unsigned(o, (uint64_t)v);
}
