/*
 * pace: how fast this server reads, by one small read of a table at hand.
 *
 * What it tells is an estimate's yardstick, never a promise.
 */
#ifndef MIG_VALIDATE_PACE_H
#define MIG_VALIDATE_PACE_H

#include <stdint.h>

struct inquiry;

struct pace {
    double scale;      /* how many times slower than the machine that the costs were taken on; 0: not measured */
    double disk;       /* bytes a second, where the pages are not in memory */
    int64_t bytes;     /* that were read */
    double seconds;
    char *relation;    /* of which */
};

/* A read of at most 8 MiB of the largest table of the plan that the role may read, some times; else of
 * pg_catalog.  Nothing is said of failures: then nothing was measured. */
void pace_take(struct inquiry *q, struct pace *out);

#endif
