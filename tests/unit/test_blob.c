/* blob: small sealed data opens for its readers, from a trusted signer, unchanged; else not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "backup/key.h"
#include "backup/keys.h"

static const char plan[] = "the plan of this migration";

static struct keyring *new_keys(void)
{
    struct err err = {0};
    struct keyring *k = keyring_new(&err);

    assert_non_null(k);
    assert_int_equal(keyring_add_key(k, key_generate(0, &err), &err), 0);
    return k;
}

static unsigned char *seal(const struct keyring *k, const void *data, size_t len, size_t *size)
{
    struct err err = {0};
    unsigned char *blob = NULL;

    if (keyring_seal(k, data, len, &blob, size, &err) != 0)
        fail_msg("%s", err.message);
    return blob;
}

/* BLOB must not open: ERR_BACKUP, and nothing handed out. */
static void refused(const struct keyring *k, const unsigned char *blob, size_t size, struct err *err)
{
    unsigned char *out = NULL;
    size_t len = 77;

    memset(err, 0, sizeof(*err));
    assert_int_equal(keyring_open(k, blob, size, &out, &len, err), -1);
    assert_int_equal(err->kind, ERR_BACKUP);
    assert_null(out);
}

static void test_round_trip(void **state)
{
    static const size_t lengths[] = {0, 1, sizeof(plan), 100000};
    struct keyring *k = new_keys();

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        unsigned char *data = malloc(lengths[i] + 1), *blob, *out = NULL;
        size_t size = 0, len = 77;
        struct err err = {0};

        assert_non_null(data);
        for (size_t j = 0; j < lengths[i]; j++)
            data[j] = (unsigned char)(j * 31);
        blob = seal(k, data, lengths[i], &size);
        assert_int_equal(keyring_open(k, blob, size, &out, &len, &err), 0);
        assert_int_equal(len, lengths[i]);
        assert_memory_equal(out, data, len);
        assert_int_equal(out[len], 0);
        free(out);
        free(blob);
        free(data);
    }
    keyring_free(k);
}

/* Sealed twice is two blobs, and neither shows what is in it. */
static void test_hidden(void **state)
{
    struct keyring *k = new_keys();
    size_t one_size = 0, two_size = 0;
    unsigned char *one = seal(k, plan, sizeof(plan), &one_size), *two = seal(k, plan, sizeof(plan), &two_size);

    assert_int_equal(one_size, two_size);
    assert_memory_not_equal(one, two, one_size);
    for (size_t i = 0; i + 8 <= one_size; i++)
        assert_memory_not_equal(one + i, plan, 8);
    free(one);
    free(two);
    keyring_free(k);
}

static void test_changed(void **state)
{
    struct keyring *k = new_keys();
    struct err err;
    size_t size = 0;
    unsigned char *blob = seal(k, plan, sizeof(plan), &size), *longer = malloc(size + 1);

    assert_non_null(longer);
    for (size_t i = 0; i < size; i++) {
        blob[i] ^= (unsigned char)(1u << (i % 8));
        refused(k, blob, size, &err);
        blob[i] ^= (unsigned char)(1u << (i % 8));
    }
    for (size_t len = 0; len < size; len++) {
        unsigned char *cut = malloc(len > 0 ? len : 1);

        assert_non_null(cut);
        memcpy(cut, blob, len);
        refused(k, cut, len, &err);
        free(cut);
    }
    memcpy(longer, blob, size);
    longer[size] = 0;
    refused(k, longer, size + 1, &err);
    free(longer);
    free(blob);
    keyring_free(k);
}

static void test_wrong_key(void **state)
{
    struct keyring *k = new_keys(), *other = new_keys();
    char text[KEY_PUBLIC_TEXT];
    struct err err;
    size_t size = 0;
    unsigned char *blob = seal(k, plan, sizeof(plan), &size);

    refused(other, blob, size, &err);
    key_public_text(key_public(keyring_signer(k)), text);
    memset(&err, 0, sizeof(err));
    assert_int_equal(keyring_add_trust(other, text, &err), 0); /* to trust is not to read */
    refused(other, blob, size, &err);
    free(blob);
    keyring_free(k);
    keyring_free(other);
}

