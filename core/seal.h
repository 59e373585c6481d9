/*
 * seal: authenticated encryption of one frame, hashes and derived keys.
 *
 * XChaCha20-Poly1305 (IETF) with a random nonce; what is not secret but must
 * not be changed goes in as associated data.  A frame opens whole, or not at
 * all.  Hashes are BLAKE2b-256.
 */
#ifndef MIG_CORE_SEAL_H
#define MIG_CORE_SEAL_H

#include <stddef.h>

#include "core/err.h"

struct secret;

enum { SEAL_KEY = 32, SEAL_NONCE = 24, SEAL_TAG = 16, SEAL_HASH = 32, SEAL_LABEL = 16 };

struct seal_part {
    const void *data;
    size_t len;
};

/* The hash of PARTS one after the other; keyed where KEY is not NULL (32 bytes). */
void seal_hash(unsigned char out[SEAL_HASH], const struct secret *key,
               const struct seal_part *parts, size_t count);
/* A key of its own for one purpose: BLAKE2b keyed with KEY of LABEL (zero-padded to 16 bytes) and
 * CONTEXT. */
struct secret *seal_derive(const struct secret *key, const char *label,
                           const unsigned char context[SEAL_HASH], struct err *err) MIG_MUST_CHECK;

void seal_nonce(unsigned char nonce[SEAL_NONCE]);
/* IN and OUT may be the same place; OUT gets LEN + SEAL_TAG bytes. */
void seal_close(unsigned char *out, const unsigned char *in, size_t len, const void *aad,
                size_t aad_len, const unsigned char nonce[SEAL_NONCE], const struct secret *key);
/* LEN counts the tag.  0, or -1 if anything was changed (then OUT holds nothing).  OUT NULL: only
 * check. */
int seal_open(unsigned char *out, const unsigned char *in, size_t len, const void *aad,
              size_t aad_len, const unsigned char nonce[SEAL_NONCE], const struct secret *key)
    MIG_MUST_CHECK;

#endif
