/*
 * keyfile: a file that says who may read or sign: keys, passphrases, lists of public keys.
 */
#ifndef MIG_BACKUP_KEYFILE_H
#define MIG_BACKUP_KEYFILE_H

#include <stddef.h>

#include "core/err.h"

struct buf;

/* At most MAX bytes of PATH ("-": standard input) with a zero behind them, in B, which the caller
 * wipes.  Refused where others can write the file; a warning where it holds a SECRET that others can
 * read.  WHAT names it in messages: "key file". */
int keyfile_read(struct buf *b, const char *path, const char *what, size_t max, int secret,
                 struct err *err) MIG_MUST_CHECK;

#endif
