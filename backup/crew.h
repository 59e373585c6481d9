/*
 * crew: several sessions copy tables, and ranges of large ones, into one archive.
 *
 * The leader's own session is one of them, and the one that must not fail: a
 * helper that cannot connect or cannot get its locks at once is done without.
 */
#ifndef MIG_BACKUP_CREW_H
#define MIG_BACKUP_CREW_H

#include <stdint.h>

#include "backup/manifest.h"
#include "core/err.h"

struct archive_writer;
struct conn;

struct crew_options {
    struct conn *leader;
    struct archive_writer *archive;
    struct manifest_table *tables; /* rows, bytes and digest are filled in */
    const int64_t *pages;
    size_t ntables;
    const char *snapshot; /* what helpers import; NULL: the leader works alone */
    const char *lock_sql; /* what helpers run before they import it; NULL: nothing */
    int jobs;             /* sessions in all, the leader's too */
    int (*aside)(void *arg, struct err *err); /* on the leader's session, while helpers are still connecting */
    void *aside_arg;
    void (*tick)(void *arg, uint64_t rows, uint64_t bytes, uint64_t total_bytes);
    void *tick_arg;
};

int crew_run(const struct crew_options *o, struct err *err) MIG_MUST_CHECK;

#endif
