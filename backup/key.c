#include "backup/key.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/format.h"
#include "core/seal.h"
#include "core/secret.h"

#define SECRET_PREFIX "mig-key-"
#define PUBLIC_PREFIX "mig-pub-"

enum {
    KIND_FULL = 1,
    KIND_SIGN = 2,
    KIND_PROTECTED = 16, /* added to the kind of what is inside */
    SUM = 4,
    SEED = 32,
    /* kind, passes, kib, salt, nonce, sign, box, sealed seed, sum */
    PROTECTED_LEN = 1 + 4 + 4 + 16 + 24 + 32 + 32 + SEED + 16 + SUM,
    PLAIN_LEN = 1 + SEED + SUM,
    PUBLIC_LEN = 1 + 32 + 32 + SUM,
    PASSES_MAX = 16,
    KIB_MAX = 1024 * 1024,
    TEXT_MAX = 512,
};

struct key {
    int kind;
    struct secret *seed, *sign, *box;
    struct key_public pub;
};

/* The sum finds typing errors and cut lines; it is no protection. */
static void sum(unsigned char *data, size_t len)
{
    unsigned char h[SEAL_HASH];
    struct seal_part part = {data, len};

    seal_hash(h, NULL, &part, 1);
    memcpy(data + len, h, SUM);
    sodium_memzero(h, sizeof(h));
}

static int sum_is_right(const unsigned char *data, size_t len)
{
    unsigned char h[SEAL_HASH];
    struct seal_part part = {data, len - SUM};
    int right;

    seal_hash(h, NULL, &part, 1);
    right = memcmp(h, data + len - SUM, SUM) == 0;
    sodium_memzero(h, sizeof(h));
    return right;
}

static int all_zero(const unsigned char *p, size_t len)
{
    return sodium_is_zero(p, len);
}

/* Takes SEED. */
static struct key *key_from_seed(struct secret *seed, int kind, struct err *err)
{
    static const unsigned char none[SEAL_HASH];
    struct key *k = calloc(1, sizeof(*k));
    struct secret *part = NULL;

    if (k == NULL) {
        secret_free(seed);
        err_oom(err);
        return NULL;
    }
    k->kind = kind;
    k->seed = seed;
    if ((part = seal_derive(seed, "mig sign", none, err)) == NULL ||
        (k->sign = secret_new(crypto_sign_SECRETKEYBYTES, err)) == NULL)
        goto fail;
    (void)crypto_sign_seed_keypair(k->pub.sign, secret_bytes(k->sign), secret_view(part));
    secret_free(part);
    part = NULL;
    if (kind == KIND_FULL) {
        if ((part = seal_derive(seed, "mig box", none, err)) == NULL ||
            (k->box = secret_new(crypto_box_SECRETKEYBYTES, err)) == NULL)
            goto fail;
        (void)crypto_box_seed_keypair(k->pub.box, secret_bytes(k->box), secret_view(part));
        secret_free(part);
    }
    return k;
fail:
    secret_free(part);
    key_free(k);
    return NULL;
}

struct key *key_generate(int sign_only, struct err *err)
{
    struct secret *seed = secret_random(SEED, err);

    return seed == NULL ? NULL : key_from_seed(seed, sign_only ? KIND_SIGN : KIND_FULL, err);
}

void key_free(struct key *k)
{
    if (k == NULL)
        return;
    secret_free(k->seed);
    secret_free(k->sign);
    secret_free(k->box);
    free(k);
}

struct secret *key_stretch(const struct secret *passphrase, const unsigned char salt[16],
                           const struct key_cost *cost, struct err *err)
{
    struct secret *out;

    if (cost->passes < 1 || cost->passes > PASSES_MAX || cost->kib < 8 || cost->kib > KIB_MAX) {
        err_set(err, ERR_BACKUP, "asks for %u passes over %u KiB to check a passphrase",
                cost->passes, cost->kib);
        err_hint(err, "at most %d passes over %d KiB are accepted: the file may be forged",
                 PASSES_MAX, KIB_MAX);
        return NULL;
    }
    if ((out = secret_new(SEAL_KEY, err)) == NULL)
        return NULL;
    if (crypto_pwhash(secret_bytes(out), SEAL_KEY, (const char *)secret_view(passphrase),
                      secret_len(passphrase), salt, cost->passes, (size_t)cost->kib * 1024,
                      crypto_pwhash_ALG_ARGON2ID13) != 0) {
        secret_free(out);
        err_set(err, ERR_FAILED, "cannot derive a key from the passphrase: %u MiB of memory are needed",
                cost->kib / 1024);
        return NULL;
    }
    return out;
}

