#include "backup/keys.h"

#include <stdlib.h>
#include <string.h>

#include "backup/key.h"
#include "backup/keyfile.h"
#include "backup/passphrase.h"
#include "core/buf.h"
#include "core/secret.h"

enum { LIST_FILE_MAX = 1 << 20 };

struct keyring {
    struct key **keys;
    size_t nkeys;
    struct key_public *recipients;
    size_t nrecipients;
    struct secret **passphrases; /* of recipients */
    size_t npassphrases;
    unsigned char (*trusted)[32];
    size_t ntrusted;
    char *passphrase_file;
    struct secret *passphrase; /* what was read or typed last */
    int public_only;           /* protected keys stay locked: they only say whom to trust */
};

struct keyring *keyring_new(struct err *err)
{
    struct keyring *k = calloc(1, sizeof(*k));

    if (k == NULL)
        err_oom(err);
    return k;
}

void keyring_public_only(struct keyring *k)
{
    k->public_only = 1;
}

void keyring_free(struct keyring *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < k->nkeys; i++)
        key_free(k->keys[i]);
    for (size_t i = 0; i < k->npassphrases; i++)
        secret_free(k->passphrases[i]);
    free(k->keys);
    free(k->recipients);
    free(k->passphrases);
    free(k->trusted);
    free(k->passphrase_file);
    secret_free(k->passphrase);
    free(k);
}

/* Room for one more item of SIZE bytes; the slot, or NULL. */
static void *grow(void **items, size_t *count, size_t size, struct err *err)
{
    void *bigger = realloc(*items, (*count + 1) * size);

    if (bigger == NULL) {
        err_oom(err);
        return NULL;
    }
    *items = bigger;
    return (char *)bigger + (*count)++ * size;
}

static int add_trusted(struct keyring *k, const unsigned char sign[32], struct err *err)
{
    void *items = k->trusted;
    void *slot;

    if (keyring_trusts(k, sign))
        return 0;
    if ((slot = grow(&items, &k->ntrusted, 32, err)) == NULL)
        return -1;
    k->trusted = items;
    memcpy(slot, sign, 32);
    return 0;
}

int keyring_add_key(struct keyring *k, struct key *key, struct err *err)
{
    void *items = k->keys;
    struct key **slot;

    if (add_trusted(k, key_public(key)->sign, err) != 0 ||
        (slot = grow(&items, &k->nkeys, sizeof(*slot), err)) == NULL) {
        key_free(key);
        return -1;
    }
    k->keys = items;
    *slot = key;
    return 0;
}

const struct secret *keyring_passphrase(const struct keyring *ring, const char *what, int quiet,
                                        struct err *err)
{
    /* Remembering what was typed changes nothing that a caller can see. */
    struct keyring *k = NULL;
    struct secret *s;

    memcpy(&k, &ring, sizeof(ring));
    if (k->passphrase != NULL)
        return k->passphrase;
    s = k->passphrase_file != NULL ? passphrase_from_file(k->passphrase_file, err)
                                   : passphrase_from_terminal("Passphrase of", what, err);
    if (s == NULL && err->kind == ERR_NONE && !quiet) {
        err_set(err, ERR_USAGE, "%s needs a passphrase, and there is no terminal to ask for it", what);
        err_hint(err, "--passphrase-file FILE names a file that holds it");
    }
    k->passphrase = s;
    return s;
}

/* key_ask for protected keys. */
static struct secret *ask(void *context, const char *what, int confirm, struct err *err)
{
    const struct keyring *k = context;
    const struct secret *s = keyring_passphrase(k, what, 0, err);

    (void)confirm;
    return s == NULL ? NULL : secret_copy(secret_view(s), secret_len(s), err);
}

int keyring_add_text(struct keyring *k, const char *text, size_t len, const char *source,
                     struct err *err)
{
    struct key_public p;
    struct key *key;

    if (k->public_only && key_protected_public(text, len, &p))
        return add_trusted(k, p.sign, err);
    key = key_parse(text, len, source, ask, k, err);
    return key == NULL ? -1 : keyring_add_key(k, key, err);
}

int keyring_set_passphrase_file(struct keyring *k, const char *path, struct err *err)
{
    char *copy = strdup(path);

    if (copy == NULL)
        return err_oom(err);
    free(k->passphrase_file);
    k->passphrase_file = copy;
    return 0;
}

static int add_recipient_public(struct keyring *k, const struct key_public *p, struct err *err)
{
    void *items = k->recipients;
    struct key_public *slot;
    char text[KEY_PUBLIC_TEXT];

    if (!key_public_can_read(p)) {
        key_public_text(p, text);
        err_set(err, ERR_USAGE, "%s is a key for signing only: it can read nothing", text);
        err_hint(err, "name the public line of a key that was made without --sign-only");
        return -1;
    }
    for (size_t i = 0; i < k->nrecipients; i++)
        if (key_public_equal(&k->recipients[i], p))
            return 0;
    if ((slot = grow(&items, &k->nrecipients, sizeof(*slot), err)) == NULL)
        return -1;
    k->recipients = items;
    *slot = *p;
    return 0;
}

