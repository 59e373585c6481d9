/* The writing half of archive.h. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "backup/label.h"
#include "backup/lane.h"
#include "backup/receipt.h"
#include "backup/shelf.h"
#include "backup/slots.h"
#include "core/buf.h"
#include "core/interrupt.h"
#include "core/outfile.h"
#include "core/seal.h"
#include "core/secret.h"

enum { HINT_EVERY = 8 << 20 };

struct stream {
    uint32_t next;
    int final;
};

struct archive_writer {
    const struct keyring *keys;
    struct outfile *file; /* NULL: standard output */
    struct format_head head;
    struct format_footer footer;
    unsigned char head_raw[FORMAT_HEAD], footer_raw[FORMAT_FOOTER];
    struct buf prologue; /* head, label, padding, both slot copies: as written */
    char *label, *path, created[24], id[65], signer[KEY_PUBLIC_TEXT];
    struct slots_keys k;
    int finished;

    pthread_mutex_t mutex;
    /* Under the mutex. */
    uint64_t offset, rows, plain_bytes, nentries, hinted;
    struct buf entries; /* FORMAT_ENTRY bytes each, in the order of the file */
    struct stream *streams;
    size_t nstreams;
    struct stream manifest;
    struct lane *idle;
    struct err failed; /* the first failure, whoever met it */
};

/* Remember the first failure, so that every thread stops. */
static int fail(struct archive_writer *w, const struct err *err)
{
    pthread_mutex_lock(&w->mutex);
    if (w->failed.kind == ERR_NONE)
        w->failed = *err;
    pthread_mutex_unlock(&w->mutex);
    return -1;
}

static int write_stdout(const void *data, size_t len, struct err *err)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, p, len);

        if (n < 0 && errno == EINTR && interrupt_pending() == 0)
            continue;
        if (n < 0)
            return err_set_errno(err, ERR_FAILED, "cannot write the backup to standard output");
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* RC is what became of a write to the shelf, errno why. */
static int hint_full(const struct archive_writer *w, int rc, struct err *err)
{
    const char *end = strrchr(w->path, '/');

    if (rc == 0 || (errno != ENOSPC && errno != EDQUOT))
        return rc;
    err_hint(err, "the folder %.*s has no room; what was written so far is removed. Free some (mig-backup prune), or "
             "let --dir or $MIG_BACKUP_DIR name a folder on another disk",
             end == NULL ? 1 : (int)(end - w->path), end == NULL ? "." : w->path);
    return rc;
}

static int write_file(struct archive_writer *w, const void *data, size_t len, uint64_t offset,
                      struct err *err)
{
    errno = 0;
    return hint_full(w, outfile_write_at(w->file, data, len, offset, err), err);
}

static int write_at(struct archive_writer *w, const void *data, size_t len, uint64_t offset,
                    struct err *err)
{
    return w->file == NULL ? write_stdout(data, len, err)
                           : write_file(w, data, len, offset, err);
}

static const struct secret *frame_key(const struct archive_writer *w, const struct format_entry *e)
{
    return e->frame.type == FORMAT_MANIFEST ? w->k.manifest : w->k.data;
}

/* Hash the frames that wait for it, and put their hashes into the index. */
static void hash_pending(struct archive_writer *w, struct lane *l)
{
    unsigned char raw[FORMAT_ENTRY];

    lane_hash(l);
    pthread_mutex_lock(&w->mutex);
    for (size_t i = 0; i < l->npending; i++) {
        format_entry_encode(&l->pending[i].entry, raw);
        memcpy(w->entries.data + l->pending[i].number * FORMAT_ENTRY, raw, sizeof(raw));
    }
    pthread_mutex_unlock(&w->mutex);
    l->npending = 0;
    l->pending_bytes = 0;
}

static int read_back(struct archive_writer *w, struct lane *l, const struct format_entry *e,
                     uint64_t number, struct err *err)
{
    if (lane_check(l, w->head.archive_id, frame_key(w, e), w->file, w->path, e, number, err) != 0)
        return -1;
    if (lane_is_full(l))
        hash_pending(w, l);
    return 0;
}

