/*
 * stage: rows of the file go to a table directly, or beside it first and then in by key.
 *
 * A staging table is a temporary one that the transaction's end drops.  What
 * would change is known before anything changes.
 */
#ifndef MIG_BACKUP_STAGE_H
#define MIG_BACKUP_STAGE_H

#include <stdint.h>

#include "backup/restore.h"
#include "backup/target.h"
#include "core/buf.h"
#include "core/err.h"

struct archive_reader;
struct conn;

/* The SQL of one target's join with its staging table: t is the table, s the stage. */
struct stage {
    struct target *target;
    const struct restore_options *o;
    int direct;        /* rows go straight into the table */
    int defined;       /* every row of the table goes first (replace without a key) */
    int mixed;         /* the staging table holds less than the file, or values that the table has */
    char *name;        /* "schema"."table" */
    char *columns;     /* "a", "b": what is written */
    char *values;      /* s."a", s."b" */
    char *match;       /* t."id" = s."id" AND ... */
    char *differ;      /* (t."b"::text IS DISTINCT FROM s."b"::text OR ...); "false" without any */
    char *set;         /* "b" = s."b", ...; NULL where there is nothing but the key */
    char **always;     /* quoted columns that are GENERATED ALWAYS: in DIFFER, in SET only where they do */
    char *taken;       /* columns mode: the table's value is neither null nor the default */
    int anew;          /* rows that change are deleted and inserted, so that they can exchange unique values */
    char *doomed;      /* replace: condition on t of rows that go; NULL: none */
    char *unsafe;      /* condition on t of rows that will change or go; NULL: none */
};

/* Where the rows go, and if they go beside the table, sends them there. */
int stage_prepare(struct conn *c, struct archive_reader *reader, const struct restore_options *o,
                  struct target *t, struct stage *s, struct err *err) MIG_MUST_CHECK;
/* The two halves of the change: children are emptied before parents, parents filled before children. */
int stage_delete(struct conn *c, struct stage *s, struct err *err) MIG_MUST_CHECK;
int stage_write(struct conn *c, struct archive_reader *reader, struct stage *s, struct err *err)
    MIG_MUST_CHECK;
/* Reads the table again and compares what the file defines (--verify full). */
int stage_verify(struct conn *c, struct stage *s, struct err *err) MIG_MUST_CHECK;
void stage_clear(struct stage *s);

#endif
