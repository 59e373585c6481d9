#include "core/deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif
#if defined(HAVE_LIBDEFLATE) && !defined(HAVE_ISAL)
#include <libdeflate.h>
#endif

#ifdef HAVE_ISAL

/* How far back a repetition is looked for, in bits.  In rows of many short values the near ones cost fewer
 * bits and less time; in text the far ones win.  A sample says which, now and then. */
enum { WINDOW_NEAR = 13, WINDOW_FAR = 15, SAMPLE = 128 << 10, RUNS_PER_SAMPLE = 64 };

struct deflater {
    struct isal_zstream stream;
    uint16_t window;
    unsigned runs; /* since the window was chosen */
    uint8_t level_buf[ISAL_DEF_LVL1_MEDIUM]; /* as good as larger ones, and kind to the caches */
};

const char *deflate_encoder(void)
{
    return "isa-l";
}

struct deflater *deflater_new(struct err *err)
{
    struct deflater *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        err_oom(err);
        return NULL;
    }
    d->window = WINDOW_FAR;
    d->runs = RUNS_PER_SAMPLE;
    return d;
}

/* Stored blocks of 65535 bytes at worst, 5 bytes of header each, and zlib's 6; ISA-L wants a
 * little more room than it uses. */
size_t deflater_bound(const struct deflater *d, size_t len)
{
    (void)d;
    return len + (len / 65535 + 1) * 5 + 64;
}

/* The length of the result; 0: there was no room for it. */
static size_t run(struct deflater *d, uint16_t window, const void *in, size_t len, void *out, size_t cap)
{
    isal_deflate_stateless_init(&d->stream);
    d->stream.level = 1;
    d->stream.level_buf = d->level_buf;
    d->stream.level_buf_size = sizeof(d->level_buf);
    d->stream.gzip_flag = IGZIP_ZLIB;
    d->stream.end_of_stream = 1;
    d->stream.flush = NO_FLUSH;
    d->stream.hist_bits = window;
    /* The library's input pointer is not const, but it only reads. */
    memcpy(&d->stream.next_in, &in, sizeof(in));
    d->stream.avail_in = (uint32_t)len;
    d->stream.next_out = out;
    d->stream.avail_out = (uint32_t)cap;
    return isal_deflate_stateless(&d->stream) == COMP_OK && d->stream.avail_in == 0 ? d->stream.total_out : 0;
}

int deflater_run(struct deflater *d, const void *in, size_t len, void *out, size_t cap,
                 size_t *out_len, struct err *err)
{
    if (len > UINT32_MAX || cap > UINT32_MAX)
        return err_set(err, ERR_FAILED, "cannot compress %zu bytes at once", len);
    if (++d->runs > RUNS_PER_SAMPLE && len >= SAMPLE) {
        size_t near = run(d, WINDOW_NEAR, in, SAMPLE, out, cap), far = run(d, WINDOW_FAR, in, SAMPLE, out, cap);

        d->window = near <= far ? WINDOW_NEAR : WINDOW_FAR;
        d->runs = 1;
    }
    if ((*out_len = run(d, d->window, in, len, out, cap)) == 0)
        return err_set(err, ERR_FAILED, "cannot compress %zu bytes", len);
    return 0;
}

void deflater_free(struct deflater *d)
{
    free(d);
}

#else

struct deflater {
    z_stream stream;
};

const char *deflate_encoder(void)
{
    return "zlib";
}

struct deflater *deflater_new(struct err *err)
{
    struct deflater *d = calloc(1, sizeof(*d));

    if (d == NULL || deflateInit(&d->stream, 1) != Z_OK) {
        free(d);
        err_oom(err);
        return NULL;
    }
    return d;
}

size_t deflater_bound(const struct deflater *d, size_t len)
{
    (void)d;
    return compressBound((uLong)len) + 64;
}

int deflater_run(struct deflater *d, const void *in, size_t len, void *out, size_t cap,
                 size_t *out_len, struct err *err)
{
    if (len > UINT_MAX || cap > UINT_MAX)
        return err_set(err, ERR_FAILED, "cannot compress %zu bytes at once", len);
    if (deflateReset(&d->stream) != Z_OK)
        return err_set(err, ERR_FAILED, "cannot start compression");
    /* The library's input pointer is not const, but it only reads. */
    memcpy(&d->stream.next_in, &in, sizeof(in));
    d->stream.avail_in = (uInt)len;
    d->stream.next_out = out;
    d->stream.avail_out = (uInt)cap;
    if (deflate(&d->stream, Z_FINISH) != Z_STREAM_END)
        return err_set(err, ERR_FAILED, "cannot compress %zu bytes", len);
    *out_len = cap - d->stream.avail_out;
    return 0;
}

