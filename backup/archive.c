/* The reading half of archive.h. */
#include "backup/archive_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/key.h"
#include "backup/keys.h"
#include "backup/label.h"
#include "backup/receipt.h"
#include "core/buf.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/seal.h"
#include "core/secret.h"

enum { MANIFEST_MAX = 256 << 20 };

/* Standard input cannot be read backwards: its bytes, still encrypted, into an unnamed file. */
static int spool(struct err *err)
{
    const char *dir = getenv("TMPDIR");
    char path[4096], block[65536];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/mig-XXXXXX", dir != NULL && dir[0] != '\0' ? dir : "/tmp");
    if ((fd = mkstemp(path)) < 0) {
        err_set_errno(err, ERR_FAILED, "cannot make a temporary file \"%s\" for standard input", path);
        return -1;
    }
    (void)unlink(path);
    for (;;) {
        ssize_t n = read(STDIN_FILENO, block, sizeof(block)), done = 0;

        if (n < 0 && errno == EINTR && interrupt_pending() == 0)
            continue;
        if (n < 0) {
            err_set_errno(err, ERR_FAILED, "cannot read standard input");
            goto fail;
        }
        if (n == 0)
            return fd;
        while (done < n) {
            ssize_t m = write(fd, block + done, (size_t)(n - done));

            if (m < 0 && errno == EINTR)
                continue;
            if (m <= 0) {
                err_set_errno(err, ERR_FAILED, "cannot write a temporary file for standard input");
                goto fail;
            }
            done += m;
        }
    }
fail:
    (void)close(fd);
    return -1;
}

static int open_file(struct archive_reader *r, const char *path, struct err *err)
{
    struct stat st;

    r->fd = strcmp(path, "-") == 0 ? spool(err) : open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0)
        return err_set_errno(err, ERR_FAILED, "cannot open it");
    if (fstat(r->fd, &st) != 0)
        return err_set_errno(err, ERR_FAILED, "cannot look at it");
    if (!S_ISREG(st.st_mode)) {
        err_set(err, ERR_FAILED, "not a file");
        err_hint(err, "a pipe can be read as \"-\"");
        return -1;
    }
    r->size = (uint64_t)st.st_size;
    return 0;
}

/* The footer is not at the end.  Is there one further up (appended bytes), or none (cut off)? */
static int no_footer(const struct archive_reader *r, struct err *err)
{
    unsigned char block[65536 + FORMAT_FOOTER], raw[FORMAT_FOOTER];
    uint64_t first = format_frames_offset(&r->head);
    uint64_t from = r->size > first + sizeof(block) ? r->size - sizeof(block) : first;
    size_t len = r->size > from ? (size_t)(r->size - from) : 0;
    struct format_footer f;
    struct err ignored = {0};

    if (len >= FORMAT_FOOTER && frame_read_at(r, block, len, from, &ignored) == 0)
        for (size_t i = 0; i + FORMAT_FOOTER < len; i++) {
            memcpy(raw, block + i, sizeof(raw));
            err_clear(&ignored);
            if (format_footer_decode(raw, &f, &ignored) != 0 ||
                f.file_size != from + i + FORMAT_FOOTER)
                continue;
            return err_set(err, ERR_BACKUP, "%" PRIu64 " bytes stand after the footer (from offset %" PRIu64 "): they were appended",
                           r->size - f.file_size, f.file_size);
        }
    err_set(err, ERR_BACKUP, "no footer in the last %d bytes: the backup is incomplete or was cut off at %" PRIu64 " bytes",
            FORMAT_FOOTER, r->size);
    err_hint(err, "a run that was interrupted, or a copy that did not finish; this file cannot be restored from");
    return -1;
}

