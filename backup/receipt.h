/*
 * receipt: proof that a backup with this label was finished and signed, for
 * machines that do not hold the file.
 *
 * It carries head, label and footer as they stand in the file; the footer's
 * signature covers the other two.
 */
#ifndef MIG_BACKUP_RECEIPT_H
#define MIG_BACKUP_RECEIPT_H

#include <stddef.h>
#include <time.h>

#include "backup/format.h"
#include "core/err.h"

struct keyring;

/* A backup file or a receipt, as far as it can be judged without decrypting: label and signature
 * (of a file also its size and its key slots' place). */
struct receipt {
    char *file;                /* the file, or what the receipt says it was called */
    int is_receipt;
    char archive_id[65];
    char *name, *purpose, *database, *environment, *reason, *system_id, *created;
    uint32_t database_oid;
    char **from, **to;         /* NULL-terminated */
    time_t when;
    uint64_t file_size, rows;  /* as signed */
    char signer[128];          /* mig-pub-... */
    int trusted;               /* KEYS trusts the signer */
};

/* 0: the signature is good (look at TRUSTED).  ERR_BACKUP: damaged, incomplete or forged, and why;
 * ERR_FAILED: PATH cannot be read. */
int receipt_read(const char *path, const struct keyring *keys, struct receipt *r, struct err *err)
    MIG_MUST_CHECK;
void receipt_free(struct receipt *r);

int receipt_write(const char *path, const char *file, const unsigned char head[FORMAT_HEAD],
                  const char *label, const unsigned char footer[FORMAT_FOOTER], struct err *err)
    MIG_MUST_CHECK;

/* Head, label and footer belong together and the footer is signed by whom it names. */
int receipt_check(const unsigned char head[FORMAT_HEAD], const char *label, size_t label_len,
                  const unsigned char footer[FORMAT_FOOTER], struct format_footer *f,
                  struct err *err) MIG_MUST_CHECK;

#endif
