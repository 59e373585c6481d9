/* One frame of a file, from its stored bytes to its rows (archive_internal.h). */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/archive_internal.h"
#include "core/deflate.h"
#include "core/seal.h"

int frame_read_at(const struct archive_reader *r, void *data, size_t len, uint64_t offset,
                   struct err *err)
{
    char *p = data;

    while (len > 0) {
        ssize_t n = pread(r->fd, p, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, ERR_FAILED, "cannot read at offset %" PRIu64, offset);
        if (n == 0)
            return err_set(err, ERR_BACKUP, "cut off: the file ends at offset %" PRIu64, offset);
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int archive_entry(const struct archive_reader *r, uint64_t i, struct format_entry *e,
                  struct err *err)
{
    if (format_entry_decode(r->index + i * FORMAT_ENTRY, r->head.chunk_max, e, err) != 0)
        return err_prefix(err, "index entry %" PRIu64, i);
    return 0;
}

void frame_buf_free(struct frame_buf *b)
{
    free(b->sealed);
    if (b->plain != NULL)
        sodium_memzero(b->plain, b->plain_cap);
    free(b->plain);
    inflater_free(b->inflater);
}

enum { SPARE_MAX = 8 << 20 }; /* what is larger is asked for once, and for as much as there is */

static int room(unsigned char **p, size_t *cap, size_t len, size_t keep, struct err *err)
{
    unsigned char *bigger;

    if (*cap >= len)
        return 0;
    len += len < SPARE_MAX ? len / 4 + 64 : 0;
    if ((bigger = malloc(len)) == NULL)
        return err_oom(err);
    if (keep > 0)
        memcpy(bigger, *p, keep);
    free(*p);
    *p = bigger;
    *cap = len;
    return 0;
}

int frame_reserve(struct frame_buf *b, size_t len, struct err *err)
{
    return room(&b->plain, &b->plain_cap, len, 0, err);
}

int frame_fault(const struct format_entry *e, const char *what, struct err *err)
{
    if (e->frame.type == FORMAT_MANIFEST)
        return err_set(err, ERR_BACKUP, "manifest frame at offset %" PRIu64 " (%zu bytes, sequence %u) %s",
                       e->offset, FORMAT_FRAME + (size_t)e->frame.length, e->frame.sequence, what);
    return err_set(err, ERR_BACKUP, "frame at offset %" PRIu64 " (%zu bytes, stream %u, sequence %u) %s",
                   e->offset, FORMAT_FRAME + (size_t)e->frame.length, e->frame.stream,
                   e->frame.sequence, what);
}

int frame_load(const struct archive_reader *r, const struct format_entry *e,
                      struct frame_buf *b, struct err *err)
{
    size_t len = FORMAT_FRAME + (size_t)e->frame.length;
    unsigned char hash[FORMAT_HASH], raw[FORMAT_ENTRY];
    struct seal_part part;

    if (room(&b->sealed, &b->sealed_cap, len, 0, err) != 0 ||
        frame_read_at(r, b->sealed, len, e->offset, err) != 0)
        return -1;
    part = (struct seal_part){b->sealed, len};
    seal_hash(hash, NULL, &part, 1);
    if (memcmp(hash, e->hash, FORMAT_HASH) != 0)
        return frame_fault(e, "was changed: its hash is not the one that was signed", err);
    format_entry_encode(e, raw);
    if (memcmp(raw + 8, b->sealed, FORMAT_FRAME_FIXED) != 0)
        return frame_fault(e, "has another header than the index says", err);
    return 0;
}

int frame_open(const struct archive_reader *r, const struct format_entry *e,
                      struct frame_buf *b, int check_only, struct err *err)
{
    unsigned char aad[FORMAT_ID + FORMAT_FRAME];

    memcpy(aad, r->head.archive_id, FORMAT_ID);
    memcpy(aad + FORMAT_ID, b->sealed, FORMAT_FRAME);
    if (seal_open(check_only ? NULL : b->sealed + FORMAT_FRAME, b->sealed + FORMAT_FRAME,
                  e->frame.length, aad, sizeof(aad), b->sealed + FORMAT_FRAME_FIXED,
                  e->frame.type == FORMAT_MANIFEST ? r->k.manifest : r->k.data) != 0)
        return frame_fault(e, "does not decrypt: its tag does not match", err);
    return 0;
}

int frame_read(const struct archive_reader *r, const struct format_entry *e,
                      struct frame_buf *b, size_t at, struct err *err)
{
    if (frame_load(r, e, b, err) != 0 || frame_open(r, e, b, 0, err) != 0 ||
        room(&b->plain, &b->plain_cap, at + e->frame.plain_len + 1, at, err) != 0)
        return -1;
    if (b->inflater == NULL && (b->inflater = inflater_new(err)) == NULL)
        return -1;
    if (inflater_run(b->inflater, b->sealed + FORMAT_FRAME, e->frame.length - SEAL_TAG, b->plain + at,
                     e->frame.plain_len, err) != 0) {
        err_clear(err);
        return frame_fault(e, "does not inflate to what its header says", err);
    }
    return 0;
}

uint32_t frame_stream_begin(const struct archive_reader *r, uint32_t stream)
{
    uint32_t lo = 0, hi = r->count;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (format_get32(r->index + (size_t)r->order[mid] * FORMAT_ENTRY + 16) < stream)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}
