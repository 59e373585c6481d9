/*
 * meanwhile: what others wrote between a rollback and its undo, into the tables that undo is about to change.
 *
 * Rows whose last writer is newer than the rollback are set aside, as they are, before the upgrade runs again:
 * in temporary tables, to be compared with in the end, and on the shelf, for whoever misses them.  So are the
 * values that stayed over the rollback and that the upgrade changes once more: of rows that nobody wrote
 * meanwhile, they are put back (docs/DESIGN.md, section 9).
 */
#ifndef MIG_ROLLBACK_MEANWHILE_H
#define MIG_ROLLBACK_MEANWHILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct buf;
struct catalog_column;
struct catalog_table;
struct result;
struct running;

struct meanwhile_table {
    uint32_t oid;
    size_t number;              /* of its temporary tables: mig_since_N, mig_still_N, mig_made_N */
    char *title;                /* "public.users" */
    struct catalog_table *was;  /* before the upgrade ran again */
    char **key;                 /* its columns, as they were called then; NULL: none that the upgrade leaves alone */
    char **still;               /* columns that the upgrade changes once more, and nothing else puts back; or NULL */
    char **made;                /* columns that the upgrade fills anew, as they are called now; or NULL */
    uint64_t written;           /* rows that others wrote meanwhile */
    uint64_t gone;              /* and rows that the rollback left and that nobody finds as it left them */
    int added;                  /* the rollback added rows too */
    int put_back;               /* a backup puts rows back into it, not values alone */
    int dropped;                /* the upgrade drops the table */
    int narrowed;               /* the upgrade drops columns of it */
};

struct meanwhile {
    struct meanwhile_table *tables;
    size_t count;
    char *writers;  /* the transactions that are ours, an array literal */
    uint32_t since; /* the first one of the rollback */
    uint32_t *held; /* NHELD tables that the upgrade does not reach: writers are kept out for the put-back */
    size_t nheld;
    char *file;     /* rows written meanwhile, as they were; or NULL */
};

/* A rollback, when it has changed everything: how many rows it leaves in which table, into the journal. */
int meanwhile_leave(const struct running *r, const struct result *writes, struct err *err) MIG_MUST_CHECK;
/* In undo's transaction, with its locks, before anything is changed, under our own settings.  Sets R->meanwhile,
 * which stays NULL where the rollback's transaction is not known, or this is no undo. */
int meanwhile_look(struct running *r, struct err *err) MIG_MUST_CHECK;
/* What was looked at is rolled back: its copy goes. */
void meanwhile_forget(struct running *r);
void meanwhile_free(struct meanwhile *m);

/* The entry of a table by OID, or NULL. */
struct meanwhile_table *meanwhile_find(const struct meanwhile *m, uint32_t oid);
/* The column of T that was the one called NAME, as it is now; NULL: it is gone. */
const struct catalog_column *meanwhile_column(const struct meanwhile_table *t, const struct catalog_table *now,
                                              const char *name);
/* "w.c1::text = t."id"::text AND ...": the row w of a temporary table is the row t. */
int meanwhile_match(const struct meanwhile_table *t, const struct catalog_table *now, struct buf *b, struct err *err)
    MIG_MUST_CHECK;
/* A condition over t, as NOW stands: others wrote this row meanwhile.  NULL with ERR_NONE: it cannot be told row by
 * row.  Owned. */
char *meanwhile_written(const struct meanwhile_table *t, const struct catalog_table *now, struct err *err)
    MIG_MUST_CHECK;

#endif
