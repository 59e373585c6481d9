/* interrupt: a signal is a flag, a called hook and the right exit code; what was ignored stays so. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/interrupt.h"

/* What a child found: the flag cannot be taken back, so that each case has a process of its own. */
struct found {
    int before, pending, rc, hooked, write_rc, write_errno;
    struct err err;
};

static struct found *found;

static void hook(void)
{
    found->hooked++;
}

static int setup(void **state)
{
    found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(found != MAP_FAILED);
    return 0;
}

static int teardown(void **state)
{
    return munmap(found, sizeof(*found));
}

/* BODY in a child whose signals are the default; its exit status. */
static int child(void (*body)(int), int signo)
{
    int status;
    pid_t pid;

    memset(found, 0, sizeof(*found));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGINT, SIG_DFL);
        (void)signal(SIGTERM, SIG_DFL);
        (void)signal(SIGHUP, SIG_DFL);
        (void)signal(SIGPIPE, SIG_DFL);
        body(signo);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void raised(int signo)
{
    interrupt_install();
    interrupt_hook(hook);
    found->before = interrupt_check(&found->err);
    (void)raise(signo);
    found->pending = interrupt_pending();
    found->rc = interrupt_check(&found->err);
}

static void test_signals(void **state)
{
    static const struct {
        int signo;
        const char *name;
    } cases[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(child(raised, cases[i].signo), 0);
        assert_int_equal(found->before, 0);
        assert_int_equal(found->pending, cases[i].signo);
        assert_int_equal(found->hooked, 1);
        assert_int_equal(found->rc, -1);
        assert_int_equal(found->err.kind, ERR_INTERRUPTED);
        assert_non_null(strstr(found->err.message, cases[i].name));
        assert_int_equal(err_exit_code(&found->err), 128 + cases[i].signo);
    }
}

static void unhooked(int signo)
{
    interrupt_install();
    interrupt_hook(hook);
    interrupt_hook(NULL);
    (void)raise(signo);
    found->pending = interrupt_pending();
}

static void test_no_hook(void **state)
{
    assert_int_equal(child(unhooked, SIGTERM), 0);
    assert_int_equal(found->pending, SIGTERM);
    assert_int_equal(found->hooked, 0);
}

static void ignored(int signo)
{
    (void)signal(signo, SIG_IGN);
    interrupt_install();
    (void)raise(signo);
    found->pending = interrupt_pending();
    found->rc = interrupt_check(&found->err);
}

static void test_nohup(void **state)
{
    assert_int_equal(child(ignored, SIGHUP), 0);
    assert_int_equal(found->pending, 0);
    assert_int_equal(found->rc, 0);
    assert_int_equal(found->err.kind, ERR_NONE);
}

/* The first cause stays: an interruption noticed while a failure is told does not hide it. */
static void after_failure(int signo)
{
    interrupt_install();
    (void)err_set(&found->err, ERR_BACKUP, "damaged");
    (void)raise(signo);
    found->rc = interrupt_check(&found->err);
}

static void test_first_cause(void **state)
{
    assert_int_equal(child(after_failure, SIGINT), 0);
    assert_int_equal(found->rc, -1);
    assert_int_equal(found->err.kind, ERR_BACKUP);
    assert_int_equal(found->err.signo, 0);
    assert_int_equal(err_exit_code(&found->err), 5);
}

static void broken_pipe(int signo)
{
    int ends[2];

    (void)signo;
    interrupt_install();
    if (pipe(ends) != 0)
        _exit(1);
    (void)close(ends[0]);
    found->write_rc = (int)write(ends[1], "x", 1);
    found->write_errno = errno;
}

static void test_broken_pipe(void **state)
{
    assert_int_equal(child(broken_pipe, 0), 0);
    assert_int_equal(found->write_rc, -1);
    assert_int_equal(found->write_errno, EPIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals),     cmocka_unit_test(test_no_hook),
        cmocka_unit_test(test_nohup),       cmocka_unit_test(test_first_cause),
        cmocka_unit_test(test_broken_pipe),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
