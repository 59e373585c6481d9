/*
 * copytext: COPY's text format to NDJSON and back, no server involved.
 *
 * Both ways take whole rows and append whole rows.  COPY text is what the
 * server sends (it never uses octal or hexadecimal escapes); NDJSON is what
 * core/row.h says, read strictly: anything else is an error that names the row.
 */
#ifndef MIG_PG_COPYTEXT_H
#define MIG_PG_COPYTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

struct copytext_shape {
    size_t columns;
    const unsigned char *base64; /* per column, or NULL: none; borrowed */
};

/* Append the rows of TEXT to OUT as NDJSON and add their number to *ROWS. */
int copytext_to_json(struct buf *out, const struct copytext_shape *shape, const char *text,
                     size_t len, uint64_t *rows, struct err *err) MIG_MUST_CHECK;
/* The reverse.  ERR_BACKUP where JSON is not rows of this shape. */
int copytext_from_json(struct buf *out, const struct copytext_shape *shape, const char *json,
                       size_t len, uint64_t *rows, struct err *err) MIG_MUST_CHECK;

#endif