static int load_ends(struct archive_reader *r, struct err *err)
{
    unsigned char head[FORMAT_HEAD], footer[FORMAT_FOOTER];
    struct format_footer *f = &r->footer;
    struct seal_part parts[2];
    struct key_public p;
    char *label = NULL;
    uint64_t slots, at;
    int rc = -1;

    if (r->size < FORMAT_HEAD) {
        if (r->size == 0)
            return err_set(err, ERR_BACKUP, "empty: it has no bytes");
        return err_set(err, ERR_BACKUP, "cut off inside its head: it has only %" PRIu64 " bytes", r->size);
    }
    if (frame_read_at(r, head, sizeof(head), 0, err) != 0 || format_head_decode(head, &r->head, err) != 0)
        return -1;
    slots = format_slots_offset(&r->head);
    if (r->size < format_frames_offset(&r->head) + FORMAT_FOOTER)
        return no_footer(r, err);
    if (frame_read_at(r, footer, sizeof(footer), r->size - FORMAT_FOOTER, err) != 0)
        return -1;
    if (!format_is_footer(footer))
        return no_footer(r, err);
    if (format_footer_decode(footer, f, err) != 0)
        return -1;
    if ((label = malloc(slots)) == NULL)
        return err_oom(err);
    if (frame_read_at(r, label, slots - FORMAT_HEAD, FORMAT_HEAD, err) != 0 ||
        receipt_check(head, label, r->head.label_len, footer, f, err) != 0)
        goto out;
    if (f->file_size != r->size) {
        err_set(err, ERR_BACKUP, "%" PRIu64 " bytes were signed, the file has %" PRIu64, f->file_size, r->size);
        goto out;
    }
    for (at = r->head.label_len; at < slots - FORMAT_HEAD; at++)
        if (label[at] != '\0') {
            err_set(err, ERR_BACKUP, "padding after the label was changed at offset %" PRIu64, at + FORMAT_HEAD);
            goto out;
        }
    if ((r->label = label_decode(label, r->head.label_len, err)) == NULL)
        goto out;
    parts[0] = (struct seal_part){head, sizeof(head)};
    parts[1] = (struct seal_part){label, r->head.label_len};
    seal_hash(r->context, NULL, parts, 2);
    (void)sodium_bin2hex(r->id, sizeof(r->id), r->head.archive_id, FORMAT_ID);
    memcpy(p.sign, f->signer_sign, 32);
    memcpy(p.box, f->signer_box, 32);
    key_public_text(&p, r->signer);
    rc = 0;
out:
    free(label);
    return rc;
}

static int load_slots(struct archive_reader *r, struct err *err)
{
    size_t size = r->head.slots_size;

    if ((r->area = malloc(2 * size)) == NULL)
        return err_oom(err);
    if (frame_read_at(r, r->area, 2 * size, format_slots_offset(&r->head), err) != 0)
        return -1;
    slots_pair_decode(&r->slots, r->area, size);
    if (r->slots.best < 0) {
        uint64_t at = format_slots_offset(&r->head);

        return err_set(err, ERR_BACKUP, "both copies of the key slots (offsets %" PRIu64 " and %" PRIu64 ") are damaged: %s",
                       at, at + size, r->slots.problem[0].message);
    }
    return 0;
}

/* The data key through slot copy I. */
static int unlock_copy(struct archive_reader *r, int i, const struct keyring *keys, struct err *err)
{
    char what[300];
    struct secret *dek;

    (void)snprintf(what, sizeof(what), "the backup \"%.200s\"", r->path);
    dek = slots_open(r->slots.copy[i].records, r->slots.copy[i].count, r->head.archive_id, keys, what,
                     err);
    if (dek == NULL || slots_keys_derive(&r->k, dek, r->context, err) != 0)
        return -1;
    if (slots_check(&r->slots, i, r->area, r->head.slots_size, &r->k, err) != 0) {
        slots_keys_free(&r->k);
        return -1;
    }
    r->used = i;
    return 0;
}

