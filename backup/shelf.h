/*
 * shelf: the folder where backups stand; found, listed, pruned by their clear, signed labels.
 */
#ifndef MIG_BACKUP_SHELF_H
#define MIG_BACKUP_SHELF_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "core/err.h"

struct keyring;

struct shelf_entry {
    char *path, *name;
    char archive_id[65];
    char *created, *database, *environment, *purpose, *reason, *system_id;
    char **from, **to;  /* version rows, NULL-terminated */
    time_t when;
    uint64_t bytes;
    char *signer;
    int trusted;        /* the label's signature is good and its signer is trusted */
    char *problem;      /* "no footer: incomplete", "signature does not match", or NULL */
};

struct shelf {
    struct shelf_entry *entries; /* newest first */
    size_t count;
};

struct shelf *shelf_read(const char *dir, const struct keyring *keys, struct err *err) MIG_MUST_CHECK;
void shelf_free(struct shelf *s);
/* FILE is a path, a name, a unique id prefix, or "latest" (of DATABASE; NULL: of any).  Owned path. */
char *shelf_find(const char *dir, const char *file, const char *database, struct err *err)
    MIG_MUST_CHECK;
/* DIR made 0700 with a .gitignore where it is missing. */
int shelf_make(const char *dir, struct err *err) MIG_MUST_CHECK;

/* DIR/DATABASE_PURPOSE_20261120T103000Z_ID8.mig.  Owned. */
char *shelf_name(const char *dir, const char *database, const char *purpose, const char *created,
                 const char *archive_id, struct err *err) MIG_MUST_CHECK;

#endif
