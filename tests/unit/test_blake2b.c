/* blake2b: the published function, however many texts abreast. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/blake2b.h"

/* BLAKE2b-256 of "abc" and of "". */
static void test_known_answers(void **state)
{
    static const unsigned char abc[32] = {0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72, 0x31, 0x71, 0xef,
                                          0x3f, 0xee, 0x98, 0x57, 0x9b, 0x94, 0x96, 0x4e, 0x3b, 0xb1, 0xcb,
                                          0x3e, 0x42, 0x72, 0x62, 0xc8, 0xc0, 0x68, 0xd5, 0x23, 0x19};
    static const unsigned char none[32] = {0x0e, 0x57, 0x51, 0xc0, 0x26, 0xe5, 0x43, 0xb2, 0xe8, 0xab, 0x2e,
                                           0xb0, 0x60, 0x99, 0xda, 0xa1, 0xd1, 0xe5, 0xdf, 0x47, 0x77, 0x8f,
                                           0x77, 0x87, 0xfa, 0xab, 0x45, 0xcd, 0xf1, 0x2f, 0xe3, 0xa8};
    unsigned char out[BLAKE2B_LANES][BLAKE2B_HASH];
    struct blake2b_text t[BLAKE2B_LANES];

    (void)state;
    for (size_t i = 0; i < BLAKE2B_LANES; i++)
        t[i] = (struct blake2b_text){(const unsigned char *)"abc", i % 2 == 0 ? 3 : 0, out[i]};
    for (size_t n = 1; n <= BLAKE2B_LANES; n++) {
        memset(out, 0, sizeof(out));
        blake2b_hash(t, n);
        for (size_t i = 0; i < n; i++)
            assert_memory_equal(out[i], i % 2 == 0 ? abc : none, 32);
    }
}

/* One to eight texts of unlike lengths, each up against memory that cannot be read. */
static void test_lanes(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 2 * page;
    unsigned char *room = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char one[BLAKE2B_LANES][BLAKE2B_HASH], two[BLAKE2B_LANES][BLAKE2B_HASH];
    uint32_t seed = 12345;

    (void)state;
    assert_true(room != MAP_FAILED);
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525 + 1013904223;
        room[i] = (unsigned char)(seed >> 24);
    }
    assert_int_equal(mprotect(room + size, page, PROT_NONE), 0);
    for (int round = 0; round < 3000; round++) {
        struct blake2b_text a[BLAKE2B_LANES], b[BLAKE2B_LANES];
        size_t n = 1 + (size_t)round % BLAKE2B_LANES;

        for (size_t i = 0; i < n; i++) {
            size_t len;

            seed = seed * 1664525 + 1013904223;
            /* Often a whole number of blocks, or one byte off it. */
            len = (seed >> 16 & 3) == 0   ? (seed >> 8) % size
                  : (seed >> 16 & 3) == 1 ? (seed >> 8) % 300
                                          : ((seed >> 8) % 40 + 1) * 128 - 1 + (seed >> 20) % 3;
            a[i] = (struct blake2b_text){room + size - len, len, one[i]};
            b[i] = (struct blake2b_text){room + size - len, len, two[i]};
        }
        blake2b_hash(a, n);
        blake2b_hash_portable(b, n);
        for (size_t i = 0; i < n; i++)
            assert_memory_equal(one[i], two[i], BLAKE2B_HASH);
    }
    assert_int_equal(munmap(room, size + page), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_lanes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
