/*
 * segments: a plan cut where a transaction must end.
 *
 * Most plans are one segment.  A statement that cannot run in a transaction (CONCURRENTLY) is a
 * segment of its own; what stands between two of them shares a transaction.  Each segment is a plan in
 * its own right, with the version rows before and after it.
 */
#ifndef MIG_ROLLBACK_SEGMENTS_H
#define MIG_ROLLBACK_SEGMENTS_H

#include <stddef.h>

#include "core/err.h"

struct conn;
struct plan;

struct segment {
    struct plan *plan;
    int alone;   /* one statement, outside of any transaction */
    char *label; /* of an alone one: its normalised text */
};

struct segments {
    struct segment *items;
    size_t count;
};

struct segments *segments_split(const struct plan *p, struct err *err) MIG_MUST_CHECK;
/* For a dry run: P without what must run alone, as one transaction; the labels of what is left out are added
 * to *SKIPPED (core/strings).  Owned. */
struct plan *segments_together(const struct plan *p, char ***skipped, struct err *err) MIG_MUST_CHECK;
void segments_free(struct segments *s);
/* Is P more than one transaction?  One statement by itself may be: DROP INDEX CONCURRENTLY. */
int segments_needed(const struct plan *p);
/* How many there would be, without making them. */
size_t segments_count(const struct plan *p);

/* Run an alone segment, in its own session.  AGAIN: it was begun before and may have left something:
 * an invalid index is dropped first, what is there already is not made again. */
int segment_run_alone(const struct segment *s, struct conn *c, int again, struct err *err) MIG_MUST_CHECK;

#endif
