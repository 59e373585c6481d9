#include "pg/escape.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define ESCAPE_X86 1
#include <immintrin.h>
#endif

static const char hex[] = "0123456789abcdef";

/* What JSON writes behind a backslash; 1: \u00XX; 0: the byte itself. */
static const char escapes[256] = {
    1,   1, 1, 1, 1, 1, 1, 1, 'b', 't', 'n', 1, 'f', 'r', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['"'] = '"', ['\\'] = '\\',
};

static inline char *escape_one(char *o, unsigned char c)
{
    char e = escapes[c];

    if (e == 0) {
        *o++ = (char)c;
    } else if (e == 1) {
        memcpy(o, "\\u00", 4);
        o[4] = hex[c >> 4];
        o[5] = hex[c & 15];
        o += 6;
    } else {
        *o++ = '\\';
        *o++ = e;
    }
    return o;
}

char *escape_json_portable(char *o, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        o = escape_one(o, (unsigned char)p[i]);
    return o;
}

#ifdef ESCAPE_X86

static char *escape_sse2(char *o, const char *p, size_t len)
{
    const __m128i low = _mm_set1_epi8(0x1f), quote = _mm_set1_epi8('"'), back = _mm_set1_epi8('\\');

    while (len >= 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i m = _mm_or_si128(_mm_cmpeq_epi8(_mm_max_epu8(x, low), low),
                                 _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, back)));
        unsigned mask = (unsigned)_mm_movemask_epi8(m);

        _mm_storeu_si128((__m128i *)(void *)o, x);
        if (mask == 0) {
            p += 16;
            o += 16;
            len -= 16;
        } else {
            unsigned n = (unsigned)__builtin_ctz(mask);

            o = escape_one(o + n, (unsigned char)p[n]);
            p += n + 1;
            len -= n + 1;
        }
    }
    return escape_json_portable(o, p, len);
}

/* 32 bytes become 64, each with a backslash before it; those backslashes that nobody needs are
 * squeezed out again. */
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi2"))) static char *
escape_avx512(char *o, const char *p, size_t len)
{
    const __m256i quote = _mm256_set1_epi8('"'), back = _mm256_set1_epi8('\\');
    const __m256i space = _mm256_set1_epi8(0x20), sixteen = _mm256_set1_epi8(0x10);
    /* The letters of \b \t \n \f \r at their places. */
    const __m256i letters = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 'b', 't', 'n', 0, 'f', 'r', 0, 0));

    while (len > 0) {
        size_t n = len < 32 ? len : 32;
        __mmask32 live = (__mmask32)(0xffffffffu >> (32 - n));
        __m256i x = _mm256_maskz_loadu_epi8(live, p);
        __mmask32 control = _mm256_mask_cmplt_epu8_mask(live, x, space);
        __mmask32 escape = _mm256_mask_cmpeq_epi8_mask(live, x, quote) |
                           _mm256_mask_cmpeq_epi8_mask(live, x, back);
        __m512i wide;
        __mmask64 keep;

        if (control != 0) {
            __mmask32 lower = _mm256_mask_cmplt_epu8_mask(control, x, sixteen);
            __m256i named = _mm256_maskz_shuffle_epi8(lower, letters, x);

            if (_mm256_mask_test_epi8_mask(control, named, named) != control) {
                o = escape_json_portable(o, p, n); /* some \u00XX */
                p += n;
                len -= n;
                continue;
            }
            x = _mm256_mask_mov_epi8(x, control, named);
            escape |= control;
        }
        wide = _mm512_or_si512(_mm512_slli_epi16(_mm512_cvtepu8_epi16(x), 8), _mm512_set1_epi16('\\'));
        keep = _pdep_u64(escape, 0x5555555555555555u) | _pdep_u64(live, 0xaaaaaaaaaaaaaaaau);
        _mm512_storeu_si512(o, _mm512_maskz_compress_epi8(keep, wide));
        o += __builtin_popcountll(keep);
        p += n;
        len -= n;
    }
    return o;
}

char *escape_json(char *o, const char *p, size_t len)
{
    if (__builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2"))
        return escape_avx512(o, p, len);
    return escape_sse2(o, p, len);
}

#else

char *escape_json(char *o, const char *p, size_t len)
{
    return escape_json_portable(o, p, len);
}

#endif