/* Each public line of TEXT, which is one or names a file of them, to ADD. */
static int each_public(struct keyring *k, const char *text,
                       int (*add)(struct keyring *, const struct key_public *, struct err *),
                       struct err *err)
{
    struct buf b = {0};
    struct key_public p;
    char *line, *save = NULL;
    int rc = -1, n = 0;

    if (strncmp(text, "mig-", 4) == 0)
        return key_public_parse(text, &p, err) != 0 ? -1 : add(k, &p, err);
    if (keyfile_read(&b, text, "file of public keys", LIST_FILE_MAX, 0, err) != 0) {
        err_hint(err, "a public key is one line that begins with mig-pub-");
        goto out;
    }
    for (line = strtok_r(b.data, "\r\n", &save); line != NULL; line = strtok_r(NULL, "\r\n", &save)) {
        line += strspn(line, " \t");
        if (line[0] == '\0' || line[0] == '#')
            continue;
        line[strcspn(line, " \t")] = '\0';
        if (key_public_parse(line, &p, err) != 0) {
            err_prefix(err, "\"%s\"", text);
            goto out;
        }
        if (add(k, &p, err) != 0)
            goto out;
        n++;
    }
    if (n == 0) {
        err_set(err, ERR_USAGE, "\"%s\" holds no public key", text);
        goto out;
    }
    rc = 0;
out:
    buf_free(&b);
    return rc;
}

int keyring_add_recipient(struct keyring *k, const char *text, struct err *err)
{
    static const char prefix[] = "passphrase:";
    void *items = k->passphrases;
    struct secret **slot, *phrase;

    if (strncmp(text, prefix, strlen(prefix)) != 0)
        return each_public(k, text, add_recipient_public, err);
    if ((phrase = passphrase_from_file(text + strlen(prefix), err)) == NULL)
        return -1;
    if ((slot = grow(&items, &k->npassphrases, sizeof(*slot), err)) == NULL) {
        secret_free(phrase);
        return -1;
    }
    k->passphrases = items;
    *slot = phrase;
    return 0;
}

static int trust_public(struct keyring *k, const struct key_public *p, struct err *err)
{
    return add_trusted(k, p->sign, err);
}

int keyring_add_trust(struct keyring *k, const char *text, struct err *err)
{
    return each_public(k, text, trust_public, err);
}

const struct key *keyring_signer(const struct keyring *k)
{
    return k->nkeys > 0 ? k->keys[0] : NULL;
}

const struct key *keyring_key(const struct keyring *k, size_t i)
{
    return i < k->nkeys ? k->keys[i] : NULL;
}

const struct key_public *keyring_recipient(const struct keyring *k, size_t i)
{
    if (k->nrecipients > 0 || k->npassphrases > 0)
        return i < k->nrecipients ? &k->recipients[i] : NULL;
    /* None named: whoever writes reads too. */
    for (size_t n = 0; i == 0 && n < k->nkeys; n++)
        if (key_can_read(k->keys[n]))
            return key_public(k->keys[n]);
    return NULL;
}

const struct secret *keyring_recipient_passphrase(const struct keyring *k, size_t i)
{
    return i < k->npassphrases ? k->passphrases[i] : NULL;
}

const struct key *keyring_reader(const struct keyring *k, const unsigned char box[32])
{
    for (size_t i = 0; i < k->nkeys; i++)
        if (key_can_read(k->keys[i]) && memcmp(key_public(k->keys[i])->box, box, 32) == 0)
            return k->keys[i];
    return NULL;
}

int keyring_trusts(const struct keyring *k, const unsigned char sign[32])
{
    for (size_t i = 0; i < k->ntrusted; i++)
        if (memcmp(k->trusted[i], sign, 32) == 0)
            return 1;
    return 0;
}

int keyring_can_write(const struct keyring *k, struct err *err)
{
    if (k->nkeys == 0) {
        err_set(err, ERR_USAGE, "no key to sign the backup with");
        err_hint(err, "%s", KEYRING_HOW_TO_KEY);
        return -1;
    }
    if (keyring_recipient(k, 0) == NULL && k->npassphrases == 0) {
        err_set(err, ERR_USAGE, "nobody to encrypt the backup to: the key signs only");
        err_hint(err, "name who may read it: --recipient mig-pub-..., or backup.recipients in mig.json");
        return -1;
    }
    return 0;
}

int keyring_can_read(const struct keyring *k, struct err *err)
{
    for (size_t i = 0; i < k->nkeys; i++)
        if (key_can_read(k->keys[i]))
            return 0;
    /* A passphrase alone may open a file too; the signer must then be trusted by name. */
    if (k->passphrase_file != NULL || k->passphrase != NULL)
        return 0;
    if (k->nkeys > 0) {
        err_set(err, ERR_USAGE, "the key here signs only: it cannot read a backup");
        err_hint(err, "--key FILE names the key of a recipient");
    } else {
        err_set(err, ERR_USAGE, "no key to read the backup with");
        err_hint(err, "say where it is: --key FILE, $MIG_KEY (the line itself), $MIG_KEY_FILE, --key-command");
    }
    return -1;
}
