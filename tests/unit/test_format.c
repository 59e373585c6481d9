/* format: what is written is read back to the bit, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "backup/format.h"
#include "core/seal.h"

enum { CHUNK = 1 << 20 };

static void fill(unsigned char *p, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (unsigned char)(seed + i * 7 + 1);
}

static void checksum(unsigned char *out, const unsigned char *in, size_t len)
{
    struct seal_part part = {in, len};

    seal_hash(out, NULL, &part, 1);
}

static void test_integers(void **state)
{
    unsigned char p[8];

    format_put64(p, 0x8899aabbccddeeffu);
    assert_memory_equal(p, "\xff\xee\xdd\xcc\xbb\xaa\x99\x88", 8);
    assert_int_equal(format_get64(p), 0x8899aabbccddeeffu);
    assert_int_equal(format_get32(p), 0xccddeeffu);
    assert_int_equal(format_get16(p + 1), 0xddee);
    format_put32(p, 0xfffefdfcu);
    assert_memory_equal(p, "\xfc\xfd\xfe\xff\xbb", 5);
    format_put16(p, 0xabcd);
    assert_memory_equal(p, "\xcd\xab\xfe", 3);
}

static struct format_head good_head(void)
{
    struct format_head h;

    memset(&h, 0, sizeof(h));
    h.version = FORMAT_VERSION;
    h.suite = FORMAT_SUITE;
    h.chunk_max = FORMAT_CHUNK;
    h.label_len = 300;
    h.slots_size = FORMAT_SLOTS_MIN;
    fill(h.archive_id, FORMAT_ID, 9);
    return h;
}

static int head(const struct format_head *h, struct err *err)
{
    unsigned char raw[FORMAT_HEAD];
    struct format_head out;

    memset(err, 0, sizeof(*err));
    format_head_encode(h, raw);
    return format_head_decode(raw, &out, err);
}

static void test_head(void **state)
{
    struct format_head h = good_head(), out;
    unsigned char raw[FORMAT_HEAD];
    struct err err = {0};

    format_head_encode(&h, raw);
    assert_memory_equal(raw, "\x89MIG\r\n\x1a\n\x01\x00\x01\x00", 12);
    assert_memory_equal(raw + 32, h.archive_id, FORMAT_ID);
    assert_int_equal(format_head_decode(raw, &out, &err), 0);
    assert_memory_equal(&out, &h, sizeof(h));
    for (size_t i = 0; i < sizeof(raw) * 8; i++) {
        memset(&err, 0, sizeof(err));
        raw[i / 8] ^= (unsigned char)(1u << (i % 8));
        assert_int_equal(format_head_decode(raw, &out, &err), -1);
        assert_int_equal(err.kind, ERR_BACKUP);
        raw[i / 8] ^= (unsigned char)(1u << (i % 8));
    }
}

/* The checksum is right; what it vouches for is not allowed. */
static void test_head_refused(void **state)
{
    static const size_t reserved[] = {24, 31, 64, 95};
    struct format_head h = good_head(), out;
    unsigned char raw[FORMAT_HEAD];
    struct err err;

    h.version = 2;
    assert_int_equal(head(&h, &err), -1);
    assert_non_null(strstr(err.hint, "newer"));
    h = good_head();
    h.suite = 2;
    assert_int_equal(head(&h, &err), -1);
    h = good_head();
    h.chunk_max = 0;
    assert_int_equal(head(&h, &err), -1);
    h.chunk_max = FORMAT_CHUNK_MAX;
    assert_int_equal(head(&h, &err), 0);
    h.chunk_max++;
    assert_int_equal(head(&h, &err), -1);
    assert_non_null(strstr(err.message, "offset 12"));
    h = good_head();
    h.label_len = FORMAT_LABEL_MAX;
    assert_int_equal(head(&h, &err), 0);
    h.label_len++;
    assert_int_equal(head(&h, &err), -1);
    assert_non_null(strstr(err.message, "offset 16"));
    h = good_head();
    h.slots_size = FORMAT_SLOTS_MAX;
    assert_int_equal(head(&h, &err), 0);
    h.slots_size += FORMAT_ALIGN;
    assert_int_equal(head(&h, &err), -1);
    h.slots_size = 0;
    assert_int_equal(head(&h, &err), -1);
    h.slots_size = FORMAT_SLOTS_MIN + 1;
    assert_int_equal(head(&h, &err), -1);
    assert_int_equal(err.kind, ERR_BACKUP);
    h = good_head();
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        memset(&err, 0, sizeof(err));
        format_head_encode(&h, raw);
        raw[reserved[i]] = 1;
        checksum(raw + 96, raw, 96);
        assert_int_equal(format_head_decode(raw, &out, &err), -1);
        assert_non_null(strstr(err.message, "fields that this format version does not have"));
    }
}

