/* keyring_seal and keyring_open: small blobs, signed and encrypted. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "backup/format.h"
#include "backup/key.h"
#include "backup/keys.h"
#include "backup/slots.h"
#include "core/seal.h"
#include "core/secret.h"

/* 0 magic, 8 count of records, 12 zero, 16 id, 48 signer_sign, 80 signer_box, 112 nonce, 136 zero,
 * 144 records, then ciphertext and tag, then the signature of all before it. */
enum {
    COUNT = 8,
    ID = 16,
    SIGNER = 48,
    SIGNER_BOX = 80,
    NONCE = 112,
    FIXED = 144,
    SIGNATURE = 64,
    RECORDS_MAX = 1000,
};

static const unsigned char magic[8] = {'M', 'I', 'G', 'B', 'L', 'O', 'B', '1'};
static const char purpose[] = "mig blob v1";

/* The message that is signed: purpose, then LEN bytes.  Owned. */
static unsigned char *message(const unsigned char *data, size_t len, struct err *err)
{
    unsigned char *m = malloc(sizeof(purpose) + len);

    if (m == NULL) {
        err_oom(err);
        return NULL;
    }
    memcpy(m, purpose, sizeof(purpose));
    memcpy(m + sizeof(purpose), data, len);
    return m;
}

int keyring_seal(const struct keyring *k, const void *data, size_t len, unsigned char **out,
                 size_t *out_len, struct err *err)
{
    const struct key *signer = keyring_signer(k);
    struct secret *dek = NULL;
    unsigned char *records = NULL, *blob = NULL, *m = NULL, id[FORMAT_ID];
    uint32_t count = 0;
    size_t head, size = 0;
    int rc = -1;

    if (keyring_can_write(k, err) != 0 || (dek = secret_random(SEAL_KEY, err)) == NULL)
        goto out;
    randombytes_buf(id, sizeof(id));
    if ((records = slots_seal_all(k, dek, id, &count, err)) == NULL)
        goto out;
    head = FIXED + (size_t)count * FORMAT_RECORD;
    size = head + len + SEAL_TAG + SIGNATURE;
    if ((blob = calloc(1, size)) == NULL) {
        err_oom(err);
        goto out;
    }
    memcpy(blob, magic, sizeof(magic));
    format_put32(blob + COUNT, count);
    memcpy(blob + ID, id, sizeof(id));
    memcpy(blob + SIGNER, key_public(signer)->sign, 32);
    memcpy(blob + SIGNER_BOX, key_public(signer)->box, 32);
    seal_nonce(blob + NONCE);
    memcpy(blob + FIXED, records, (size_t)count * FORMAT_RECORD);
    seal_close(blob + head, data, len, blob, head, blob + NONCE, dek);
    if ((m = message(blob, size - SIGNATURE, err)) == NULL)
        goto out;
    key_sign(signer, m, sizeof(purpose) + size - SIGNATURE, blob + size - SIGNATURE);
    *out = blob;
    *out_len = size;
    blob = NULL;
    rc = 0;
out:
    secret_free(dek);
    free(records);
    free(blob);
    free(m);
    return rc;
}

int keyring_open(const struct keyring *k, const void *data, size_t len, unsigned char **out,
                 size_t *out_len, struct err *err)
{
    const unsigned char *blob = data;
    struct secret *dek = NULL;
    unsigned char *plain = NULL, *m = NULL;
    struct key_public signer;
    char text[KEY_PUBLIC_TEXT];
    uint32_t count;
    size_t head;
    int rc = -1;

    if (len < FIXED + SEAL_TAG + SIGNATURE || memcmp(blob, magic, sizeof(magic)) != 0)
        return err_set(err, ERR_BACKUP, "not something that mig encrypted, or cut off");
    count = format_get32(blob + COUNT);
    head = FIXED + (size_t)count * FORMAT_RECORD;
    if (count == 0 || count > RECORDS_MAX || len < head + SEAL_TAG + SIGNATURE)
        return err_set(err, ERR_BACKUP, "encrypted data is cut off");
    memcpy(signer.sign, blob + SIGNER, 32);
    memcpy(signer.box, blob + SIGNER_BOX, 32);
    if ((m = message(blob, len - SIGNATURE, err)) == NULL)
        goto out;
    if (key_verify(signer.sign, m, sizeof(purpose) + len - SIGNATURE, blob + len - SIGNATURE) != 0) {
        err_set(err, ERR_BACKUP, "encrypted data is damaged or forged: its signature does not match");
        goto out;
    }
    if ((dek = slots_open(blob + FIXED, count, blob + ID, k, "the encrypted data", err)) == NULL)
        goto out;
    if (!keyring_trusts(k, signer.sign)) {
        key_public_text(&signer, text);
        err_set(err, ERR_BACKUP, "encrypted data was signed by %s, which is not trusted here", text);
        err_hint(err, "if that signer is known to you: --trust %s", text);
        goto out;
    }
    *out_len = len - SIGNATURE - SEAL_TAG - head;
    if ((plain = malloc(*out_len + 1)) == NULL) {
        err_oom(err);
        goto out;
    }
    if (seal_open(plain, blob + head, *out_len + SEAL_TAG, blob, head, blob + NONCE, dek) != 0) {
        err_set(err, ERR_BACKUP, "encrypted data does not decrypt: its tag does not match");
        goto out;
    }
    plain[*out_len] = '\0';
    *out = plain;
    plain = NULL;
    rc = 0;
out:
    secret_free(dek);
    free(plain);
    free(m);
    return rc;
}
