/* password: asked at the terminal alone, and never shown there. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, forkpty */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <termios.h>

#include "core/interrupt.h"
#include "pg/password.h"
#include "tests/unit/terminal.h"

static void ask(void *context, struct outcome *o)
{
    char *password = password_ask(context, &o->err);
    struct termios mode;
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY);

    o->rc = password != NULL ? 0 : -1;
    if (password != NULL)
        (void)snprintf(o->answer, sizeof(o->answer), "%s", password);
    free(password);
    if (fd >= 0 && tcgetattr(fd, &mode) == 0)
        o->echo_after = (mode.c_lflag & ECHO) != 0;
}

static void ask_interruptibly(void *context, struct outcome *o)
{
    interrupt_install();
    ask(context, o);
}

static char title[] = "role app at db1";

static void test_typed(void **state)
{
    struct outcome *o = outcome_new();
    char seen[2048];

    at_terminal(ask, title, o, "s3cret pass \n", seen, sizeof(seen));
    assert_int_equal(o->rc, 0);
    assert_string_equal(o->answer, "s3cret pass ");
    assert_non_null(strstr(seen, "Password for role app at db1: "));
    assert_null(strstr(seen, "s3cret"));
    assert_int_equal(o->echo_during, 0);
    assert_int_equal(o->echo_after, 1);
    outcome_free(o);
}

/* Taken whole, or refused: a password that was cut would be a wrong one that nobody typed. */
static void test_long(void **state)
{
    static const size_t lengths[] = {511, 512, 513, 1000};
    static char seen[16384], typed[6000];

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct outcome *o = outcome_new();

        memset(typed, 'x', lengths[i]);
        typed[lengths[i]] = '\n';
        typed[lengths[i] + 1] = '\0';
        at_terminal(ask, title, o, typed, seen, sizeof(seen));
        assert_int_equal(o->rc, 0);
        assert_int_equal(strlen(o->answer), lengths[i]);
        outcome_free(o);
    }
    {
        struct outcome *o = outcome_new();

        memset(typed, 'x', 5000);
        typed[5000] = '\n';
        typed[5001] = '\0';
        at_terminal(ask, title, o, typed, seen, sizeof(seen));
        assert_int_equal(o->rc, -1);
        assert_non_null(strstr(o->err.message, "cut"));
        outcome_free(o);
    }
}

static void test_interrupted(void **state)
{
    struct outcome *o = outcome_new();
    char seen[2048];

    at_terminal(ask_interruptibly, title, o, "s3cr\x03", seen, sizeof(seen));
    assert_int_equal(o->rc, -1);
    assert_int_equal(o->err.kind, ERR_INTERRUPTED);
    assert_int_equal(err_exit_code(&o->err), 130);
    assert_null(strstr(seen, "s3cr"));
    assert_int_equal(o->echo_after, 1);
    outcome_free(o);
}

/* What stands on standard input is not taken for a password. */
static void test_no_terminal(void **state)
{
    struct outcome *o = outcome_new();

    without_terminal(ask, title, o, "s3cret\n");
    assert_int_equal(o->rc, -1);
    assert_int_equal(o->err.kind, ERR_FAILED);
    assert_non_null(strstr(o->err.message, title));
    assert_non_null(strstr(o->err.hint, "PGPASSFILE"));
    outcome_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_typed),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_no_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
