/*
 * A whole backup file.  Anything at all is inspected; and, so that the fuzzer gets behind the
 * signature, an index of its making in a file whose footer is made to fit and signed by a trusted key:
 * what is accepted can be read to its end or is refused, and never does harm.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "core/log.h"
#include "core/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/mig-fuzz-XXXXXX";
static int fd = -1;
static struct keyring *keys;
static unsigned char head[FORMAT_HEAD];

static void begin(void)
{
    struct format_head h = {.version = FORMAT_VERSION, .suite = FORMAT_SUITE, .chunk_max = FORMAT_CHUNK,
                            .slots_size = FORMAT_SLOTS_MIN};
    struct err err = {0};

    log_init("fuzz", LOG_ERROR);
    fd = mkstemp(path);
    keys = keyring_new(&err);
    assert(fd >= 0 && keys != NULL && keyring_add_key(keys, key_generate(0, &err), &err) == 0);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "/dev/fd/%d", fd);
    format_head_encode(&h, head);
}

static void put(const void *p, size_t len, uint64_t at)
{
    assert(pwrite(fd, p, len, (off_t)at) == (ssize_t)len);
}

static void hash(unsigned char out[FORMAT_HASH], const void *p, size_t len)
{
    struct seal_part part = {p, len};

    seal_hash(out, NULL, &part, 1);
}

/* DATA is the index, and before it as many bytes of frames as its first two say. */
static void assemble(const uint8_t *data, size_t size)
{
    static const char label[] = "{\"created\":\"2026-11-20T10:30:00Z\"}", purpose[] = "mig backup footer v1";
    const struct key *signer = keyring_key(keys, 0);
    unsigned char raw[FORMAT_FOOTER], message[sizeof(purpose) + FORMAT_FOOTER_SIGNED], slots[FORMAT_SLOTS_MIN];
    unsigned char record[FORMAT_RECORD] = {FORMAT_RECORD_BOX};
    struct format_slots s = {.generation = 1, .count = 1, .records = record};
    struct format_footer f = {0};
    struct format_head h;
    struct err err = {0};
    size_t frames = size >= 2 ? (size_t)data[0] | (size_t)data[1] << 8 : 0;
    unsigned char padded[FORMAT_ALIGN] = {0};

    data += size >= 2 ? 2 : size;
    size -= size >= 2 ? 2 : size;
    if (frames > size)
        frames = size;
    assert(format_head_decode(head, &h, &err) == 0);
    h.label_len = sizeof(label) - 1;
    format_head_encode(&h, raw);
    memcpy(padded, raw, FORMAT_HEAD);
    memcpy(padded + FORMAT_HEAD, label, h.label_len);
    put(padded, sizeof(padded), 0);
    format_slots_encode(&s, slots, sizeof(slots));
    put(slots, sizeof(slots), FORMAT_ALIGN);
    put(slots, sizeof(slots), FORMAT_ALIGN + FORMAT_SLOTS_MIN);
    f.frames_offset = format_frames_offset(&h);
    put(data, size, f.frames_offset);
    f.index_offset = f.frames_offset + frames;
    f.entries = (size - frames) / FORMAT_ENTRY;
    for (uint64_t i = 0; i < f.entries; i++) {
        struct format_entry e;

        /* Sums and streams that fit, so that what follows them is reached. */
        if (format_entry_decode(data + frames + i * FORMAT_ENTRY, FORMAT_CHUNK, &e, &err) == 0 &&
            e.frame.type == FORMAT_DATA) {
            f.rows += e.frame.rows;
            f.plain_bytes += e.frame.plain_len;
            f.streams += e.frame.flags & FORMAT_FINAL;
        }
        err = (struct err){0};
    }
    f.file_size = f.index_offset + f.entries * FORMAT_ENTRY + FORMAT_FOOTER;
    memcpy(f.archive_id, h.archive_id, FORMAT_ID);
    hash(f.head_hash, padded, FORMAT_HEAD);
    hash(f.label_hash, label, h.label_len);
    hash(f.index_hash, data + frames, f.entries * FORMAT_ENTRY);
    memcpy(f.signer_sign, key_public(signer)->sign, 32);
    memcpy(f.signer_box, key_public(signer)->box, 32);
    format_footer_encode(&f, raw);
    memcpy(message, purpose, sizeof(purpose));
    memcpy(message + sizeof(purpose), raw, FORMAT_FOOTER_SIGNED);
    key_sign(signer, message, sizeof(message), raw + FORMAT_FOOTER_SIGNED);
    put(raw, FORMAT_FOOTER, f.file_size - FORMAT_FOOTER);
    assert(ftruncate(fd, (off_t)f.file_size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct archive_reader *r;
    struct err err = {0};

    if (fd < 0)
        begin();
    if (size < 1 || size > 1 << 20)
        return 0;
    assert(ftruncate(fd, 0) == 0);
    if ((data[0] & 1) == 0)
        put(data + 1, size - 1, 0);
    else
        assemble(data + 1, size - 1);
    r = archive_inspect(path, keys, &err);
    if (r == NULL) {
        assert(err.kind == ERR_BACKUP);
        return 0;
    }
    for (uint64_t i = 0; i < archive_footer(r)->entries; i++) {
        err = (struct err){0};
        if (archive_check_frame(r, i, &err) != 0)
            assert(err.kind == ERR_BACKUP);
    }
    err = (struct err){0};
    assert(archive_unlock(r, keys, &err) != 0); /* its key slot is for nobody */
    archive_reader_free(r);
    return 0;
}
