/* scan: the same bits from every version, and no byte read past the end. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/scan.h"

static int bit(const uint64_t *masks, size_t i)
{
    return (int)(masks[i / 64] >> (i % 64) & 1);
}

/* Each of the 256 bytes at each place of two words. */
static void test_every_byte(void **state)
{
    char data[128];

    for (unsigned c = 0; c < 256; c++) {
        int special = c < 0x20 || c == '"' || c == '\\';

        for (size_t at = 0; at < sizeof(data); at++) {
            uint64_t fast[2], slow[2];

            memset(data, 'a', sizeof(data));
            data[at] = (char)c;
            scan_special(data, sizeof(data), fast);
            scan_special_portable(data, sizeof(data), slow);
            for (size_t i = 0; i < 2; i++) {
                uint64_t expected = special && at / 64 == i ? (uint64_t)1 << (at % 64) : 0;

                assert_int_equal(fast[i], expected);
                assert_int_equal(slow[i], expected);
            }
        }
    }
}

/* Lengths around a word's edges, at every alignment, up against memory that cannot be read. */
static void test_lengths(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *room = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(room != MAP_FAILED);
    assert_int_equal(mprotect(room + page, page, PROT_NONE), 0);
    for (size_t i = 0; i < page; i++)
        room[i] = (char)(i % 7 == 0 ? '"' : i % 11 == 0 ? '\t' : 0x80 + i % 0x7f);
    for (size_t len = 0; len <= 300; len++) {
        const char *data = room + page - len;
        uint64_t fast[6], slow[6];
        size_t words = (len + 63) / 64;

        memset(fast, 0xee, sizeof(fast));
        memset(slow, 0xee, sizeof(slow));
        scan_special(data, len, fast);
        scan_special_portable(data, len, slow);
        assert_memory_equal(fast, slow, sizeof(fast)); /* nothing is written past the last word */
        if (words < 6)
            assert_int_equal(fast[words], 0xeeeeeeeeeeeeeeeeu);
        for (size_t i = 0; i < words * 64; i++) {
            unsigned char c = i < len ? (unsigned char)data[i] : 'a';

            assert_int_equal(bit(fast, i), c < 0x20 || c == '"' || c == '\\');
        }
    }
    assert_int_equal(munmap(room, 2 * page), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
