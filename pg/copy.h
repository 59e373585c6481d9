/*
 * copy: rows between a table and the row seam, through COPY.
 *
 * The source converts COPY's text or binary format to NDJSON batches (core/row.h) of about 1 MiB
 * of whole rows; the sink converts back.  A source that ends says so only after
 * the server's final CommandComplete: a failing query streams rows first.
 */
#ifndef MIG_PG_COPY_H
#define MIG_PG_COPY_H

#include <stdint.h>

#include "core/row.h"

struct conn;

struct copy_columns {
    const char *const *names;
    const unsigned char *base64; /* per column, or NULL: none */
    /* As format_type() names them (of domains their base, "enum" of any enum), or NULL; so may each be.
     * Where every type's text form follows from its binary
     * form, rows travel in binary, which is cheaper for the server; what comes out is the same. */
    const char *const *types;
    size_t count;
};

struct copy_out_options {
    const char *schema, *table;
    struct copy_columns columns;   /* explicit, in the manifest's order; count 0: a zero-column table */
    int only;                      /* SELECT ... FROM ONLY */
    const char *filter;            /* SQL after WHERE, in which the table is called t; or NULL */
    int64_t from_page, to_page;    /* ctid range [from, to); to 0: no upper bound; both 0: all */
    size_t batch_bytes;            /* 0: 1 MiB.  A batch is larger only where one row is */
};

/* Before much is read from C: fewer, larger reads from its socket. */
int copy_widen(struct conn *c, struct err *err) MIG_MUST_CHECK;

/* Borrows O until return.  The source borrows C until it is freed; a source that is freed early
 * cancels its query, and the transaction has then failed. */
struct row_source *copy_out(struct conn *c, const struct copy_out_options *o, struct err *err)
    MIG_MUST_CHECK;

/* 1: the server would read this with parallel workers of its own (max_parallel_workers_per_gather). */
int copy_out_gathers(struct conn *c, const struct copy_out_options *o, struct err *err)
    MIG_MUST_CHECK;

struct copy_in_options {
    const char *schema, *table;    /* "pg_temp" is a schema like others */
    struct copy_columns columns;
};

/* finish() compares the server's row count with what was put.  Borrows O->columns.base64 and C until
 * it is freed. */
struct row_sink *copy_in(struct conn *c, const struct copy_in_options *o, struct err *err)
    MIG_MUST_CHECK;

#endif
