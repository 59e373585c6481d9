/* keygen: a new key, into a file that others cannot read. */
#ifndef MIG_BACKUP_KEYGEN_H
#define MIG_BACKUP_KEYGEN_H

#include <stdio.h>

#include "core/err.h"

struct keygen_options {
    const char *path;            /* NULL: ~/.config/mig/key; "-": the key on OUT, the public line on ERROUT */
    int sign_only, protect;
    const char *passphrase_file; /* with PROTECT; NULL: the terminal */
};

/* The public line goes to OUT, where the key is goes to ERROUT.  Never overwrites. */
int keygen_run(const struct keygen_options *o, FILE *out, FILE *errout, struct err *err)
    MIG_MUST_CHECK;

#endif
