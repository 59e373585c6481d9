/*
 * lane: what one thread needs to make a frame of a backup and to read it back.
 *
 * A frame is deflated and sealed in the lane's buffer; once the writer has put it into the file it is
 * read back, its tag checked, and kept until eight can be hashed at once.
 */
#ifndef MIG_BACKUP_LANE_H
#define MIG_BACKUP_LANE_H

#include <stddef.h>
#include <stdint.h>

#include "backup/format.h"
#include "core/blake2b.h"
#include "core/err.h"

struct deflater;
struct outfile;
struct secret;

/* A frame as the file gave it back, its tag checked, its hash not yet taken. */
struct lane_pending {
    struct format_entry entry;
    uint64_t number; /* of the entry */
    unsigned char *data;
    size_t cap;
};

/* As many exist as threads ever met. */
struct lane {
    struct deflater *deflater;
    unsigned char *buf; /* frame header, then the zlib stream, sealed in place */
    size_t cap;
    struct lane_pending pending[BLAKE2B_LANES]; /* hashed together */
    size_t npending, pending_bytes;
    struct lane *next;
};

struct lane *lane_new(struct err *err) MIG_MUST_CHECK;
void lane_free(struct lane *l);
/* Deflate and seal LEN bytes into the lane's buffer; E gets all but its offset and hash. */
int lane_make(struct lane *l, const unsigned char archive_id[FORMAT_ID], const struct secret *key,
              const char *data, size_t len, struct format_entry *e, struct err *err) MIG_MUST_CHECK;
/* Read the frame that was made, entry NUMBER, back from where it was written and check its tag; the
 * hash that is signed is that of what the file gave.  PATH: for messages. */
int lane_check(struct lane *l, const unsigned char archive_id[FORMAT_ID], const struct secret *key,
               struct outfile *file, const char *path, const struct format_entry *e, uint64_t number,
               struct err *err) MIG_MUST_CHECK;
/* Enough frames wait to be hashed. */
int lane_is_full(const struct lane *l);
/* Hash what waits for it, into each entry: eight frames at once cost little more than two.  The
 * caller takes the entries and sets npending and pending_bytes to zero. */
void lane_hash(struct lane *l);

#endif
