#include "backup/format.h"

#include <string.h>

#include "core/seal.h"

static const unsigned char head_magic[8] = {0x89, 'M', 'I', 'G', '\r', '\n', 0x1a, '\n'};
static const unsigned char slots_magic[8] = {'M', 'I', 'G', 'S', 'L', 'O', 'T', 'S'};
static const unsigned char footer_magic[8] = {'M', 'I', 'G', 'F', 'O', 'O', 'T', '1'};

void format_put16(unsigned char *p, unsigned v)
{
    p[0] = (unsigned char)v;
    p[1] = (unsigned char)(v >> 8);
}

void format_put32(unsigned char *p, uint32_t v)
{
    format_put16(p, v & 0xffff);
    format_put16(p + 2, v >> 16);
}

void format_put64(unsigned char *p, uint64_t v)
{
    format_put32(p, (uint32_t)v);
    format_put32(p + 4, (uint32_t)(v >> 32));
}

unsigned format_get16(const unsigned char *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

uint32_t format_get32(const unsigned char *p)
{
    return format_get16(p) | (uint32_t)format_get16(p + 2) << 16;
}

uint64_t format_get64(const unsigned char *p)
{
    return format_get32(p) | (uint64_t)format_get32(p + 4) << 32;
}

static int all_zero(const unsigned char *p, size_t len)
{
    unsigned char any = 0;

    while (len-- > 0)
        any |= *p++;
    return any == 0;
}

static void hash(unsigned char out[FORMAT_HASH], const unsigned char *in, size_t len)
{
    struct seal_part part = {in, len};

    seal_hash(out, NULL, &part, 1);
}

uint64_t format_slots_offset(const struct format_head *h)
{
    return ((uint64_t)FORMAT_HEAD + h->label_len + FORMAT_ALIGN - 1) / FORMAT_ALIGN * FORMAT_ALIGN;
}

uint64_t format_frames_offset(const struct format_head *h)
{
    return format_slots_offset(h) + 2 * (uint64_t)h->slots_size;
}

/* Head: 0 magic, 8 version, 10 suite, 12 chunk_max, 16 label_len, 20 slots_size, 24 zero,
 * 32 archive_id, 64 zero, 96 checksum. */

void format_head_encode(const struct format_head *h, unsigned char out[FORMAT_HEAD])
{
    memset(out, 0, FORMAT_HEAD);
    memcpy(out, head_magic, 8);
    format_put16(out + 8, h->version);
    format_put16(out + 10, h->suite);
    format_put32(out + 12, h->chunk_max);
    format_put32(out + 16, h->label_len);
    format_put32(out + 20, h->slots_size);
    memcpy(out + 32, h->archive_id, FORMAT_ID);
    hash(out + 96, out, 96);
}

int format_head_decode(const unsigned char in[FORMAT_HEAD], struct format_head *h, struct err *err)
{
    unsigned char sum[FORMAT_HASH];

    memset(h, 0, sizeof(*h));
    if (memcmp(in, head_magic, 8) != 0) {
        err_set(err, ERR_BACKUP, "not a mig backup: the magic at offset 0 does not match");
        return -1;
    }
    h->version = format_get16(in + 8);
    h->suite = format_get16(in + 10);
    h->chunk_max = format_get32(in + 12);
    h->label_len = format_get32(in + 16);
    h->slots_size = format_get32(in + 20);
    memcpy(h->archive_id, in + 32, FORMAT_ID);
    hash(sum, in, 96);
    if (memcmp(sum, in + 96, FORMAT_HASH) != 0)
        return err_set(err, ERR_BACKUP,
                       "head (offset 0, 128 bytes) is damaged: its checksum does not match");
    if (h->version != FORMAT_VERSION || h->suite != FORMAT_SUITE) {
        err_set(err, ERR_BACKUP, "format version %u, suite %u is not known to this program",
                h->version, h->suite);
        err_hint(err, "it reads version %d, suite %d: use a newer mig-backup", FORMAT_VERSION,
                 FORMAT_SUITE);
        return -1;
    }
    if (h->chunk_max == 0 || h->chunk_max > FORMAT_CHUNK_MAX)
        return err_set(err, ERR_BACKUP,
                       "head asks for frames of %u bytes (offset 12), at most %d are allowed",
                       h->chunk_max, FORMAT_CHUNK_MAX);
    if (h->label_len > FORMAT_LABEL_MAX)
        return err_set(err, ERR_BACKUP,
                       "head says that the label has %u bytes (offset 16), at most %d are allowed",
                       h->label_len, FORMAT_LABEL_MAX);
    if (h->slots_size < FORMAT_SLOTS_MIN || h->slots_size > FORMAT_SLOTS_MAX ||
        h->slots_size % FORMAT_ALIGN != 0)
        return err_set(err, ERR_BACKUP,
                       "head gives an impossible size for the key slots (offset 20): %u",
                       h->slots_size);
    if (!all_zero(in + 24, 8) || !all_zero(in + 64, 32))
        return err_set(err, ERR_BACKUP,
                       "head uses fields that this format version does not have (offset 24 or 64)");
    return 0;
}

/* Frame: 0 length, 4 type, 5 flags, 6 zero, 8 stream, 12 sequence, 16 rows, 20 plain_len, 24 nonce.
 */

static void frame_fixed_encode(const struct format_frame *f, unsigned char *out)
{
    format_put32(out, f->length);
    out[4] = (unsigned char)f->type;
    out[5] = (unsigned char)f->flags;
    format_put16(out + 6, 0);
    format_put32(out + 8, f->stream);
    format_put32(out + 12, f->sequence);
    format_put32(out + 16, f->rows);
    format_put32(out + 20, f->plain_len);
}

static int frame_fixed_decode(const unsigned char *in, uint32_t chunk_max, struct format_frame *f,
                              struct err *err)
{
    f->length = format_get32(in);
    f->type = in[4];
    f->flags = in[5];
    f->stream = format_get32(in + 8);
    f->sequence = format_get32(in + 12);
    f->rows = format_get32(in + 16);
    f->plain_len = format_get32(in + 20);
    if (f->type != FORMAT_DATA && f->type != FORMAT_MANIFEST)
        return err_set(err, ERR_BACKUP, "frame of unknown type %u", f->type);
    if ((f->type == FORMAT_MANIFEST) != (f->stream == FORMAT_MANIFEST_STREAM))
        return err_set(err, ERR_BACKUP, "frame of type %u in stream %u", f->type, f->stream);
    if ((f->flags & ~(unsigned)(FORMAT_FINAL | FORMAT_CONTINUES)) != 0 || format_get16(in + 6) != 0)
        return err_set(err, ERR_BACKUP, "frame with unknown flags");
    if (f->plain_len > chunk_max)
        return err_set(err, ERR_BACKUP, "frame of %u plain bytes, the head allows %u", f->plain_len,
                       chunk_max);
    /* A zlib stream has 8 bytes at least, and stored blocks add little: nothing larger can be true.
     */
    if (f->length < SEAL_TAG + 8 || f->length > (uint64_t)chunk_max + chunk_max / 1000 + 4096)
        return err_set(err, ERR_BACKUP, "frame of impossible length %u", f->length);
    return 0;
}

void format_frame_encode(const struct format_frame *f, unsigned char out[FORMAT_FRAME])
{
    frame_fixed_encode(f, out);
    memcpy(out + FORMAT_FRAME_FIXED, f->nonce, sizeof(f->nonce));
}

int format_frame_decode(const unsigned char in[FORMAT_FRAME], uint32_t chunk_max,
                        struct format_frame *f, struct err *err)
{
    memset(f, 0, sizeof(*f));
    if (frame_fixed_decode(in, chunk_max, f, err) != 0)
        return -1;
    memcpy(f->nonce, in + FORMAT_FRAME_FIXED, sizeof(f->nonce));
    return 0;
}

/* Entry: 0 offset, 8 the frame header's first 24 bytes, 32 hash. */

void format_entry_encode(const struct format_entry *e, unsigned char out[FORMAT_ENTRY])
{
    format_put64(out, e->offset);
    frame_fixed_encode(&e->frame, out + 8);
    memcpy(out + 32, e->hash, FORMAT_HASH);
}

int format_entry_decode(const unsigned char in[FORMAT_ENTRY], uint32_t chunk_max,
                        struct format_entry *e, struct err *err)
{
    memset(e, 0, sizeof(*e));
    e->offset = format_get64(in);
    memcpy(e->hash, in + 32, FORMAT_HASH);
    return frame_fixed_decode(in + 8, chunk_max, &e->frame, err);
}

/* Footer: 0 magic, 8 file_size, 16 archive_id, 48 frames_offset, 56 index_offset, 64 entries,
 * 72 rows, 80 plain_bytes, 88 streams, 92 zero, 96 head_hash, 128 label_hash, 160 index_hash,
 * 192 zero, 240 mac, 272 signer_sign, 304 signer_box, 336 signature. */

void format_footer_encode(const struct format_footer *f, unsigned char out[FORMAT_FOOTER])
{
    memset(out, 0, FORMAT_FOOTER);
    memcpy(out, footer_magic, 8);
    format_put64(out + 8, f->file_size);
    memcpy(out + 16, f->archive_id, FORMAT_ID);
    format_put64(out + 48, f->frames_offset);
    format_put64(out + 56, f->index_offset);
    format_put64(out + 64, f->entries);
    format_put64(out + 72, f->rows);
    format_put64(out + 80, f->plain_bytes);
    format_put32(out + 88, f->streams);
    memcpy(out + 96, f->head_hash, FORMAT_HASH);
    memcpy(out + 128, f->label_hash, FORMAT_HASH);
    memcpy(out + 160, f->index_hash, FORMAT_HASH);
    memcpy(out + FORMAT_FOOTER_MAC, f->mac, 32);
    memcpy(out + 272, f->signer_sign, 32);
    memcpy(out + 304, f->signer_box, 32);
    memcpy(out + FORMAT_FOOTER_SIGNED, f->signature, 64);
}

int format_is_footer(const unsigned char in[FORMAT_FOOTER])
{
    return memcmp(in, footer_magic, sizeof(footer_magic)) == 0;
}

int format_footer_decode(const unsigned char in[FORMAT_FOOTER], struct format_footer *f,
                         struct err *err)
{
    memset(f, 0, sizeof(*f));
    if (memcmp(in, footer_magic, 8) != 0)
        return err_set(err, ERR_BACKUP,
                       "no footer: the backup is incomplete, cut off, or has bytes appended");
    f->file_size = format_get64(in + 8);
    memcpy(f->archive_id, in + 16, FORMAT_ID);
    f->frames_offset = format_get64(in + 48);
    f->index_offset = format_get64(in + 56);
    f->entries = format_get64(in + 64);
    f->rows = format_get64(in + 72);
    f->plain_bytes = format_get64(in + 80);
    f->streams = format_get32(in + 88);
    memcpy(f->head_hash, in + 96, FORMAT_HASH);
    memcpy(f->label_hash, in + 128, FORMAT_HASH);
    memcpy(f->index_hash, in + 160, FORMAT_HASH);
    memcpy(f->mac, in + FORMAT_FOOTER_MAC, 32);
    memcpy(f->signer_sign, in + 272, 32);
    memcpy(f->signer_box, in + 304, 32);
    memcpy(f->signature, in + FORMAT_FOOTER_SIGNED, 64);
    if (!all_zero(in + 92, 4) || !all_zero(in + 192, 48))
        return err_set(
            err, ERR_BACKUP,
            "footer uses fields that this format version does not have (92 or 192 bytes into it)");
    return 0;
}

/* Slots: 0 magic, 8 generation, 16 count, 20 zero, 32 commitment, 64 records, ..., size-64 mac,
 * size-32 checksum. */

void format_slots_encode(const struct format_slots *s, unsigned char *out, size_t size)
{
    memset(out, 0, size);
    memcpy(out, slots_magic, 8);
    format_put64(out + 8, s->generation);
    format_put32(out + 16, s->count);
    memcpy(out + 32, s->commitment, 32);
    memcpy(out + 64, s->records, (size_t)s->count * FORMAT_RECORD);
    memcpy(out + size - 64, s->mac, 32);
    hash(out + size - 32, out, size - 32);
}

int format_slots_decode(const unsigned char *in, size_t size, struct format_slots *s,
                        struct err *err)
{
    unsigned char sum[FORMAT_HASH];
    size_t used;

    memset(s, 0, sizeof(*s));
    hash(sum, in, size - 32);
    if (memcmp(sum, in + size - 32, FORMAT_HASH) != 0)
        return err_set(err, ERR_BACKUP, "its checksum does not match");
    s->generation = format_get64(in + 8);
    s->count = format_get32(in + 16);
    memcpy(s->commitment, in + 32, 32);
    memcpy(s->mac, in + size - 64, 32);
    s->records = in + 64;
    if (memcmp(in, slots_magic, 8) != 0 || s->count == 0 ||
        s->count > (size - FORMAT_SLOTS_FIXED) / FORMAT_RECORD)
        return err_set(err, ERR_BACKUP, "its fields are impossible");
    used = 64 + (size_t)s->count * FORMAT_RECORD;
    if (!all_zero(in + 20, 12) || !all_zero(in + used, size - 64 - used))
        return err_set(err, ERR_BACKUP, "it holds bytes where there must be none");
    return 0;
}
