/*
 * outfile: a file that is either whole under its own name, or not there.
 *
 * Bytes go to a temporary name in the same folder (".NAME.RANDOM.part", mode 0600, created
 * exclusively and locked).  outfile_commit fsyncs, renames without replacing
 * what may stand there, and fsyncs the folder.  A temporary file that a
 * killed process left is removed by outfile_sweep: its lock is gone.
 */
#ifndef MIG_CORE_OUTFILE_H
#define MIG_CORE_OUTFILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct outfile;

/* Borrows nothing.  PATH must not exist. */
struct outfile *outfile_create(const char *path, struct err *err) MIG_MUST_CHECK;
/* Thread-safe: LEN bytes at OFFSET, all of them. */
int outfile_write_at(struct outfile *f, const void *data, size_t len, uint64_t offset,
                     struct err *err) MIG_MUST_CHECK;
int outfile_read_at(struct outfile *f, void *data, size_t len, uint64_t offset, struct err *err)
    MIG_MUST_CHECK;
/* Ask the system to begin writing what stands before OFFSET, so that the fsync at the end is short. */
void outfile_flush_hint(struct outfile *f, uint64_t offset);
int outfile_sync(struct outfile *f, struct err *err) MIG_MUST_CHECK;
/* outfile_sync, then the final name. */
int outfile_commit(struct outfile *f, struct err *err) MIG_MUST_CHECK;
/* Choose the final name late: another in the same folder. */
int outfile_rename(struct outfile *f, const char *path, struct err *err) MIG_MUST_CHECK;
const char *outfile_path(const struct outfile *f);
/* Not committed: the temporary file is removed. */
void outfile_free(struct outfile *f);

/* A small file, whole: create, write, commit. */
int outfile_write_whole(const char *path, const void *data, size_t len, struct err *err)
    MIG_MUST_CHECK;
/* The folder DIR itself to the disk: the names in it last.  A file system that cannot is no error. */
int outfile_sync_folder(const char *dir, struct err *err) MIG_MUST_CHECK;
/* Remove what killed processes left in DIR; says each.  Never fails. */
void outfile_sweep(const char *dir);

#endif