static int unlock(struct archive_reader *r, const struct keyring *keys, struct err *err)
{
    struct seal_part part;
    unsigned char footer[FORMAT_FOOTER], mac[FORMAT_HASH];
    struct err second = {0};
    int best = r->slots.best, other = 1 - best;

    if (unlock_copy(r, best, keys, err) != 0) {
        if (err->kind != ERR_BACKUP || r->slots.problem[other].kind != ERR_NONE ||
            unlock_copy(r, other, keys, &second) != 0)
            return -1;
        /* The other one opens: tell below, go on. */
        r->slots.problem[best] = *err;
        err_clear(err);
    }
    /* The one that was not needed may have a good checksum and still not be ours. */
    if (r->slots.problem[1 - r->used].kind == ERR_NONE &&
        slots_check(&r->slots, 1 - r->used, r->area, r->head.slots_size, &r->k, &second) != 0)
        r->slots.problem[1 - r->used] = second;
    if (frame_read_at(r, footer, sizeof(footer), r->size - FORMAT_FOOTER, err) != 0)
        return -1;
    part = (struct seal_part){footer, FORMAT_FOOTER_MAC};
    seal_hash(mac, r->k.footer_mac, &part, 1);
    if (sodium_memcmp(mac, r->footer.mac, sizeof(mac)) != 0)
        return err_set(err, ERR_BACKUP, "footer: its MAC does not match the data key: the parts are not from one file");
    for (int i = 0; i < 2; i++)
        if (r->slots.problem[i].kind != ERR_NONE) {
            log_warn("\"%s\": copy %c of the key slots (offset %" PRIu64 ") is damaged: %s; the other copy is good",
                     r->path, 'A' + i, format_slots_offset(&r->head) + (uint64_t)i * r->head.slots_size,
                     r->slots.problem[i].message);
            log_hint("`mig-backup verify \"%s\"` writes it again", r->path);
        }
    return 0;
}

struct place {
    uint32_t stream, sequence, entry;
};

static int by_stream(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->stream != y->stream)
        return x->stream < y->stream ? -1 : 1;
    return x->sequence == y->sequence ? 0 : x->sequence < y->sequence ? -1 : 1;
}

static int sort_index(struct archive_reader *r, struct err *err)
{
    struct place *places = calloc((size_t)r->count + 1, sizeof(*places));

    r->order = calloc((size_t)r->count + 1, sizeof(*r->order));
    if (places == NULL || r->order == NULL) {
        free(places);
        return err_oom(err);
    }
    for (uint32_t i = 0; i < r->count; i++) {
        const unsigned char *raw = r->index + (size_t)i * FORMAT_ENTRY + 8;

        places[i] = (struct place){format_get32(raw + 8), format_get32(raw + 12), i};
    }
    qsort(places, r->count, sizeof(*places), by_stream);
    for (uint32_t i = 0; i < r->count; i++)
        r->order[i] = places[i].entry;
    free(places);
    return 0;
}

/* The frames lie one behind the other and fill the space; sums and streams are as signed. */
static int check_index(struct archive_reader *r, struct err *err)
{
    uint64_t at = r->footer.frames_offset, rows = 0, bytes = 0;
    uint32_t streams = 0, next = 0, stream = 0;
    struct format_entry e;
    int open = 0;

    for (uint32_t i = 0; i < r->count; i++) {
        if (archive_entry(r, i, &e, err) != 0)
            return -1;
        if (e.offset != at)
            return err_set(err, ERR_BACKUP, "index entry %u: the frame is said to be at offset %" PRIu64 ", it must be at %" PRIu64,
                           i, e.offset, at);
        at += FORMAT_FRAME + (uint64_t)e.frame.length;
        if (e.frame.type == FORMAT_DATA) {
            rows += e.frame.rows;
            bytes += e.frame.plain_len;
        }
    }
    if (at != r->footer.index_offset || rows != r->footer.rows || bytes != r->footer.plain_bytes)
        return err_set(err, ERR_BACKUP, "index: its sums are not those of the footer");
    for (uint32_t i = 0; i < r->count; i++) {
        if (archive_entry(r, r->order[i], &e, err) != 0)
            return -1;
        if (!open) {
            if (i > 0 && e.frame.stream == stream)
                return err_set(err, ERR_BACKUP, "stream %u goes on after its last frame", stream);
            stream = e.frame.stream;
            next = 0;
            streams += stream != FORMAT_MANIFEST_STREAM;
        }
        if (e.frame.stream != stream || e.frame.sequence != next)
            return err_set(err, ERR_BACKUP, "stream %u: frame %u is missing", stream, next);
        next++;
        open = (e.frame.flags & FORMAT_FINAL) == 0;
    }
    if (open || r->count == 0 || stream != FORMAT_MANIFEST_STREAM || streams != r->footer.streams)
        return err_set(err, ERR_BACKUP, "index: a stream has no last frame, or the manifest is missing");
    return 0;
}