/* COUNT sequence numbers of a stream, and a lane.  The last one carries FINAL. */
static struct lane *begin(struct archive_writer *w, uint32_t number, uint32_t count, int final,
                          uint32_t *first, struct err *err)
{
    struct lane *l = NULL;
    struct stream *s = &w->manifest;

    pthread_mutex_lock(&w->mutex);
    if (w->failed.kind != ERR_NONE) {
        *err = w->failed;
        goto out;
    }
    if (number != FORMAT_MANIFEST_STREAM) {
        if (number >= w->nstreams) {
            size_t n = (size_t)number + 16;
            struct stream *bigger = realloc(w->streams, n * sizeof(*bigger));

            if (bigger == NULL) {
                err_oom(err);
                goto out;
            }
            memset(bigger + w->nstreams, 0, (n - w->nstreams) * sizeof(*bigger));
            w->streams = bigger;
            w->nstreams = n;
        }
        s = &w->streams[number];
    }
    if (s->final || s->next > UINT32_MAX - count) {
        err_set(err, ERR_FAILED, "internal error: stream %u of the backup goes on after its end", number);
        goto out;
    }
    *first = s->next;
    s->next += count;
    s->final = final;
    if ((l = w->idle) != NULL)
        w->idle = l->next;
    else
        l = lane_new(err);
out:
    pthread_mutex_unlock(&w->mutex);
    return l;
}

/* Let the disk begin early: the fsync at the end is then short.  0: not now. */
static uint64_t hint_at(struct archive_writer *w)
{
    if (w->offset < w->hinted + HINT_EVERY)
        return 0;
    w->hinted = w->offset;
    return w->hinted;
}

/* The frame's place is taken under the mutex; written, read back and hashed outside of it. */
static int append(struct archive_writer *w, struct lane *l, struct format_entry *e, struct err *err)
{
    size_t len = FORMAT_FRAME + (size_t)e->frame.length;
    unsigned char raw[FORMAT_ENTRY];
    uint64_t number, hint;
    int rc = -1;

    if (w->file == NULL) {
        struct seal_part part = {l->buf, len};

        seal_hash(e->hash, NULL, &part, 1);
    }
    pthread_mutex_lock(&w->mutex);
    if (w->failed.kind != ERR_NONE) {
        *err = w->failed;
        goto out;
    }
    e->offset = w->offset;
    number = w->nentries;
    format_entry_encode(e, raw);
    if (buf_add(&w->entries, raw, sizeof(raw), err) != 0)
        goto out;
    w->nentries++;
    w->offset += len;
    if (e->frame.type == FORMAT_DATA) {
        w->rows += e->frame.rows;
        w->plain_bytes += e->frame.plain_len;
    }
    if (w->file == NULL) {
        rc = write_stdout(l->buf, len, err); /* in order, so under the mutex */
        goto out;
    }
    hint = hint_at(w);
    pthread_mutex_unlock(&w->mutex);
    rc = write_file(w, l->buf, len, e->offset, err) != 0 ? -1 : read_back(w, l, e, number, err);
    if (rc == 0 && hint > 0)
        outfile_flush_hint(w->file, hint);
    return rc;
out:
    pthread_mutex_unlock(&w->mutex);
    return rc;
}

/* Where the next frame of DATA ends: behind a whole row if one fits, else in the middle of a row. */
static size_t cut(const char *data, size_t len, uint32_t chunk)
{
    size_t n;

    if (len <= chunk)
        return len;
    for (n = chunk; n > 0; n--)
        if (data[n - 1] == '\n')
            return n;
    return chunk;
}

static uint32_t count_rows(const char *data, size_t len)
{
    uint32_t n = 0;
    const char *end = data + len;

    while (data < end && (data = memchr(data, '\n', (size_t)(end - data))) != NULL) {
        n++;
        data++;
    }
    return n;
}

