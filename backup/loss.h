/*
 * loss: what of a table a change destroys, and how little of it must be saved.
 */
#ifndef MIG_BACKUP_LOSS_H
#define MIG_BACKUP_LOSS_H

#include "core/err.h"

struct catalog_table;
struct closure_table;
struct conn;
struct snapshot_options;

struct loss {
    char **columns; /* to save, the key's first; NULL: all of them */
    char *filter;   /* over the table called t; NULL: every row */
    char *note;     /* why more is saved than one might think, or NULL */
};

/* May the way forward write tables that its text does not name: through a view, a trigger, a rule, a foreign
 * key that carries on, an event trigger, a function behind a default or a check?  Then nobody knows what it
 * fills in. */
int loss_indirect(struct conn *c, const struct snapshot_options *o, int *indirect,
                  struct err *err) MIG_MUST_CHECK;
/* KEY: NULL-terminated, or NULL where the table has none; KEY_GOES: a column of it is dropped (then it is saved
 * whole, too).  DOMAINS: columns of a domain, "OID.COLUMN" (selection reads them).  INDIRECT: of loss_indirect. */
int loss_find(const struct catalog_table *t, const struct closure_table *fate, char *const *key,
              int key_goes, char *const *domains, int indirect, const struct snapshot_options *o, struct loss *l,
              struct err *err) MIG_MUST_CHECK;
void loss_free(struct loss *l);

#endif
