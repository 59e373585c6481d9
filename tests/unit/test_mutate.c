/*
 * mutate: one golden backup, hurt in every way.  Each is refused as ERR_BACKUP;
 * or, in one of the two copies of the key slots, told, and the rows are the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "backup/archive.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "backup/slots.h"
#include "backup/verify.h"
#include "core/buf.h"
#include "core/log.h"
#include "core/seal.h"
#include "core/secret.h"

#define GOLDEN "tests/golden/"

static struct keyring *keys;
static struct buf good, other; /* two files of one key */
static char path[] = "/tmp/mig-mutate-XXXXXX";
static int fd;
static struct format_head head;
static struct format_footer footer;

static struct key *golden_key(const char *name)
{
    struct err err = {0};
    struct buf b = {0};
    struct key *k;

    if (buf_read_file(&b, name, 0, &err) != 0)
        fail_msg("%s (run from the top of the tree)", err.message);
    k = key_parse(b.data, b.len, name, NULL, NULL, &err);
    assert_non_null(k);
    buf_free(&b);
    return k;
}

static int setup(void **state)
{
    struct err err = {0};

    (void)state;
    log_init("test", LOG_ERROR);
    keys = keyring_new(&err);
    assert_int_equal(keyring_add_key(keys, golden_key(GOLDEN "alice.key"), &err), 0);
    assert_int_equal(buf_read_file(&good, GOLDEN "v1.mig", 0, &err), 0);
    assert_int_equal(buf_read_file(&other, GOLDEN "v1-long-row.mig", 0, &err), 0);
    assert_int_equal(format_head_decode((unsigned char *)good.data, &head, &err), 0);
    assert_int_equal(
        format_footer_decode((unsigned char *)good.data + good.len - FORMAT_FOOTER, &footer, &err), 0);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    keyring_free(keys);
    buf_free(&good);
    buf_free(&other);
    (void)close(fd);
    return unlink(path);
}

static void put(const void *data, size_t len, size_t at)
{
    assert_int_equal(pwrite(fd, data, len, (off_t)at), (ssize_t)len);
}

static void put_all(const struct buf *b)
{
    assert_int_equal(ftruncate(fd, (off_t)b->len), 0);
    put(b->data, b->len, 0);
}

/* 0 and *NOTED, or -1 and *ERR. */
static int verify(int *noted, struct err *err)
{
    struct verify_result r;
    int rc;

    memset(err, 0, sizeof(*err));
    rc = verify_file(path, keys, &r, err);
    *noted = r.notes != NULL;
    if (rc == 0)
        assert_int_equal(r.rows, 14); /* and each digest is as signed */
    verify_result_free(&r);
    return rc;
}

/* Refused, and the message has WORD in it (NULL: any). */
static void refused(const char *what, size_t at, const char *word)
{
    struct err err;
    int noted;

    if (verify(&noted, &err) == 0)
        fail_msg("%s at %zu: accepted", what, at);
    if (err.kind != ERR_BACKUP)
        fail_msg("%s at %zu: kind %s: %s", what, at, err_kind_name(err.kind), err.message);
    if (word != NULL && strstr(err.message, word) == NULL)
        fail_msg("%s at %zu: \"%s\" is not in: %s", what, at, word, err.message);
}

static void test_unhurt(void **state)
{
    struct err err;
    int noted;

    (void)state;
    put_all(&good);
    if (verify(&noted, &err) != 0)
        fail_msg("%s", err.message);
    assert_false(noted);
}

/* Which part byte AT is in, as the message must name it. */
static const char *part(size_t at)
{
    if (at < FORMAT_HEAD)
        return at < 8 ? "not a mig backup" : "head";
    if (at < FORMAT_HEAD + head.label_len)
        return "label";
    if (at < format_slots_offset(&head))
        return "padding";
    if (at < format_frames_offset(&head))
        return "slot";
    if (at < footer.index_offset)
        return "frame at offset";
    if (at < good.len - FORMAT_FOOTER)
        return "index";
    return "footer";
}

