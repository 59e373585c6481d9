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

int digits_get_unsigned(const char *p, size_t len, uint64_t *v)
{
    uint64_t n = 0;

    if (len == 0 || len > 20 || (p[0] == '0' && len > 1))
        return -1;
    for (size_t i = 0; i < len; i++) {
        unsigned d = (unsigned)(unsigned char)p[i] - '0';

        /* Only the twentieth digit can be too much. */
        if (d > 9 || (i == 19 && n > (UINT64_MAX - d) / 10))
            return -1;
        n = n * 10 + d;
    }
    *v = n;
    return 0;
}

int digits_get_signed(const char *p, size_t len, int64_t *v)
{
    const uint64_t least = (uint64_t)INT64_MAX + 1;
    uint64_t n;

    if (len > 0 && p[0] == '-') {
        if (digits_get_unsigned(p + 1, len - 1, &n) != 0 || n == 0 || n > least)
            return -1;
        *v = n == least ? INT64_MIN : -(int64_t)n;
        return 0;
    }
    if (digits_get_unsigned(p, len, &n) != 0 || n > INT64_MAX)
        return -1;
    *v = (int64_t)n;
    return 0;
}
