#include "core/secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct secret {
    unsigned char *bytes;
    size_t len;
};

struct secret *secret_new(size_t len, struct err *err)
{
    struct secret *s;

    if (sodium_init() < 0) {
        err_set(err, ERR_FAILED, "cannot start libsodium: no source of randomness");
        return NULL;
    }
    if ((s = malloc(sizeof(*s))) == NULL || (s->bytes = sodium_malloc(len > 0 ? len : 1)) == NULL) {
        free(s);
        err_oom(err);
        return NULL;
    }
    s->len = len;
    memset(s->bytes, 0, len);
    return s;
}

struct secret *secret_random(size_t len, struct err *err)
{
    struct secret *s = secret_new(len, err);

    if (s != NULL)
        randombytes_buf(s->bytes, len);
    return s;
}

struct secret *secret_copy(const void *data, size_t len, struct err *err)
{
    struct secret *s = secret_new(len, err);

    if (s != NULL && len > 0)
        memcpy(s->bytes, data, len);
    return s;
}

unsigned char *secret_bytes(struct secret *s)
{
    return s->bytes;
}

const unsigned char *secret_view(const struct secret *s)
{
    return s->bytes;
}

size_t secret_len(const struct secret *s)
{
    return s->len;
}

void secret_free(struct secret *s)
{
    if (s == NULL)
        return;
    sodium_free(s->bytes); /* overwrites first */
    free(s);
}
