#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/buf.h"

static struct buf b;
static char path[] = "/tmp/mig-buf.XXXXXX";

static int teardown(void **state)
{
    buf_free(&b);
    return 0;
}

static void test_grows_and_stays_terminated(void **state)
{
    struct err e = {0};
    char want[6001];

    for (int i = 0; i < 1000; i++) {
        assert_int_equal(buf_addf(&b, &e, "%05d|", i), 0);
        snprintf(want + i * 6, sizeof(want) - (size_t)i * 6, "%05d|", i);
        assert_int_equal(strlen(b.data), b.len);
    }
    assert_int_equal(b.len, 6000);
    assert_string_equal(b.data, want);
    buf_reset(&b);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.data, "");
}

static void test_bytes_not_only_text(void **state)
{
    struct err e = {0};

    assert_int_equal(buf_add(&b, "a\0b", 3, &e), 0);
    assert_int_equal(buf_addc(&b, '\0', &e), 0);
    assert_int_equal(buf_adds(&b, "c", &e), 0);
    assert_int_equal(buf_add(&b, NULL, 0, &e), 0);
    assert_int_equal(b.len, 5);
    assert_memory_equal(b.data, "a\0b\0c", 6);
}

static void test_take_is_never_null(void **state)
{
    struct err e = {0};
    char *s = buf_take(&b, &e);

    assert_non_null(s);
    assert_string_equal(s, "");
    free(s);
    assert_null(b.data);
    assert_int_equal(b.cap, 0);
}

static void test_absurd_sizes_are_refused(void **state)
{
    struct err e = {0};

    assert_int_equal(buf_adds(&b, "kept", &e), 0);
    assert_int_equal(buf_reserve(&b, SIZE_MAX - 2, &e), -1);
    assert_int_equal(e.kind, ERR_FAILED);
    assert_string_equal(b.data, "kept");
}

static int make_file(void **state)
{
    FILE *f;
    int fd = mkstemp(path);

    if (fd < 0 || (f = fdopen(fd, "w")) == NULL)
        return -1;
    for (int i = 0; i < 200000; i++)
        fputc('a' + i % 26, f);
    return fclose(f);
}

static int remove_file(void **state)
{
    unlink(path);
    return teardown(state);
}

static void test_read_file(void **state)
{
    struct err e = {0};

    assert_int_equal(buf_adds(&b, "kept", &e), 0);
    assert_int_equal(buf_read_file(&b, "/nonexistent/file", 0, &e), -1);
    assert_non_null(strstr(e.message, "\"/nonexistent/file\""));
    err_clear(&e);
    /* Too large, found after the first blocks were read: the contents are as they were. */
    assert_int_equal(buf_read_file(&b, path, 150000, &e), -1);
    assert_non_null(strstr(e.message, "150000"));
    assert_int_equal(b.len, 4);
    assert_string_equal(b.data, "kept");
    err_clear(&e);
    assert_int_equal(buf_read_file(&b, "/", 0, &e), -1);
    assert_string_equal(b.data, "kept");
    err_clear(&e);
    assert_int_equal(buf_read_file(&b, path, 200000, &e), 0);
    assert_int_equal(b.len, 200004);
    assert_int_equal(b.data[200003], 'a' + 199999 % 26);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_grows_and_stays_terminated, teardown),
        cmocka_unit_test_teardown(test_bytes_not_only_text, teardown),
        cmocka_unit_test_teardown(test_take_is_never_null, teardown),
        cmocka_unit_test_teardown(test_absurd_sizes_are_refused, teardown),
        cmocka_unit_test_setup_teardown(test_read_file, make_file, remove_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
