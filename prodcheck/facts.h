/*
 * facts: checks on what is known before anything is asked: version, environment, pooler, revision.
 */
#ifndef MIG_PRODCHECK_FACTS_H
#define MIG_PRODCHECK_FACTS_H

#include "prodcheck/check.h"

struct conn;

int facts_version(const struct conn *c, const struct check *k, struct check_result *out,
                  struct err *err) MIG_MUST_CHECK;
/* VERSION as libpq has it (150020), on that day. */
int facts_release(int version, int year, int month, int day, const struct check *k,
                  struct check_result *out, struct err *err) MIG_MUST_CHECK;
int facts_pooler(const struct conn *c, const struct check *k, struct check_result *out,
                 struct err *err) MIG_MUST_CHECK;
int facts_environment(const struct verdict_options *o, const struct check *k,
                      struct check_result *out, struct err *err) MIG_MUST_CHECK;
int facts_revision(const struct verdict_options *o, const struct check *k, struct check_result *out,
                   struct err *err) MIG_MUST_CHECK;

#endif