static void test_every_byte(void **state)
{
    size_t slots = format_slots_offset(&head), frames = format_frames_offset(&head);
    size_t in_slots = 0;

    (void)state;
    put_all(&good);
    for (size_t i = 0; i < good.len; i++) {
        char hurt = (char)(good.data[i] ^ (1 << i % 8));

        put(&hurt, 1, i);
        if (i >= slots && i < frames) {
            struct err err;
            int noted;

            if (verify(&noted, &err) != 0)
                fail_msg("slot byte %zu: %s", i, err.message);
            if (!noted)
                fail_msg("slot byte %zu: not told", i);
            in_slots++;
        } else {
            refused("flipped", i, part(i));
        }
        put(&good.data[i], 1, i);
    }
    assert_int_equal(in_slots, 2 * head.slots_size);
}

static void assert_whole(const char *what, size_t at)
{
    char *now = malloc(good.len);

    assert_non_null(now);
    assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)good.len);
    assert_int_equal(pread(fd, now, good.len, 0), (ssize_t)good.len);
    if (memcmp(now, good.data, good.len) != 0)
        fail_msg("%s at %zu: not repaired to the byte", what, at);
    free(now);
}

/* A damaged copy of the slots is made the same as the other again; nothing else is touched. */
static void test_repaired(void **state)
{
    size_t slots = format_slots_offset(&head), frames = format_frames_offset(&head);
    struct verify_result r;

    (void)state;
    put_all(&good);
    for (size_t i = slots; i < frames; i += 61) {
        char hurt = (char)(good.data[i] ^ (1 << i % 8));
        struct err err = {0};

        put(&hurt, 1, i);
        if (verify_repair(path, keys, 2, &r, &err) != 0)
            fail_msg("slot byte %zu: %s", i, err.message);
        assert_int_equal(r.repaired, i < slots + head.slots_size ? 'A' : 'B');
        assert_int_equal(r.rows, 14);
        assert_non_null(r.notes);
        verify_result_free(&r);
        assert_whole("repair", i);
    }
}

/* A copy that is not needed, for its generation is older, may have a good checksum and still be forged. */
static void test_older_copy_forged(void **state)
{
    size_t at = format_slots_offset(&head), size = head.slots_size;
    struct verify_result r;
    struct buf copy = {0};
    struct seal_part part_;
    struct err err = {0};

    (void)state;
    assert_int_equal(buf_add(&copy, good.data, good.len, &err), 0);
    for (int i = 0; i < 2; i++) {
        unsigned char *s = (unsigned char *)copy.data + at + (size_t)i * size;

        memcpy(copy.data, good.data, good.len);
        s[8] = 0;
        part_ = (struct seal_part){s, size - 32};
        seal_hash(s + size - 32, NULL, &part_, 1);
        put_all(&copy);
        assert_int_equal(verify_repair(path, keys, 2, &r, &err), 0);
        assert_int_equal(r.repaired, 'A' + i);
        verify_result_free(&r);
        assert_whole("forged", (size_t)i);
    }
    buf_free(&copy);
}

/* Where the file is damaged elsewhere too, or cannot be written, nothing is. */
static void test_not_repaired(void **state)
{
    size_t slots = format_slots_offset(&head);
    struct verify_result r;
    struct err err = {0};
    char hurt = (char)(good.data[slots + 40] ^ 1), frame;

    (void)state;
    put_all(&good);
    put(&hurt, 1, slots + 40);
    frame = (char)(good.data[format_frames_offset(&head) + 70] ^ 1);
    put(&frame, 1, format_frames_offset(&head) + 70);
    assert_int_equal(verify_repair(path, keys, 2, &r, &err), -1);
    verify_result_free(&r);
    assert_int_equal(pread(fd, &frame, 1, (off_t)slots + 40), 1);
    assert_int_equal(frame, hurt);
    /* nor where somebody else is writing the slots */
    put_all(&good);
    put(&hurt, 1, slots + 40);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    err_clear(&err);
    assert_int_equal(verify_repair(path, keys, 2, &r, &err), 0);
    assert_int_equal(r.repaired, 0);
    assert_non_null(strstr(r.notes, "another process"));
    verify_result_free(&r);
    assert_int_equal(flock(fd, LOCK_UN), 0);
}

/* The same place hurt in both copies. */
static void test_both_slots(void **state)
{
    size_t slots = format_slots_offset(&head);

    (void)state;
    put_all(&good);
    for (size_t i = 0; i < head.slots_size; i += 31) {
        char hurt = (char)(good.data[slots + i] ^ 0x10);

        put(&hurt, 1, slots + i);
        put(&hurt, 1, slots + head.slots_size + i);
        refused("both slots", i, "both copies of the key slots");
        put(&good.data[slots + i], 1, slots + i);
        put(&good.data[slots + i], 1, slots + head.slots_size + i);
    }
}

