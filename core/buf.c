#include "core/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int buf_grow(struct buf *b, size_t more, struct err *err)
{
    size_t cap = b->cap;
    char *data;

    if (more > SIZE_MAX / 2 - b->len)
        return err_oom(err);
    if (cap < 64)
        cap = 64;
    while (cap <= b->len + more)
        cap += cap / 2;
    if ((data = realloc(b->data, cap)) == NULL)
        return err_oom(err);
    data[b->len] = '\0';
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_add(struct buf *b, const void *data, size_t len, struct err *err)
{
    if (buf_reserve(b, len, err) != 0)
        return -1;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int buf_adds(struct buf *b, const char *s, struct err *err)
{
    return buf_add(b, s, strlen(s), err);
}

int buf_addc(struct buf *b, char c, struct err *err)
{
    return buf_add(b, &c, 1, err);
}

int buf_addf(struct buf *b, struct err *err, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return err_set_errno(err, ERR_FAILED, "cannot format text");
    if (buf_reserve(b, (size_t)n, err) != 0)
        return -1;
    va_start(ap, fmt);
    (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
    return 0;
}

int buf_read_file(struct buf *b, const char *path, size_t max, struct err *err)
{
    int is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    size_t start = b->len;
    int rc = -1;

    if (fd < 0)
        return err_set_errno(err, ERR_FAILED, "cannot open \"%s\"", path);
    for (;;) {
        ssize_t n;

        if (buf_reserve(b, 65536, err) != 0)
            goto out;
        n = read(fd, b->data + b->len, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_set_errno(err, ERR_FAILED, "cannot read \"%s\"", path);
            goto out;
        }
        if (n == 0)
            break;
        b->len += (size_t)n;
        b->data[b->len] = '\0';
        if (max > 0 && b->len - start > max) {
            err_set(err, ERR_FAILED, "\"%s\" is larger than %zu bytes", path, max);
            goto out;
        }
    }
    rc = 0;
out:
    if (rc != 0 && b->data != NULL) {
        b->len = start;
        b->data[start] = '\0';
    }
    if (!is_stdin)
        (void)close(fd);
    return rc;
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    if (b->data != NULL)
        b->data[0] = '\0';
}

char *buf_take(struct buf *b, struct err *err)
{
    char *data;

    if (buf_reserve(b, 0, err) != 0)
        return NULL;
    data = b->data;
    memset(b, 0, sizeof(*b));
    return data;
}

void buf_free(struct buf *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}

void buf_wipe(struct buf *b)
{
    if (b->data != NULL)
        sodium_memzero(b->data, b->cap);
    buf_free(b);
}
