#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/err.h"
#include "core/log.h"

static char said[4096];

/* What FN writes to standard error, in SAID. */
static void listen(void (*fn)(void))
{
    int fds[2], keep = dup(STDERR_FILENO);
    ssize_t n;

    assert_int_equal(pipe(fds), 0);
    assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
    close(fds[1]);
    fn();
    fflush(stderr);
    assert_true(dup2(keep, STDERR_FILENO) >= 0);
    close(keep);
    n = read(fds[0], said, sizeof(said) - 1);
    close(fds[0]);
    said[n > 0 ? n : 0] = '\0';
}

static void everything(void)
{
    log_warn("w %d", 1);
    log_info("i %s", "2");
    log_debug("d");
    log_hint("h");
}

static void an_error(void)
{
    struct err e = {0};

    err_set(&e, ERR_FAILED, "cannot read \"x\"");
    strcpy(e.sqlstate, "42P01");
    err_detail(&e, "it is not there");
    err_hint(&e, "look elsewhere");
    log_err(&e);
}

static void a_hostile_name(void)
{
    struct err e = {0};

    err_set(&e, ERR_FAILED, "table \"a\nverdict: safe\033[2J\302\233\" is gone");
    err_detail(&e, "view a\nview \033b");
    log_err(&e);
    log_warn("%s", "x\r\n::error::y \303\251");
}

static void a_bare_error(void)
{
    struct err e = {0};

    err_set(&e, ERR_FAILED, "bare");
    log_err(&e);
}

static void test_levels(void **state)
{
    log_init("mig-test", LOG_INFO);
    listen(everything);
    assert_string_equal(said, "mig-test: warning: w 1\nmig-test: i 2\n  hint: h\n");
    log_init("mig-test", LOG_DEBUG);
    listen(everything);
    assert_string_equal(said, "mig-test: warning: w 1\nmig-test: i 2\nmig-test: debug: d\n  hint: h\n");
    log_init("mig-test", LOG_ERROR);
    listen(everything);
    assert_string_equal(said, "");
}

static void test_an_error_is_never_quiet(void **state)
{
    log_init("mig-test", LOG_ERROR);
    listen(an_error);
    assert_string_equal(said, "mig-test: error: cannot read \"x\" (SQLSTATE 42P01)\n"
                              "  detail: it is not there\n  hint: look elsewhere\n");
    listen(a_bare_error);
    assert_string_equal(said, "mig-test: error: bare\n");
}

static void test_no_colour_without_a_terminal(void **state)
{
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    log_init("mig-test", LOG_INFO);
    if (!isatty(STDERR_FILENO))
        assert_false(log_colour());
    setenv("NO_COLOR", "1", 1);
    log_init("mig-test", LOG_INFO);
    assert_false(log_colour());
}

static void test_nothing_is_obeyed(void **state)
{
    log_init("p", LOG_INFO);
    listen(a_hostile_name);
    assert_string_equal(said, "p: error: table \"a\\nverdict: safe\\x1b[2J\\x9b\" is gone\n"
                              "  detail: view a\n    view \\x1bb\n"
                              "p: warning: x\\x0d\\n::error::y \303\251\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_obeyed),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_an_error_is_never_quiet),
        cmocka_unit_test(test_no_colour_without_a_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
