/*
 * clock: how long something has been tried, and a pause that Ctrl-C ends.
 */
#ifndef MIG_ROLLBACK_CLOCK_H
#define MIG_ROLLBACK_CLOCK_H

#include <stdint.h>

#include "core/err.h"

/* Milliseconds of a clock that nobody sets. */
int64_t clock_ms(void);
/* ERR_INTERRUPTED after it, where a signal came. */
int clock_pause(int64_t ms, struct err *err) MIG_MUST_CHECK;

#endif
