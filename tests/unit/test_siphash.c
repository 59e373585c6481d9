/* siphash: the published function, however many texts abreast. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/siphash.h"

static unsigned char key[16];

static int setup(void **state)
{
    for (unsigned char i = 0; i < 16; i++)
        key[i] = i;
    return 0;
}

/* SipHash-2-4 with 128 bits of the texts "", 00, 00 01, under the key 00 01 ... 0f. */
static void test_known_answers(void **state)
{
    static const uint64_t expected[3][2] = {
        {0xe6a825ba047f81a3, 0x930255c71472f66d},
        {0x44af996bd8c187da, 0x45fc229b11597634},
        {0xc75da4a48d227781, 0xe4ff0af6de8ba3fc},
    };
    static const unsigned char data[2] = {0, 1};

    for (size_t len = 0; len < 3; len++) {
        struct siphash_text t[SIPHASH_LANES];
        uint64_t lo = 0, hi = 0, plo = 0, phi = 0, slo = 0, shi = 0;

        for (size_t i = 0; i < SIPHASH_LANES; i++)
            t[i] = (struct siphash_text){data, len};
        siphash_add(t, 1, key, &lo, &hi);
        assert_int_equal(lo, expected[len][0]);
        assert_int_equal(hi, expected[len][1]);
        siphash_add_portable(t, 1, key, &plo, &phi);
        assert_int_equal(plo, expected[len][0]);
        assert_int_equal(phi, expected[len][1]);
        /* All lanes at once: eight times that, modulo 2^128. */
        siphash_add(t, SIPHASH_LANES, key, &slo, &shi);
        assert_int_equal(slo, expected[len][0] << 3);
        assert_int_equal(shi, expected[len][1] << 3 | expected[len][0] >> 61);
    }
}

/* One to eight texts of unlike lengths, each up against memory that cannot be read. */
static void test_lanes(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *room = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                               -1, 0);
    uint32_t seed = 12345;

    assert_true(room != MAP_FAILED);
    for (size_t i = 0; i < page; i++)
        room[i] = (unsigned char)(seed = seed * 1664525u + 1013904223u, seed >> 24);
    assert_int_equal(mprotect(room + page, page, PROT_NONE), 0);
    for (size_t round = 0; round < 2000; round++)
        for (size_t n = 0; n <= SIPHASH_LANES; n++) {
            struct siphash_text t[SIPHASH_LANES];
            uint64_t lo = round, hi = 0, plo = round, phi = 0, one[2] = {round, 0};

            for (size_t i = 0; i < n; i++) {
                size_t len = (seed = seed * 1664525u + 1013904223u, seed >> 16) % (round % 5 == 0 ? 600 : 40);

                t[i] = (struct siphash_text){room + page - len, len};
            }
            siphash_add(t, n, key, &lo, &hi);
            siphash_add_portable(t, n, key, &plo, &phi);
            assert_int_equal(lo, plo);
            assert_int_equal(hi, phi);
            for (size_t i = 0; i < n; i++) /* a sum: one by one, the other way round */
                siphash_add(&t[n - 1 - i], 1, key, &one[0], &one[1]);
            assert_int_equal(lo, one[0]);
            assert_int_equal(hi, one[1]);
        }
    assert_int_equal(munmap(room, 2 * page), 0);
}

/* The carry from the low word. */
static void test_carry(void **state)
{
    struct siphash_text t[SIPHASH_LANES];
    uint64_t lo = UINT64_MAX, hi = UINT64_MAX, alone[2] = {0, 0};

    for (size_t i = 0; i < SIPHASH_LANES; i++)
        t[i] = (struct siphash_text){key, i};
    siphash_add(t, SIPHASH_LANES, key, &alone[0], &alone[1]);
    siphash_add(t, SIPHASH_LANES, key, &lo, &hi);
    assert_int_equal(lo, alone[0] - 1);
    assert_int_equal(hi, alone[1] - (alone[0] == 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_carry),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
