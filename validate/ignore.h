/*
 * ignore: who has looked at a finding and said why it is all right.
 *
 *   -- mig:ignore drop-column moved to user_profiles     the next statement, or the one it stands in
 *   -- mig:ignore-file truncate scratch data             the whole file
 *
 * A reason is not optional.  mig.json's validate.exempt: [{"code", "object", "reason"}].
 */
#ifndef MIG_VALIDATE_IGNORE_H
#define MIG_VALIDATE_IGNORE_H

#include "core/err.h"

struct inquiry;

/* Mark findings; ignores that met nothing are listed in the judgement. */
int ignore_apply(struct inquiry *q) MIG_MUST_CHECK;

#endif
