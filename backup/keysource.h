/*
 * keysource: where a keyring's keys come from: flags, variables, mig.json, the default file.
 */
#ifndef MIG_BACKUP_KEYSOURCE_H
#define MIG_BACKUP_KEYSOURCE_H

#include "core/err.h"

struct keyring;
struct cli_common;
struct config;

/* Everything that --key, --key-command, $MIG_KEY, $MIG_KEY_FILE, mig.json and the default key file
 * say (the first of these that says something), --recipient and --trust.  Missing keys are
 * reported by whoever needs one, not here.  Either argument may be NULL. */
struct keyring *keyring_load(const struct cli_common *c, const struct config *config,
                             struct err *err) MIG_MUST_CHECK;
/* For whoever needs to know only whom to trust (list, prune): no passphrase is asked for; a protected
 * key counts by its public half. */
struct keyring *keyring_load_public(const struct cli_common *c, const struct config *config,
                                    struct err *err) MIG_MUST_CHECK;
/* ~/.config/mig/key, where keygen writes and keyring_load looks.  Owned. */
char *keyring_default_path(struct err *err) MIG_MUST_CHECK;

#endif
