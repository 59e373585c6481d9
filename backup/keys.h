/*
 * keys: who may read a backup and who vouches for it.
 */
#ifndef MIG_BACKUP_KEYS_H
#define MIG_BACKUP_KEYS_H

#include <stddef.h>

#include "core/err.h"

struct keyring; /* own key(s), recipients, trusted signers; opaque */
struct key;
struct key_public;
struct secret;

void keyring_free(struct keyring *k);
/* -1 and a usable message (which flags or variables to set) where K cannot sign / cannot decrypt. */
int keyring_can_write(const struct keyring *k, struct err *err) MIG_MUST_CHECK;
int keyring_can_read(const struct keyring *k, struct err *err) MIG_MUST_CHECK;

/* Small sealed blobs under the same keys (the journal's plan, plan --save): signed and encrypted.
 * *OUT is owned. */
int keyring_seal(const struct keyring *k, const void *data, size_t len, unsigned char **out,
                 size_t *out_len, struct err *err) MIG_MUST_CHECK;
int keyring_open(const struct keyring *k, const void *data, size_t len, unsigned char **out,
                 size_t *out_len, struct err *err) MIG_MUST_CHECK;

/* The hint of whoever misses a key. */
#define KEYRING_HOW_TO_KEY                                                                     \
    "make one with `mig-backup keygen`, or say where it is: --key FILE, $MIG_KEY (the line "   \
    "itself), $MIG_KEY_FILE, --key-command"

/* Built by hand: keysource, tests, rekey. */
struct keyring *keyring_new(struct err *err) MIG_MUST_CHECK;
/* Protected keys that are added from now on stay locked: they only say whom to trust. */
void keyring_public_only(struct keyring *k);
/* A key's line; SOURCE names where it came from. */
int keyring_add_text(struct keyring *k, const char *text, size_t len, const char *source,
                     struct err *err) MIG_MUST_CHECK;
/* Takes KEY. */
int keyring_add_key(struct keyring *k, struct key *key, struct err *err) MIG_MUST_CHECK;
/* "mig-pub-...", "passphrase:FILE", or a file of public lines. */
int keyring_add_recipient(struct keyring *k, const char *text, struct err *err) MIG_MUST_CHECK;
/* "mig-pub-..." or a file of public lines. */
int keyring_add_trust(struct keyring *k, const char *text, struct err *err) MIG_MUST_CHECK;
int keyring_set_passphrase_file(struct keyring *k, const char *path, struct err *err)
    MIG_MUST_CHECK;

/* What the container asks.  All borrowed from K. */
const struct key *keyring_signer(const struct keyring *k); /* or NULL */
/* The Ith that a new file is encrypted to, or NULL past the last. */
const struct key_public *keyring_recipient(const struct keyring *k, size_t i);
const struct secret *keyring_recipient_passphrase(const struct keyring *k, size_t i);
/* The own key whose public box half is BOX, or NULL. */
const struct key *keyring_reader(const struct keyring *k, const unsigned char box[32]);
/* Own keys, by number, or NULL past the last. */
const struct key *keyring_key(const struct keyring *k, size_t i);
int keyring_trusts(const struct keyring *k, const unsigned char sign[32]);
/* From --passphrase-file, else the terminal; kept in K for the next file.  Borrowed.  QUIET: NULL
 * without an error where there is neither. */
const struct secret *keyring_passphrase(const struct keyring *k, const char *what, int quiet,
                                        struct err *err);

#endif