static int put(struct archive_writer *w, unsigned type, uint32_t stream, const char *data,
               size_t len, uint64_t rows, int final, struct err *err)
{
    uint32_t frames = 1, first = 0, i;
    struct lane *l;
    size_t at = 0;
    int rc = -1;

    for (size_t n = 0; len - n > w->head.chunk_max; frames++)
        n += cut(data + n, len - n, w->head.chunk_max);
    if ((l = begin(w, stream, frames, final, &first, err)) == NULL)
        return fail(w, err);
    for (i = 0; i < frames; i++) {
        struct format_entry e = {.frame = {.type = type, .stream = stream, .sequence = first + i}};
        size_t n = cut(data + at, len - at, w->head.chunk_max);

        if (i + 1 < frames) {
            if (type == FORMAT_MANIFEST || data[at + n - 1] != '\n')
                e.frame.flags |= FORMAT_CONTINUES;
        } else if (final) {
            e.frame.flags |= FORMAT_FINAL;
        }
        if (type == FORMAT_DATA)
            e.frame.rows = frames == 1 ? (uint32_t)rows : count_rows(data + at, n);
        if (lane_make(l, w->head.archive_id, frame_key(w, &e), data + at, n, &e, err) != 0 || append(w, l, &e, err) != 0)
            goto out;
        at += n;
    }
    rc = 0;
out:
    pthread_mutex_lock(&w->mutex);
    l->next = w->idle;
    w->idle = l;
    pthread_mutex_unlock(&w->mutex);
    return rc == 0 ? 0 : fail(w, err);
}

int archive_put(struct archive_writer *w, uint32_t stream, const struct row_batch *batch, int final,
                struct err *err)
{
    if (stream >= FORMAT_STREAMS_MAX)
        return err_set(err, ERR_FAILED, "internal error: stream number %u", stream);
    return put(w, FORMAT_DATA, stream, batch != NULL && batch->len > 0 ? batch->data : "",
               batch != NULL ? batch->len : 0, batch != NULL ? batch->rows : 0, final, err);
}

static int prologue(struct archive_writer *w, struct err *err)
{
    struct format_head *h = &w->head;
    struct secret *dek = NULL;
    unsigned char *records = NULL;
    unsigned char context[FORMAT_HASH];
    struct seal_part parts[2] = {{w->head_raw, FORMAT_HEAD}, {w->label, strlen(w->label)}};
    uint32_t count = 0;
    size_t size;
    unsigned char *slots;
    int rc = -1;

    if ((dek = secret_random(SEAL_KEY, err)) == NULL ||
        (records = slots_seal_all(w->keys, dek, h->archive_id, &count, err)) == NULL)
        goto out;
    if ((size = slots_size_for(count)) == 0) {
        err_set(err, ERR_USAGE, "%u recipients are too many for one backup", count);
        goto out;
    }
    h->version = FORMAT_VERSION;
    h->suite = FORMAT_SUITE;
    h->chunk_max = FORMAT_CHUNK;
    h->label_len = (uint32_t)strlen(w->label);
    h->slots_size = (uint32_t)size;
    format_head_encode(h, w->head_raw);
    seal_hash(context, NULL, parts, 2);
    seal_hash(w->footer.head_hash, NULL, parts, 1);
    seal_hash(w->footer.label_hash, NULL, parts + 1, 1);
    rc = slots_keys_derive(&w->k, dek, context, err);
    dek = NULL;
    if (rc != 0)
        goto out;
    rc = -1;
    w->offset = format_frames_offset(h);
    if (buf_reserve(&w->prologue, w->offset, err) != 0)
        goto out;
    memset(w->prologue.data, 0, w->offset);
    memcpy(w->prologue.data, w->head_raw, FORMAT_HEAD);
    memcpy(w->prologue.data + FORMAT_HEAD, w->label, h->label_len);
    slots = (unsigned char *)w->prologue.data + format_slots_offset(h);
    slots_encode(slots, size, 1, records, count, &w->k);
    memcpy(slots + size, slots, size);
    w->prologue.len = w->offset;
    rc = write_at(w, w->prologue.data, w->prologue.len, 0, err);
out:
    secret_free(dek);
    free(records);
    return rc;
}

