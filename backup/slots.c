#include "backup/slots.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/key.h"
#include "backup/keys.h"
#include "core/seal.h"
#include "core/secret.h"

/* Box record: 0 type, 1 zero, 8 sign, 40 box, 72 sealed data key and archive id (112), 184 zero.
 * Passphrase record: 0 type, 1 zero, 8 passes, 12 kib, 16 salt, 32 nonce, 56 sealed data key (48),
 * 104 zero. */
enum {
    BOX_SIGN = 8,
    BOX_BOX = 40,
    BOX_SEALED = 72,
    BOX_PLAIN = 64,
    PHRASE_PASSES = 8,
    PHRASE_KIB = 12,
    PHRASE_SALT = 16,
    PHRASE_NONCE = 32,
    PHRASE_SEALED = 56,
    DEK = 32,
};

/* Passes times KiB that one file's passphrase slots may cost together: 24 of the usual ones. */
#define COST_MAX ((uint64_t)24 * KEY_PASSES * KEY_KIB)

int slots_keys_derive(struct slots_keys *k, struct secret *dek,
                      const unsigned char context[FORMAT_HASH], struct err *err)
{
    struct secret *commitment = NULL;

    memset(k, 0, sizeof(*k));
    k->dek = dek;
    if ((k->data = seal_derive(dek, "mig data", context, err)) == NULL ||
        (k->manifest = seal_derive(dek, "mig manifest", context, err)) == NULL ||
        (k->footer_mac = seal_derive(dek, "mig footer mac", context, err)) == NULL ||
        (k->slots_mac = seal_derive(dek, "mig slots mac", context, err)) == NULL ||
        (commitment = seal_derive(dek, "mig commitment", context, err)) == NULL) {
        slots_keys_free(k);
        return -1;
    }
    memcpy(k->commitment, secret_view(commitment), sizeof(k->commitment));
    secret_free(commitment);
    return 0;
}

void slots_keys_free(struct slots_keys *k)
{
    secret_free(k->dek);
    secret_free(k->data);
    secret_free(k->manifest);
    secret_free(k->footer_mac);
    secret_free(k->slots_mac);
    memset(k, 0, sizeof(*k));
}

int slots_seal_box(unsigned char *record, const struct key_public *p, const struct secret *dek,
                   const unsigned char id[FORMAT_ID], struct err *err)
{
    unsigned char plain[BOX_PLAIN];
    char text[KEY_PUBLIC_TEXT];
    int rc;

    memset(record, 0, FORMAT_RECORD);
    record[0] = FORMAT_RECORD_BOX;
    memcpy(record + BOX_SIGN, p->sign, 32);
    memcpy(record + BOX_BOX, p->box, 32);
    memcpy(plain, secret_view(dek), DEK);
    memcpy(plain + DEK, id, FORMAT_ID);
    rc = key_public_seal(p, record + BOX_SEALED, plain, sizeof(plain));
    sodium_memzero(plain, sizeof(plain));
    if (rc != 0) {
        key_public_text(p, text);
        return err_set(err, ERR_USAGE, "cannot encrypt to %s: it is not a usable public key", text);
    }
    return 0;
}

int slots_seal_passphrase(unsigned char *record, const struct secret *phrase,
                          const struct key_cost *cost, const struct secret *dek,
                          const unsigned char id[FORMAT_ID], struct err *err)
{
    struct key_cost c = cost != NULL ? *cost : (struct key_cost){0};
    unsigned char aad[FORMAT_ID + PHRASE_SEALED];
    struct secret *wrap;

    c.passes = c.passes != 0 ? c.passes : KEY_PASSES;
    c.kib = c.kib != 0 ? c.kib : KEY_KIB;
    memset(record, 0, FORMAT_RECORD);
    record[0] = FORMAT_RECORD_PASSPHRASE;
    format_put32(record + PHRASE_PASSES, c.passes);
    format_put32(record + PHRASE_KIB, c.kib);
    randombytes_buf(record + PHRASE_SALT, 16 + SEAL_NONCE);
    if ((wrap = key_stretch(phrase, record + PHRASE_SALT, &c, err)) == NULL)
        return -1;
    memcpy(aad, id, FORMAT_ID);
    memcpy(aad + FORMAT_ID, record, PHRASE_SEALED);
    seal_close(record + PHRASE_SEALED, secret_view(dek), DEK, aad, sizeof(aad),
               record + PHRASE_NONCE, wrap);
    secret_free(wrap);
    return 0;
}

