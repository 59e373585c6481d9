#include "core/blake2b.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define BLAKE2B_X86 1
#include <immintrin.h>
#endif

void blake2b_hash_portable(const struct blake2b_text *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)crypto_generichash(texts[i].hash, BLAKE2B_HASH, texts[i].data, texts[i].len, NULL, 0);
}

#ifdef BLAKE2B_X86

enum { BLOCK = 128 };

/* RFC 7693. */
static const uint64_t iv[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const unsigned char sigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

/* One text of the eight: its next block, the last one padded with zeros in PAD. */
struct lane {
    const unsigned char *next;
    size_t left; /* of the text, behind NEXT */
    unsigned char pad[BLOCK];
};

/* Eight rows of eight words become eight columns. */
__attribute__((target("avx512f"))) static inline void transpose(__m512i r[8])
{
    __m512i a[8], b[8];

    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm512_unpacklo_epi64(r[2 * i], r[2 * i + 1]);
        a[2 * i + 1] = _mm512_unpackhi_epi64(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        b[4 * i] = _mm512_shuffle_i64x2(a[4 * i], a[4 * i + 2], 0x88);
        b[4 * i + 1] = _mm512_shuffle_i64x2(a[4 * i + 1], a[4 * i + 3], 0x88);
        b[4 * i + 2] = _mm512_shuffle_i64x2(a[4 * i], a[4 * i + 2], 0xdd);
        b[4 * i + 3] = _mm512_shuffle_i64x2(a[4 * i + 1], a[4 * i + 3], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm512_shuffle_i64x2(b[i], b[4 + i], 0x88);
        r[4 + i] = _mm512_shuffle_i64x2(b[i], b[4 + i], 0xdd);
    }
}

#define G(a, b, c, d, x, y)                                                                        \
    do {                                                                                           \
        (a) = _mm512_add_epi64(_mm512_add_epi64(a, b), x);                                         \
        (d) = _mm512_ror_epi64(_mm512_xor_si512(d, a), 32);                                        \
        (c) = _mm512_add_epi64(c, d);                                                              \
        (b) = _mm512_ror_epi64(_mm512_xor_si512(b, c), 24);                                        \
        (a) = _mm512_add_epi64(_mm512_add_epi64(a, b), y);                                         \
        (d) = _mm512_ror_epi64(_mm512_xor_si512(d, a), 16);                                        \
        (c) = _mm512_add_epi64(c, d);                                                              \
        (b) = _mm512_ror_epi64(_mm512_xor_si512(b, c), 63);                                        \
    } while (0)

#define ROUND(s)                                                                                   \
    do {                                                                                           \
        G(v0, v4, v8, v12, m[sigma[s][0]], m[sigma[s][1]]);                                        \
        G(v1, v5, v9, v13, m[sigma[s][2]], m[sigma[s][3]]);                                        \
        G(v2, v6, v10, v14, m[sigma[s][4]], m[sigma[s][5]]);                                       \
        G(v3, v7, v11, v15, m[sigma[s][6]], m[sigma[s][7]]);                                       \
        G(v0, v5, v10, v15, m[sigma[s][8]], m[sigma[s][9]]);                                       \
        G(v1, v6, v11, v12, m[sigma[s][10]], m[sigma[s][11]]);                                     \
        G(v2, v7, v8, v13, m[sigma[s][12]], m[sigma[s][13]]);                                      \
        G(v3, v4, v9, v14, m[sigma[s][14]], m[sigma[s][15]]);                                      \
    } while (0)

/* One block of each text; H changes only in LIVE lanes.  COUNT: bytes so far, with this block; LAST:
 * all ones in lanes whose last block this is. */
__attribute__((target("avx512f"))) static void compress(__m512i h[8], const struct lane *lanes,
                                                        __m512i count, __m512i last, __mmask8 live)
{
    __m512i m[16];
    __m512i v0 = h[0], v1 = h[1], v2 = h[2], v3 = h[3], v4 = h[4], v5 = h[5], v6 = h[6], v7 = h[7];
    __m512i v8 = _mm512_set1_epi64((long long)iv[0]), v9 = _mm512_set1_epi64((long long)iv[1]);
    __m512i v10 = _mm512_set1_epi64((long long)iv[2]), v11 = _mm512_set1_epi64((long long)iv[3]);
    __m512i v12 = _mm512_xor_si512(_mm512_set1_epi64((long long)iv[4]), count);
    __m512i v13 = _mm512_set1_epi64((long long)iv[5]);
    __m512i v14 = _mm512_xor_si512(_mm512_set1_epi64((long long)iv[6]), last);
    __m512i v15 = _mm512_set1_epi64((long long)iv[7]);

    for (int i = 0; i < 8; i++) {
        m[i] = _mm512_loadu_si512(lanes[i].next);
        m[8 + i] = _mm512_loadu_si512(lanes[i].next + 64);
    }
    transpose(m);
    transpose(m + 8);
    ROUND(0);
    ROUND(1);
    ROUND(2);
    ROUND(3);
    ROUND(4);
    ROUND(5);
    ROUND(6);
    ROUND(7);
    ROUND(8);
    ROUND(9);
    ROUND(0);
    ROUND(1);
    h[0] = _mm512_mask_xor_epi64(h[0], live, h[0], _mm512_xor_si512(v0, v8));
    h[1] = _mm512_mask_xor_epi64(h[1], live, h[1], _mm512_xor_si512(v1, v9));
    h[2] = _mm512_mask_xor_epi64(h[2], live, h[2], _mm512_xor_si512(v2, v10));
    h[3] = _mm512_mask_xor_epi64(h[3], live, h[3], _mm512_xor_si512(v3, v11));
    h[4] = _mm512_mask_xor_epi64(h[4], live, h[4], _mm512_xor_si512(v4, v12));
    h[5] = _mm512_mask_xor_epi64(h[5], live, h[5], _mm512_xor_si512(v5, v13));
    h[6] = _mm512_mask_xor_epi64(h[6], live, h[6], _mm512_xor_si512(v6, v14));
    h[7] = _mm512_mask_xor_epi64(h[7], live, h[7], _mm512_xor_si512(v7, v15));
}

/* The last block of a text, whole or not, stands in PAD. */
static void lane_begin(struct lane *l, const unsigned char *data, size_t len)
{
    memset(l->pad, 0, BLOCK);
    l->next = data;
    l->left = len;
    if (len <= BLOCK) {
        if (len > 0)
            memcpy(l->pad, data, len);
        l->next = l->pad;
    }
}

/* Behind the block that was just taken. */
static void lane_advance(struct lane *l)
{
    l->next += BLOCK;
    l->left -= BLOCK;
    if (l->left <= BLOCK) {
        memcpy(l->pad, l->next, l->left);
        l->next = l->pad;
    }
}

__attribute__((target("avx512f"))) static void hash_avx512(const struct blake2b_text *texts, size_t n)
{
    struct lane lanes[BLAKE2B_LANES];
    uint64_t counts[BLAKE2B_LANES] = {0}, lasts[BLAKE2B_LANES], out[8][BLAKE2B_LANES];
    __m512i h[8];
    unsigned live = (1u << n) - 1;

    for (size_t i = 0; i < BLAKE2B_LANES; i++)
        lane_begin(&lanes[i], i < n ? texts[i].data : NULL, i < n ? texts[i].len : 0);
    for (int i = 0; i < 8; i++)
        h[i] = _mm512_set1_epi64((long long)iv[i]);
    h[0] = _mm512_xor_si512(h[0], _mm512_set1_epi64(0x01010000 ^ BLAKE2B_HASH));
    while (live != 0) {
        unsigned over = 0;

        for (unsigned i = 0; i < BLAKE2B_LANES; i++) {
            int ends = lanes[i].left <= BLOCK;

            if ((live >> i & 1) == 0)
                continue;
            counts[i] += ends ? lanes[i].left : BLOCK;
            lasts[i] = ends ? UINT64_MAX : 0;
            over |= (unsigned)ends << i;
        }
        compress(h, lanes, _mm512_loadu_si512(counts), _mm512_loadu_si512(lasts), (__mmask8)live);
        live &= ~over;
        for (unsigned i = 0; i < BLAKE2B_LANES; i++)
            if ((live >> i & 1) != 0)
                lane_advance(&lanes[i]);
    }
    for (int i = 0; i < 4; i++)
        _mm512_storeu_si512(out[i], h[i]);
    /* Little-endian words, as the machine holds them. */
    for (size_t i = 0; i < n; i++)
        for (size_t w = 0; w < 4; w++)
            memcpy(texts[i].hash + 8 * w, &out[w][i], 8);
}

void blake2b_hash(const struct blake2b_text *texts, size_t n)
{
    if (n > 2 && __builtin_cpu_supports("avx512f"))
        hash_avx512(texts, n);
    else
        blake2b_hash_portable(texts, n);
}

#else

void blake2b_hash(const struct blake2b_text *texts, size_t n)
{
    blake2b_hash_portable(texts, n);
}

#endif
