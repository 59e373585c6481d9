#include "core/scan.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define SCAN_X86 1
#include <immintrin.h>
#endif

static int special(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* Fewer than 64 bytes at the end. */
static uint64_t rest(const char *data, size_t len)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < len; i++)
        mask |= (uint64_t)special((unsigned char)data[i]) << i;
    return mask;
}

void scan_special_portable(const char *data, size_t len, uint64_t *masks)
{
    for (; len >= 64; data += 64, len -= 64)
        *masks++ = rest(data, 64);
    if (len > 0)
        *masks = rest(data, len);
}

#ifdef SCAN_X86

/* x < 0x20, unsigned, is max(x, 0x1f) == 0x1f. */
static inline uint64_t sse2_16(const char *p)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i low = _mm_set1_epi8(0x1f);
    __m128i m = _mm_or_si128(
        _mm_cmpeq_epi8(_mm_max_epu8(x, low), low),
        _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));

    return (uint64_t)(unsigned)_mm_movemask_epi8(m);
}

static void scan_sse2(const char *data, size_t len, uint64_t *masks)
{
    for (; len >= 64; data += 64, len -= 64)
        *masks++ = sse2_16(data) | sse2_16(data + 16) << 16 | sse2_16(data + 32) << 32 |
                   sse2_16(data + 48) << 48;
    if (len > 0)
        *masks = rest(data, len);
}

__attribute__((target("avx2"))) static inline uint64_t avx2_32(const char *p)
{
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i low = _mm256_set1_epi8(0x1f);
    __m256i m = _mm256_or_si256(_mm256_cmpeq_epi8(_mm256_max_epu8(x, low), low),
                                _mm256_or_si256(_mm256_cmpeq_epi8(x, _mm256_set1_epi8('"')),
                                                _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\'))));

    return (uint64_t)(unsigned)_mm256_movemask_epi8(m);
}

__attribute__((target("avx2"))) static void scan_avx2(const char *data, size_t len,
                                                      uint64_t *masks)
{
    for (; len >= 64; data += 64, len -= 64)
        *masks++ = avx2_32(data) | avx2_32(data + 32) << 32;
    if (len > 0)
        *masks = rest(data, len);
}

void scan_special(const char *data, size_t len, uint64_t *masks)
{
    if (__builtin_cpu_supports("avx2"))
        scan_avx2(data, len, masks);
    else
        scan_sse2(data, len, masks);
}

#else

void scan_special(const char *data, size_t len, uint64_t *masks)
{
    scan_special_portable(data, len, masks);
}

#endif
