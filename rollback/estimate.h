/*
 * estimate: how much is at risk, how long its copy takes, and whether there is room for it.
 */
#ifndef MIG_ROLLBACK_ESTIMATE_H
#define MIG_ROLLBACK_ESTIMATE_H

#include <stdint.h>

#include "core/err.h"

struct guard;

/* How long it takes to copy that much, by a slow machine's measure. */
int64_t estimate_copy_ms(uint64_t bytes);
/* Fills the guard's tables, bytes, copy_ms and short_copy. */
int estimate_sizes(struct guard *g, struct err *err) MIG_MUST_CHECK;
/* Refusals: no key to write with, no room on the shelf. */
int estimate_room(struct guard *g, struct err *err) MIG_MUST_CHECK;
/* A refusal where writers would wait for longer than --max-block. */
int estimate_block(struct guard *g, struct err *err) MIG_MUST_CHECK;

#endif
