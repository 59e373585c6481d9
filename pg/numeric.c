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

size_t numeric_pack(char *o, const char *p, size_t len)
{
    const char *end = p + len, *point;
    int negative = len > 0 && *p == '-';
    size_t whole, scale, n = 0;
    int32_t weight;
    char *d = o + 8;

    if (len == 3 && memcmp(p, "NaN", 3) == 0) {
        memset(o, 0, 8);
        network_put16(o + 4, 0xc000);
        return 8;
    }
    p += negative;
    if (p == end || len > NUMERIC_TEXT)
        return 0;
    if ((point = memchr(p, '.', (size_t)(end - p))) == NULL)
        point = end;
    whole = (size_t)(point - p);
    scale = point < end ? (size_t)(end - point - 1) : 0;
    if (whole == 0 || (point < end && scale == 0) || (p[0] == '0' && whole > 1))
        return 0;
    if (p[0] == '0') {
        p++;
        whole = 0;
    }
    weight = (int32_t)((whole + 3) / 4) - 1;
    while (p < end) {
        /* The first may be short, and so may the last one behind the point, which is filled up. */
        size_t k = p < point ? (whole - 1) % 4 + 1 : (size_t)(end - p);
        int64_t v;

        if (p == point) {
            p++;
            continue;
        }
        if (k > 4)
            k = 4;
        if ((v = digits_get(p, k)) < 0)
            return 0;
        for (size_t i = k; p > point && i < 4; i++)
            v *= 10;
        p += k;
        if (p <= point)
            whole -= k;
        if (n == 0 && v == 0) {
            weight--;
            continue;
        }
        network_put16(d + 2 * n++, (uint16_t)v);
    }
    while (n > 0 && network_get16(d + 2 * (n - 1)) == 0)
        n--;
    network_put16(o, (uint16_t)n);
    network_put16(o + 2, (uint16_t)(n > 0 ? weight : 0));
    network_put16(o + 4, negative && n > 0 ? 0x4000 : 0);
    network_put16(o + 6, (uint16_t)scale);
    return 8 + 2 * n;
}
