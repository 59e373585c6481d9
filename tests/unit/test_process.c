/* process: a child is bounded, and knows nothing of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "core/process.h"

static void test_output_and_status(void **state)
{
    static const char *const argv[] = {"sh", "-c", "printf out; printf err >&2; exit 7", NULL};
    struct process_options o = {.argv = argv};
    struct process_result r;
    struct err err = {0};

    assert_int_equal(process_run(&o, &r, &err), 0);
    assert_int_equal(r.status, 7);
    assert_string_equal(r.out.data, "out");
    assert_string_equal(r.err.data, "err");
    process_result_free(&r);
}

static void test_no_secret_and_no_descriptor(void **state)
{
    static const char *const argv[] = {"sh", "-c", "env; ls /proc/self/fd", NULL};
    struct process_options o = {.argv = argv};
    struct process_result r;
    struct err err = {0};

    int inherited[] = {fcntl(0, F_DUPFD, 4), fcntl(0, F_DUPFD, 900)};

    assert_true(inherited[0] >= 4 && inherited[1] >= 900);
    assert_int_equal(setenv("MIG_KEY", "mig-key-geheim", 1), 0);
    assert_int_equal(process_run(&o, &r, &err), 0);
    assert_null(strstr(r.out.data, "geheim"));
    assert_non_null(strstr(r.out.data, "\n2\n3\n")); /* 3 is ls's own */
    assert_string_equal(strstr(r.out.data, "\n2\n3\n"), "\n2\n3\n");
    process_result_free(&r);
    (void)close(inherited[0]);
    (void)close(inherited[1]);
}

/* Its output has ended, it has not: nobody waits for it longer than was said. */
static void test_silent_and_still_there(void **state)
{
    static const char *const argv[] = {"sh", "-c", "exec >&- 2>&-; exec sleep 1000", NULL};
    struct process_options o = {.argv = argv, .timeout_ms = 300};
    struct process_result r;
    struct err err = {0};

    assert_int_equal(process_run(&o, &r, &err), -1);
    assert_int_equal(err.kind, ERR_FAILED);
    assert_non_null(strstr(err.message, "did not finish"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_and_status),
        cmocka_unit_test(test_no_secret_and_no_descriptor),
        cmocka_unit_test(test_silent_and_still_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
