/*
 * source: the bytes of a Python file as UTF-8 text.
 *
 * The byte order mark and the encoding declaration (PEP 263) are what they are
 * to Python: the first is dropped, the second obeyed.
 */
#ifndef MIG_MIGRATION_SOURCE_H
#define MIG_MIGRATION_SOURCE_H

#include <stddef.h>

#include "core/err.h"

struct buf;

/* LEN bytes at TEXT, as UTF-8, into the empty OUT; line ends stay.  ERR_FAILED with FILE, and the line
 * where there is one: a NUL byte, no UTF-8 and none declared, an encoding that this machine cannot read. */
int source_read(struct buf *out, const char *text, size_t len, const char *file, struct err *err) MIG_MUST_CHECK;

#endif
