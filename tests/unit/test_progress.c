/* progress: drawn on a terminal and wiped away again; silent with --quiet and for a moment's work. */
#define _DEFAULT_SOURCE /* openpty */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/progress.h"

static int master, was;

/* Standard error becomes a terminal. */
static int setup(void **state)
{
    int slave;

    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    was = dup(STDERR_FILENO);
    assert_true(was >= 0);
    assert_true(dup2(slave, STDERR_FILENO) >= 0);
    assert_int_equal(close(slave), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)dup2(was, STDERR_FILENO);
    (void)close(was);
    (void)close(master);
    log_init("test", LOG_INFO);
    return 0;
}

/* What the terminal shows so far; the rest is taken from there. */
static const char *shown(void)
{
    static char text[4096];
    size_t n = 0;
    ssize_t got;

    (void)fflush(stderr);
    while (n + 1 < sizeof(text) && (got = read(master, text + n, sizeof(text) - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    return text;
}

static void wait_ms(long ms)
{
    const struct timespec t = {0, ms * 1000000};

    (void)nanosleep(&t, NULL);
}

static void test_drawn(void **state)
{
    struct progress *p;
    const char *text;

    log_init("test", LOG_INFO);
    p = progress_start("saving");
    assert_non_null(p);
    wait_ms(200);
    progress_tick(p, 1500, 1 << 20, 4 << 20);
    text = shown();
    assert_non_null(strstr(text, "saving: 25 %, 1"));
    assert_non_null(strstr(text, " rows, "));
    assert_non_null(strstr(text, " left"));
    assert_null(strchr(text, '\n')); /* one line, drawn over */
    wait_ms(200);
    progress_tick(p, 3000, 5 << 20, 4 << 20); /* more than was foretold */
    text = shown();
    assert_int_equal(strncmp(text, "\r\033[K", 4), 0);
    assert_non_null(strstr(text, "saving: 100 %"));
    assert_null(strstr(text, "left"));
    wait_ms(200);
    progress_tick(p, 3000, 5 << 20, 0); /* the total is not known */
    assert_null(strchr(shown(), '%'));
    progress_end(p);
    assert_string_equal(shown(), "\r\033[K");
}

static void test_not_drawn(void **state)
{
    struct progress *p;

    log_init("test", LOG_INFO);
    p = progress_start("saving");
    assert_non_null(p);
    progress_end(p);
    assert_string_equal(shown(), ""); /* nothing to wipe away */
    log_init("test", LOG_ERROR);
    p = progress_start("saving");
    assert_null(p);
    progress_tick(p, 1, 1, 1);
    progress_end(p);
    assert_string_equal(shown(), "");
}

/* Into a file or a pipe, nothing is drawn. */
static void test_no_terminal(void **state)
{
    struct progress *p;
    char text[16];
    int ends[2], terminal = dup(STDERR_FILENO);

    assert_true(terminal >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_init("test", LOG_INFO);
    p = progress_start("saving");
    assert_non_null(p);
    wait_ms(200);
    progress_tick(p, 1, 1, 4);
    progress_end(p);
    (void)fflush(stderr);
    assert_int_equal(read(ends[0], text, sizeof(text)), -1);
    assert_true(dup2(terminal, STDERR_FILENO) >= 0);
    (void)close(terminal);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_drawn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_drawn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_terminal, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
