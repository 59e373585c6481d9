/*
 * rekey: who can read a backup that is written already.
 *
 * Only the key slots are written: first the copy that is not the newest good
 * one, flushed, then the other.  Killed at any moment, one copy is good.  It
 * cannot take back the data key from whoever has it: `reencrypt` makes a new
 * file with a new one.
 */
#ifndef MIG_BACKUP_REKEY_H
#define MIG_BACKUP_REKEY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/err.h"

struct cli_list;
struct keyring;

struct rekey_options {
    const struct keyring *keys;
    const struct cli_list *add;    /* as --recipient: may be empty */
    const struct cli_list *remove; /* public lines, or "passphrase": every passphrase slot */
};

struct rekey_result {
    size_t added, removed, recipients;
    int repaired;   /* a copy of the slots was damaged */
    int locked_out; /* the keys at hand no longer open the file */
};

/* Nothing to add or remove: both copies are written anew.  ERR_REFUSED if nobody would be left. */
int rekey_file(const char *path, const struct rekey_options *o, struct rekey_result *r,
               struct err *err) MIG_MUST_CHECK;
/* Of A, opened with a key: the copy of the slots that is damaged, if one is, becomes the other again,
 * byte for byte, once that has been proven with the data key.  *REPAIRED: 'A', 'B' or 0.  -1 where it
 * could not be written; A's rows are none the worse. */
struct archive_reader;
int rekey_repair(const struct archive_reader *a, char *repaired, struct err *err) MIG_MUST_CHECK;
void rekey_print(const char *path, const struct rekey_result *r, FILE *out);
int rekey_print_json(const char *path, const struct rekey_result *r, FILE *out, struct err *err) MIG_MUST_CHECK;

struct reencrypt_result {
    char *file; /* owned */
    char archive_id[65];
    uint64_t file_bytes, rows;
};

/* PATH's rows, manifest and label into a new file, encrypted anew to KEYS's recipients and signed by
 * its key.  OUTPUT NULL: a name beside PATH. */
int reencrypt_file(const char *path, const char *output, const struct keyring *keys,
                   struct reencrypt_result *r, struct err *err) MIG_MUST_CHECK;
void reencrypt_print(const char *path, const struct reencrypt_result *r, FILE *out);
int reencrypt_print_json(const char *path, const struct reencrypt_result *r, FILE *out, struct err *err)
    MIG_MUST_CHECK;

#endif
