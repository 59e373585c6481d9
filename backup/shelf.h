/*
 * shelf: the folder where backups stand; found, listed, pruned by their clear, signed labels.
 */
#ifndef MIG_BACKUP_SHELF_H
#define MIG_BACKUP_SHELF_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "core/err.h"

struct keyring;

struct shelf_entry {
    char *path, *name;  /* name: the file's, without its folder */
    char archive_id[65];
    char *created, *database, *environment, *purpose, *reason, *system_id;
    char *label;        /* what --name said, or NULL */
    char **from, **to;  /* version rows, NULL-terminated */
    time_t when;        /* of the label; of the file where the label cannot be read */
    struct timespec written; /* the file's own time */
    uint64_t bytes;
    char *signer;
    int trusted;        /* the label's signature is good and its signer is trusted */
    char *problem;      /* "no footer: incomplete", "signature does not match", or NULL */
};

struct shelf {
    struct shelf_entry *entries; /* newest first */
    size_t count;
};

/* A DIR that does not exist is an empty shelf.  KEYS may be NULL: nobody is trusted. */
struct shelf *shelf_read(const char *dir, const struct keyring *keys, struct err *err) MIG_MUST_CHECK;
void shelf_free(struct shelf *s);
/* Whose backups "latest" and ids are looked for.  Zeroed: anybody's. */
struct shelf_whose {
    const struct keyring *keys; /* who else put files there does not count, unless there is nothing else */
    const char *database;       /* NULL: the only one that the shelf has backups of */
    const char *system_id;      /* of its server; NULL or "": not known */
};
/* What a restore saves before it changes rows: a part of some tables, never what "latest" means, and no
 * reason to let go of a backup that somebody asked for. */
#define SHELF_SAFETY "before-restore"
/* FILE is a path, a file's name, a unique name given with --name, a unique id prefix, or "latest".  "-"
 * stays "-".  Owned path.  ERR_USAGE naming what there is instead. */
char *shelf_find(const char *dir, const char *file, const struct shelf_whose *whose, struct err *err)
    MIG_MUST_CHECK;
/* DIR made 0700 with a .gitignore where it is missing; what interrupted runs left there is removed. */
int shelf_make(const char *dir, struct err *err) MIG_MUST_CHECK;

/* DIR/DATABASE_PURPOSE_20261120T103000Z_ID8.mig.  Owned. */
char *shelf_name(const char *dir, const char *database, const char *purpose, const char *created,
                 const char *archive_id, struct err *err) MIG_MUST_CHECK;

/* What `mig-backup list` prints; NOW for the ages. */
void shelf_print(const struct shelf *s, const char *dir, time_t now, FILE *out);
int shelf_print_json(const struct shelf *s, const char *dir, time_t now, FILE *out, struct err *err)
    MIG_MUST_CHECK;

#endif
