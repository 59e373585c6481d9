/*
 * buf: bytes that grow.
 *
 * DATA is NUL-terminated after LEN whenever it is not NULL.  A zeroed struct
 * is an empty buffer.  On failure the contents are unchanged.
 */
#ifndef MIG_CORE_BUF_H
#define MIG_CORE_BUF_H

#include <stddef.h>

#include "core/err.h"

struct buf {
    char *data;
    size_t len;
    size_t cap;
};

/* Where there is no room for them. */
int buf_grow(struct buf *b, size_t more, struct err *err) MIG_MUST_CHECK;
/* Make room for MORE bytes and a NUL after LEN.  Amortised O(1). */
static inline int MIG_MUST_CHECK buf_reserve(struct buf *b, size_t more, struct err *err)
{
    return b->cap - b->len > more ? 0 : buf_grow(b, more, err);
}
int buf_add(struct buf *b, const void *data, size_t len, struct err *err) MIG_MUST_CHECK;
int buf_adds(struct buf *b, const char *s, struct err *err) MIG_MUST_CHECK;
int buf_addc(struct buf *b, char c, struct err *err) MIG_MUST_CHECK;
int buf_addf(struct buf *b, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))) MIG_MUST_CHECK;
/* The whole of file PATH, at most MAX bytes (0: no limit); "-" is standard input. */
int buf_read_file(struct buf *b, const char *path, size_t max, struct err *err) MIG_MUST_CHECK;

/* Forget the contents, keep the memory. */
void buf_reset(struct buf *b);
/* The NUL-terminated bytes, owned by the caller; B is empty afterwards.  Never NULL but for lack
 * of memory (then *ERR is set). */
char *buf_take(struct buf *b, struct err *err) MIG_MUST_CHECK;
/* Free; buf_wipe overwrites first.  Harmless on an empty buffer. */
void buf_free(struct buf *b);
void buf_wipe(struct buf *b);

#endif