/* PATH with "%ID" in its last part replaced.  Owned. */
static char *with_id(const char *path, const char *id, struct err *err)
{
    const char *slash = strrchr(path, '/');
    const char *mark = strstr(slash != NULL ? slash : path, "%ID");
    struct buf b = {0};

    if ((mark == NULL ? buf_adds(&b, path, err)
                      : buf_addf(&b, err, "%.*s%.8s%s", (int)(mark - path), path, id, mark + 3)) == 0)
        return buf_take(&b, err);
    buf_free(&b);
    return NULL;
}

struct archive_writer *archive_create(const struct archive_options *o, struct err *err)
{
    struct archive_writer *w = NULL;
    char now[24];
    time_t t = time(NULL);
    struct tm tm;

    if (sodium_init() < 0) {
        err_set(err, ERR_FAILED, "cannot start libsodium: no source of randomness");
        return NULL;
    }
    if (keyring_can_write(o->keys, err) != 0)
        return NULL;
    if ((w = calloc(1, sizeof(*w))) == NULL) {
        err_oom(err);
        return NULL;
    }
    pthread_mutex_init(&w->mutex, NULL);
    w->keys = o->keys;
    randombytes_buf(w->head.archive_id, FORMAT_ID);
    memcpy(w->footer.archive_id, w->head.archive_id, FORMAT_ID);
    (void)sodium_bin2hex(w->id, sizeof(w->id), w->head.archive_id, FORMAT_ID);
    key_public_text(key_public(keyring_signer(o->keys)), w->signer);
    (void)gmtime_r(&t, &tm);
    (void)strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", &tm);
    (void)snprintf(w->created, sizeof(w->created), "%s",
                   o->label->created != NULL ? o->label->created : now);
    if ((w->label = label_encode(o->label, w->created, err)) == NULL)
        goto fail;
    w->path = o->path != NULL ? with_id(o->path, w->id, err)
                              : shelf_name(o->dir, o->label->database, o->label->purpose, w->created,
                                           w->id, err);
    if (w->path == NULL)
        goto fail;
    if (strcmp(w->path, "-") != 0 && (w->file = outfile_create(w->path, err)) == NULL)
        goto fail;
    if (prologue(w, err) != 0)
        goto fail;
    return w;
fail:
    archive_writer_free(w);
    return NULL;
}

static int streams_are_whole(struct archive_writer *w, struct err *err)
{
    for (size_t i = 0; i < w->nstreams; i++) {
        if (w->streams[i].next > 0 && !w->streams[i].final)
            return err_set(err, ERR_FAILED, "internal error: stream %zu of the backup has no end", i);
        if (w->streams[i].next > 0)
            w->footer.streams++;
    }
    return 0;
}

static void sign_footer(struct archive_writer *w)
{
    static const char purpose[] = "mig backup footer v1";
    const struct key *signer = keyring_signer(w->keys);
    unsigned char message[sizeof(purpose) + FORMAT_FOOTER_SIGNED];
    struct seal_part part = {w->footer_raw, FORMAT_FOOTER_MAC};
    struct format_footer *f = &w->footer;

    memcpy(f->signer_sign, key_public(signer)->sign, 32);
    memcpy(f->signer_box, key_public(signer)->box, 32);
    format_footer_encode(f, w->footer_raw);
    seal_hash(f->mac, w->k.footer_mac, &part, 1);
    format_footer_encode(f, w->footer_raw);
    memcpy(message, purpose, sizeof(purpose));
    memcpy(message + sizeof(purpose), w->footer_raw, FORMAT_FOOTER_SIGNED);
    key_sign(signer, message, sizeof(message), f->signature);
    format_footer_encode(f, w->footer_raw);
}

