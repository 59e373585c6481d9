/*
 * copybinary: COPY's binary format to NDJSON and back, no server involved.
 *
 * The server's binary form of a value costs it much less than the text form, and for the types
 * below the text form follows from it exactly: what comes out is what COPY text and copytext would
 * have given (DateStyle ISO, TimeZone UTC, bytea_output hex).  Other types are not known here: their
 * tables travel as text.  On the way back the server's receive functions check what its input functions
 * would (encoding, lengths, precision, range); what they could take otherwise is not sent in binary.
 */
#ifndef MIG_PG_COPYBINARY_H
#define MIG_PG_COPYBINARY_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

struct copybinary {
    unsigned char *kinds; /* one per column */
    size_t columns;
    int begun, ended; /* the header and the trailer were seen, or written */
};

/* 1 and *B for columns of these types (as format_type() names them under an empty search_path); 0:
 * one of them is not known, at least not for READING; -1 without memory. */
int copybinary_start(struct copybinary *b, const char *const *types, size_t columns, int reading,
                     struct err *err) MIG_MUST_CHECK;
/* Append the rows of DATA, one or more whole CopyData messages, to OUT as NDJSON and add their number
 * to *ROWS. */
int copybinary_to_json(struct copybinary *b, struct buf *out, const char *data, size_t len,
                       uint64_t *rows, struct err *err) MIG_MUST_CHECK;
/* The reverse, for a stream of its own: the first call writes the header, too.  1: a value is not as the
 * server writes it, or not every server takes it in binary: these rows are for COPY text, and none of them
 * was appended.  ERR_BACKUP where JSON is not rows of this shape. */
int copybinary_from_json(struct copybinary *b, struct buf *out, const char *json, size_t len,
                         uint64_t *rows, struct err *err) MIG_MUST_CHECK;
/* What ends the stream. */
int copybinary_finish(struct copybinary *b, struct buf *out, struct err *err) MIG_MUST_CHECK;
void copybinary_end(struct copybinary *b);

#endif
