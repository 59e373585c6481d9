#include "backup/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

/* Letters, digits and "-" of TEXT: what is safe in a file's name everywhere. */
static int add_word(struct buf *b, const char *text, const char *otherwise, struct err *err)
{
    size_t start = b->len;

    for (; text != NULL && *text != '\0' && b->len - start < 60; text++) {
        int plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                    (*text >= '0' && *text <= '9');

        if (buf_addc(b, plain ? *text : '-', err) != 0)
            return -1;
    }
    return b->len == start ? buf_adds(b, otherwise, err) : 0;
}

char *shelf_name(const char *dir, const char *database, const char *purpose, const char *created,
                 const char *archive_id, struct err *err)
{
    struct buf b = {0};

    if (buf_addf(&b, err, "%s/", dir) != 0 || add_word(&b, database, "database", err) != 0 ||
        buf_addc(&b, '_', err) != 0 || add_word(&b, purpose, "backup", err) != 0 ||
        buf_addc(&b, '_', err) != 0)
        goto fail;
    for (const char *p = created; *p != '\0'; p++)
        if (*p != '-' && *p != ':' && buf_addc(&b, *p, err) != 0)
            goto fail;
    if (buf_addf(&b, err, "_%.8s.mig", archive_id) != 0)
        goto fail;
    return buf_take(&b, err);
fail:
    buf_free(&b);
    return NULL;
}
