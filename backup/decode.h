/*
 * decode: every row of a backup read, counted and summed, and compared with what its manifest says.
 */
#ifndef MIG_BACKUP_DECODE_H
#define MIG_BACKUP_DECODE_H

#include <stdint.h>

#include "core/err.h"

struct archive_reader;
struct progress;

struct decode_result {
    uint64_t tables, rows, bytes;
};

/* JOBS threads (0: 2), each at another piece of the file; A has its keys.  PATH is for messages; PROGRESS may be NULL.
 * Of several faults the one that stands first is told. */
int decode_all(struct archive_reader *a, const char *path, int jobs, struct progress *progress,
               struct decode_result *r, struct err *err) MIG_MUST_CHECK;

#endif