static void test_every_cut(void **state)
{
    (void)state;
    put_all(&good);
    for (size_t len = good.len; len-- > 0;) {
        assert_int_equal(ftruncate(fd, (off_t)len), 0);
        refused("cut", len, NULL);
    }
}

static void test_appended(void **state)
{
    (void)state;
    for (size_t n = 1; n < 3000; n = n * 3 + 1) {
        put_all(&good);
        put(other.data, n, good.len);
        refused("appended", n, "appended");
    }
    put_all(&good);
    put(good.data, good.len, good.len);
    refused("twice", 0, "signed");
}

static void test_zeroed_blocks(void **state)
{
    static const char zeros[512];

    (void)state;
    for (size_t at = 0; at + 512 <= good.len; at += 512) {
        if (memcmp(good.data + at, zeros, 512) == 0 ||
            (at >= format_slots_offset(&head) && at < format_frames_offset(&head)))
            continue;
        put_all(&good);
        put(zeros, 512, at);
        refused("zeroed", at, NULL);
    }
}

static struct format_entry entry(const struct buf *b, uint64_t i)
{
    struct err err = {0};
    struct format_footer f;
    struct format_entry e;

    assert_int_equal(format_footer_decode((unsigned char *)b->data + b->len - FORMAT_FOOTER, &f, &err), 0);
    assert_int_equal(format_entry_decode((unsigned char *)b->data + f.index_offset + i * FORMAT_ENTRY,
                                         FORMAT_CHUNK_MAX, &e, &err), 0);
    return e;
}

/* Two frames exchanged, the bytes alone; then their index entries too. */
static void test_swapped_frames(void **state)
{
    (void)state;
    for (uint64_t i = 0; i + 1 < footer.entries; i++) {
        struct format_entry a = entry(&good, i), b = entry(&good, i + 1);
        size_t la = FORMAT_FRAME + a.frame.length, lb = FORMAT_FRAME + b.frame.length;
        unsigned char raw[2][FORMAT_ENTRY];

        put_all(&good);
        put(good.data + b.offset, lb, a.offset);
        put(good.data + a.offset, la, a.offset + lb);
        refused("swapped", i, "frame at offset");
        b.offset = a.offset;
        a.offset += lb;
        format_entry_encode(&b, raw[0]);
        format_entry_encode(&a, raw[1]);
        put(raw, sizeof(raw), footer.index_offset + i * FORMAT_ENTRY);
        refused("swapped with index", i, "index");
    }
}

static void test_duplicated_frame(void **state)
{
    struct format_entry a = entry(&good, 0);
    size_t len = FORMAT_FRAME + a.frame.length;

    (void)state;
    put_all(&good);
    put(good.data + a.offset, len, a.offset + len);
    refused("duplicated", a.offset + len, "frame at offset");
}

/* Frames, slots, label and footer of another file of the same key and signer. */
static void test_spliced(void **state)
{
    struct format_entry a = entry(&good, 0), b = entry(&other, 0);
    struct err err = {0};
    struct format_head h;

    (void)state;
    assert_int_equal(format_head_decode((unsigned char *)other.data, &h, &err), 0);
    assert_int_equal(h.slots_size, head.slots_size);
    put_all(&good);
    put(other.data + b.offset, FORMAT_FRAME + a.frame.length, a.offset);
    refused("foreign frame", a.offset, "frame at offset");
    put_all(&good);
    put(other.data + format_slots_offset(&h), 2 * h.slots_size, format_slots_offset(&head));
    refused("foreign slots", 0, "taken from another file");
    put_all(&good);
    put(other.data, FORMAT_HEAD, 0);
    refused("foreign head", 0, "head");
    put_all(&good);
    put(other.data + other.len - FORMAT_FOOTER, FORMAT_FOOTER, good.len - FORMAT_FOOTER);
    refused("foreign footer", 0, "head");
}

/* Bytes of FOOTER with everything before the MAC as it stands, signed by SIGNER. */
static void sign(unsigned char *raw, const struct key *signer)
{
    unsigned char message[21 + FORMAT_FOOTER_SIGNED];

    memcpy(raw + 272, key_public(signer)->sign, 32);
    memcpy(raw + 304, key_public(signer)->box, 32);
    memcpy(message, "mig backup footer v1", 21);
    memcpy(message + 21, raw, FORMAT_FOOTER_SIGNED);
    key_sign(signer, message, sizeof(message), raw + FORMAT_FOOTER_SIGNED);
}

