#include "core/siphash.h"

#include <sodium.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define SIPHASH_X86 1
#include <immintrin.h>
#endif

static uint64_t little64(const unsigned char *p)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void add128(uint64_t *lo, uint64_t *hi, uint64_t l, uint64_t h)
{
    *lo += l;
    *hi += h + (*lo < l);
}

void siphash_add_portable(const struct siphash_text *texts, size_t n, const unsigned char key[16],
                          uint64_t *lo, uint64_t *hi)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char out[crypto_shorthash_siphashx24_BYTES];

        (void)crypto_shorthash_siphashx24(out, texts[i].data, texts[i].len, key);
        add128(lo, hi, little64(out), little64(out + 8));
    }
}

#ifdef SIPHASH_X86

/* The last word: what is left of the text, and its length in the top byte. */
static uint64_t tail_word(const struct siphash_text *t)
{
    const unsigned char *p = t->data + (t->len & ~(size_t)7);
    uint64_t v = (uint64_t)(t->len & 255) << 56;

    for (size_t i = 0; i < (t->len & 7); i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* Eight texts, one in each 64-bit lane.  Lanes end at different words; those that have ended are
 * masked out and wait for the others. */
__attribute__((target("avx512f"))) static void add_avx512(const struct siphash_text *texts, size_t n,
                                                          const unsigned char key[16], uint64_t *lo,
                                                          uint64_t *hi)
{
#define ROUND_512                                                                                 \
    do {                                                                                          \
        v0 = _mm512_add_epi64(v0, v1);                                                            \
        v1 = _mm512_xor_si512(_mm512_rol_epi64(v1, 13), v0);                                      \
        v0 = _mm512_rol_epi64(v0, 32);                                                            \
        v2 = _mm512_add_epi64(v2, v3);                                                            \
        v3 = _mm512_xor_si512(_mm512_rol_epi64(v3, 16), v2);                                      \
        v0 = _mm512_add_epi64(v0, v3);                                                            \
        v3 = _mm512_xor_si512(_mm512_rol_epi64(v3, 21), v0);                                      \
        v2 = _mm512_add_epi64(v2, v1);                                                            \
        v1 = _mm512_xor_si512(_mm512_rol_epi64(v1, 17), v2);                                      \
        v2 = _mm512_rol_epi64(v2, 32);                                                            \
    } while (0)
    uint64_t words[8] = {0}, tails[8] = {0}, at[8] = {0}, out[8], more[8];
    uint64_t k0 = little64(key), k1 = little64(key + 8), most = 0;
    __m512i v0, v1, v2, v3, m, count, address, last;

    for (size_t i = 0; i < n; i++) {
        words[i] = texts[i].len / 8;
        tails[i] = tail_word(&texts[i]);
        at[i] = (uint64_t)(uintptr_t)texts[i].data;
        most = words[i] > most ? words[i] : most;
    }
    count = _mm512_loadu_si512(words);
    last = _mm512_loadu_si512(tails);
    address = _mm512_loadu_si512(at);
    v0 = _mm512_set1_epi64((long long)(k0 ^ 0x736f6d6570736575u));
    v1 = _mm512_set1_epi64((long long)(k1 ^ 0x646f72616e646f6du ^ 0xee));
    v2 = _mm512_set1_epi64((long long)(k0 ^ 0x6c7967656e657261u));
    v3 = _mm512_set1_epi64((long long)(k1 ^ 0x7465646279746573u));
    for (uint64_t w = 0; w < most; w++) {
        __mmask8 live = _mm512_cmpgt_epu64_mask(count, _mm512_set1_epi64((long long)w));
        __m512i o0 = v0, o1 = v1, o2 = v2, o3 = v3;

        m = _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), live, address, NULL, 1);
        address = _mm512_add_epi64(address, _mm512_set1_epi64(8));
        v3 = _mm512_xor_si512(v3, m);
        ROUND_512;
        ROUND_512;
        v0 = _mm512_xor_si512(v0, m);
        if (live != 0xff) {
            v0 = _mm512_mask_mov_epi64(o0, live, v0);
            v1 = _mm512_mask_mov_epi64(o1, live, v1);
            v2 = _mm512_mask_mov_epi64(o2, live, v2);
            v3 = _mm512_mask_mov_epi64(o3, live, v3);
        }
    }
    v3 = _mm512_xor_si512(v3, last);
    ROUND_512;
    ROUND_512;
    v0 = _mm512_xor_si512(v0, last);
    v2 = _mm512_xor_si512(v2, _mm512_set1_epi64(0xee));
    ROUND_512;
    ROUND_512;
    ROUND_512;
    ROUND_512;
    m = _mm512_xor_si512(_mm512_xor_si512(v0, v1), _mm512_xor_si512(v2, v3));
    _mm512_storeu_si512(out, m);
    v1 = _mm512_xor_si512(v1, _mm512_set1_epi64(0xdd));
    ROUND_512;
    ROUND_512;
    ROUND_512;
    ROUND_512;
    m = _mm512_xor_si512(_mm512_xor_si512(v0, v1), _mm512_xor_si512(v2, v3));
    _mm512_storeu_si512(more, m);
    for (size_t i = 0; i < n; i++)
        add128(lo, hi, out[i], more[i]);
#undef ROUND_512
}

void siphash_add(const struct siphash_text *texts, size_t n, const unsigned char key[16],
                 uint64_t *lo, uint64_t *hi)
{
    if (n > 2 && __builtin_cpu_supports("avx512f"))
        add_avx512(texts, n, key, lo, hi);
    else
        siphash_add_portable(texts, n, key, lo, hi);
}

#else

void siphash_add(const struct siphash_text *texts, size_t n, const unsigned char key[16],
                 uint64_t *lo, uint64_t *hi)
{
    siphash_add_portable(texts, n, key, lo, hi);
}

#endif
