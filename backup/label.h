/*
 * label: what a backup says about itself in the clear, signed.
 */
#ifndef MIG_BACKUP_LABEL_H
#define MIG_BACKUP_LABEL_H

#include <jansson.h>
#include <stddef.h>
#include <time.h>

#include "core/err.h"

struct archive_label;

/* The JSON text, owned. */
char *label_encode(const struct archive_label *label, const char *created, struct err *err)
    MIG_MUST_CHECK;
/* A new reference; ERR_BACKUP if it is not what FORMAT.md allows. */
json_t *label_decode(const char *text, size_t len, struct err *err) MIG_MUST_CHECK;
/* 2026-11-20T10:30:00Z; 0 if it is not. */
time_t label_time(const char *created);

#endif
