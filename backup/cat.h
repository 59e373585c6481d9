/* cat: the rows of one table of a backup, for other programs. */
#ifndef MIG_BACKUP_CAT_H
#define MIG_BACKUP_CAT_H

#include <stdio.h>

#include "core/err.h"

struct archive_reader;

enum cat_form {
    CAT_ROWS,    /* NDJSON, each row an array, as in the file */
    CAT_OBJECTS, /* NDJSON, each row an object, for jq */
    CAT_CSV,     /* with a header; null is an empty field, the empty string is "" */
};

/* TABLE is "name", "schema.name", or NULL where the file holds one table only.  A frame is verified
 * before any of its rows is printed. */
int cat_table(struct archive_reader *a, const char *table, enum cat_form form, FILE *out,
              struct err *err) MIG_MUST_CHECK;

#endif