static void test_offsets(void **state)
{
    struct format_head h = good_head();

    h.label_len = 0;
    assert_int_equal(format_slots_offset(&h), FORMAT_ALIGN);
    h.label_len = FORMAT_ALIGN - FORMAT_HEAD;
    assert_int_equal(format_slots_offset(&h), FORMAT_ALIGN);
    h.label_len++;
    assert_int_equal(format_slots_offset(&h), 2 * FORMAT_ALIGN);
    h.slots_size = FORMAT_SLOTS_MAX;
    assert_int_equal(format_frames_offset(&h), 2 * FORMAT_ALIGN + 2 * FORMAT_SLOTS_MAX);
}

static struct format_frame good_frame(void)
{
    struct format_frame f;

    memset(&f, 0, sizeof(f));
    f.length = 5000;
    f.type = FORMAT_DATA;
    f.flags = FORMAT_FINAL;
    f.stream = 0x00030201;
    f.sequence = 0x07060504;
    f.rows = 0x0b0a0908;
    f.plain_len = 9000;
    fill(f.nonce, sizeof(f.nonce), 50);
    return f;
}

/* Decoded as a frame's header and as the index's entry; both say the same. */
static int frame(const struct format_frame *f, struct err *err)
{
    unsigned char raw[FORMAT_FRAME], entry_raw[FORMAT_ENTRY];
    struct format_entry e, entry_out;
    struct format_frame out;
    struct err other = {0};
    int rc;

    memset(err, 0, sizeof(*err));
    memset(&e, 0, sizeof(e));
    e.frame = *f;
    format_frame_encode(f, raw);
    format_entry_encode(&e, entry_raw);
    rc = format_frame_decode(raw, CHUNK, &out, err);
    assert_int_equal(format_entry_decode(entry_raw, CHUNK, &entry_out, &other), rc);
    assert_int_equal(err->kind, rc == 0 ? ERR_NONE : ERR_BACKUP);
    assert_string_equal(err->message, other.message);
    return rc;
}

/* No byte is without meaning: whichever is changed, it is refused, or something else is read. */
static void test_frame(void **state)
{
    struct format_frame f = good_frame(), out, changed;
    unsigned char raw[FORMAT_FRAME];
    struct err err = {0};

    format_frame_encode(&f, raw);
    assert_int_equal(format_frame_decode(raw, CHUNK, &out, &err), 0);
    assert_memory_equal(&out, &f, sizeof(f));
    for (size_t i = 0; i < sizeof(raw); i++) {
        memset(&err, 0, sizeof(err));
        raw[i] ^= 0x40;
        if (format_frame_decode(raw, CHUNK, &changed, &err) == 0)
            assert_memory_not_equal(&changed, &f, sizeof(f));
        raw[i] ^= 0x40;
    }
}