struct secret *key_text(const struct key *k, const struct secret *passphrase,
                        const struct key_cost *cost, struct err *err)
{
    struct key_cost c = cost != NULL ? *cost : (struct key_cost){0};
    struct secret *raw = NULL, *wrap = NULL, *text = NULL;
    unsigned char *p;
    size_t len = passphrase != NULL ? PROTECTED_LEN : PLAIN_LEN, size;

    c.passes = c.passes != 0 ? c.passes : KEY_PASSES;
    c.kib = c.kib != 0 ? c.kib : KEY_KIB;
    if ((raw = secret_new(len, err)) == NULL)
        goto out;
    p = secret_bytes(raw);
    if (passphrase == NULL) {
        p[0] = (unsigned char)k->kind;
        memcpy(p + 1, secret_view(k->seed), SEED);
    } else {
        p[0] = (unsigned char)(k->kind + KIND_PROTECTED);
        format_put32(p + 1, c.passes);
        format_put32(p + 5, c.kib);
        randombytes_buf(p + 9, 16 + 24);
        memcpy(p + 49, k->pub.sign, 32);
        memcpy(p + 81, k->pub.box, 32);
        if ((wrap = key_stretch(passphrase, p + 9, &c, err)) == NULL)
            goto out;
        seal_close(p + 113, secret_view(k->seed), SEED, p, 113, p + 25, wrap);
    }
    sum(p, len - SUM);
    size = strlen(SECRET_PREFIX) +
           sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if ((text = secret_new(size, err)) == NULL)
        goto out;
    memcpy(secret_bytes(text), SECRET_PREFIX, strlen(SECRET_PREFIX));
    (void)sodium_bin2base64((char *)secret_bytes(text) + strlen(SECRET_PREFIX),
                            size - strlen(SECRET_PREFIX), p, len,
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
out:
    secret_free(raw);
    secret_free(wrap);
    return text;
}

static struct secret *unlock(const unsigned char *p, const char *source, key_ask *ask, void *context,
                             struct err *err)
{
    struct key_cost cost = {format_get32(p + 1), format_get32(p + 5)};
    struct secret *phrase = NULL, *wrap = NULL, *seed = NULL;
    char what[256];

    (void)snprintf(what, sizeof(what), "the key in %s", source);
    if (ask == NULL) {
        err_set(err, ERR_USAGE, "the key in %s is protected by a passphrase", source);
        goto out;
    }
    if ((phrase = ask(context, what, 0, err)) == NULL ||
        (wrap = key_stretch(phrase, p + 9, &cost, err)) == NULL)
        goto out;
    if ((seed = secret_new(SEED, err)) == NULL)
        goto out;
    if (seal_open(secret_bytes(seed), p + 113, SEED + SEAL_TAG, p, 113, p + 25, wrap) != 0) {
        secret_free(seed);
        seed = NULL;
        err_set(err, ERR_BACKUP, "the passphrase does not open the key in %s", source);
        err_hint(err, "type it again, or check the file that --passphrase-file names (a newline at its end does not count)");
    }
out:
    secret_free(phrase);
    secret_free(wrap);
    return seed;
}

/* The bytes of the line TEXT into RAW, which has room for TEXT_MAX; 0: it is no key line. */
static size_t decode_line(const char *text, size_t len, unsigned char *raw)
{
    size_t n = 0;

    if (len <= strlen(SECRET_PREFIX) || len > TEXT_MAX ||
        memcmp(text, SECRET_PREFIX, strlen(SECRET_PREFIX)) != 0 ||
        sodium_base642bin(raw, TEXT_MAX, text + strlen(SECRET_PREFIX), len - strlen(SECRET_PREFIX), NULL, &n,
                          NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        (n != PLAIN_LEN && n != PROTECTED_LEN) || !sum_is_right(raw, n))
        return 0;
    return n;
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && strchr(" \t\r\n", (*text)[*len - 1]) != NULL)
        (*len)--;
    while (*len > 0 && strchr(" \t\r\n", (*text)[0]) != NULL) {
        (*text)++;
        (*len)--;
    }
}

int key_protected_public(const char *text, size_t len, struct key_public *p)
{
    unsigned char raw[TEXT_MAX];
    int yes;

    trim(&text, &len);
    yes = decode_line(text, len, raw) == PROTECTED_LEN;
    if (yes) {
        memcpy(p->sign, raw + 49, 32);
        memcpy(p->box, raw + 81, 32);
    }
    sodium_memzero(raw, sizeof(raw));
    return yes;
}

struct key *key_parse(const char *text, size_t len, const char *source, key_ask *ask, void *context,
                      struct err *err)
{
    struct secret *raw = NULL, *seed = NULL;
    struct key *k = NULL;
    const char *what = NULL;
    unsigned char *p;
    size_t n = 0;
    int kind;

    trim(&text, &len);
    if (len == 0) {
        what = "is empty";
        goto out;
    }
    if (len > strlen(PUBLIC_PREFIX) && memcmp(text, PUBLIC_PREFIX, strlen(PUBLIC_PREFIX)) == 0) {
        what = "is a public key (mig-pub-...), where the secret one is needed";
        goto out;
    }
    if (len < strlen(SECRET_PREFIX) || memcmp(text, SECRET_PREFIX, strlen(SECRET_PREFIX)) != 0) {
        what = "is not a mig key: it does not begin with " SECRET_PREFIX;
        goto out;
    }
    if ((raw = secret_new(TEXT_MAX, err)) == NULL)
        goto out;
    p = secret_bytes(raw);
    if ((n = decode_line(text, len, p)) == 0) {
        what = "is damaged: characters are missing or wrong";
        goto out;
    }
    kind = p[0];
    if (n == PROTECTED_LEN && kind > KIND_PROTECTED) {
        kind -= KIND_PROTECTED;
        if (kind != KIND_FULL && kind != KIND_SIGN)
            goto unknown;
        if ((seed = unlock(p, source, ask, context, err)) == NULL)
            goto out;
    } else if (n == PLAIN_LEN && (kind == KIND_FULL || kind == KIND_SIGN)) {
        if ((seed = secret_copy(p + 1, SEED, err)) == NULL)
            goto out;
    } else {
        goto unknown;
    }
    k = key_from_seed(seed, kind, err);
    goto out;
unknown:
    what = "is of a kind that this program does not know";
out:
    secret_free(raw);
    if (what != NULL) {
        err_set(err, ERR_USAGE, "the key in %s %s", source, what);
        err_hint(err, "`mig-backup keygen` makes a key; it is one line that begins with " SECRET_PREFIX);
    }
    return k;
}

const struct key_public *key_public(const struct key *k)
{
    return &k->pub;
}

int key_can_read(const struct key *k)
{
    return k->box != NULL;
}

void key_sign(const struct key *k, const void *data, size_t len, unsigned char signature[64])
{
    (void)crypto_sign_detached(signature, NULL, data, len, secret_view(k->sign));
}

int key_verify(const unsigned char sign[32], const void *data, size_t len,
               const unsigned char signature[64])
{
    return crypto_sign_verify_detached(signature, data, len, sign);
}

int key_unseal(const struct key *k, unsigned char *out, const unsigned char *in, size_t len)
{
    if (k->box == NULL)
        return -1;
    return crypto_box_seal_open(out, in, len + crypto_box_SEALBYTES, k->pub.box, secret_view(k->box));
}

int key_public_can_read(const struct key_public *p)
{
    return !all_zero(p->box, sizeof(p->box));
}

int key_public_equal(const struct key_public *a, const struct key_public *b)
{
    return memcmp(a->sign, b->sign, 32) == 0 && memcmp(a->box, b->box, 32) == 0;
}

int key_public_seal(const struct key_public *p, unsigned char *out, const unsigned char *in,
                    size_t len)
{
    if (!key_public_can_read(p))
        return -1;
    return crypto_box_seal(out, in, len, p->box);
}

void key_public_text(const struct key_public *p, char out[KEY_PUBLIC_TEXT])
{
    unsigned char raw[PUBLIC_LEN];

    raw[0] = key_public_can_read(p) ? KIND_FULL : KIND_SIGN;
    memcpy(raw + 1, p->sign, 32);
    memcpy(raw + 33, p->box, 32);
    sum(raw, PUBLIC_LEN - SUM);
    memcpy(out, PUBLIC_PREFIX, strlen(PUBLIC_PREFIX));
    (void)sodium_bin2base64(out + strlen(PUBLIC_PREFIX), KEY_PUBLIC_TEXT - strlen(PUBLIC_PREFIX),
                            raw, sizeof(raw), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int key_public_parse(const char *text, struct key_public *p, struct err *err)
{
    unsigned char raw[PUBLIC_LEN + 3];
    size_t n = 0;

    memset(p, 0, sizeof(*p));
    if (strncmp(text, SECRET_PREFIX, strlen(SECRET_PREFIX)) == 0) {
        /* Not shown: it is a secret in the wrong place. */
        err_set(err, ERR_USAGE, "a secret key (mig-key-...) was given where a public one (mig-pub-...) is needed");
        err_hint(err, "that secret may now be in a shell history or a log: consider making a new key");
        return -1;
    }
    if (strncmp(text, PUBLIC_PREFIX, strlen(PUBLIC_PREFIX)) != 0 ||
        sodium_base642bin(raw, sizeof(raw), text + strlen(PUBLIC_PREFIX),
                          strlen(text + strlen(PUBLIC_PREFIX)), "\r\n\t ", &n, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        n != PUBLIC_LEN || !sum_is_right(raw, n) || (raw[0] != KIND_FULL && raw[0] != KIND_SIGN)) {
        err_set(err, ERR_USAGE, "\"%.200s\" is not a mig public key", text);
        err_hint(err, "it is one line that begins with " PUBLIC_PREFIX ", as `mig-backup keygen` printed it");
        return -1;
    }
    memcpy(p->sign, raw + 1, 32);
    memcpy(p->box, raw + 33, 32);
    if ((raw[0] == KIND_FULL) != key_public_can_read(p))
        return err_set(err, ERR_USAGE, "\"%.200s\" is not a mig public key", text);
    return 0;
}
