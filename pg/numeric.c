#include "pg/numeric.h"

#include <string.h>

#include "pg/digits.h"
#include "pg/network.h"

int numeric_read(struct numeric *n, const char *p, size_t len)
{
    if (len < 8)
        return -1;
    n->ndigits = network_get16(p);
    n->weight = (int16_t)network_get16(p + 2);
    n->sign = network_get16(p + 4);
    n->scale = network_get16(p + 6);
    n->digits = p + 8;
    if (len != 8 + 2 * (size_t)n->ndigits || n->scale > 0x3fff ||
        (n->sign != 0 && n->sign != 0x4000 && n->sign != 0xc000 && n->sign != 0xd000 && n->sign != 0xf000))
        return -1;
    for (int32_t i = 0; i < n->ndigits; i++)
        if (network_get16(n->digits + 2 * i) > 9999)
            return -1;
    return 0;
}

static uint32_t digit(const struct numeric *n, int32_t i)
{
    return i >= 0 && i < n->ndigits ? network_get16(n->digits + 2 * i) : 0;
}

size_t numeric_room(const struct numeric *n)
{
    return 4 * (size_t)(n->weight >= 0 ? n->weight + 1 : 1) + (size_t)n->scale + 16;
}

char *numeric_put(char *o, const struct numeric *n)
{
    int32_t d = 0;

    if (n->sign == 0xc000) {
        memcpy(o, "NaN", 3);
        return o + 3;
    }
    if (n->sign == 0xd000 || n->sign == 0xf000) {
        memcpy(o, n->sign == 0xf000 ? "-Infinity" : "Infinity", 9);
        return o + 8 + (n->sign == 0xf000);
    }
    if (n->sign == 0x4000)
        *o++ = '-';
    if (n->weight < 0) {
        *o++ = '0';
        d = n->weight + 1;
    } else {
        o = digits_put_unsigned(o, digit(n, 0));
        for (d = 1; d <= n->weight; d++) {
            uint32_t v = digit(n, d);

            o = digits_put2(digits_put2(o, v / 100), v % 100);
        }
    }
    if (n->scale > 0) {
        *o++ = '.';
        for (int32_t left = n->scale; left > 0; left -= 4, d++) {
            uint32_t v = digit(n, d);

            o = digits_put2(digits_put2(o, v / 100), v % 100);
            if (left < 4)
                o -= 4 - left;
        }
    }
    return o;
}