/* What is not frames: small, compared byte by byte. */
static int check_rest(struct archive_writer *w, struct err *err)
{
    const struct {
        const void *data;
        size_t len;
        uint64_t offset;
    } parts[] = {
        {w->prologue.data, w->prologue.len, 0},
        {w->entries.data, w->entries.len, w->footer.index_offset},
        {w->footer_raw, FORMAT_FOOTER, w->footer.file_size - FORMAT_FOOTER},
    };
    unsigned char block[16384];

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (size_t at = 0; at < parts[i].len;) {
            size_t n = parts[i].len - at < sizeof(block) ? parts[i].len - at : sizeof(block);

            if (outfile_read_at(w->file, block, n, parts[i].offset + at, err) != 0)
                return -1;
            if (memcmp(block, (const char *)parts[i].data + at, n) != 0)
                return err_set(err, ERR_FAILED,
                               "\"%s\": offset %" PRIu64 " reads back other than it was written",
                               w->path, parts[i].offset + at);
            at += n;
        }
    return 0;
}

int archive_finish(struct archive_writer *w, const json_t *manifest, uint64_t *file_bytes,
                   int *verified, struct err *err)
{
    struct seal_part index;
    char *text = NULL;
    int rc = -1;

    *verified = 0;
    if ((text = json_dumps(manifest, JSON_COMPACT)) == NULL) {
        err_oom(err);
        goto out;
    }
    if (streams_are_whole(w, err) != 0 ||
        put(w, FORMAT_MANIFEST, FORMAT_MANIFEST_STREAM, text, strlen(text), 0, 1, err) != 0)
        goto out;
    /* Nobody else writes any more: every lane is idle. */
    for (struct lane *l = w->idle; l != NULL; l = l->next)
        if (l->npending > 0)
            hash_pending(w, l);
    index = (struct seal_part){w->entries.data, w->entries.len};
    seal_hash(w->footer.index_hash, NULL, &index, 1);
    w->footer.frames_offset = format_frames_offset(&w->head);
    w->footer.index_offset = w->offset;
    w->footer.entries = w->nentries;
    w->footer.rows = w->rows;
    w->footer.plain_bytes = w->plain_bytes;
    w->footer.file_size = w->offset + w->entries.len + FORMAT_FOOTER;
    if (write_at(w, w->entries.data, w->entries.len, w->offset, err) != 0)
        goto out;
    sign_footer(w);
    if (write_at(w, w->footer_raw, FORMAT_FOOTER, w->offset + w->entries.len, err) != 0)
        goto out;
    if (w->file != NULL) {
        if (check_rest(w, err) != 0)
            goto out;
        errno = 0;
        if (hint_full(w, outfile_commit(w->file, err), err) != 0)
            goto out;
        *verified = 1;
    }
    *file_bytes = w->footer.file_size;
    w->finished = 1;
    rc = 0;
out:
    if (text != NULL)
        sodium_memzero(text, strlen(text));
    free(text);
    return rc;
}

const char *archive_id(const struct archive_writer *w)
{
    return w->id;
}

const char *archive_path(const struct archive_writer *w)
{
    return w->path;
}

const char *archive_created(const struct archive_writer *w)
{
    return w->created;
}

const char *archive_writer_signer(const struct archive_writer *w)
{
    return w->signer;
}

int archive_receipt(const struct archive_writer *w, const char *path, struct err *err)
{
    if (!w->finished)
        return err_set(err, ERR_FAILED, "internal error: a receipt for an unfinished backup");
    return receipt_write(path, w->path, w->head_raw, w->label, w->footer_raw, err);
}

void archive_writer_free(struct archive_writer *w)
{
    if (w == NULL)
        return;
    outfile_free(w->file);
    slots_keys_free(&w->k);
    while (w->idle != NULL) {
        struct lane *next = w->idle->next;

        lane_free(w->idle);
        w->idle = next;
    }
    buf_free(&w->prologue);
    buf_free(&w->entries);
    free(w->streams);
    free(w->label);
    free(w->path);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
