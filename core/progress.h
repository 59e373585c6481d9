/*
 * progress: how far a long copy is, on standard error.
 *
 * Drawn on one line where standard error is a terminal, else one line each 30
 * seconds; nothing with --quiet.  Thread-safe.  A zeroed struct is not started.
 */
#ifndef MIG_CORE_PROGRESS_H
#define MIG_CORE_PROGRESS_H

#include <stdint.h>

struct progress;

/* WHAT: "saving", borrowed.  NULL (no memory) is as good as any: every function takes it. */
struct progress *progress_start(const char *what);
/* ROWS and BYTES so far of TOTAL bytes (0: not known).  The first argument is a struct progress *, so
 * that this is a tick for snapshot_options. */
void progress_tick(void *progress, uint64_t rows, uint64_t bytes, uint64_t total);
/* Clear the drawn line; free. */
void progress_end(struct progress *p);

#endif
