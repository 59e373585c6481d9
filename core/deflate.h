/*
 * deflate: one block of bytes into one zlib stream (RFC 1950) and back.
 *
 * The streams are the same whichever library wrote them: zlib alone reads and
 * writes every one.  ISA-L encodes and decodes where the build has it, else
 * libdeflate decodes (measured: verify of 707 MB takes 1.2 s with ISA-L, 1.4 s
 * with libdeflate, 2.2 s with zlib).  An object serves one thread at a time and is reused: nothing is
 * allocated per call.
 */
#ifndef MIG_CORE_DEFLATE_H
#define MIG_CORE_DEFLATE_H

#include <stddef.h>

#include "core/err.h"

struct deflater;
struct inflater;

struct deflater *deflater_new(struct err *err) MIG_MUST_CHECK;
/* The most bytes that LEN bytes can become. */
size_t deflater_bound(const struct deflater *d, size_t len);
/* IN whole into OUT, which has room for deflater_bound(LEN).  *OUT_LEN is what it became. */
int deflater_run(struct deflater *d, const void *in, size_t len, void *out, size_t cap,
                 size_t *out_len, struct err *err) MIG_MUST_CHECK;
void deflater_free(struct deflater *d);

struct inflater *inflater_new(struct err *err) MIG_MUST_CHECK;
/* IN must be one whole zlib stream of exactly PLAIN_LEN bytes; OUT has room for that and is never
 * written past it.  Otherwise ERR_BACKUP. */
int inflater_run(struct inflater *d, const void *in, size_t len, void *out, size_t plain_len,
                 struct err *err) MIG_MUST_CHECK;
void inflater_free(struct inflater *d);

/* "isa-l", "zlib": for --version and the benchmark. */
const char *deflate_encoder(void);
const char *deflate_decoder(void);

#endif