static void test_frame_refused(void **state)
{
    const uint32_t longest = CHUNK + CHUNK / 1000 + 4096;
    struct format_frame f = good_frame();
    unsigned char raw[FORMAT_FRAME];
    struct err err;

    f.type = 0;
    assert_int_equal(frame(&f, &err), -1);
    f.type = 3;
    assert_int_equal(frame(&f, &err), -1);
    f.type = FORMAT_MANIFEST; /* in a stream of data */
    assert_int_equal(frame(&f, &err), -1);
    f.stream = FORMAT_MANIFEST_STREAM;
    assert_int_equal(frame(&f, &err), 0);
    f.type = FORMAT_DATA;
    assert_int_equal(frame(&f, &err), -1);
    f = good_frame();
    f.flags = FORMAT_FINAL | FORMAT_CONTINUES;
    assert_int_equal(frame(&f, &err), 0);
    f.flags = 4;
    assert_int_equal(frame(&f, &err), -1);
    f = good_frame();
    f.plain_len = CHUNK;
    assert_int_equal(frame(&f, &err), 0);
    f.plain_len++;
    assert_int_equal(frame(&f, &err), -1);
    f = good_frame();
    f.length = SEAL_TAG + 8;
    assert_int_equal(frame(&f, &err), 0);
    f.length--;
    assert_int_equal(frame(&f, &err), -1);
    f.length = longest;
    assert_int_equal(frame(&f, &err), 0);
    f.length++;
    assert_int_equal(frame(&f, &err), -1);
    f = good_frame();
    for (size_t i = 6; i < 8; i++) {
        memset(&err, 0, sizeof(err));
        format_frame_encode(&f, raw);
        raw[i] = 1;
        assert_int_equal(format_frame_decode(raw, CHUNK, &f, &err), -1);
        assert_int_equal(err.kind, ERR_BACKUP);
        f = good_frame();
    }
}

static void test_entry(void **state)
{
    unsigned char raw[FORMAT_ENTRY];
    struct format_entry e, out, changed;
    struct err err = {0};

    memset(&e, 0, sizeof(e));
    e.offset = 0x1122334455667788u;
    e.frame = good_frame();
    memset(e.frame.nonce, 0, sizeof(e.frame.nonce)); /* the index has none */
    fill(e.hash, FORMAT_HASH, 90);
    format_entry_encode(&e, raw);
    assert_int_equal(format_entry_decode(raw, CHUNK, &out, &err), 0);
    assert_memory_equal(&out, &e, sizeof(e));
    for (size_t i = 0; i < sizeof(raw); i++) {
        memset(&err, 0, sizeof(err));
        raw[i] ^= 0x40;
        if (format_entry_decode(raw, CHUNK, &changed, &err) == 0)
            assert_memory_not_equal(&changed, &e, sizeof(e));
        raw[i] ^= 0x40;
    }
}

static void test_footer(void **state)
{
    unsigned char raw[FORMAT_FOOTER];
    struct format_footer f, out;
    struct err err = {0};

    memset(&f, 0, sizeof(f));
    f.file_size = 0x0102030405060708u;
    f.frames_offset = 0x1112131415161718u;
    f.index_offset = 0x2122232425262728u;
    f.entries = 0x3132333435363738u;
    f.rows = 0x4142434445464748u;
    f.plain_bytes = 0x5152535455565758u;
    f.streams = 0x61626364;
    fill(f.archive_id, sizeof(f.archive_id), 1);
    fill(f.head_hash, sizeof(f.head_hash), 2);
    fill(f.label_hash, sizeof(f.label_hash), 3);
    fill(f.index_hash, sizeof(f.index_hash), 4);
    fill(f.mac, sizeof(f.mac), 5);
    fill(f.signer_sign, sizeof(f.signer_sign), 6);
    fill(f.signer_box, sizeof(f.signer_box), 7);
    fill(f.signature, sizeof(f.signature), 8);
    format_footer_encode(&f, raw);
    assert_true(format_is_footer(raw));
    assert_memory_equal(raw + FORMAT_FOOTER_MAC, f.mac, 32);
    assert_memory_equal(raw + FORMAT_FOOTER_SIGNED, f.signature, 64);
    assert_int_equal(format_footer_decode(raw, &out, &err), 0);
    assert_memory_equal(&out, &f, sizeof(f));
    for (size_t i = 0; i < sizeof(raw); i++) {
        int reserved = (i >= 92 && i < 96) || (i >= 192 && i < 240);

        memset(&err, 0, sizeof(err));
        raw[i] ^= 1;
        assert_int_equal(format_is_footer(raw), i >= 8);
        if (i < 8 || reserved) {
            assert_int_equal(format_footer_decode(raw, &out, &err), -1);
            assert_int_equal(err.kind, ERR_BACKUP);
        } else {
            assert_int_equal(format_footer_decode(raw, &out, &err), 0);
            assert_memory_not_equal(&out, &f, sizeof(f));
        }
        raw[i] ^= 1;
    }
}