/* Someone signs a changed file with a key of their own. */
static void test_signed_by_a_stranger(void **state)
{
    struct key *stranger = golden_key(GOLDEN "bob.key");
    unsigned char raw[FORMAT_FOOTER];

    (void)state;
    memcpy(raw, good.data + good.len - FORMAT_FOOTER, FORMAT_FOOTER);
    sign(raw, stranger);
    put_all(&good);
    put(raw, FORMAT_FOOTER, good.len - FORMAT_FOOTER);
    refused("stranger", 0, "not trusted");
    key_free(stranger);
}

/* Even with the signing key: without the data key the MAC cannot be made, and a frame of another
 * file does not decrypt here. */
static void test_signed_without_the_data_key(void **state)
{
    struct key *alice = golden_key(GOLDEN "alice.key");
    struct format_entry a = entry(&good, 0), b = entry(&other, 0);
    size_t len = FORMAT_FRAME + a.frame.length;
    unsigned char raw[FORMAT_FOOTER], *index;
    struct seal_part part_;
    struct buf copy = {0};
    struct err err = {0};

    (void)state;
    assert_true(len <= FORMAT_FRAME + b.frame.length);
    assert_int_equal(buf_add(&copy, good.data, good.len, &err), 0);
    copy.data[a.offset + len - 1] ^= 1;
    part_ = (struct seal_part){copy.data + a.offset, len};
    seal_hash(a.hash, NULL, &part_, 1);
    index = (unsigned char *)copy.data + footer.index_offset;
    format_entry_encode(&a, index);
    memcpy(raw, copy.data + copy.len - FORMAT_FOOTER, FORMAT_FOOTER);
    part_ = (struct seal_part){index, (size_t)footer.entries * FORMAT_ENTRY};
    seal_hash(raw + 160, NULL, &part_, 1);
    sign(raw, alice);
    memcpy(copy.data + copy.len - FORMAT_FOOTER, raw, FORMAT_FOOTER);
    put_all(&copy);
    refused("signed, no MAC", 0, "MAC");
    buf_free(&copy);
    key_free(alice);
}

/* Slots edited by someone who cannot make the MAC but repairs the checksum: the other copy serves;
 * both edited: refused. */
static void test_slots_with_good_checksum(void **state)
{
    size_t at = format_slots_offset(&head), size = head.slots_size;
    struct buf copy = {0};
    struct seal_part part_;
    struct err err = {0};
    unsigned char *s;
    int noted;

    (void)state;
    assert_int_equal(buf_add(&copy, good.data, good.len, &err), 0);
    for (int i = 0; i < 2; i++) {
        s = (unsigned char *)copy.data + at + (size_t)i * size;
        s[8] = 9; /* a later generation */
        part_ = (struct seal_part){s, size - 32};
        seal_hash(s + size - 32, NULL, &part_, 1);
        put_all(&copy);
        if (i == 1) {
            refused("both slots forged", 0, "slot copy");
        } else {
            assert_int_equal(verify(&noted, &err), 0);
            assert_true(noted);
        }
    }
    buf_free(&copy);
}

/* A slot that asks for more Argon2id than is allowed. */
static void test_greedy_passphrase_slot(void **state)
{
    struct err err = {0};
    struct key_cost cost = {1, KEY_KIB * 16};
    unsigned char salt[16] = {0};
    struct secret *phrase = secret_copy("x", 1, &err);

    (void)state;
    assert_null(key_stretch(phrase, salt, &cost, &err));
    assert_int_equal(err.kind, ERR_BACKUP);
    secret_free(phrase);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unhurt),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_repaired),
        cmocka_unit_test(test_older_copy_forged),
        cmocka_unit_test(test_not_repaired),
        cmocka_unit_test(test_both_slots),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_appended),
        cmocka_unit_test(test_zeroed_blocks),
        cmocka_unit_test(test_swapped_frames),
        cmocka_unit_test(test_duplicated_frame),
        cmocka_unit_test(test_spliced),
        cmocka_unit_test(test_signed_by_a_stranger),
        cmocka_unit_test(test_signed_without_the_data_key),
        cmocka_unit_test(test_slots_with_good_checksum),
        cmocka_unit_test(test_greedy_passphrase_slot),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
