/*
 * selection: which checks are made: all, those of --only, not those of --skip.
 */
#ifndef MIG_PRODCHECK_SELECTION_H
#define MIG_PRODCHECK_SELECTION_H

#include "prodcheck/verdict.h"

/* ERR_USAGE for a name in --only, --skip or mig.json that is no check, and for thresholds and windows
 * that cannot be read. */
int selection_check(const struct verdict_options *o, struct err *err) MIG_MUST_CHECK;
/* Does LIST ("a,b" each) name ID? */
int selection_lists(const struct cli_list *list, const char *id);
/* Does mig.json skip ID? */
int selection_skips(const struct config *config, const char *id);
/* mig.json's own queries by name, or NULL.  Borrowed. */
const json_t *selection_custom(const struct config *config);
/* mig.json's queries whose plans the baseline keeps, or NULL.  Borrowed. */
const json_t *selection_plans(const struct config *config);

#endif
