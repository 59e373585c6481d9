#include "script/deep.h"

#include <pthread.h>
#include <stddef.h>

#define STACK_BYTES ((size_t)512 * 1024 * 1024)

static int start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    pthread_attr_t attr;
    int rc;

    if (pthread_attr_init(&attr) != 0)
        return -1;
    rc = pthread_attr_setstacksize(&attr, STACK_BYTES);
    if (rc == 0)
        rc = pthread_create(thread, &attr, fn, arg);
    (void)pthread_attr_destroy(&attr);
    return rc == 0 ? 0 : -1;
}

int deep_run(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    if (start(&thread, fn, arg) < 0)
        return -1;
    return pthread_join(thread, NULL) == 0 ? 0 : -1;
}

int deep_run_both(void *(*fn)(void *), void *a, void *b)
{
    pthread_t one, other;
    int rc = 0;

    if (start(&one, fn, a) < 0)
        return -1;
    if (start(&other, fn, b) < 0) {
        if (pthread_join(one, NULL) != 0)
            return -1;
        return deep_run(fn, b);
    }
    if (pthread_join(one, NULL) != 0)
        rc = -1;
    if (pthread_join(other, NULL) != 0)
        rc = -1;
    return rc;
}