void deflater_free(struct deflater *d)
{
    if (d == NULL)
        return;
    (void)deflateEnd(&d->stream);
    free(d);
}

#endif

static int damaged(struct err *err, size_t plain_len)
{
    return err_set(err, ERR_BACKUP, "compressed data is not a zlib stream of %zu bytes", plain_len);
}

#if defined(HAVE_LIBDEFLATE) && !defined(HAVE_ISAL)

struct inflater {
    struct libdeflate_decompressor *d;
};

const char *deflate_decoder(void)
{
    return "libdeflate";
}

struct inflater *inflater_new(struct err *err)
{
    struct inflater *i = calloc(1, sizeof(*i));

    if (i == NULL || (i->d = libdeflate_alloc_decompressor()) == NULL) {
        free(i);
        err_oom(err);
        return NULL;
    }
    return i;
}

int inflater_run(struct inflater *i, const void *in, size_t len, void *out, size_t plain_len,
                 struct err *err)
{
    size_t used = 0, made = 0;

    if (libdeflate_zlib_decompress_ex(i->d, in, len, out, plain_len, &used, &made) !=
            LIBDEFLATE_SUCCESS ||
        used != len || made != plain_len)
        return damaged(err, plain_len);
    return 0;
}

void inflater_free(struct inflater *i)
{
    if (i == NULL)
        return;
    libdeflate_free_decompressor(i->d);
    free(i);
}

#elif defined(HAVE_ISAL)

struct inflater {
    struct inflate_state state;
};

const char *deflate_decoder(void)
{
    return "isa-l";
}

struct inflater *inflater_new(struct err *err)
{
    struct inflater *i = calloc(1, sizeof(*i));

    if (i == NULL)
        err_oom(err);
    return i;
}

int inflater_run(struct inflater *i, const void *in, size_t len, void *out, size_t plain_len,
                 struct err *err)
{
    const unsigned char *head = in;
    unsigned char nothing;

    /* The library does not look at the method, and takes what follows the stream into its bits. */
    if (len < 8 || len > UINT32_MAX || plain_len > UINT32_MAX || (head[0] & 15) != 8)
        return damaged(err, plain_len);
    isal_inflate_init(&i->state);
    i->state.crc_flag = ISAL_ZLIB;
    memcpy(&i->state.next_in, &in, sizeof(in));
    i->state.avail_in = (uint32_t)len;
    i->state.next_out = plain_len > 0 ? out : &nothing;
    i->state.avail_out = (uint32_t)plain_len;
    if (isal_inflate(&i->state) != ISAL_DECOMP_OK || i->state.block_state != ISAL_BLOCK_FINISH ||
        i->state.avail_in != 0 || i->state.read_in_length > 7 || i->state.total_out != plain_len)
        return damaged(err, plain_len);
    return 0;
}

void inflater_free(struct inflater *i)
{
    free(i);
}

#else

struct inflater {
    z_stream stream;
};

const char *deflate_decoder(void)
{
    return "zlib";
}

struct inflater *inflater_new(struct err *err)
{
    struct inflater *i = calloc(1, sizeof(*i));

    if (i == NULL || inflateInit(&i->stream) != Z_OK) {
        free(i);
        err_oom(err);
        return NULL;
    }
    return i;
}

int inflater_run(struct inflater *i, const void *in, size_t len, void *out, size_t plain_len,
                 struct err *err)
{
    unsigned char nothing;

    if (len > UINT_MAX || plain_len > UINT_MAX || inflateReset(&i->stream) != Z_OK)
        return damaged(err, plain_len);
    memcpy(&i->stream.next_in, &in, sizeof(in));
    i->stream.avail_in = (uInt)len;
    i->stream.next_out = plain_len > 0 ? out : &nothing;
    i->stream.avail_out = (uInt)plain_len;
    if (inflate(&i->stream, Z_FINISH) != Z_STREAM_END || i->stream.avail_out != 0 ||
        i->stream.avail_in != 0)
        return damaged(err, plain_len);
    return 0;
}

void inflater_free(struct inflater *i)
{
    if (i == NULL)
        return;
    (void)inflateEnd(&i->stream);
    free(i);
}

#endif
