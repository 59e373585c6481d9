/*
 * restore: rows back into the database, all or nothing.
 */
#ifndef MIG_BACKUP_RESTORE_H
#define MIG_BACKUP_RESTORE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct archive_reader;
struct conn;
struct keyring;

enum restore_mode { RESTORE_EMPTY, RESTORE_MISSING, RESTORE_MERGE, RESTORE_REPLACE, RESTORE_COLUMNS };
enum restore_conflict { RESTORE_FAIL, RESTORE_KEEP, RESTORE_OVERWRITE };

/* One -t: a table, whole or some columns by key. */
struct restore_target {
    const char *schema, *name;  /* SCHEMA NULL: the only table of that name in the file */
    const char *const *columns; /* NULL-terminated, or NULL: all that were saved */
    enum restore_mode mode;     /* undo mixes modes: dropped tables replaced, columns by key */
    int key_changed;            /* the transaction SINCE_XID gave rows other keys: these are sought too */
    const char *written;        /* SQL over t: others wrote this row since SINCE_XID; NULL: only xmin says so */
    const char *const *changed; /* merge, with WRITTEN: of such a row only these columns are put back; NULL: all */
    int stays;                  /* merge: SINCE_XID took no row away, so that one that is missing went since */
};

struct restore_options {
    const struct keyring *keys;
    const char *file;
    struct archive_reader *reader; /* FILE opened already, borrowed; NULL: it is opened here */
    const struct restore_target *targets; /* none: every table of the file, in MODE */
    size_t ntargets;
    enum restore_mode mode;
    enum restore_conflict on_conflict;
    const char *where, *into;
    int create;
    int held;       /* the transaction is the caller's: nothing is begun or committed here */
    int dry_run;    /* really restores, compares and rolls back (to a savepoint where held) */
    int verify_full; /* re-read the tables and compare digests */
    const char *safety_dir; /* rows about to change are saved here first; NULL: not (undo, empty) */
    const char *environment, *command, *reason; /* for the safety copy's label; or NULL */
    const char *writers; /* an array literal of transaction ids, or NULL.  Columns mode: a row that differs is a
                            conflict unless one of these wrote it last, whatever its values are */
    uint64_t since_xid; /* rows whose xmin is newer count as changed since; 0: not asked */
};

struct restore_table {
    char *schema, *name;
    uint64_t rows;      /* in the file */
    uint64_t inserted, updated, deleted, unchanged;
    uint64_t vanished;  /* columns mode, or the target STAYS: the key is gone */
    uint64_t changed;   /* changed since */
    int key_changed;    /* the target's */
    uint64_t surplus;   /* merge mode with SINCE_XID: rows that this transaction had inserted before, whose key
                           the file does not have; at most, where it rewrote the table too */
    int digest_equal;   /* what was sent is what the file says */
};

struct restore_result {
    struct restore_table *tables;
    size_t ntables;
    char *safety_file;
};

int restore_run(struct conn *c, const struct restore_options *o, struct restore_result *r,
                struct err *err) MIG_MUST_CHECK;
void restore_result_free(struct restore_result *r);

#endif