static void encode_slots(unsigned char *raw, unsigned char *records, uint32_t count)
{
    struct format_slots s;

    memset(&s, 0, sizeof(s));
    fill(records, (size_t)count * FORMAT_RECORD, 33);
    s.generation = 0x0102030405060708u;
    s.count = count;
    s.records = records;
    fill(s.commitment, sizeof(s.commitment), 11);
    fill(s.mac, sizeof(s.mac), 22);
    format_slots_encode(&s, raw, FORMAT_SLOTS_MIN);
}

enum { SLOTS_MOST = (FORMAT_SLOTS_MIN - FORMAT_SLOTS_FIXED) / FORMAT_RECORD };

static void test_slots(void **state)
{
    unsigned char raw[FORMAT_SLOTS_MIN], records[SLOTS_MOST * FORMAT_RECORD], expected[32];
    struct format_slots out;
    struct err err = {0};

    for (uint32_t count = 1; count <= SLOTS_MOST; count++) {
        encode_slots(raw, records, count);
        assert_int_equal(format_slots_decode(raw, sizeof(raw), &out, &err), 0);
        assert_int_equal(out.generation, 0x0102030405060708u);
        assert_int_equal(out.count, count);
        assert_memory_equal(out.records, records, (size_t)count * FORMAT_RECORD);
        fill(expected, 32, 11);
        assert_memory_equal(out.commitment, expected, 32);
        fill(expected, 32, 22);
        assert_memory_equal(out.mac, expected, 32);
        assert_memory_equal(raw + format_slots_mac_len(sizeof(raw)), expected, 32);
    }
    for (size_t i = 0; i < sizeof(raw); i += 13) {
        memset(&err, 0, sizeof(err));
        raw[i] ^= 1;
        assert_int_equal(format_slots_decode(raw, sizeof(raw), &out, &err), -1);
        assert_int_equal(err.kind, ERR_BACKUP);
        raw[i] ^= 1;
    }
}

/* The checksum is right; the fields are not. */
static void test_slots_refused(void **state)
{
    static const struct {
        size_t at;
        unsigned value;
    } cases[] = {
        {0, 'm'}, {7, 's'}, {16, 0}, {16, SLOTS_MOST + 1}, {19, 1}, {20, 1}, {31, 1},
        {64 + FORMAT_RECORD, 1}, {FORMAT_SLOTS_MIN - 65, 1},
    };
    unsigned char raw[FORMAT_SLOTS_MIN], records[FORMAT_RECORD];
    struct format_slots out;
    struct err none = {0};

    encode_slots(raw, records, 0);
    assert_int_equal(format_slots_decode(raw, sizeof(raw), &out, &none), -1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};

        encode_slots(raw, records, 1);
        raw[cases[i].at] = (unsigned char)cases[i].value;
        checksum(raw + sizeof(raw) - 32, raw, sizeof(raw) - 32);
        if (format_slots_decode(raw, sizeof(raw), &out, &err) == 0)
            fail_msg("%u at %zu is taken", cases[i].value, cases[i].at);
        assert_int_equal(err.kind, ERR_BACKUP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),      cmocka_unit_test(test_head),
        cmocka_unit_test(test_head_refused),  cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_frame),         cmocka_unit_test(test_frame_refused),
        cmocka_unit_test(test_entry),         cmocka_unit_test(test_footer),
        cmocka_unit_test(test_slots),         cmocka_unit_test(test_slots_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
