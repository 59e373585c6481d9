#include "core/ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

enum { COPY_MAX = 8 << 20 }; /* a larger batch is lent as it is, and nothing read meanwhile: it would be held twice */

struct slot {
    struct buf data;
    struct row_batch batch;
};

struct ahead {
    struct row_source base;
    struct row_source *source;
    pthread_t thread;
    int started;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct slot ready, used; /* filled by the thread; lent to the caller */
    int lent;                /* READY's batch is the source's own memory, until the caller comes again */
    int full;                /* READY holds a batch that nobody took yet */
    int end;                 /* no more: 0 or -1 of the source, in RC and ERR */
    int stop;
    int rc;
    struct err err;
};

/* Hand over NEXT, and take back a slot for the one after; 0: nobody wants more. */
static int give(struct ahead *a, struct slot *next, int lend)
{
    int on;

    (void)pthread_mutex_lock(&a->lock);
    while (a->full && !a->stop)
        (void)pthread_cond_wait(&a->changed, &a->lock);
    if (lend) {
        a->ready.batch = next->batch;
        a->lent = 1;
    } else {
        struct slot taken = a->ready;

        a->ready = *next;
        *next = taken;
    }
    a->full = 1;
    (void)pthread_cond_signal(&a->changed);
    while (a->lent && !a->stop)
        (void)pthread_cond_wait(&a->changed, &a->lock);
    on = !a->stop;
    (void)pthread_mutex_unlock(&a->lock);
    return on;
}

static void *run(void *arg)
{
    struct ahead *a = arg;
    struct slot next = {{0}, {0}};
    struct err err = {0};
    int more;

    while ((more = a->source->next(a->source, &next.batch, &err)) == 1) {
        int lend = next.batch.len > COPY_MAX;

        buf_reset(&next.data);
        if (!lend && buf_add(&next.data, next.batch.data, next.batch.len, &err) != 0) {
            more = -1;
            break;
        }
        if (!lend)
            next.batch.data = next.data.data;
        if (!give(a, &next, lend))
            break;
    }
    (void)pthread_mutex_lock(&a->lock);
    a->end = 1;
    a->rc = more;
    a->err = err;
    (void)pthread_cond_signal(&a->changed);
    (void)pthread_mutex_unlock(&a->lock);
    buf_free(&next.data);
    return NULL;
}

static int ahead_next(struct row_source *self, struct row_batch *batch, struct err *err)
{
    struct ahead *a = (struct ahead *)(void *)self;
    int rc;

    (void)pthread_mutex_lock(&a->lock);
    if (a->lent && !a->full) {
        a->lent = 0;
        (void)pthread_cond_signal(&a->changed);
    }
    while (!a->full && !a->end)
        (void)pthread_cond_wait(&a->changed, &a->lock);
    if (a->lent) {
        *batch = a->ready.batch;
        a->full = 0;
        rc = 1;
    } else if (a->full) {
        struct slot taken = a->used;

        a->used = a->ready;
        a->ready = taken;
        a->full = 0;
        *batch = a->used.batch;
        rc = 1;
        (void)pthread_cond_signal(&a->changed);
    } else {
        rc = a->rc < 0 ? -1 : 0;
        if (rc < 0 && err->kind == ERR_NONE)
            *err = a->err;
    }
    (void)pthread_mutex_unlock(&a->lock);
    return rc;
}

static void ahead_free(struct row_source *self)
{
    struct ahead *a = (struct ahead *)(void *)self;

    if (a == NULL)
        return;
    if (a->started) {
        (void)pthread_mutex_lock(&a->lock);
        a->stop = 1;
        (void)pthread_cond_signal(&a->changed);
        (void)pthread_mutex_unlock(&a->lock);
        (void)pthread_join(a->thread, NULL);
    }
    (void)pthread_cond_destroy(&a->changed);
    (void)pthread_mutex_destroy(&a->lock);
    a->source->free(a->source);
    buf_free(&a->ready.data);
    buf_free(&a->used.data);
    free(a);
}

struct row_source *ahead_new(struct row_source *source, struct err *err)
{
    struct ahead *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        err_oom(err);
        source->free(source);
        return NULL;
    }
    a->base.next = ahead_next;
    a->base.free = ahead_free;
    a->source = source;
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->changed, NULL);
    if (pthread_create(&a->thread, NULL, run, a) != 0) {
        err_set(err, ERR_FAILED, "cannot start a thread");
        ahead_free(&a->base);
        return NULL;
    }
    a->started = 1;
    return &a->base;
}
