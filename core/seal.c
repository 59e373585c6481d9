#include "core/seal.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "core/secret.h"

void seal_hash(unsigned char out[SEAL_HASH], const struct secret *key,
               const struct seal_part *parts, size_t count)
{
    crypto_generichash_state state;
    size_t i;

    crypto_generichash_init(&state, key != NULL ? secret_view(key) : NULL,
                            key != NULL ? secret_len(key) : 0, SEAL_HASH);
    for (i = 0; i < count; i++)
        if (parts[i].len > 0)
            crypto_generichash_update(&state, parts[i].data, parts[i].len);
    crypto_generichash_final(&state, out, SEAL_HASH);
    sodium_memzero(&state, sizeof(state));
}

struct secret *seal_derive(const struct secret *key, const char *label,
                           const unsigned char context[SEAL_HASH], struct err *err)
{
    char padded[SEAL_LABEL] = {0};
    struct seal_part parts[2] = {{padded, sizeof(padded)}, {context, SEAL_HASH}};
    struct secret *out = secret_new(SEAL_KEY, err);

    assert(strlen(label) <= sizeof(padded));
    memcpy(padded, label, strlen(label));
    if (out != NULL)
        seal_hash(secret_bytes(out), key, parts, 2);
    return out;
}

void seal_nonce(unsigned char nonce[SEAL_NONCE])
{
    randombytes_buf(nonce, SEAL_NONCE);
}

void seal_close(unsigned char *out, const unsigned char *in, size_t len, const void *aad,
                size_t aad_len, const unsigned char nonce[SEAL_NONCE], const struct secret *key)
{
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, in, len, aad, aad_len, NULL, nonce,
                                                     secret_view(key));
}

int seal_open(unsigned char *out, const unsigned char *in, size_t len, const void *aad,
              size_t aad_len, const unsigned char nonce[SEAL_NONCE], const struct secret *key)
{
    if (len < SEAL_TAG)
        return -1;
    return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len, aad, aad_len, nonce,
                                                      secret_view(key));
}
