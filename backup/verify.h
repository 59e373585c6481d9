/* verify: is this file whole, authentic, and does it hold what it says? */
#ifndef MIG_BACKUP_VERIFY_H
#define MIG_BACKUP_VERIFY_H

#include <stdint.h>

#include "core/err.h"

struct keyring;
struct conn;

struct verify_result {
    uint64_t tables, rows, bytes, frames;
    int decoded;   /* 0: no key here; structure, hashes and signature only */
    char *signer;
};

/* ERR_BACKUP names what is wrong and where. */
int verify_file(const char *path, const struct keyring *keys, struct verify_result *r,
                struct err *err) MIG_MUST_CHECK;
void verify_result_free(struct verify_result *r);

#endif
