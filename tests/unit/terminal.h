/*
 * terminal: a child of the test with a terminal of its own, or with none, for what asks at /dev/tty.
 */
#ifndef MIG_TESTS_TERMINAL_H
#define MIG_TESTS_TERMINAL_H

#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/err.h"

/* What the child found out; it shares this with the test. */
struct outcome {
    int rc, echo_during, echo_after;
    struct err err;
    char answer[1024];
};

static struct outcome *outcome_new(void)
{
    void *p = mmap(NULL, sizeof(struct outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                   -1, 0);

    assert_true(p != MAP_FAILED);
    memset(p, 0, sizeof(struct outcome));
    return p;
}

static void outcome_free(struct outcome *o)
{
    assert_int_equal(munmap(o, sizeof(*o)), 0);
}

/* ASK runs at a terminal where ANSWER is typed as soon as the question (it ends in ": ") stands
 * there; SEEN gets all that the terminal showed. */
static void at_terminal(void (*ask)(void *context, struct outcome *o), void *context,
                        struct outcome *o, const char *answer, char *seen, size_t size)
{
    struct termios mode;
    size_t n = 0;
    int master, status, typed = 0;
    pid_t pid = forkpty(&master, NULL, NULL, NULL);

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGINT, SIG_DFL); /* make(1) in the background ignores it */
        ask(context, o);
        _exit(0);
    }
    seen[0] = '\0';
    for (;;) {
        char c;
        ssize_t got = read(master, &c, 1);

        if (got <= 0)
            break; /* EIO: the child is gone */
        if (n + 1 < size)
            seen[n++] = c;
        seen[n] = '\0';
        if (!typed && n >= 2 && strcmp(seen + n - 2, ": ") == 0) {
            typed = 1;
            if (tcgetattr(master, &mode) == 0)
                o->echo_during = (mode.c_lflag & ECHO) != 0;
            (void)!write(master, answer, strlen(answer)); /* the child may not wait for it */
        }
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(master);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ASK runs without a terminal; ANSWER stands on its standard input. */
static void without_terminal(void (*ask)(void *context, struct outcome *o), void *context,
                             struct outcome *o, const char *answer)
{
    int ends[2], status;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], answer, strlen(answer)), strlen(answer));
    assert_int_equal(close(ends[1]), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setsid();
        (void)dup2(ends[0], STDIN_FILENO);
        ask(context, o);
        _exit(0);
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#endif
