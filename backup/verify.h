/* verify: is this file whole, authentic, and does it hold what it says? */
#ifndef MIG_BACKUP_VERIFY_H
#define MIG_BACKUP_VERIFY_H

#include <stdint.h>

#include "core/err.h"

struct against_result;
struct conn;
struct keyring;

struct verify_result {
    uint64_t tables, rows, bytes, frames;
    uint64_t file_bytes;
    int decoded;   /* 0: no key here; structure, hashes and signature only */
    char *signer;
    char archive_id[65];
    char *notes;   /* "copy A of the key slots was damaged ...", or NULL */
    char repaired; /* the slot copy that was written again: 'A', 'B', or 0 */
    struct against_result *against; /* with a connection: the database as it is now; or NULL */
};

/* ERR_BACKUP names what is wrong and where. */
int verify_file(const char *path, const struct keyring *keys, struct verify_result *r,
                struct err *err) MIG_MUST_CHECK;
/* And in a file that is good otherwise, a damaged copy of the key slots is written again from the other
 * one; where that cannot be, NOTES says why.  JOBS threads decode (0: 2). */
int verify_repair(const char *path, const struct keyring *keys, int jobs, struct verify_result *r,
                  struct err *err) MIG_MUST_CHECK;
/* As far as can be told without decrypting: signed by someone trusted, and every stored byte is as
 * signed. */
int verify_stored(const char *path, const struct keyring *keys, struct err *err) MIG_MUST_CHECK;
void verify_result_free(struct verify_result *r);

struct report;
/* Each of PATHS (NULL-terminated) verified and told in REPORT's forms, text (0) and JSON (1).  The
 * first error is returned when all have been looked at; the others are logged.  C (or NULL): compare
 * with this database too (ERR_FINDING where tables differ), showing at most SHOW_KEYS keys a table. */
int verify_report(const char *const *paths, const struct keyring *keys, struct conn *c, int show_keys,
                  int jobs, const struct report *report, struct err *err) MIG_MUST_CHECK;

#endif