unsigned char *slots_seal_all(const struct keyring *k, const struct secret *dek,
                              const unsigned char id[FORMAT_ID], uint32_t *count, struct err *err)
{
    const struct key_public *p;
    const struct secret *phrase;
    unsigned char *records;
    size_t n = 0, i;

    while (keyring_recipient(k, n) != NULL)
        n++;
    for (i = 0; keyring_recipient_passphrase(k, i) != NULL; i++)
        n++;
    if ((records = calloc(n + 1, FORMAT_RECORD)) == NULL) {
        err_oom(err);
        return NULL;
    }
    *count = 0;
    for (i = 0; (p = keyring_recipient(k, i)) != NULL; i++)
        if (slots_seal_box(records + (*count)++ * FORMAT_RECORD, p, dek, id, err) != 0)
            goto fail;
    for (i = 0; (phrase = keyring_recipient_passphrase(k, i)) != NULL; i++)
        if (slots_seal_passphrase(records + (*count)++ * FORMAT_RECORD, phrase, NULL, dek, id,
                                  err) != 0)
            goto fail;
    return records;
fail:
    free(records);
    return NULL;
}

int slots_record_public(const unsigned char *record, struct key_public *p)
{
    if (record[0] != FORMAT_RECORD_BOX)
        return 0;
    memcpy(p->sign, record + BOX_SIGN, 32);
    memcpy(p->box, record + BOX_BOX, 32);
    return 1;
}

size_t slots_size_for(uint32_t count)
{
    size_t size = FORMAT_SLOTS_MIN;

    /* Room for eight more, so that rekey seldom has to say no. */
    while (size <= FORMAT_SLOTS_MAX && (size - FORMAT_SLOTS_FIXED) / FORMAT_RECORD < count + 8U)
        size += FORMAT_ALIGN;
    return size <= FORMAT_SLOTS_MAX ? size : 0;
}

static void mac(unsigned char out[32], const unsigned char *copy, size_t size,
                const struct slots_keys *keys)
{
    struct seal_part part = {copy, format_slots_mac_len(size)};

    seal_hash(out, keys->slots_mac, &part, 1);
}

void slots_encode(unsigned char *out, size_t size, uint64_t generation,
                  const unsigned char *records, uint32_t count, const struct slots_keys *keys)
{
    struct format_slots s = {.generation = generation, .count = count, .records = records};

    memcpy(s.commitment, keys->commitment, sizeof(s.commitment));
    format_slots_encode(&s, out, size);
    mac(s.mac, out, size, keys);
    format_slots_encode(&s, out, size);
}

static struct secret *open_box(const unsigned char *record, const unsigned char id[FORMAT_ID],
                               const struct key *key, struct err *err)
{
    unsigned char plain[BOX_PLAIN];
    struct secret *dek = NULL;

    if (key_unseal(key, plain, record + BOX_SEALED, sizeof(plain)) != 0 ||
        memcmp(plain + DEK, id, FORMAT_ID) != 0)
        err_set(err, ERR_BACKUP, "the key slot for this key does not open: it is damaged or was taken from another file");
    else
        dek = secret_copy(plain, DEK, err);
    sodium_memzero(plain, sizeof(plain));
    return dek;
}

static struct secret *open_passphrase(const unsigned char *record,
                                      const unsigned char id[FORMAT_ID],
                                      const struct secret *phrase, struct err *err)
{
    struct key_cost cost = {format_get32(record + PHRASE_PASSES), format_get32(record + PHRASE_KIB)};
    unsigned char aad[FORMAT_ID + PHRASE_SEALED];
    struct secret *wrap, *dek;

    if ((wrap = key_stretch(phrase, record + PHRASE_SALT, &cost, err)) == NULL)
        return NULL;
    memcpy(aad, id, FORMAT_ID);
    memcpy(aad + FORMAT_ID, record, PHRASE_SEALED);
    if ((dek = secret_new(DEK, err)) != NULL &&
        seal_open(secret_bytes(dek), record + PHRASE_SEALED, DEK + SEAL_TAG, aad, sizeof(aad),
                  record + PHRASE_NONCE, wrap) != 0) {
        secret_free(dek);
        dek = NULL;
        err_set(err, ERR_BACKUP, "the passphrase does not open the backup");
        err_hint(err, "type it again, or check the file that --passphrase-file names");
    }
    secret_free(wrap);
    return dek;
}

