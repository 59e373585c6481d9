#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"

static void test_first_cause_wins(void **state)
{
    struct err e = {0};

    assert_int_equal(err_set(&e, ERR_REFUSED, "no %s", "way"), -1);
    assert_int_equal(err_set(&e, ERR_USAGE, "later"), -1);
    errno = ENOSPC;
    assert_int_equal(err_set_errno(&e, ERR_FAILED, "later still"), -1);
    assert_int_equal(err_oom(&e), -1);
    assert_int_equal(e.kind, ERR_REFUSED);
    assert_string_equal(e.message, "no way");
    err_hint(&e, "first");
    err_hint(&e, "second");
    err_detail(&e, "one %d", 1);
    err_detail(&e, "two");
    assert_string_equal(e.hint, "first");
    assert_string_equal(e.detail, "one 1");
    err_clear(&e);
    assert_int_equal(e.kind, ERR_NONE);
    assert_string_equal(e.message, "");
    assert_string_equal(e.hint, "");
}

static void test_errno_is_the_callers(void **state)
{
    struct err e = {0};

    errno = ENOSPC;
    err_set_errno(&e, ERR_FAILED, "cannot write \"%s\"", "x");
    assert_string_equal(e.message, "cannot write \"x\": No space left on device");
}

static void test_exit_codes(void **state)
{
    static const struct {
        enum err_kind kind;
        int signo, code;
    } table[] = {
        {ERR_NONE, 0, 0},     {ERR_FINDING, 0, 1},    {ERR_USAGE, 0, 2},
        {ERR_FAILED, 0, 3},   {ERR_REFUSED, 0, 4},    {ERR_BACKUP, 0, 5},
        {ERR_UNKNOWN, 0, 6},  {ERR_UNFINISHED, 0, 7}, {ERR_INTERRUPTED, SIGHUP, 129},
        {ERR_INTERRUPTED, SIGINT, 130}, {ERR_INTERRUPTED, SIGTERM, 143},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct err e = {0};

        e.kind = table[i].kind;
        e.signo = table[i].signo;
        assert_int_equal(err_exit_code(&e), table[i].code);
        assert_true(strlen(err_kind_name(table[i].kind)) > 0);
    }
}

static void test_prefix_keeps_the_start_of_the_cause(void **state)
{
    struct err e = {0};
    char big[8192];

    err_set(&e, ERR_FAILED, "disk on fire");
    err_prefix(&e, "cannot back up %s", "users");
    assert_string_equal(e.message, "cannot back up users: disk on fire");
    /* Far more than fits, in every combination: cut, never past the end. */
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    err_prefix(&e, "%s", big);
    assert_true(strlen(e.message) < sizeof(e.message));
    for (size_t n = sizeof(e.message) - 6; n < sizeof(e.message) + 6; n++) {
        err_clear(&e);
        err_set(&e, ERR_FAILED, "cause");
        err_prefix(&e, "%.*s", (int)n, big);
        assert_true(strlen(e.message) < sizeof(e.message));
        assert_int_equal(e.message[0], 'x');
    }
    err_clear(&e);
    err_set(&e, ERR_FAILED, "%s", big);
    err_prefix(&e, "where");
    assert_memory_equal(e.message, "where: xxx", 10);
    assert_true(strlen(e.message) < sizeof(e.message));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_cause_wins),
        cmocka_unit_test(test_errno_is_the_callers),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_prefix_keeps_the_start_of_the_cause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
