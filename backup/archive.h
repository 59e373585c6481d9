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

#include "backup/format.h"
#include "core/err.h"
#include "core/row.h"

struct keyring;
struct archive_writer;
struct archive_reader;

/* The clear, signed label. Strings borrowed; NULL where not known (CREATED: now). */
struct archive_label {
    const char *name, *purpose, *database, *system_id, *environment, *reason, *created;
    uint32_t database_oid;
    const char *const *from, *const *to; /* NULL-terminated or NULL */
};

struct archive_options {
    const struct keyring *keys; /* borrowed until archive_finish */
    const char *path; /* final path, "-" for standard output; "%ID" in its last part becomes the
                         first 8 digits of the archive's id; NULL: a name on the shelf DIR */
    const char *dir;  /* with PATH NULL: DIR/DATABASE_PURPOSE_20261120T103000Z_ID8.mig; DIR exists */
    const struct archive_label *label;
};

struct archive_writer *archive_create(const struct archive_options *o, struct err *err)
    MIG_MUST_CHECK;
/* Thread-safe.  FINAL: this is STREAM's last frame (BATCH may be NULL: an empty last frame); every
 * stream must get one, and nothing after it.  Frames of a stream keep the order in which their
 * calls began.  Batches of about 1 MiB are best; one larger than FORMAT_CHUNK is cut into frames,
 * a longer row goes on in the next frame. */
int archive_put(struct archive_writer *w, uint32_t stream, const struct row_batch *batch, int final,
                struct err *err) MIG_MUST_CHECK;
/* Borrows MANIFEST.  After success *FILE_BYTES is the size; the file is under its final name.
 * *VERIFIED: read back, hash and tag of every frame (not on standard output). */
int archive_finish(struct archive_writer *w, const json_t *manifest, uint64_t *file_bytes,
                   int *verified, struct err *err) MIG_MUST_CHECK;
const char *archive_id(const struct archive_writer *w);      /* 64 hexadecimal digits */
const char *archive_path(const struct archive_writer *w);    /* the final path, "%ID" replaced, or "-" */
const char *archive_created(const struct archive_writer *w); /* 2026-11-20T10:30:00Z */
/* The mig-pub-... line of who signs. */
const char *archive_writer_signer(const struct archive_writer *w);
/* After archive_finish: the signed receipt of docs/FORMAT.md into a new file PATH. */
int archive_receipt(const struct archive_writer *w, const char *path, struct err *err)
    MIG_MUST_CHECK;
/* Without archive_finish: the temporary file is removed. */
void archive_writer_free(struct archive_writer *w);

/* "-" is standard input, spooled as it is into an unnamed file. */
struct archive_reader *archive_open(const char *path, const struct keyring *keys, struct err *err)
    MIG_MUST_CHECK;
/* Borrowed. */
const json_t *archive_manifest(const struct archive_reader *r);
const json_t *archive_label_json(const struct archive_reader *r);
const char *archive_reader_id(const struct archive_reader *r);
const char *archive_signer(const struct archive_reader *r);
/* The rows of one stream in the order of its frames; several sources of one reader may be read by
 * different threads.  Each batch is whole rows, one frame's in general. */
struct row_source *archive_stream(struct archive_reader *r, uint32_t stream, struct err *err)
    MIG_MUST_CHECK;
/* The same of a part: the rows that begin in its frames FROM to TO - 1 (of archive_stream_frames). */
struct row_source *archive_stream_part(struct archive_reader *r, uint32_t stream, uint32_t from, uint32_t to,
                                       struct err *err) MIG_MUST_CHECK;
uint32_t archive_stream_frames(const struct archive_reader *r, uint32_t stream);
void archive_reader_free(struct archive_reader *r);

/* Without a key: everything up to the signature and the index is checked, nothing is decrypted.
 * Such a reader has no manifest and gives no streams.  SIGNER_TRUSTED may be 0 here. */
struct archive_reader *archive_inspect(const char *path, const struct keyring *keys,
                                       struct err *err) MIG_MUST_CHECK;
/* An inspected reader becomes an open one.  Where it fails because nobody here can open the file or
 * trusts its signer, R stays as it was (archive_manifest is NULL). */
int archive_unlock(struct archive_reader *r, const struct keyring *keys, struct err *err)
    MIG_MUST_CHECK;
/* Whether the data key is known. */
int archive_unlocked(const struct archive_reader *r);
int archive_signer_trusted(const struct archive_reader *r);
const struct format_footer *archive_footer(const struct archive_reader *r);
const struct format_head *archive_head(const struct archive_reader *r);
/* "mig-pub-..." or "passphrase", the Ith of who can open the file; 0 past the last. */
int archive_recipient(const struct archive_reader *r, size_t i, char out[128]);
/* Generations of the slot copies A and B, 0 where a copy is damaged; *PROBLEM says why. */
uint64_t archive_slots_generation(const struct archive_reader *r, int copy, const char **problem);
/* One frame of the index by its number, and a check of its stored bytes against its hash (with a
 * key: its tag too). */
int archive_entry(const struct archive_reader *r, uint64_t i, struct format_entry *e,
                  struct err *err) MIG_MUST_CHECK;
int archive_check_frame(struct archive_reader *r, uint64_t i, struct err *err) MIG_MUST_CHECK;

#endif
