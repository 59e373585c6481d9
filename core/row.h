/*
 * row: the seam between a database and everything above it.
 *
 * Rows travel in batches of NDJSON: each row a JSON array of strings and
 * nulls on a line of its own, whole rows only, in the column order that both
 * sides agreed on.  Values are the server's text form.  A row of no columns
 * is "[]".  Bytes that are not UTF-8 travel as base64 where the column (or the
 * whole table) is marked so; the mark is agreed outside of the stream.
 * Nothing above pg/ knows how rows travel on the wire.
 */
#ifndef MIG_CORE_ROW_H
#define MIG_CORE_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct row_batch {
    const char *data; /* borrowed from the source until its next call */
    size_t len;
    uint64_t rows;
    int last; /* a hint: the source knows already that nothing follows */
};

struct row_source {
    /* 1: *BATCH is filled; 0: the end, and the server said that it was complete; -1: error. */
    int (*next)(struct row_source *self, struct row_batch *batch, struct err *err);
    void (*free)(struct row_source *self);
};

struct row_sink {
    /* Borrows BATCH until return. */
    int (*put)(struct row_sink *self, const struct row_batch *batch, struct err *err);
    /* Not optional: a sink that was not finished has stored nothing for certain. */
    int (*finish)(struct row_sink *self, struct err *err);
    void (*free)(struct row_sink *self);
};

/* The sum modulo 2^128, over rows, of SipHash-2-4-128 under a fixed key of each NDJSON line
 * without its newline: independent of order and of parallelism (docs/FORMAT.md). */
struct row_digest {
    uint64_t lo, hi;
};
void row_digest_add(struct row_digest *d, const struct row_batch *batch);
void row_digest_merge(struct row_digest *d, const struct row_digest *other);
/* 32 hexadecimal digits and NUL. */
void row_digest_hex(const struct row_digest *d, char out[33]);

#endif
