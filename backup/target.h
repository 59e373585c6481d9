/*
 * target: a table of the file and the table of the database that it goes to.
 */
#ifndef MIG_BACKUP_TARGET_H
#define MIG_BACKUP_TARGET_H

#include <stddef.h>
#include <stdint.h>

#include "backup/manifest.h"
#include "backup/restore.h"
#include "core/err.h"

struct catalog_column;
struct catalog_table;
struct conn;

struct target {
    const struct manifest_table *saved; /* borrowed */
    struct catalog_table *table;        /* as it is now; owned */
    char *title;                        /* "public.users", for messages */
    enum restore_mode mode;
    size_t *columns;   /* indexes into saved->columns: those that are written, the key's included */
    size_t ncolumns;
    char **key;        /* borrowed from SAVED; NULL where there is none that both sides have */
    int order;         /* referenced tables before those that reference them */
    char *stage;       /* the staging table's name in pg_temp, or NULL */
    const struct restore_target *asked; /* borrowed; or NULL: every table was */
    struct restore_table result; /* its schema and name are owned by the result in the end */
};

struct target_list {
    struct target *items;
    size_t n;
};

/* Which tables of M to restore, and how: O's targets, or all.  ERR_USAGE: no such table or column in
 * the file. */
int target_list_make(const struct manifest *m, const struct restore_options *o,
                     struct target_list *l, struct err *err) MIG_MUST_CHECK;
void target_list_free(struct target_list *l);
/* The schema that T goes to. */
const char *target_schema(const struct target *t, const struct restore_options *o);

/* Reads the catalog: T->table.  1: it is there; 0: it is missing. */
int target_look(struct conn *c, const struct restore_options *o, struct target *t, struct err *err)
    MIG_MUST_CHECK;
/* Of T, as it is now; NULL: there is none. */
const struct catalog_column *target_column(const struct catalog_table *t, const char *name);
/* Columns by name: every one that is to be written must be there, stored, of the same type; the types'
 * members must be the same.  ERR_REFUSED with every difference. */
int target_compare(struct conn *c, const struct manifest *m, struct target *t, struct err *err)
    MIG_MUST_CHECK;

#endif
