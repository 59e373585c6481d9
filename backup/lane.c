#include "backup/lane.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/deflate.h"
#include "core/outfile.h"
#include "core/seal.h"

enum { PENDING_BYTES = 4 << 20 };

struct lane *lane_new(struct err *err)
{
    struct lane *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        err_oom(err);
        return NULL;
    }
    if ((l->deflater = deflater_new(err)) == NULL) {
        lane_free(l);
        return NULL;
    }
    return l;
}

void lane_free(struct lane *l)
{
    if (l == NULL)
        return;
    deflater_free(l->deflater);
    free(l->buf);
    for (size_t i = 0; i < BLAKE2B_LANES; i++)
        free(l->pending[i].data);
    free(l);
}

static void frame_aad(const unsigned char archive_id[FORMAT_ID], const unsigned char *header,
                      unsigned char aad[FORMAT_ID + FORMAT_FRAME])
{
    memcpy(aad, archive_id, FORMAT_ID);
    memcpy(aad + FORMAT_ID, header, FORMAT_FRAME);
}

int lane_make(struct lane *l, const unsigned char archive_id[FORMAT_ID], const struct secret *key,
              const char *data, size_t len, struct format_entry *e, struct err *err)
{
    size_t need = FORMAT_FRAME + deflater_bound(l->deflater, len) + SEAL_TAG, n = 0;
    unsigned char aad[FORMAT_ID + FORMAT_FRAME];

    if (l->cap < need) {
        free(l->buf);
        l->cap = need + need / 8;
        if ((l->buf = malloc(l->cap)) == NULL) {
            l->cap = 0;
            return err_oom(err);
        }
    }
    if (deflater_run(l->deflater, data, len, l->buf + FORMAT_FRAME, l->cap - FORMAT_FRAME - SEAL_TAG,
                     &n, err) != 0)
        return -1;
    e->frame.length = (uint32_t)(n + SEAL_TAG);
    e->frame.plain_len = (uint32_t)len;
    seal_nonce(e->frame.nonce);
    format_frame_encode(&e->frame, l->buf);
    frame_aad(archive_id, l->buf, aad);
    seal_close(l->buf + FORMAT_FRAME, l->buf + FORMAT_FRAME, n, aad, sizeof(aad), e->frame.nonce, key);
    return 0;
}

int lane_check(struct lane *l, const unsigned char archive_id[FORMAT_ID], const struct secret *key,
               struct outfile *file, const char *path, const struct format_entry *e, uint64_t number,
               struct err *err)
{
    struct lane_pending *p = &l->pending[l->npending];
    size_t len = FORMAT_FRAME + (size_t)e->frame.length;
    unsigned char aad[FORMAT_ID + FORMAT_FRAME];

    if (p->cap < len) {
        free(p->data);
        p->cap = len + len / 8;
        if ((p->data = malloc(p->cap)) == NULL) {
            p->cap = 0;
            return err_oom(err);
        }
    }
    if (outfile_read_at(file, p->data, len, e->offset, err) != 0)
        return -1;
    frame_aad(archive_id, l->buf, aad);
    if (memcmp(p->data, l->buf, FORMAT_FRAME) != 0 ||
        seal_open(NULL, p->data + FORMAT_FRAME, e->frame.length, aad, sizeof(aad), e->frame.nonce, key) != 0) {
        err_set(err, ERR_FAILED,
                "\"%s\": the frame at offset %" PRIu64 " (stream %u, sequence %u) reads back other than it was written",
                path, e->offset, e->frame.stream, e->frame.sequence);
        err_hint(err, "the disk, the file system or the memory of this machine is at fault: the backup was discarded");
        return -1;
    }
    p->entry = *e;
    p->number = number;
    l->npending++;
    l->pending_bytes += len;
    return 0;
}

int lane_is_full(const struct lane *l)
{
    return l->npending == BLAKE2B_LANES || l->pending_bytes >= PENDING_BYTES;
}

void lane_hash(struct lane *l)
{
    struct blake2b_text texts[BLAKE2B_LANES];

    for (size_t i = 0; i < l->npending; i++) {
        struct lane_pending *p = &l->pending[i];

        texts[i] = (struct blake2b_text){p->data, FORMAT_FRAME + (size_t)p->entry.frame.length, p->entry.hash};
    }
    blake2b_hash(texts, l->npending);
}
