#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/row.h"
#include "core/siphash.h"

static void digest_of(const char *text, char out[33])
{
    struct row_digest d = {0, 0};
    struct row_batch b = {text, strlen(text), 0, 1};

    row_digest_add(&d, &b);
    row_digest_hex(&d, out);
}

static void test_empty_is_zero(void **state)
{
    char hex[33];

    digest_of("", hex);
    assert_string_equal(hex, "00000000000000000000000000000000");
}

/* Golden: SipHash-2-4-128 under "mig row digest 1"; computed by an independent implementation
 * (tests/lib).  It must never change, for files hold it. */
static void test_golden(void **state)
{
    char hex[33];

    digest_of("[\"1\",null]\n", hex);
    assert_string_equal(hex, "19d979da6f1d93919b335bbe2b6f70fb");
    digest_of("[\"1\",null]\n[\"2\",\"x\"]\n", hex);
    assert_string_equal(hex, "387dc9918fc2f8004970e55c0376aebc");
}

static void test_order_does_not_matter(void **state)
{
    char a[33], b[33], c[33];

    digest_of("[\"1\"]\n[\"2\"]\n[\"3\"]\n", a);
    digest_of("[\"3\"]\n[\"1\"]\n[\"2\"]\n", b);
    digest_of("[\"1\"]\n[\"2\"]\n[\"2\"]\n", c);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
}

static void test_merge_is_the_sum(void **state)
{
    struct row_digest a = {0, 0}, b = {0, 0}, all = {0, 0};
    const char *text = "[\"1\"]\n[\"2\"]\n[\"3\"]\n[\"4\"]\n";
    struct row_batch whole = {text, strlen(text), 4, 1}, one = {text, 12, 2, 0}, two = {text + 12, 12, 2, 0};

    row_digest_add(&all, &whole);
    row_digest_add(&a, &one);
    row_digest_add(&b, &two);
    row_digest_merge(&a, &b);
    assert_int_equal(a.lo, all.lo);
    assert_int_equal(a.hi, all.hi);
}

static void test_carry(void **state)
{
    struct row_digest a = {UINT64_MAX, 1}, b = {1, 2};

    row_digest_merge(&a, &b);
    assert_int_equal(a.lo, 0);
    assert_int_equal(a.hi, 4);
}

/* Every number of lanes, every length, lanes of different lengths: as libsodium says. */
static void test_lanes_agree(void **state)
{
    static const unsigned char key[16] = "0123456789abcde";
    unsigned char data[4096];
    uint64_t seed = 7;

    for (size_t i = 0; i < sizeof(data); i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        data[i] = (unsigned char)(seed >> 56);
    }
    for (size_t round = 0; round < 4000; round++) {
        struct siphash_text texts[SIPHASH_LANES];
        size_t n = 1 + round % SIPHASH_LANES;
        uint64_t a[2] = {UINT64_MAX, 3}, b[2] = {UINT64_MAX, 3};

        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            texts[i].len = (seed >> 40) % (round % 3 == 0 ? 20 : 600);
            texts[i].data = data + (seed >> 20) % 3000;
        }
        siphash_add(texts, n, key, &a[0], &a[1]);
        siphash_add_portable(texts, n, key, &b[0], &b[1]);
        assert_int_equal(a[0], b[0]);
        assert_int_equal(a[1], b[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_is_zero),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_order_does_not_matter),
        cmocka_unit_test(test_merge_is_the_sum),
        cmocka_unit_test(test_carry),
        cmocka_unit_test(test_lanes_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
