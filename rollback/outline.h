/* outline: a plan from the revision files alone (--no-sql): no database, no Python, and no promise. */
#ifndef MIG_ROLLBACK_OUTLINE_H
#define MIG_ROLLBACK_OUTLINE_H

#include <jansson.h>
#include <stdio.h>

#include "core/err.h"

struct plan;

void outline_text(const struct plan *p, FILE *out);
/* The keys of mig-rollback/1 that the files can fill; "verdict" is "unknown".  Owned. */
json_t *outline_json(const struct plan *p, struct err *err) MIG_MUST_CHECK;

#endif
