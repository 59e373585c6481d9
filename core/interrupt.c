#define _GNU_SOURCE /* ppoll */
#include "core/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* Set in the handler, read in every thread: lock-free atomics are what both allow. */
static atomic_int caught;
static _Atomic(void (*)(void)) hook;

static void handle(int signo)
{
    void (*call)(void) = hook;

    caught = signo;
    if (call != NULL)
        call();
}

void interrupt_install(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = handle;
    (void)sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)sigaddset(&sa.sa_mask, signals[i]);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct sigaction old;

        /* nohup(1): what the caller ignores stays ignored. */
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue;
        (void)sigaction(signals[i], &sa, NULL);
    }
    /* A reader that goes away is an error of write(2), told with the file's name. */
    sa.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &sa, NULL);
    /* So is a file that may not grow (ulimit -f): between COMMIT and its journal nothing may end the program. */
    (void)sigaction(SIGXFSZ, &sa, NULL);
}

int interrupt_pending(void)
{
    return caught;
}

int interrupt_check(struct err *err)
{
    int signo = caught;

    if (signo == 0)
        return 0;
    (void)err_set(err, ERR_INTERRUPTED, "interrupted by %s",
                  signo == SIGINT ? "SIGINT" : signo == SIGTERM ? "SIGTERM" : "SIGHUP");
    if (err->kind == ERR_INTERRUPTED)
        err->signo = signo;
    return -1;
}

/* The signals are let in only while ppoll waits, so that none comes between the look at the flag and
 * the wait. */
ssize_t interrupt_read(int fd, void *data, size_t len)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    sigset_t block, before;
    ssize_t got = -1;
    int flags = fcntl(fd, F_GETFL), saved;

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    (void)sigemptyset(&block);
    (void)sigaddset(&block, SIGINT);
    (void)sigaddset(&block, SIGTERM);
    (void)sigaddset(&block, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &block, &before);
    do {
        if (caught != 0) {
            errno = EINTR;
            break;
        }
        if (ppoll(&p, 1, NULL, &before) < 0)
            break;
        got = read(fd, data, len);
    } while (got < 0 && errno == EAGAIN);
    saved = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return got;
}

void interrupt_hook(void (*call)(void))
{
    hook = call;
}
