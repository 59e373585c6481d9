/* deflate: whatever this build encodes, zlib reads; whatever zlib encodes, this build reads; a
 * damaged stream is never accepted and never written past its room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/deflate.h"

static const size_t sizes[] = {0, 1, 2, 10, 255, 4096, 65535, 65536, 65537, 1 << 20, (4 << 20) + 3};
enum { NSIZES = sizeof(sizes) / sizeof(sizes[0]) };

/* KIND 0: nothing repeats; 1: one letter; 2: like rows. */
static unsigned char *sample(size_t len, int kind)
{
    unsigned char *p = malloc(len + 1);
    uint32_t x = 12345;

    assert_non_null(p);
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        p[i] = kind == 0 ? (unsigned char)(x >> 24) : kind == 1 ? 'a' : (unsigned char)"[\"12\",null]\n"[i % 12];
        if (kind == 2 && i % 12 == 3)
            p[i] = (unsigned char)('0' + (x >> 28) % 10);
    }
    return p;
}

static void test_both_ways(void **state)
{
    struct err err = {0};
    struct deflater *d = deflater_new(&err);
    struct inflater *n = inflater_new(&err);

    (void)state;
    for (int kind = 0; kind < 3; kind++)
        for (size_t s = 0; s < NSIZES; s++) {
            size_t len = sizes[s], cap = deflater_bound(d, len), out_len = 0;
            unsigned char *plain = sample(len, kind), *out = malloc(cap), *back = malloc(len + 1);
            uLongf zlen = (uLongf)len + 1, zcap = compressBound((uLong)len);
            unsigned char *z = malloc(zcap);

            assert_int_equal(deflater_run(d, plain, len, out, cap, &out_len, &err), 0);
            assert_true(out_len <= cap && out_len >= 8);
            /* A zlib header: deflate, 32 KiB at most, check bits right. */
            assert_int_equal(out[0] & 15, 8);
            assert_int_equal((out[0] << 8 | out[1]) % 31, 0);
            assert_int_equal(uncompress(back, &zlen, out, (uLong)out_len), Z_OK);
            assert_int_equal(zlen, len);
            assert_memory_equal(back, plain, len);
            memset(back, 0, len + 1);
            back[len] = 0x5a;
            assert_int_equal(inflater_run(n, out, out_len, back, len, &err), 0);
            assert_memory_equal(back, plain, len);
            assert_int_equal(back[len], 0x5a);
            assert_int_equal(compress2(z, &zcap, plain, (uLong)len, 9), Z_OK);
            assert_int_equal(inflater_run(n, z, zcap, back, len, &err), 0);
            assert_memory_equal(back, plain, len);
            free(plain);
            free(out);
            free(back);
            free(z);
        }
    deflater_free(d);
    inflater_free(n);
}

/* One deflater over rows, text and rows again, often enough that it chooses its window anew. */
static void test_changing(void **state)
{
    struct err err = {0};
    struct deflater *d = deflater_new(&err);
    size_t len = 200000, cap = deflater_bound(d, len);
    unsigned char *out = malloc(cap), *back = malloc(len);

    (void)state;
    for (int i = 0; i < 200; i++) {
        unsigned char *plain = sample(len, i / 70 == 1 ? 0 : 2);
        uLongf back_len = (uLongf)len;
        size_t n = 0;

        if (i / 70 == 1) /* the same 20000 bytes again and again: only the far window sees it */
            for (size_t k = 20000; k < len; k++)
                plain[k] = plain[k - 20000];
        assert_int_equal(deflater_run(d, plain, len, out, cap, &n, &err), 0);
        assert_int_equal(uncompress(back, &back_len, out, (uLong)n), Z_OK);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, plain, len);
        free(plain);
    }
    free(out);
    free(back);
    deflater_free(d);
}

static void refused(struct inflater *n, const void *in, size_t len, size_t plain_len)
{
    struct err err = {0};
    unsigned char *out = malloc(plain_len + 1); /* exactly, for the sanitizers */

    assert_int_equal(inflater_run(n, in, len, out, plain_len, &err), -1);
    assert_int_equal(err.kind, ERR_BACKUP);
    free(out);
}

static void test_refuses(void **state)
{
    struct err err = {0};
    struct inflater *n = inflater_new(&err);
    unsigned char *plain = sample(5000, 2), *copy = malloc(8000);
    uLongf len = 8000;

    (void)state;
    assert_int_equal(compress2(copy, &len, plain, 5000, 6), Z_OK);
    refused(n, copy, len, 4999); /* more than stated */
    refused(n, copy, len, 0);
    refused(n, copy, len, 5001); /* less */
    refused(n, copy, len, 1 << 20);
    copy[len] = 0;
    refused(n, copy, len + 1, 5000); /* something behind it */
    for (size_t cut = 0; cut < len; cut++)
        refused(n, copy, cut, 5000);
    for (size_t i = 0; i < 4; i++) { /* its Adler-32 */
        copy[len - 1 - i] ^= 1;
        refused(n, copy, len, 5000);
        copy[len - 1 - i] ^= 1;
    }
    copy[0] ^= 8;
    refused(n, copy, len, 5000);
    free(plain);
    free(copy);
    inflater_free(n);
}

static void test_too_small_room(void **state)
{
    struct err err = {0};
    struct deflater *d = deflater_new(&err);
    unsigned char *plain = sample(100000, 0), *out = malloc(1000);
    size_t n;

    (void)state;
    assert_int_equal(deflater_run(d, plain, 100000, out, 1000, &n, &err), -1);
    assert_int_equal(err.kind, ERR_FAILED);
    free(plain);
    free(out);
    deflater_free(d);
    deflater_free(NULL);
    inflater_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways), cmocka_unit_test(test_changing),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_too_small_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
