/*
 * quiet: users' triggers and rules do not fire while rows are put back; foreign keys' do.
 */
#ifndef MIG_BACKUP_QUIET_H
#define MIG_BACKUP_QUIET_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct conn;

/* Disables them in the transaction; *BACK is what quiet_end runs, owned (core/strings). */
int quiet_begin(struct conn *c, const uint32_t *oids, size_t n, char ***back, struct err *err)
    MIG_MUST_CHECK;
int quiet_end(struct conn *c, char *const *back, struct err *err) MIG_MUST_CHECK;

#endif
