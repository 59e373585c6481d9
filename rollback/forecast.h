/*
 * forecast: what the verification before COMMIT would refuse, said by the plan already.
 *
 * Only what is certain is a refusal: that tables are locked or written which the plan does not name.  What only runs
 * would show (an event trigger's function) is warned of.
 */
#ifndef MIG_ROLLBACK_FORECAST_H
#define MIG_ROLLBACK_FORECAST_H

#include "core/err.h"

struct guard;

int forecast_examine(struct guard *g, struct err *err) MIG_MUST_CHECK;

#endif