static void wrong_key(const unsigned char *records, uint32_t count, const struct keyring *k,
                      struct err *err)
{
    struct key_public p;
    char text[KEY_PUBLIC_TEXT], own[KEY_PUBLIC_TEXT] = "none";
    char list[512] = "";
    size_t len = 0;
    uint32_t i;

    for (i = 0; i < count && len < sizeof(list) - KEY_PUBLIC_TEXT - 16; i++) {
        if (slots_record_public(records + (size_t)i * FORMAT_RECORD, &p))
            key_public_text(&p, text);
        else
            (void)snprintf(text, sizeof(text), "a passphrase");
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len > 0 ? ", " : "", text);
    }
    if (keyring_key(k, 0) != NULL)
        key_public_text(key_public(keyring_key(k, 0)), own);
    err_set(err, ERR_BACKUP, "wrong key: the backup is encrypted to %s%s", list, i < count ? ", ..." : "");
    err_detail(err, "the key here: %s", own);
    err_hint(err, "--key FILE names the key of one of them; --passphrase-file FILE a passphrase");
}

int slots_may_open(const unsigned char *records, uint32_t count, const struct keyring *k,
                   struct err *err)
{
    struct key_public p;

    for (uint32_t i = 0; i < count; i++)
        if (!slots_record_public(records + (size_t)i * FORMAT_RECORD, &p) ||
            keyring_reader(k, p.box) != NULL)
            return 0;
    wrong_key(records, count, k, err);
    return -1;
}

struct secret *slots_open(const unsigned char *records, uint32_t count,
                          const unsigned char id[FORMAT_ID], const struct keyring *k,
                          const char *what, struct err *err)
{
    const struct secret *phrase = NULL;
    struct secret *dek = NULL;
    struct err box = {0}, last = {0};
    struct key_public p;
    uint64_t cost = 0;
    int phrases = 0;

    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *record = records + (size_t)i * FORMAT_RECORD;
        const struct key *key;

        if (!slots_record_public(record, &p)) {
            uint64_t one = (uint64_t)format_get32(record + PHRASE_PASSES) *
                           format_get32(record + PHRASE_KIB);

            phrases++;
            cost = one > COST_MAX || cost > COST_MAX ? COST_MAX + 1 : cost + one;
            continue;
        }
        if ((key = keyring_reader(k, p.box)) != NULL &&
            (dek = open_box(record, id, key, &box)) != NULL)
            return dek;
    }
    /* One slot's cost is capped (key_stretch); hundreds of them could still keep us busy for hours. */
    if (cost > COST_MAX) {
        err_set(err, ERR_BACKUP, "demands too much work to try a passphrase on its %d slots", phrases);
        err_hint(err, "somebody may have put them there; the key of another recipient opens the file: --key FILE");
        return NULL;
    }
    if (phrases > 0 && (phrase = keyring_passphrase(k, what, 1, err)) == NULL && err->kind != ERR_NONE)
        return NULL;
    for (uint32_t i = 0; phrase != NULL && i < count; i++) {
        const unsigned char *record = records + (size_t)i * FORMAT_RECORD;

        if (record[0] != FORMAT_RECORD_PASSPHRASE)
            continue;
        err_clear(&last);
        if ((dek = open_passphrase(record, id, phrase, &last)) != NULL)
            return dek;
    }
    if (box.kind != ERR_NONE)
        *err = box;
    else if (last.kind != ERR_NONE)
        *err = last;
    else
        wrong_key(records, count, k, err);
    return NULL;
}

void slots_pair_decode(struct slots_pair *p, const unsigned char *area, size_t size)
{
    memset(p, 0, sizeof(*p));
    p->best = -1;
    for (int i = 0; i < 2; i++) {
        if (format_slots_decode(area + (size_t)i * size, size, &p->copy[i], &p->problem[i]) != 0)
            continue;
        if (p->best < 0 || p->copy[i].generation > p->copy[p->best].generation)
            p->best = i;
    }
}

int slots_check(const struct slots_pair *p, int i, const unsigned char *area, size_t size,
                const struct slots_keys *keys, struct err *err)
{
    unsigned char expected[32];

    if (sodium_memcmp(p->copy[i].commitment, keys->commitment, 32) != 0)
        return err_set(err, ERR_BACKUP, "the key commitment in slot copy %c does not match the data key",
                       'A' + i);
    mac(expected, area + (size_t)i * size, size, keys);
    if (sodium_memcmp(expected, p->copy[i].mac, 32) != 0)
        return err_set(err, ERR_BACKUP, "slot copy %c was changed by someone without the data key",
                       'A' + i);
    return 0;
}