static int load_index(struct archive_reader *r, struct err *err)
{
    const struct format_footer *f = &r->footer;
    unsigned char hash[FORMAT_HASH];
    struct seal_part part;
    size_t len;

    if (f->frames_offset != format_frames_offset(&r->head) || f->index_offset < f->frames_offset ||
        f->index_offset > f->file_size - FORMAT_FOOTER || f->entries > UINT32_MAX ||
        f->entries * FORMAT_ENTRY != f->file_size - FORMAT_FOOTER - f->index_offset)
        return err_set(err, ERR_BACKUP, "footer: the places it gives do not fit the file");
    r->count = (uint32_t)f->entries;
    len = (size_t)r->count * FORMAT_ENTRY;
    if ((r->index = malloc(len + 1)) == NULL)
        return err_oom(err);
    if (frame_read_at(r, r->index, len, f->index_offset, err) != 0)
        return -1;
    part = (struct seal_part){r->index, len};
    seal_hash(hash, NULL, &part, 1);
    if (memcmp(hash, f->index_hash, FORMAT_HASH) != 0)
        return err_set(err, ERR_BACKUP, "index (offset %" PRIu64 ", %zu bytes) was changed: its hash is not the one that was signed",
                       f->index_offset, len);
    return sort_index(r, err) != 0 ? -1 : check_index(r, err);
}

static int load_manifest(struct archive_reader *r, struct err *err)
{
    struct frame_buf b = {0};
    struct format_entry e;
    json_error_t je;
    size_t len = 0;
    int rc = -1;

    for (uint32_t i = frame_stream_begin(r, FORMAT_MANIFEST_STREAM); i < r->count; i++) {
        if (archive_entry(r, r->order[i], &e, err) != 0)
            goto out;
        if (len + e.frame.plain_len > MANIFEST_MAX) {
            err_set(err, ERR_BACKUP, "manifest is larger than %d bytes", MANIFEST_MAX);
            goto out;
        }
        if (frame_read(r, &e, &b, len, err) != 0)
            goto out;
        len += e.frame.plain_len;
    }
    r->manifest = json_loadb((const char *)b.plain, len, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(r->manifest)) {
        err_set(err, ERR_BACKUP, "manifest is not a JSON object: %s",
                r->manifest == NULL ? je.text : "wrong type");
        goto out;
    }
    rc = 0;
out:
    frame_buf_free(&b);
    return rc;
}

/* Before anything costs time or asks for a passphrase: who made the file? */
static int check_trust(const struct archive_reader *r, const struct keyring *keys, struct err *err)
{
    const struct format_slots *s = &r->slots.copy[r->slots.best];

    if (r->trusted)
        return 0;
    if (slots_may_open(s->records, s->count, keys, err) != 0)
        return -1; /* the nearer cause */
    err_set(err, ERR_BACKUP, "signed by %s, which is not trusted here", r->signer);
    err_hint(err, "if that signer is known to you: --trust %s, or \"trust\" in mig.json; else somebody has put this file here",
             r->signer);
    return -1;
}

int archive_unlock(struct archive_reader *r, const struct keyring *keys, struct err *err)
{
    if (check_trust(r, keys, err) != 0 || unlock(r, keys, err) != 0 || load_manifest(r, err) != 0)
        return err_prefix(err, "\"%s\"", r->path);
    return 0;
}

