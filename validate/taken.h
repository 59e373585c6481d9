/*
 * taken: names that a script gives, and the server has given already.
 *
 * Looked up in one query before the script is judged; whether the script itself has freed such a name
 * before is asked as the judgement goes on.
 */
#ifndef MIG_VALIDATE_TAKEN_H
#define MIG_VALIDATE_TAKEN_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct closure;
struct conn;
struct effect;
struct effects;
struct inquiry;
struct taken;

/* STEPS outlive the result. */
struct taken *taken_read(struct conn *c, const struct closure *closure, struct effects *const *steps, size_t n,
                         struct err *err) MIG_MUST_CHECK;
void taken_free(struct taken *t);

/* Fails E because its name is taken, or because what it names fell with something before?  Then a
 * finding is raised. */
void taken_detect(struct inquiry *q, const struct effect *e);

#endif
