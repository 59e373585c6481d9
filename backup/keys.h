/*
 * keys: who may read a backup and who vouches for it.
 */
#ifndef MIG_BACKUP_KEYS_H
#define MIG_BACKUP_KEYS_H

#include <stddef.h>

#include "core/err.h"

struct keyring; /* own key(s), recipients, trusted signers; opaque */
struct cli_common;
struct config;

/* Everything that --key, $MIG_KEY, $MIG_KEY_FILE, --key-command, --recipient, --trust and mig.json
 * say.  Missing keys are reported by whoever needs one, not here. */
struct keyring *keyring_load(const struct cli_common *c, const struct config *config,
                             struct err *err) MIG_MUST_CHECK;
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

#endif
