/*
 * jsonrow: rows of NDJSON (core/row.h), read strictly.
 *
 * A row is "[", its values with "," between them, "]" and a newline; a value is a string or null.
 * What a string holds is told from special byte to special byte, so that whoever reads it can write
 * it elsewhere in one go.
 */
#ifndef MIG_PG_JSONROW_H
#define MIG_PG_JSONROW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/err.h"

/* Text is taken in pieces, so that the masks and what they speak of stay in the first-level cache. */
enum { JSONROW_PIECE = 8192 };

struct jsonrow {
    const char *p, *end;
    uint64_t row; /* from 1, for messages */
    /* Which bytes of this piece are special. */
    const char *piece;
    size_t size;
    uint64_t masks[JSONROW_PIECE / 64];
};

/* Borrows JSON; N rows of it went before, for messages. */
void jsonrow_start(struct jsonrow *r, const char *json, size_t len, uint64_t n);

/* 1: a row begins; 0: there are no more; -1: ERR_BACKUP, as from all of these. */
int jsonrow_begin(struct jsonrow *r, struct err *err) MIG_MUST_CHECK;
/* The value of column I (from 0).  1: a string, R->p is behind its quote; 0: null. */
int jsonrow_value(struct jsonrow *r, size_t i, struct err *err) MIG_MUST_CHECK;
int jsonrow_end(struct jsonrow *r, struct err *err) MIG_MUST_CHECK;

/* The first special byte at or behind P, or R->end. */
const char *jsonrow_special(struct jsonrow *r, const char *p);
/* The character of the escape whose backslash is at *P; *P moves behind it.  -1: not JSON, or a NUL. */
int jsonrow_escape(const struct jsonrow *r, const char **p, uint32_t *c) MIG_MUST_CHECK;
/* C as UTF-8 at O; returns the end. */
char *jsonrow_utf8(char *o, uint32_t c);
/* "row ... is not a row of the table: WHAT"; -1. */
int jsonrow_refuse(const struct jsonrow *r, const char *what, struct err *err);

/* LEN bytes from SRC to DST.  Short ones, nearly all, are two 16-byte moves; 32 bytes behind DST
 * are always ours to write, those behind SRC only up to END. */
static inline char *jsonrow_span(char *dst, const char *src, size_t len, const char *end)
{
    if (len <= 32 && end - src >= 32) {
        memcpy(dst, src, 16);
        memcpy(dst + 16, src + 16, 16);
    } else {
        memcpy(dst, src, len);
    }
    return dst + len;
}

#endif
