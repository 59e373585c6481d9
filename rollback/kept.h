/*
 * kept: a plan as JSON, so that undo and resume need neither Alembic nor revision files.
 *
 * The journal holds it sealed (signed and encrypted), "plan --save" writes the same.
 */
#ifndef MIG_ROLLBACK_KEPT_H
#define MIG_ROLLBACK_KEPT_H

#include <jansson.h>

#include "core/err.h"

struct keyring;
struct plan;

/* Owned. */
json_t *kept_plan(const struct plan *p, struct err *err) MIG_MUST_CHECK;
/* The plan again, its scripts parsed and its effects found.  Owned. */
struct plan *kept_read(const json_t *json, struct err *err) MIG_MUST_CHECK;

/* Sealed and in base64; owned. */
char *kept_seal(const json_t *json, const struct keyring *keys, struct err *err) MIG_MUST_CHECK;
json_t *kept_open(const char *sealed, const struct keyring *keys, struct err *err) MIG_MUST_CHECK;

#endif
