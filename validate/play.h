/* play: what a statement does to the things that its script names. */
#ifndef MIG_VALIDATE_PLAY_H
#define MIG_VALIDATE_PLAY_H

#include "core/err.h"
#include "validate/thing.h"

struct effect;

/* What E does to them. */
int play_effect(struct things *l, const struct effect *e, enum pass pass, struct err *err) MIG_MUST_CHECK;

#endif
