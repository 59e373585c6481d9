#include "core/progress.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/report.h"

struct progress {
    const char *what;
    pthread_mutex_t lock;
    int terminal, drawn;
    int64_t started, shown; /* ms */
};

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct progress *progress_start(const char *what)
{
    struct progress *p;

    if (log_level() < LOG_INFO || (p = calloc(1, sizeof(*p))) == NULL)
        return NULL;
    p->what = what;
    p->terminal = isatty(STDERR_FILENO);
    p->started = p->shown = now_ms();
    (void)pthread_mutex_init(&p->lock, NULL);
    return p;
}

static void show(struct progress *p, int64_t now, uint64_t rows, uint64_t bytes, uint64_t total)
{
    char count[32], size[32], rate[32], left[32], percent[16] = "", eta[48] = "";
    int64_t spent = now - p->started;
    uint64_t per_second = spent > 0 ? bytes * 1000 / (uint64_t)spent : 0;

    if (total > 0) {
        uint64_t done = bytes > total ? 100 : bytes * 100 / total;

        (void)snprintf(percent, sizeof(percent), "%u %%, ", (unsigned)done);
        if (per_second > 0 && bytes < total)
            (void)snprintf(eta, sizeof(eta), ", %s left",
                           report_duration((int64_t)((total - bytes) * 1000 / per_second), left));
    }
    if (p->terminal)
        fprintf(stderr, "\r\033[K%s: %s%s rows, %s, %s/s%s", p->what, percent,
                report_count(rows, count), report_bytes(bytes, size),
                report_bytes(per_second, rate), eta);
    else
        log_info("%s: %s%s rows, %s, %s/s%s", p->what, percent, report_count(rows, count),
                 report_bytes(bytes, size), report_bytes(per_second, rate), eta);
    p->drawn = p->terminal;
}

void progress_tick(void *progress, uint64_t rows, uint64_t bytes, uint64_t total)
{
    struct progress *p = progress;
    int64_t now;

    if (p == NULL)
        return;
    (void)pthread_mutex_lock(&p->lock);
    now = now_ms();
    if (now - p->shown >= (p->terminal ? 150 : 30000)) {
        show(p, now, rows, bytes, total);
        p->shown = now;
    }
    (void)pthread_mutex_unlock(&p->lock);
}

void progress_end(struct progress *p)
{
    if (p == NULL)
        return;
    if (p->drawn)
        fputs("\r\033[K", stderr);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}
