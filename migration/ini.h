/*
 * ini: what Python's ConfigParser reads, as Python reads it.
 *
 * Sections, [DEFAULT], continuation lines, `%(name)s` and `%%`, lower-cased
 * option names; a duplicate section or option is an error, as it is there.
 */
#ifndef MIG_MIGRATION_INI_H
#define MIG_MIGRATION_INI_H

#include <stddef.h>

#include "core/err.h"

struct ini;

/* TEXT is copied.  FILE names it in messages; HERE is the value of %(here)s.  ERR_USAGE with file and
 * line for what ConfigParser refuses. */
struct ini *ini_read(const char *text, size_t len, const char *file, const char *here,
                     struct err *err) MIG_MUST_CHECK;
/* The file at PATH; %(here)s is its folder, absolute. */
struct ini *ini_load(const char *path, struct err *err) MIG_MUST_CHECK;
void ini_free(struct ini *ini);

int ini_has_section(const struct ini *ini, const char *section);
/* The interpolated value, owned; *VALUE is NULL where neither SECTION nor [DEFAULT] has OPTION (or
 * there is no such section).  -1: the interpolation fails, ERR_USAGE. */
int ini_get(const struct ini *ini, const char *section, const char *option, char **value,
            struct err *err) MIG_MUST_CHECK;
const char *ini_file(const struct ini *ini);

#endif
