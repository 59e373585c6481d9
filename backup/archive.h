/*
 * archive: the container of docs/FORMAT.md, written and read.
 *
 * A writer takes batches for numbered streams from any number of threads: the
 * caller's thread deflates and seals, appending is serialised inside.  Nothing
 * stands under the final name until archive_finish has written the footer,
 * fsynced, read everything back and renamed.  A reader has checked the footer,
 * the signature, the key commitment, the index and the manifest before it is
 * handed out; a frame is delivered whole and verified, or not at all.
 */
#ifndef MIG_BACKUP_ARCHIVE_H
#define MIG_BACKUP_ARCHIVE_H

#include <jansson.h>
#include <stdint.h>

#include "core/err.h"
#include "core/row.h"

struct keyring;
struct archive_writer;
struct archive_reader;

/* The clear, signed label. Strings borrowed; NULL where not known. */
struct archive_label {
    const char *name, *purpose, *database, *system_id, *environment, *reason, *created;
    uint32_t database_oid;
    const char *const *from, *const *to; /* NULL-terminated or NULL */
};

struct archive_options {
    const struct keyring *keys;
    const char *path; /* final path, "-" for standard output; "%ID" in its last part becomes the
                         first 8 digits of the archive's id */
    const struct archive_label *label;
};

struct archive_writer *archive_create(const struct archive_options *o, struct err *err)
    MIG_MUST_CHECK;
/* Thread-safe.  FINAL: this is STREAM's last frame (BATCH may be NULL: an empty last frame). */
int archive_put(struct archive_writer *w, uint32_t stream, const struct row_batch *batch, int final,
                struct err *err) MIG_MUST_CHECK;
/* Borrows MANIFEST.  After success *FILE_BYTES is the size; the file is under its final name. */
int archive_finish(struct archive_writer *w, const json_t *manifest, uint64_t *file_bytes,
                   int *verified, struct err *err) MIG_MUST_CHECK;
const char *archive_id(const struct archive_writer *w); /* 64 hexadecimal digits */
const char *archive_path(const struct archive_writer *w); /* the final path, "%ID" replaced; borrowed */
/* Without archive_finish: the temporary file is removed. */
void archive_writer_free(struct archive_writer *w);

struct archive_reader *archive_open(const char *path, const struct keyring *keys, struct err *err)
    MIG_MUST_CHECK;
/* Borrowed. */
const json_t *archive_manifest(const struct archive_reader *r);
const json_t *archive_label_json(const struct archive_reader *r);
const char *archive_reader_id(const struct archive_reader *r);
const char *archive_signer(const struct archive_reader *r);
/* The rows of one stream in the order of its frames; several sources of one reader may be read by
 * different threads. */
struct row_source *archive_stream(struct archive_reader *r, uint32_t stream, struct err *err)
    MIG_MUST_CHECK;
void archive_reader_free(struct archive_reader *r);

#endif
