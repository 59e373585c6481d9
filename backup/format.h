/*
 * format: the bytes of a backup file, as docs/FORMAT.md lays them out.
 *
 * Encoding and decoding of the fixed parts, and nothing else: no files, no
 * keys.  Integers are little-endian.  A decoder accepts exactly what the page
 * allows; what it refuses is ERR_BACKUP, with the offset inside the part.
 */
#ifndef MIG_BACKUP_FORMAT_H
#define MIG_BACKUP_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

enum {
    FORMAT_VERSION = 1,
    FORMAT_SUITE = 1,
    FORMAT_ID = 32,
    FORMAT_HASH = 32,
    FORMAT_HEAD = 128,
    FORMAT_LABEL_MAX = 65536,
    FORMAT_ALIGN = 4096, /* the slots begin on this boundary */
    FORMAT_SLOTS_MIN = 4096,
    FORMAT_SLOTS_MAX = 65536,
    FORMAT_SLOTS_FIXED = 128, /* what is not records */
    FORMAT_RECORD = 192,
    FORMAT_FRAME = 48,       /* the header in front of each frame's ciphertext */
    FORMAT_FRAME_FIXED = 24, /* the header without its nonce */
    FORMAT_CHUNK = 4 << 20,  /* the most plain bytes of one frame that this program writes */
    FORMAT_CHUNK_MAX = 64 << 20,
    FORMAT_ENTRY = 64,
    FORMAT_FOOTER = 400,
    FORMAT_FOOTER_MAC = 240,    /* the MAC covers what stands before it */
    FORMAT_FOOTER_SIGNED = 336, /* and the signature what stands before it */
};

enum { FORMAT_DATA = 1, FORMAT_MANIFEST = 2 };                /* frame types */
enum { FORMAT_FINAL = 1, FORMAT_CONTINUES = 2 };              /* frame flags */
enum { FORMAT_RECORD_BOX = 1, FORMAT_RECORD_PASSPHRASE = 2 }; /* key slots */
#define FORMAT_MANIFEST_STREAM UINT32_MAX
#define FORMAT_STREAMS_MAX (1u << 24) /* numbers of data streams are below this */

struct format_head {
    unsigned version, suite;
    uint32_t chunk_max, label_len, slots_size;
    unsigned char archive_id[FORMAT_ID];
};

/* Where the parts stand that HEAD alone determines. */
uint64_t format_slots_offset(const struct format_head *h);
uint64_t format_frames_offset(const struct format_head *h);

struct format_frame {
    uint32_t length; /* of ciphertext and tag */
    unsigned type, flags;
    uint32_t stream, sequence, rows, plain_len;
    unsigned char nonce[24];
};

/* One frame, as the index knows it. */
struct format_entry {
    uint64_t offset;                 /* of the frame header in the file */
    struct format_frame frame;       /* without its nonce */
    unsigned char hash[FORMAT_HASH]; /* of header, ciphertext and tag */
};

struct format_footer {
    uint64_t file_size;
    unsigned char archive_id[FORMAT_ID];
    uint64_t frames_offset, index_offset, entries, rows, plain_bytes;
    uint32_t streams;
    unsigned char head_hash[FORMAT_HASH], label_hash[FORMAT_HASH], index_hash[FORMAT_HASH];
    unsigned char mac[32];
    unsigned char signer_sign[32], signer_box[32]; /* signer_box all zero: a key for signing only */
    unsigned char signature[64];
};

/* A copy of the key slots; RECORDS points into the bytes that were decoded. */
struct format_slots {
    uint64_t generation;
    uint32_t count;
    unsigned char commitment[32];
    const unsigned char *records;
    unsigned char mac[32];
};

void format_head_encode(const struct format_head *h, unsigned char out[FORMAT_HEAD]);
int format_head_decode(const unsigned char in[FORMAT_HEAD], struct format_head *h,
                       struct err *err) MIG_MUST_CHECK;

void format_frame_encode(const struct format_frame *f, unsigned char out[FORMAT_FRAME]);
int format_frame_decode(const unsigned char in[FORMAT_FRAME], uint32_t chunk_max,
                        struct format_frame *f, struct err *err) MIG_MUST_CHECK;

void format_entry_encode(const struct format_entry *e, unsigned char out[FORMAT_ENTRY]);
int format_entry_decode(const unsigned char in[FORMAT_ENTRY], uint32_t chunk_max,
                        struct format_entry *e, struct err *err) MIG_MUST_CHECK;

/* The whole of the footer; the caller fills mac and signature in between (see the offsets). */
void format_footer_encode(const struct format_footer *f, unsigned char out[FORMAT_FOOTER]);
/* Whether a footer begins here: its magic. */
int format_is_footer(const unsigned char in[FORMAT_FOOTER]);
int format_footer_decode(const unsigned char in[FORMAT_FOOTER], struct format_footer *f,
                         struct err *err) MIG_MUST_CHECK;

/* SIZE bytes at OUT; RECORDS are S->count times FORMAT_RECORD bytes.  The checksum is computed,
 * the MAC is S->mac (format_slots_mac_len says what it covers). */
void format_slots_encode(const struct format_slots *s, unsigned char *out, size_t size);
int format_slots_decode(const unsigned char *in, size_t size, struct format_slots *s,
                        struct err *err) MIG_MUST_CHECK;
static inline size_t format_slots_mac_len(size_t size)
{
    return size - 64;
}

/* Little-endian, for the records inside the slots and other small formats. */
void format_put16(unsigned char *p, unsigned v);
void format_put32(unsigned char *p, uint32_t v);
void format_put64(unsigned char *p, uint64_t v);
unsigned format_get16(const unsigned char *p);
uint32_t format_get32(const unsigned char *p);
uint64_t format_get64(const unsigned char *p);

#endif
