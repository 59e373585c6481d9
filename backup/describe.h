/* describe: what `mig-backup show` tells about one file. */
#ifndef MIG_BACKUP_DESCRIBE_H
#define MIG_BACKUP_DESCRIBE_H

#include <stdio.h>

#include "core/err.h"

struct archive_reader;
struct keyring;

/* Opened with a key if there is one that fits, else only inspected; then *WHY_CLOSED says why the
 * tables cannot be shown ("" otherwise).  What is damaged is ERR_BACKUP. */
struct archive_reader *describe_open(const char *path, const struct keyring *keys,
                                     struct err *why_closed, struct err *err) MIG_MUST_CHECK;
int describe_print(const struct archive_reader *a, const char *path, const struct err *why_closed,
                   FILE *out, struct err *err) MIG_MUST_CHECK;
int describe_print_json(const struct archive_reader *a, const char *path, FILE *out, struct err *err)
    MIG_MUST_CHECK;

#endif