/* Whoever knows a public key can seal for it; that does not make him a signer. */
static void test_untrusted(void **state)
{
    struct keyring *k = new_keys(), *stranger = new_keys();
    char mine[KEY_PUBLIC_TEXT], his[KEY_PUBLIC_TEXT];
    struct err err = {0};
    size_t size = 0, len = 0;
    unsigned char *blob, *out = NULL;

    key_public_text(key_public(keyring_signer(k)), mine);
    key_public_text(key_public(keyring_signer(stranger)), his);
    assert_int_equal(keyring_add_recipient(stranger, mine, &err), 0);
    blob = seal(stranger, plan, sizeof(plan), &size);
    refused(k, blob, size, &err);
    assert_non_null(strstr(err.message, "not trusted"));
    assert_non_null(strstr(err.hint, his));
    memset(&err, 0, sizeof(err));
    assert_int_equal(keyring_add_trust(k, his, &err), 0);
    assert_int_equal(keyring_open(k, blob, size, &out, &len, &err), 0);
    assert_int_equal(len, sizeof(plan));
    assert_string_equal((const char *)out, plan);
    free(out);
    free(blob);
    keyring_free(k);
    keyring_free(stranger);
}

/* THIEF signs the blob as his own. */
static void sign_anew(unsigned char *blob, size_t size, const struct key *thief)
{
    enum { SIGNER = 48, SIGNATURE = 64 };
    static const char purpose[] = "mig blob v1";
    unsigned char *message = malloc(sizeof(purpose) + size);

    assert_non_null(message);
    memcpy(blob + SIGNER, key_public(thief)->sign, 32);
    memcpy(blob + SIGNER + 32, key_public(thief)->box, 32);
    memcpy(message, purpose, sizeof(purpose));
    memcpy(message + sizeof(purpose), blob, size - SIGNATURE);
    key_sign(thief, message, sizeof(purpose) + size - SIGNATURE, blob + size - SIGNATURE);
    free(message);
}

/* The signature matches, and its signer is trusted; the sealed part names another one. */
static void test_signed_anew(void **state)
{
    struct keyring *k = new_keys(), *other = new_keys();
    char his[KEY_PUBLIC_TEXT];
    struct err err = {0};
    size_t size = 0;
    unsigned char *blob = seal(k, plan, sizeof(plan), &size);

    key_public_text(key_public(keyring_signer(other)), his);
    assert_int_equal(keyring_add_trust(k, his, &err), 0);
    sign_anew(blob, size, keyring_signer(other));
    refused(k, blob, size, &err);
    assert_non_null(strstr(err.message, "does not decrypt"));
    free(blob);
    keyring_free(k);
    keyring_free(other);
}

/* Rightly signed, and yet its count of records is not true: nothing behind the end is read. */
static void test_counts(void **state)
{
    enum { COUNT = 8 };
    static const uint32_t counts[] = {0, 2, 1000, 1001, 0x7fffffff, 0xffffffff};
    struct keyring *k = new_keys();
    struct err err;
    size_t size = 0;
    unsigned char *blob = seal(k, plan, sizeof(plan), &size);

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (size_t j = 0; j < 4; j++)
            blob[COUNT + j] = (unsigned char)(counts[i] >> (8 * j));
        sign_anew(blob, size, keyring_signer(k));
        refused(k, blob, size, &err);
        assert_non_null(strstr(err.message, "cut off"));
    }
    free(blob);
    keyring_free(k);
}

static void test_no_key(void **state)
{
    struct err err = {0};
    struct keyring *k = keyring_new(&err);
    unsigned char *blob = NULL;
    size_t size = 0;

    assert_non_null(k);
    assert_int_equal(keyring_seal(k, plan, sizeof(plan), &blob, &size, &err), -1);
    assert_int_not_equal(err.kind, ERR_NONE);
    assert_null(blob);
    keyring_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_changed),    cmocka_unit_test(test_wrong_key),
        cmocka_unit_test(test_untrusted),  cmocka_unit_test(test_signed_anew),
        cmocka_unit_test(test_counts),     cmocka_unit_test(test_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
