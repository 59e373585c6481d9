#include "core/row.h"

#include <stdio.h>
#include <string.h>

#include "core/siphash.h"

/* Fixed and public: the digest tells apart what changed, it does not keep forgers out (frames are
 * authenticated for that). */
static const unsigned char key[16] = {
    'm', 'i', 'g', ' ', 'r', 'o', 'w', ' ', 'd', 'i', 'g', 'e', 's', 't', ' ', '1'};

static void add(struct row_digest *d, uint64_t lo, uint64_t hi)
{
    d->lo += lo;
    d->hi += hi + (d->lo < lo);
}

void row_digest_add(struct row_digest *d, const struct row_batch *batch)
{
    const char *p = batch->data;
    const char *end = batch->len == 0 ? p : p + batch->len;
    struct siphash_text rows[SIPHASH_LANES];
    size_t n = 0;

    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));

        rows[n].data = (const unsigned char *)p;
        rows[n].len = (size_t)((nl == NULL ? end : nl) - p);
        p += rows[n].len + 1;
        if (++n == SIPHASH_LANES) {
            siphash_add(rows, n, key, &d->lo, &d->hi);
            n = 0;
        }
    }
    if (n > 0)
        siphash_add(rows, n, key, &d->lo, &d->hi);
}

void row_digest_merge(struct row_digest *d, const struct row_digest *other)
{
    add(d, other->lo, other->hi);
}

void row_digest_hex(const struct row_digest *d, char out[33])
{
    (void)snprintf(out, 33, "%016llx%016llx", (unsigned long long)d->hi, (unsigned long long)d->lo);
}
