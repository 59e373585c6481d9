/* secret and seal: what was sealed opens, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/seal.h"
#include "core/secret.h"

static void test_secret(void **state)
{
    struct err err = {0};
    struct secret *s = secret_new(32, &err), *r = secret_random(32, &err), *c = secret_copy("abc", 3, &err),
                  *none = secret_new(0, &err);
    static const unsigned char zero[32];

    (void)state;
    assert_memory_equal(secret_view(s), zero, 32);
    assert_memory_not_equal(secret_view(r), zero, 32);
    assert_int_equal(secret_len(c), 3);
    assert_memory_equal(secret_bytes(c), "abc", 3);
    assert_int_equal(secret_len(none), 0);
    secret_free(s);
    secret_free(r);
    secret_free(c);
    secret_free(none);
    secret_free(NULL);
}

static void test_round_trip(void **state)
{
    struct err err = {0};
    struct secret *key = secret_random(SEAL_KEY, &err), *other = secret_random(SEAL_KEY, &err);
    unsigned char nonce[SEAL_NONCE], sealed[100 + SEAL_TAG], out[100], in_place[100 + SEAL_TAG];
    char plain[100];

    (void)state;
    memset(plain, 'x', sizeof(plain));
    seal_nonce(nonce);
    seal_close(sealed, (unsigned char *)plain, 100, "aad", 3, nonce, key);
    assert_int_equal(seal_open(out, sealed, sizeof(sealed), "aad", 3, nonce, key), 0);
    assert_memory_equal(out, plain, 100);
    /* In place both ways, and a check without output. */
    memcpy(in_place, plain, 100);
    seal_close(in_place, in_place, 100, "aad", 3, nonce, key);
    assert_memory_equal(in_place, sealed, sizeof(sealed));
    assert_int_equal(seal_open(NULL, sealed, sizeof(sealed), "aad", 3, nonce, key), 0);
    assert_int_equal(seal_open(in_place, in_place, sizeof(sealed), "aad", 3, nonce, key), 0);
    assert_memory_equal(in_place, plain, 100);
    /* Anything else. */
    assert_int_equal(seal_open(out, sealed, sizeof(sealed), "aae", 3, nonce, key), -1);
    assert_int_equal(seal_open(out, sealed, sizeof(sealed), "aad", 2, nonce, key), -1);
    assert_int_equal(seal_open(out, sealed, sizeof(sealed), "aad", 3, nonce, other), -1);
    assert_int_equal(seal_open(out, sealed, sizeof(sealed) - 1, "aad", 3, nonce, key), -1);
    assert_int_equal(seal_open(out, sealed, SEAL_TAG - 1, "aad", 3, nonce, key), -1);
    for (size_t i = 0; i < sizeof(sealed); i++) {
        sealed[i] ^= 1;
        assert_int_equal(seal_open(out, sealed, sizeof(sealed), "aad", 3, nonce, key), -1);
        assert_int_equal(seal_open(NULL, sealed, sizeof(sealed), "aad", 3, nonce, key), -1);
        sealed[i] ^= 1;
    }
    nonce[0] ^= 1;
    assert_int_equal(seal_open(out, sealed, sizeof(sealed), "aad", 3, nonce, key), -1);
    secret_free(key);
    secret_free(other);
}

/* BLAKE2b-256 of "abc", and parts are one message. */
static void test_hash(void **state)
{
    static const unsigned char abc[] = {0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72, 0x31, 0x71, 0xef,
                                        0x3f, 0xee, 0x98, 0x57, 0x9b, 0x94, 0x96, 0x4e, 0x3b, 0xb1, 0xcb,
                                        0x3e, 0x42, 0x72, 0x62, 0xc8, 0xc0, 0x68, 0xd5, 0x23, 0x19};
    struct seal_part one[] = {{"abc", 3}}, two[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};
    unsigned char h[SEAL_HASH], keyed[SEAL_HASH];
    struct err err = {0};
    struct secret *key = secret_random(SEAL_KEY, &err);

    (void)state;
    seal_hash(h, NULL, one, 1);
    assert_memory_equal(h, abc, sizeof(abc));
    seal_hash(h, NULL, two, 3);
    assert_memory_equal(h, abc, sizeof(abc));
    seal_hash(keyed, key, one, 1);
    assert_memory_not_equal(keyed, abc, sizeof(abc));
    secret_free(key);
}

static void test_derive(void **state)
{
    static const unsigned char context[SEAL_HASH] = {1}, another[SEAL_HASH] = {2};
    struct err err = {0};
    struct secret *key = secret_random(SEAL_KEY, &err), *a = seal_derive(key, "mig data", context, &err),
                  *again = seal_derive(key, "mig data", context, &err),
                  *label = seal_derive(key, "mig manifest", context, &err),
                  *ctx = seal_derive(key, "mig data", another, &err);

    (void)state;
    assert_memory_equal(secret_view(a), secret_view(again), SEAL_KEY);
    assert_memory_not_equal(secret_view(a), secret_view(label), SEAL_KEY);
    assert_memory_not_equal(secret_view(a), secret_view(ctx), SEAL_KEY);
    secret_free(key);
    secret_free(a);
    secret_free(again);
    secret_free(label);
    secret_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_derive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