/* MUST_TRUST: a file of an unknown signer is refused before its index is read. */
static struct archive_reader *inspect(const char *path, const struct keyring *keys, int must_trust,
                                      struct err *err)
{
    struct archive_reader *r = calloc(1, sizeof(*r));

    if (r == NULL || (r->path = strdup(strcmp(path, "-") == 0 ? "standard input" : path)) == NULL) {
        free(r);
        err_oom(err);
        return NULL;
    }
    r->fd = r->used = -1;
    if (sodium_init() < 0) {
        err_set(err, ERR_FAILED, "cannot start libsodium: no source of randomness");
    } else if (open_file(r, path, err) == 0 && load_ends(r, err) == 0) {
        r->trusted = keys != NULL && keyring_trusts(keys, r->footer.signer_sign);
        if (load_slots(r, err) == 0 && (!must_trust || check_trust(r, keys, err) == 0) &&
            load_index(r, err) == 0)
            return r;
    }
    err_prefix(err, "\"%s\"", r->path);
    archive_reader_free(r);
    return NULL;
}

struct archive_reader *archive_inspect(const char *path, const struct keyring *keys,
                                       struct err *err)
{
    return inspect(path, keys, 0, err);
}

struct archive_reader *archive_open(const char *path, const struct keyring *keys, struct err *err)
{
    struct archive_reader *r;

    if (keyring_can_read(keys, err) != 0 || (r = inspect(path, keys, 1, err)) == NULL)
        return NULL;
    if (archive_unlock(r, keys, err) == 0)
        return r;
    archive_reader_free(r);
    return NULL;
}

const json_t *archive_manifest(const struct archive_reader *r)
{
    return r->manifest;
}

const json_t *archive_label_json(const struct archive_reader *r)
{
    return r->label;
}

const char *archive_reader_id(const struct archive_reader *r)
{
    return r->id;
}

const char *archive_signer(const struct archive_reader *r)
{
    return r->signer;
}

int archive_unlocked(const struct archive_reader *r)
{
    return r->used >= 0;
}

int archive_signer_trusted(const struct archive_reader *r)
{
    return r->trusted;
}

const struct format_footer *archive_footer(const struct archive_reader *r)
{
    return &r->footer;
}

const struct format_head *archive_head(const struct archive_reader *r)
{
    return &r->head;
}

int archive_recipient(const struct archive_reader *r, size_t i, char out[128])
{
    const struct format_slots *s = &r->slots.copy[r->used >= 0 ? r->used : r->slots.best];
    struct key_public p;

    if (i >= s->count)
        return 0;
    if (slots_record_public(s->records + i * FORMAT_RECORD, &p))
        key_public_text(&p, out);
    else
        (void)snprintf(out, 128, "passphrase");
    return 1;
}

uint64_t archive_slots_generation(const struct archive_reader *r, int copy, const char **problem)
{
    *problem = r->slots.problem[copy].kind != ERR_NONE ? r->slots.problem[copy].message : NULL;
    return *problem != NULL ? 0 : r->slots.copy[copy].generation;
}

int archive_check_frame(struct archive_reader *r, uint64_t i, struct err *err)
{
    struct frame_buf b = {0};
    struct format_entry e;
    int rc = -1;

    if (archive_entry(r, i, &e, err) == 0 && frame_load(r, &e, &b, err) == 0 &&
        (r->used < 0 || frame_open(r, &e, &b, 1, err) == 0))
        rc = 0;
    else
        err_prefix(err, "\"%s\"", r->path);
    frame_buf_free(&b);
    return rc;
}

void archive_reader_free(struct archive_reader *r)
{
    if (r == NULL)
        return;
    if (r->fd >= 0)
        (void)close(r->fd);
    json_decref(r->label);
    json_decref(r->manifest);
    slots_keys_free(&r->k);
    free(r->index);
    free(r->order);
    free(r->area);
    free(r->path);
    free(r);
}
