#include "pg/cancel.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/interrupt.h"

#define SLOTS 256

static PGconn *slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int wake[2] = {-1, -1};

/* In the signal handler: write(2) alone. */
static void on_signal(void)
{
    int saved = errno;

    if (write(wake[1], "x", 1) < 0)
        errno = saved; /* the pipe is full: the thread has been woken already */
    errno = saved;
}

/* PQgetCancel copies the address: the connection may be closed while PQcancel blocks. */
static void cancel_all(void)
{
    PGcancel *due[SLOTS];
    char why[256];
    size_t i, n = 0;

    (void)pthread_mutex_lock(&lock);
    for (i = 0; i < SLOTS; i++)
        if (slots[i] != NULL) {
            PGcancel *c = PQgetCancel(slots[i]);

            if (c != NULL)
                due[n++] = c;
        }
    (void)pthread_mutex_unlock(&lock);
    for (i = 0; i < n; i++) {
        (void)PQcancel(due[i], why, sizeof(why));
        PQfreeCancel(due[i]);
    }
}

static void *wait_for_signals(void *arg)
{
    char c[64];

    (void)arg;
    for (;;) {
        ssize_t n = read(wake[0], c, sizeof(c));

        if (n > 0)
            cancel_all();
        else if (n == 0 || errno != EINTR)
            return NULL;
    }
}

static void start(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;

    if (pipe(wake) != 0)
        return;
    (void)fcntl(wake[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(wake[1], F_SETFD, FD_CLOEXEC);
    (void)fcntl(wake[1], F_SETFL, O_NONBLOCK);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_attr_init(&attr) == 0) {
        (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        if (pthread_create(&thread, &attr, wait_for_signals, NULL) == 0)
            interrupt_hook(on_signal);
        (void)pthread_attr_destroy(&attr);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void cancel_register(PGconn *raw)
{
    size_t i;

    (void)pthread_once(&once, start);
    (void)pthread_mutex_lock(&lock);
    for (i = 0; i < SLOTS && slots[i] != NULL && slots[i] != raw; i++)
        ;
    if (i < SLOTS)
        slots[i] = raw;
    (void)pthread_mutex_unlock(&lock);
}

void cancel_forget(PGconn *raw)
{
    size_t i;

    (void)pthread_mutex_lock(&lock);
    for (i = 0; i < SLOTS; i++)
        if (slots[i] == raw)
            slots[i] = NULL;
    (void)pthread_mutex_unlock(&lock);
}

void cancel_again(void)
{
    on_signal();
}
