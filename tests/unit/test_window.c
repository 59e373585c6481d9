#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "prodcheck/local.h"

static int at(const char *window, int day, int hour, int minute)
{
    return local_window_open(window, day, hour * 60 + minute);
}

static void test_days_and_hours(void **state)
{
    (void)state;
    assert_int_equal(at("Mon-Fri 09:00-16:00", 1, 9, 0), 1);
    assert_int_equal(at("Mon-Fri 09:00-16:00", 1, 8, 59), 0);
    assert_int_equal(at("Mon-Fri 09:00-16:00", 5, 15, 59), 1);
    assert_int_equal(at("Mon-Fri 09:00-16:00", 5, 16, 0), 0);
    assert_int_equal(at("Mon-Fri 09:00-16:00", 6, 12, 0), 0);
    assert_int_equal(at("Mon,Wed 09:00-16:00 Europe/Berlin", 3, 12, 0), 1);
    assert_int_equal(at("Mon,Wed 09:00-16:00 Europe/Berlin", 2, 12, 0), 0);
    assert_int_equal(at("Sat-Mon 09:00-16:00", 7, 12, 0), 1);
    assert_int_equal(at("Sat-Mon 09:00-16:00", 1, 12, 0), 1);
    assert_int_equal(at("Sat-Mon 09:00-16:00", 2, 12, 0), 0);
    assert_int_equal(at("00:00-24:00", 4, 23, 59), 1);
}

static void test_past_midnight(void **state)
{
    (void)state;
    assert_int_equal(at("Sat 22:00-04:00", 6, 23, 0), 1);
    assert_int_equal(at("Sat 22:00-04:00", 7, 3, 59), 1);
    assert_int_equal(at("Sat 22:00-04:00", 6, 3, 0), 0);
    assert_int_equal(at("Sat 22:00-04:00", 7, 22, 0), 0);
    assert_int_equal(at("Sun 22:00-04:00", 1, 1, 0), 1);
}

static void test_not_a_window(void **state)
{
    (void)state;
    assert_int_equal(at("", 1, 1, 0), -1);
    assert_int_equal(at("always", 1, 1, 0), -1);
    assert_int_equal(at("Mon-Foo 09:00-16:00", 1, 1, 0), -1);
    assert_int_equal(at("Mon 9-16", 1, 1, 0), -1);
    assert_int_equal(at("Mon 09:00-25:00", 1, 1, 0), -1);
    assert_int_equal(at("Mon 09:00-16:00Berlin", 1, 1, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_and_hours),
        cmocka_unit_test(test_past_midnight),
        cmocka_unit_test(test_not_a_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
