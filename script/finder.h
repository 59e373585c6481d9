/*
 * finder: the effects of a script while they are being found.
 *
 * Shared by the files that know the kinds of statements (access, table, object)
 * and by effect.c, which walks the script and owns what is found; nobody else
 * includes it.  After a failure (FAILED, with ERR set) every call does nothing,
 * so that only effect.c has to look.
 */
#ifndef MIG_SCRIPT_FINDER_H
#define MIG_SCRIPT_FINDER_H

#include <jansson.h>
#include <stddef.h>

#include "core/err.h"
#include "script/effect.h"
#include "script/shadow.h"

struct statement;

struct finder {
    struct effects *out;
    size_t cap;
    struct shadow *shadow;
    const struct statement *st; /* the one being looked at */
    char *version_schema, *version_name;
    int within; /* a DO block: one inside of it is not read again */
    int failed;
    struct err *err;
};

/* What the new effect is about; all optional, and borrowed. */
struct about {
    const char *schema, *name, *column, *detail;
    unsigned flags;
    const json_t *node;
};

/* A RangeVar's schema and name, and whether ONLY it is meant. */
struct about about_relation(const json_t *rangevar);

/* A new effect of the statement being looked at; NULL after a failure.  Good until the next. */
struct effect *finder_add(struct finder *f, enum effect_kind kind, struct about a);
/* An effect on a relation: added and placed. */
struct effect *finder_on(struct finder *f, enum effect_kind kind, struct about a);
/* Look E's name up in the shadow: whose it is, and its name on the server.  E may be NULL. */
void finder_place(struct finder *f, struct effect *e, enum shadow_space space);
/* RANGEVAR is what E also locks; either may be NULL. */
void finder_partner(struct finder *f, struct effect *e, const json_t *rangevar);

/* Where RC tells of a failure whose error is set already (a shadow's), the finder has failed. */
void finder_check(struct finder *f, int rc);
void finder_oom(struct finder *f);
/* Owned by the caller; NULL for NULL, and where memory is out. */
char *finder_copy(struct finder *f, const char *s);

#endif
