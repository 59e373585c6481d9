/*
 * key: one key, secret or public, and the line of text that it is.
 *
 * A secret key is one 32-byte seed, from which an X25519 pair (reads backups)
 * and an Ed25519 pair (signs them) are derived; a key for signing only has no
 * X25519 half.  Lines: mig-key-..., mig-pub-... (docs/FORMAT.md).
 */
#ifndef MIG_BACKUP_KEY_H
#define MIG_BACKUP_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct key;
struct secret;

enum {
    KEY_PUBLIC_TEXT = 128,
    KEY_SEALED = 48,       /* what a sealed box adds */
    KEY_PASSES = 3,        /* Argon2id, unless a cost is given */
    KEY_KIB = 256 * 1024,
};

struct key_public {
    unsigned char sign[32];
    unsigned char box[32]; /* all zero: for signing only */
};

/* What Argon2id may cost.  Zeroed: 3 passes over 256 MiB. */
struct key_cost {
    uint32_t passes, kib;
};

/* Why a passphrase is asked for, given to whoever asks: "key file \"x\"".  Owned. */
typedef struct secret *key_ask(void *context, const char *what, int confirm, struct err *err);

struct key *key_generate(int sign_only, struct err *err) MIG_MUST_CHECK;
/* SOURCE names where TEXT came from, for errors.  ASK unlocks a protected key; NULL: such a key is
 * an error. */
struct key *key_parse(const char *text, size_t len, const char *source, key_ask *ask, void *context,
                      struct err *err) MIG_MUST_CHECK;
/* 1: TEXT is a protected key, and P its public half as it stands beside it in the clear (nobody has
 * vouched for that but the file's owner); 0: it is not. */
int key_protected_public(const char *text, size_t len, struct key_public *p);
/* The line, without a newline; protected by PASSPHRASE where it is not NULL. */
struct secret *key_text(const struct key *k, const struct secret *passphrase,
                        const struct key_cost *cost, struct err *err) MIG_MUST_CHECK;
void key_free(struct key *k);

/* Borrowed. */
const struct key_public *key_public(const struct key *k);
int key_can_read(const struct key *k);
void key_sign(const struct key *k, const void *data, size_t len, unsigned char signature[64]);
/* What was sealed for K: LEN + KEY_SEALED bytes at IN become LEN.  -1: not for K, or changed. */
int key_unseal(const struct key *k, unsigned char *out, const unsigned char *in, size_t len)
    MIG_MUST_CHECK;

int key_public_parse(const char *text, struct key_public *p, struct err *err) MIG_MUST_CHECK;
void key_public_text(const struct key_public *p, char out[KEY_PUBLIC_TEXT]);
int key_public_can_read(const struct key_public *p);
int key_public_equal(const struct key_public *a, const struct key_public *b);
/* -1: P cannot read, or is no point of the curve. */
int key_public_seal(const struct key_public *p, unsigned char *out, const unsigned char *in,
                    size_t len) MIG_MUST_CHECK;
int key_verify(const unsigned char sign[32], const void *data, size_t len,
               const unsigned char signature[64]) MIG_MUST_CHECK;

/* 32 bytes from a passphrase by Argon2id.  A file that demands more than 16 passes or 1 GiB is
 * refused (ERR_BACKUP). */
struct secret *key_stretch(const struct secret *passphrase, const unsigned char salt[16],
                           const struct key_cost *cost, struct err *err) MIG_MUST_CHECK;

#endif
