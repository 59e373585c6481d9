#include "core/row.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Fixed and public: the digest tells apart what changed, it does not keep forgers out (frames are
 * authenticated for that). */
static const unsigned char key[crypto_shorthash_siphashx24_KEYBYTES] = {
    'm', 'i', 'g', ' ', 'r', 'o', 'w', ' ', 'd', 'i', 'g', 'e', 's', 't', ' ', '1'};

static uint64_t little64(const unsigned char *p)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void add(struct row_digest *d, uint64_t lo, uint64_t hi)
{
    d->lo += lo;
    d->hi += hi + (d->lo < lo);
}

void row_digest_add(struct row_digest *d, const struct row_batch *batch)
{
    const char *p = batch->data;
    const char *end = batch->len == 0 ? p : p + batch->len;

    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl == NULL ? end : nl) - p);
        unsigned char out[crypto_shorthash_siphashx24_BYTES];

        (void)crypto_shorthash_siphashx24(out, (const unsigned char *)p, len, key);
        add(d, little64(out), little64(out + 8));
        p += len + 1;
    }
}

void row_digest_merge(struct row_digest *d, const struct row_digest *other)
{
    add(d, other->lo, other->hi);
}

void row_digest_hex(const struct row_digest *d, char out[33])
{
    (void)snprintf(out, 33, "%016llx%016llx", (unsigned long long)d->hi, (unsigned long long)d->lo);
}
