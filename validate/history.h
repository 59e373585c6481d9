/* history: `mig-validate history`: what is wrong with a project's revision files, by file and line. */
#ifndef MIG_VALIDATE_HISTORY_H
#define MIG_VALIDATE_HISTORY_H

#include "core/err.h"

struct hearing_options;

/* 0 nothing at or above --fail-on, 1 findings, 3 what needs Python or cannot be read; -1 and *ERR. */
int history_report(const struct hearing_options *o, struct err *err) MIG_MUST_CHECK;

#endif
