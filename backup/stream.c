/* archive_stream: the rows of one stream (archive.h). */
#include <stdlib.h>
#include <string.h>

#include "backup/archive_internal.h"

struct stream_source {
    struct row_source base;
    const struct archive_reader *r;
    uint32_t at, end;
    struct frame_buf b;
};

static uint64_t count_rows(const char *data, size_t len)
{
    const char *end = data + len;
    uint64_t n = 0;

    while (data < end && (data = memchr(data, '\n', (size_t)(end - data))) != NULL) {
        n++;
        data++;
    }
    return n;
}

/* A row of many frames is given its room at once: growing would hold it twice. */
static int reserve(struct stream_source *s, struct err *err)
{
    struct format_entry e;
    size_t len = 1;

    for (uint32_t i = s->at; i < s->end; i++) {
        if (archive_entry(s->r, s->r->order[i], &e, err) != 0)
            return -1;
        len += e.frame.plain_len;
        if ((e.frame.flags & FORMAT_CONTINUES) == 0)
            break;
    }
    return frame_reserve(&s->b, len, err);
}

static int stream_next(struct row_source *self, struct row_batch *batch, struct err *err)
{
    struct stream_source *s = (struct stream_source *)(void *)self;
    struct format_entry e;
    size_t len = 0;
    uint64_t rows = 0;

    if (reserve(s, err) != 0)
        return err_prefix(err, "\"%s\"", s->r->path);
    while (s->at < s->end) {
        if (archive_entry(s->r, s->r->order[s->at++], &e, err) != 0 ||
            frame_read(s->r, &e, &s->b, len, err) != 0)
            return err_prefix(err, "\"%s\"", s->r->path);
        len += e.frame.plain_len;
        rows += e.frame.rows;
        if ((e.frame.flags & FORMAT_CONTINUES) != 0 || len == 0)
            continue;
        batch->data = (const char *)s->b.plain;
        batch->len = len;
        batch->rows = rows;
        if (count_rows(batch->data, len) != rows || batch->data[len - 1] != '\n') {
            (void)frame_fault(&e, "does not hold the whole rows that its header counts", err);
            return err_prefix(err, "\"%s\"", s->r->path);
        }
        return 1;
    }
    if (len > 0)
        return err_set(err, ERR_BACKUP, "\"%s\": stream %u ends inside a row", s->r->path, e.frame.stream);
    return 0;
}

static void stream_free(struct row_source *self)
{
    struct stream_source *s = (struct stream_source *)(void *)self;

    frame_buf_free(&s->b);
    free(s);
}

uint32_t archive_stream_frames(const struct archive_reader *r, uint32_t stream)
{
    return frame_stream_begin(r, stream + 1) - frame_stream_begin(r, stream);
}

/* From AT on, the first frame before END at which a row begins. */
static int skip_rest(const struct archive_reader *r, uint32_t begin, uint32_t end, uint32_t *at, struct err *err)
{
    struct format_entry e;

    for (; *at > begin && *at < end; (*at)++) {
        if (archive_entry(r, r->order[*at - 1], &e, err) != 0)
            return err_prefix(err, "\"%s\"", r->path);
        if ((e.frame.flags & FORMAT_CONTINUES) == 0)
            return 0;
    }
    return 0;
}

struct row_source *archive_stream(struct archive_reader *r, uint32_t stream, struct err *err)
{
    return archive_stream_part(r, stream, 0, UINT32_MAX, err);
}

struct row_source *archive_stream_part(struct archive_reader *r, uint32_t stream, uint32_t from, uint32_t to,
                                       struct err *err)
{
    uint32_t begin, end;
    struct stream_source *s;

    if (r->used < 0 || stream >= FORMAT_STREAMS_MAX) {
        err_set(err, ERR_BACKUP, "\"%s\": no key to read stream %u with", r->path, stream);
        return NULL;
    }
    if ((s = calloc(1, sizeof(*s))) == NULL) {
        err_oom(err);
        return NULL;
    }
    s->base.next = stream_next;
    s->base.free = stream_free;
    s->r = r;
    begin = frame_stream_begin(r, stream);
    end = frame_stream_begin(r, stream + 1);
    if (begin == end) {
        err_set(err, ERR_BACKUP, "\"%s\": there is no stream %u", r->path, stream);
        free(s);
        return NULL;
    }
    s->at = from < end - begin ? begin + from : end;
    s->end = to < end - begin ? begin + to : end;
    if (skip_rest(r, begin, end, &s->at, err) != 0 || skip_rest(r, begin, end, &s->end, err) != 0) {
        free(s);
        return NULL;
    }
    return &s->base;
}
