/*
 * opinion: what mig-validate and mig-prodcheck say of the guard's plan, as refusals.
 */
#ifndef MIG_ROLLBACK_OPINION_H
#define MIG_ROLLBACK_OPINION_H

#include "core/err.h"

struct guard;

int opinion_validate(struct guard *g, struct err *err) MIG_MUST_CHECK;
int opinion_gate(struct guard *g, struct err *err) MIG_MUST_CHECK;

#endif
